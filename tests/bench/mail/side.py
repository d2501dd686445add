"""A side of the comparison: the processes of one mail service, what they use, and how often they make the disk sync."""

import collections
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

from mail import place
from servers import cpu_seconds, wait_until

SYNCS = ["fsync", "fdatasync", "sync_file_range", "syncfs", "sync", "msync"]
# With seccomp nothing stops but these calls.
STRACE = ["strace", "-f", "--seccomp-bpf", "-e", f"trace={','.join(SYNCS)}", "-e", "signal=none", "-o"]
START_S_MAX = 30
# Dovecot's processes take longer; they have nothing left to do.
END_S_MAX = 1
# Of each log, when something has failed.
LOG_LINES = 15


class Side:
    """Runs in a folder of its own. What is different says a subclass."""

    # By protocol.
    ports = {}

    def __init__(self, people, counts_syncs=False, keeps=False):
        """One that keeps its folder goes on in it the next time."""
        self.people, self.counts_syncs, self.keeps, self.processes = people, counts_syncs, keeps, []
        self.folder = place.WORK / self.name

    def __enter__(self):
        if not (self.keeps and self.folder.is_dir()):
            self.remove()
            self.folder.mkdir(mode=0o755)
            self.make()
        try:
            self.start()
            for port in self.ports.values():
                wait_until(f"port {port} of {self.name}", lambda: self.is_open(port), START_S_MAX)
        except BaseException:
            self.end()
            self.show_logs()
            raise
        return self

    def __exit__(self, kind, *_):
        self.end()
        if kind is not None:
            self.show_logs()
        elif not self.keeps:
            self.remove()

    def show_logs(self):
        for log in sorted(self.folder.glob("*.log")):
            last = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
            print("\n".join([f"--- {log}", *last]), file=sys.stderr)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        # Neither the next side nor the next run pays for this one's disk.
        os.sync()

    def is_open(self, port):
        for process in self.processes:
            if process.poll() is not None:
                sys.exit(f"{self.name}: {process.args} has ended")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def run(self, name, argv, env=None):
        """One process in the foreground, with a log that has its name."""
        if self.counts_syncs:
            argv = [*STRACE, self.folder / f"{name}.syncs", *argv]
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes.append(subprocess.Popen(
                argv, env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=place.end_with_parent))

    def end(self):
        """In the order in which they began: who takes mail ends before who keeps it."""
        for process in self.processes:
            leader = process.pid
            if self.counts_syncs:
                # strace goes when the program does.
                leader = next(iter(children().get(leader, [])), leader)
            # It may have ended.
            with contextlib.suppress(ProcessLookupError):
                os.kill(leader, signal.SIGTERM)
            try:
                process.wait(END_S_MAX)
            except subprocess.TimeoutExpired:
                for pid in [process.pid, *below(process.pid)]:
                    os.kill(pid, signal.SIGKILL)
                process.wait()
        self.processes = []

    def pids(self):
        return [pid for process in self.processes for pid in (process.pid, *below(process.pid))]

    def cpu(self):
        """Seconds, with those of processes that ended: their parents have waited for them."""
        return sum(value_of(cpu_seconds, pid, 0) for pid in self.pids())

    def memory_mebibytes(self):
        """Proportional, so that what processes share counts once."""
        return sum(value_of(proportional_kibibytes, pid, 0) for pid in self.pids()) / 1024

    def syncs(self):
        """How many of each kind there were since the start."""
        kinds = collections.Counter()
        for log in self.folder.glob("*.syncs"):
            kinds.update(re.findall(rf"^\d+\s+({'|'.join(SYNCS)})\(", log.read_text(), re.MULTILINE))
        return kinds

    def make(self):
        """What is in its folder before it starts for the first time."""
        raise NotImplementedError

    def start(self):
        raise NotImplementedError

    def is_delivered(self):
        """Whether everything that was answered with 250 is in its mailbox."""
        raise NotImplementedError

    def configuration(self):
        """As it runs, in words."""
        raise NotImplementedError


def value_of(what, pid, otherwise):
    try:
        return what(pid)
    except (FileNotFoundError, ProcessLookupError):
        return otherwise  # Gone between two looks.


def proportional_kibibytes(pid):
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE).group(1))


def children():
    """Of every process."""
    of = collections.defaultdict(list)
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        text = value_of(lambda path: path.read_text(), stat, None)
        if text:
            of[int(text.rsplit(")", 1)[1].split()[1])].append(int(stat.parent.name))
    return of


def below(pid):
    of, found = children(), []
    ahead = [pid]
    while ahead:
        nearest = of.get(ahead.pop(), [])
        found += nearest
        ahead += nearest
    return found
