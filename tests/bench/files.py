"""HTTP and TFTP file serving beside nginx, atftpd and tftpd-hpa, on loopback.

Each run is one client (curl or atftp) that reads a whole file. Ours is the example serve-files, which serves a folder
with the servers of `understudy serve`: a site gives away nothing but Debian's loaders and images that it verified.
Children of tftpd-hpa are looked at each 10 ms, so their CPU time is a little more than is shown.
"""

import http.client
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

from servers import Server, Watch, row, unpacked, version, wait_until

PEERS = ["nginx", "atftpd", "tftpd-hpa"]
HTTP_BYTES = 1 << 30
STORM_READERS = 16
TFTP_BYTES = 64 << 20


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers_http(port):
    try:
        http.client.HTTPConnection("127.0.0.1", port, timeout=1).request("GET", "/")
        return True
    except OSError:
        return False


def start_all(serve_files, files, work):
    root = files / "root.squashfs"
    ours = Server("ours", [serve_files, files, files / "loader"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    ports = dict(word.split("=") for word in ours.process.stdout.readline().decode().split())
    nginx_port, atftpd_port, hpa_port = free_port(socket.SOCK_STREAM), *(free_port(socket.SOCK_DGRAM) for _ in "ab")
    conf = work / "nginx.conf"
    conf.write_text(
        f"user root; daemon off; worker_processes 2; pid {work}/nginx.pid; error_log /dev/null;\n"
        "events {} http { access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;\n"
        f"client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c;\n"
        f"uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;\n"
        f"server {{ listen 127.0.0.1:{nginx_port}; root {files}; }} }}\n"
    )
    wrap = unpacked("libwrap0")
    library = {"LD_LIBRARY_PATH": ":".join(str(wrap / folder / "x86_64-linux-gnu") for folder in ("lib", "usr/lib"))}
    nginx = Server("nginx", [unpacked("nginx") / "usr/sbin/nginx", "-p", work, "-c", conf, "-e", "/dev/null"])
    atftpd = Server(
        "atftpd",
        [unpacked("atftpd") / "usr/sbin/atftpd", "--daemon", "--no-fork", "--user", "root.root",
         "--bind-address", "127.0.0.1", "--port", str(atftpd_port), "--logfile", "-", "--verbose=0", files],
        env=library, stdout=subprocess.DEVNULL,
    )
    hpa = Server(
        "tftpd-hpa",
        [unpacked("tftpd-hpa") / "usr/sbin/in.tftpd", "-L", "-u", "root", "-a", f"127.0.0.1:{hpa_port}", "-s", files],
        env=library,
    )
    wait_until("nginx", lambda: answers_http(nginx_port))
    return [ours, nginx, atftpd, hpa], {
        "http": [(ours, int(ports["http"]), f"/images/bench-1.0.0/{root.name}"), (nginx, nginx_port, f"/{root.name}")],
        "tftp": [(ours, int(ports["tftp"])), (atftpd, atftpd_port), (hpa, hpa_port)],
    }


def timed(server, bytes_count, work):
    """Megabytes per second, and the server's CPU seconds per gigabyte."""
    watch = Watch(server)
    watch.look()
    before = watch.total()
    watch.start()
    start = time.monotonic()
    work()
    seconds = time.monotonic() - start
    watch.over.set()
    watch.join()
    watch.look()
    return bytes_count / seconds / 1e6, (watch.total() - before) / bytes_count * 1e9


def read_http(port, path):
    subprocess.run(["curl", "-sS", "-f", "-o", "/dev/null", f"http://127.0.0.1:{port}{path}"], check=True)


def read_http_storm(port, path):
    readers = [threading.Thread(target=read_http, args=(port, path)) for _ in range(STORM_READERS)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()


def read_tftp(options):
    def read(port):
        words = [word for option in options for word in ("--option", option)]
        argv = ["atftp", *words, "--get", "-r", "loader", "-l", "/dev/null", "127.0.0.1", str(port)]
        done = subprocess.run(argv, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"{argv}: {done.stderr.decode()}")

    return read


# By protocol: what a case is called, how many bytes it reads, how, and what to know about it.
CASES = {
    "http": [
        ("http, one reader of 1 GiB", HTTP_BYTES, read_http, ""),
        ("http, 16 readers", STORM_READERS * HTTP_BYTES, read_http_storm, "1 GiB each, at once, from one address"),
    ],
    "tftp": [
        ("tftp, blksize 1428", TFTP_BYTES, read_tftp(["blksize 1428"]), "64 MiB, one block at a time"),
        ("tftp, windowsize 16", TFTP_BYTES, read_tftp(["blksize 1428", "windowsize 16"]),
         "64 MiB, blksize 1428; tftpd-hpa has no windows and sends block by block"),
    ],
}


def prepare():
    """What needs the network of this machine."""
    for package in [*PEERS, "libwrap0"]:
        unpacked(package)


def versions():
    return {package: version(package) for package in PEERS}


def measure(arguments, quiet, folder):
    work = pathlib.Path(folder).resolve()
    files = work / "files"
    files.mkdir()
    for name, size in (("root.squashfs", HTTP_BYTES), ("loader", TFTP_BYTES)):
        with open(files / name, "wb") as out:
            for _ in range(size >> 20):
                out.write(os.urandom(1 << 20))
    servers, sides = start_all(arguments.serve_files.resolve(), files, work)
    results = {}
    try:
        for number in range(arguments.runs + 1):
            with quiet(number):
                counted = results if number > 0 else {}
                run_once(sides, counted)
        return [rows(protocol, sides, results) for protocol in CASES]
    finally:
        for server in servers:
            server.stop()


def run_once(sides, results):
    for protocol, cases in CASES.items():
        for case, bytes_count, read, _ in cases:
            for server, *where in sides[protocol]:
                result = timed(server, bytes_count, lambda: read(*where))
                results.setdefault(case, {}).setdefault(server.name, []).append(result)


def rows(protocol, sides, results):
    made = []
    for case, _, _, note in CASES[protocol]:
        for index, how in enumerate([("throughput", "MB/s", "higher"), ("server CPU", "s/GB", "lower")]):
            values = {name: [run[index] for run in runs] for name, runs in results[case].items()}
            made.append(row(case, *how, values, note))
    peaks = {side[0].name: [side[0].peak_mebibytes()] for side in sides[protocol]}
    # Loaders are small, so ours keeps them in memory; the file of this benchmark is not.
    note = "over all runs; in ours both protocols are one process, which holds the 64 MiB of the TFTP file"
    return [*made, row(f"{protocol}, all of it", "peak memory", "MiB", "lower", peaks, note)]
