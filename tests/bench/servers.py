"""Servers beside each other: where they come from, what they use, and the rows that are made of their runs."""

import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import sys
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
TREE = pathlib.Path(__file__).resolve().parents[2]


def unpacked(package):
    """A package of tests/peers.txt in a folder of its own, where tests/peers.rs has it as well."""
    if package not in (TREE / "tests/peers.txt").read_text().split():
        sys.exit(f"tests/peers.txt does not list {package}")
    return unpack(package)


def unpack(package):
    """Any package, such as one that is different with each version of another one."""
    folder = TREE / "target/peers" / package
    if not folder.is_dir():
        staged = TREE / f"target/peers/.{package}.new"
        subprocess.run(["rm", "-rf", staged], check=True)
        staged.mkdir(parents=True)
        subprocess.run(["apt-get", "download", "-qq", package], cwd=staged, check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["dpkg", "-x", *staged.glob("*.deb"), staged / "root"], check=True)
        (staged / "root").rename(folder)
        subprocess.run(["rm", "-rf", staged], check=True)
    return folder


def version(package):
    """Of the package that apt would unpack."""
    shown = subprocess.run(["apt-cache", "show", package], capture_output=True, text=True, check=True).stdout
    return re.search(r"^Version: (\S+)", shown, re.MULTILINE).group(1)


def machine():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return {"processor": model, "processors": os.cpu_count(), "kernel": platform.release()}


def cpu_seconds(pid):
    """User and system time of a process and of children that it waited for (proc(5))."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


def peak_mebibytes(pid):
    """The largest resident size so far; nothing of one that has ended."""
    peak = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(peak.group(1)) / 1024 if peak else 0


class Server:
    def __init__(self, name, argv, env=None, **more):
        self.name = name
        more.setdefault("stderr", subprocess.DEVNULL)
        self.process = subprocess.Popen(argv, env=dict(os.environ, **(env or {})), **more)

    def pids(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def cpu(self):
        return sum(cpu_seconds(pid) for pid in self.pids())

    def peak_mebibytes(self):
        """Of the process and its children; those that share memory count it each."""
        return sum(map(peak_mebibytes, self.pids()))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Watch(threading.Thread):
    """CPU seconds of a server and of children that it never waits for, as tftpd-hpa's are."""

    def __init__(self, server):
        super().__init__()
        self.server, self.seen, self.over = server, {}, threading.Event()

    def look(self):
        for pid in self.server.pids():
            try:
                self.seen[pid] = cpu_seconds(pid)
            except FileNotFoundError:
                pass  # Gone between two looks; its last one counts.

    def run(self):
        while not self.over.wait(0.01):
            self.look()

    def total(self):
        return sum(self.seen.values())


def wait_until(what, condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited in vain for {what}")
        time.sleep(0.05)


def row(case, metric, unit, better, runs, note, of=statistics.median):
    """One line of a report; `runs` has the values of each side, ours under `ours`. `of` is what becomes of a side's."""
    runs = {name: [round(value, 4) for value in values] for name, values in runs.items()}
    values = {name: of(of_side) for name, of_side in runs.items()}
    ours, ours_runs = values.pop("ours"), runs.pop("ours")
    best = (max if better == "higher" else min)(values.values(), default=None)
    return {
        "case": case, "metric": metric, "unit": unit, "better": better, "ours": ours, "ours_runs": ours_runs,
        "peers": values, "peer_runs": runs, "ratio": round(ours / best, 3) if best else None, "note": note,
    }
