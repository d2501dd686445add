"""Servers beside each other: where they come from, what they use, and the rows that are made of their runs."""

import os
import pathlib
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


def cpu_seconds(pid):
    """User and system time of a process and of children that it waited for (proc(5))."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


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
        status = [pathlib.Path(f"/proc/{pid}/status").read_text() for pid in self.pids()]
        peaks = [re.search(r"VmHWM:\s+(\d+)", text) for text in status]
        return sum(int(peak.group(1)) for peak in peaks if peak) / 1024

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


def row(case, metric, unit, better, runs, note):
    """One line of a report; `runs` has the values of each side, ours under `ours`."""
    runs = {name: [round(value, 4) for value in values] for name, values in runs.items()}
    medians = {name: statistics.median(values) for name, values in runs.items()}
    ours, ours_runs = medians.pop("ours"), runs.pop("ours")
    best = (max if better == "higher" else min)(medians.values())
    return {
        "case": case, "metric": metric, "unit": unit, "better": better, "ours": ours, "ours_runs": ours_runs,
        "peers": medians, "peer_runs": runs, "ratio": round(ours / best, 3) if best else None, "note": note,
    }
