#!/usr/bin/env python3
"""HTTP and TFTP file serving beside nginx, atftpd and tftpd-hpa, on loopback.

usage: netboot_files.py SERVE_FILES PEERS [RUNS]

SERVE_FILES is the release build of the example serve-files, PEERS a folder with the peers' packages unpacked.
Each run is one client (curl or atftp) that reads a whole file; sides take turns. CPU is user and system time of
the server alone (children of tftpd-hpa are looked at each 10 ms, so theirs is a little more than is shown). Writes target/bench/netboot-files.json.
"""

import http.client
import json
import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HTTP_BYTES = 1 << 30
STORM_READERS = 16
TFTP_BYTES = 64 << 20
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        # utime, stime, and those of children that were waited for (proc(5)).
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def peak_mebibytes(pids):
    peaks = [re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()) for pid in pids]
    return sum(int(peak.group(1)) for peak in peaks if peak) / 1024


class Server:
    def __init__(self, name, argv, env=None, **more):
        self.name = name
        self.process = subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL, **more)

    def pids(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def free_port(kind):
    import socket

    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_http(port):
    for _ in range(200):
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=1).request("GET", "/")
            return
        except OSError:
            time.sleep(0.02)
    sys.exit("a server does not start")


def start_all(serve_files, peers, files, work):
    import socket

    root = files / "root.squashfs"
    ours = Server("ours", [serve_files, files, root.with_name("loader")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    ports = dict(word.split("=") for word in ours.process.stdout.readline().decode().split())
    nginx_port, atftpd_port, hpa_port = free_port(socket.SOCK_STREAM), *(free_port(socket.SOCK_DGRAM) for _ in "ab")
    conf = work / "nginx.conf"
    conf.write_text(
        f"daemon off; worker_processes 2; pid {work}/nginx.pid; error_log /dev/null;\n"
        "events {} http { access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;\n"
        f"client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c;\n"
        f"uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;\n"
        f"server {{ listen 127.0.0.1:{nginx_port}; root {files}; }} }}\n"
    )
    library = ":".join(str(peers / folder / "x86_64-linux-gnu") for folder in ("lib", "usr/lib"))
    env = dict(os.environ, LD_LIBRARY_PATH=library)
    user = "user root;\n" if os.geteuid() == 0 else ""
    conf.write_text(user + conf.read_text())
    nginx = Server("nginx", [peers / "usr/sbin/nginx", "-p", work, "-c", conf, "-e", "/dev/null"], env)
    atftpd = Server(
        "atftpd",
        [peers / "usr/sbin/atftpd", "--daemon", "--no-fork", "--user", "root.root", "--bind-address", "127.0.0.1",
         "--port", str(atftpd_port), "--logfile", "-", "--verbose=0", files],
        env, stdout=subprocess.DEVNULL,
    )
    hpa = Server("tftpd-hpa", [peers / "usr/sbin/in.tftpd", "-L", "-u", "root", "-a", f"127.0.0.1:{hpa_port}", "-s", files], env)
    wait_for_http(nginx_port)
    return [ours, nginx, atftpd, hpa], {
        "http": [(ours, int(ports["http"]), "/images/bench-1.0.0/root.squashfs"), (nginx, nginx_port, "/root.squashfs")],
        "tftp": [(ours, int(ports["tftp"])), (atftpd, atftpd_port), (hpa, hpa_port)],
    }


class Watch(threading.Thread):
    """CPU seconds of a server and of children that it never waits for, as tftpd-hpa's are."""

    def __init__(self, server):
        super().__init__()
        self.server, self.seen, self.over = server, {}, threading.Event()

    def look(self):
        for pid in self.server.pids():
            try:
                self.seen[pid] = cpu_seconds([pid])
            except FileNotFoundError:
                pass  # Gone between two looks; its last one counts.

    def run(self):
        while not self.over.wait(0.01):
            self.look()

    def total(self):
        return sum(self.seen.values())


def timed(server, bytes_count, work):
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


def read_tftp(port, options):
    words = [word for option in options for word in ("--option", option)]
    argv = ["atftp", *words, "--get", "-r", "loader", "-l", "/dev/null", "127.0.0.1", str(port)]
    done = subprocess.run(argv, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{argv}: {done.stderr.decode()}")


def measure(case, sides, bytes_count, read, runs, note):
    results = {side[0].name: [] for side in sides}
    for run in range(runs + 1):
        for server, port, *rest in sides:
            result = timed(server, bytes_count, lambda: read(port, *rest))
            if run > 0:
                results[server.name].append(result)
    rows = []
    for index, (metric, unit, better) in enumerate(
        [("throughput", "MB/s", "higher"), ("server CPU", "s/GB", "lower")]
    ):
        values = {name: [round(result[index], 4) for result in seen] for name, seen in results.items()}
        medians = {name: statistics.median(seen) for name, seen in values.items()}
        ours, peers = medians.pop("ours"), medians
        best = (max if better == "higher" else min)(peers.values())
        ours_runs = values.pop("ours")
        rows.append({
            "case": case, "metric": metric, "unit": unit, "better": better, "ours": ours, "ours_runs": ours_runs,
            "peers": peers, "peer_runs": values, "ratio": round(ours / best, 3) if best else None, "note": note,
        })
    return rows


def main():
    serve_files, peers = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        # tftpd-hpa gives away only what everybody may read.
        work.chmod(0o755)
        files = work / "files"
        files.mkdir()
        for name, size in (("root.squashfs", HTTP_BYTES), ("loader", TFTP_BYTES)):
            with open(files / name, "wb") as out:
                chunk = os.urandom(1 << 20)
                for _ in range(size >> 20):
                    out.write(chunk)
        servers, sides = start_all(serve_files, peers, files, work)
        try:
            rows = measure("http, one reader of 1 GiB", sides["http"], HTTP_BYTES, read_http, runs, "")
            note = "16 readers of 1 GiB at once, from one address"
            rows += measure("http, 16 readers", sides["http"], STORM_READERS * HTTP_BYTES, read_http_storm, runs, note)
            plain = lambda port: read_tftp(port, ["blksize 1428"])
            note = "64 MiB, blksize 1428, one block at a time"
            rows += measure("tftp, blksize 1428", sides["tftp"], TFTP_BYTES, plain, runs, note)
            window = lambda port: read_tftp(port, ["blksize 1428", "windowsize 16"])
            note = "64 MiB, blksize 1428, windowsize 16; tftpd-hpa has no windows and sends block by block"
            rows += measure("tftp, windowsize 16", sides["tftp"], TFTP_BYTES, window, runs, note)
            for server in servers:
                print(f"peak memory of {server.name}: {peak_mebibytes(server.pids()):.1f} MiB")
            peaks = {server.name: round(peak_mebibytes(server.pids()), 1) for server in servers}
        finally:
            for server in servers:
                server.stop()
    # Loaders are small, so ours keeps them in memory; the file of this benchmark is not.
    machine = {"cpus": os.cpu_count(), "kernel": platform.release(), "peak_mebibytes": peaks}
    out = pathlib.Path("target/bench/netboot-files.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    for row in rows:
        others = ", ".join(f"{name} {value:.3f}" for name, value in row["peers"].items())
        print(f"{row['case']}: {row['metric']} {row['ours']:.3f} {row['unit']} ({others}), ratio {row['ratio']}")


main()
