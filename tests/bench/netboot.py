#!/usr/bin/env python3
"""What a machine needs to boot, beside other servers: leases by DHCP, loaders and images by TFTP and HTTP.

usage: netboot.py UNDERSTUDY SERVE_FILES [--cases dhcp,files] [--runs N] [--lock FILE]...

Everything happens in namespaces of its own. Sides take turns, after one warm-up of each. Prints a table and writes
target/bench/netboot.json; of cases that were not run it keeps the rows of before. CPU is user and system time of the
server alone, memory its largest resident size. With --lock the counted runs hold these locks, as flock(1) does, a few minutes
at a time: whoever shares the machine can keep quiet meanwhile.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import files
import leases
from servers import TREE, machine

INSIDE = "UNDERSTUDY_BENCH_INSIDE"
REPORT = TREE / "target/bench/netboot.json"
LOCKED_S_MAX = 300
CASES = {"dhcp": leases, "files": files}


def enter():
    """Starts this program again as root of new namespaces."""
    argv = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        argv += ["--user", "--map-root-user"]
    environment = dict(os.environ, **{INSIDE: "1"})
    return subprocess.run([*argv, sys.executable, *sys.argv], env=environment).returncode


def make_place():
    # `ip netns` keeps its names there.
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # tftpd-hpa finds its address only where there is one beside loopback's own (getaddrinfo(3), AI_ADDRCONFIG).
    subprocess.run(["ip", "address", "add", "192.0.2.1/32", "dev", "lo"], check=True)


class Quiet:
    """Runs, while locks are held that others of this machine heed."""

    def __init__(self, paths):
        self.paths, self.held, self.since, self.loads = paths, [], time.monotonic(), []

    @contextlib.contextmanager
    def __call__(self, number):
        is_counted = number > 0
        if is_counted and not self.held:
            self.take()
        print(f"run {number}" if is_counted else "warm-up", file=sys.stderr)
        yield
        if is_counted:
            self.loads.append(round(os.getloadavg()[0], 2))
        if time.monotonic() - self.since > LOCKED_S_MAX:
            self.give_back()

    def take(self):
        """In the order in which they were named, which has to be the same for everybody."""
        for path in self.paths:
            file = open(path, "a")
            fcntl.flock(file, fcntl.LOCK_EX)
            self.held.append(file)
        self.since = time.monotonic()

    def give_back(self):
        for file in self.held:
            file.close()
        self.held = []


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("understudy", type=pathlib.Path)
    parser.add_argument("serve_files", type=pathlib.Path)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--lock", type=pathlib.Path, action="append", default=[])
    arguments = parser.parse_args()
    arguments.cases = arguments.cases.split(",")
    if unknown := set(arguments.cases) - set(CASES):
        parser.error(f"there is no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    return arguments


def show(rows):
    names = list(rows[0]["peers"])
    print(f"| case | metric | ours | {' | '.join(names)} | ratio |\n| --- | --- | --- |{' --- |' * (len(names) + 1)}")
    for row in rows:
        peers = " | ".join(f"{row['peers'][name]:g}" for name in names)
        print(f"| {row['case']} | {row['metric']} ({row['unit']}) | {row['ours']:g} | {peers} | {row['ratio']} |")
    print()


def main():
    arguments = parse()
    if INSIDE not in os.environ:
        for case in arguments.cases:
            CASES[case].prepare()
        sys.exit(enter())
    make_place()
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    report = json.loads(REPORT.read_text()) if REPORT.exists() else {"rows": [], "peer_versions": {}, "loads": {}}
    report["machine"] = machine()
    for case in arguments.cases:
        quiet = Quiet(arguments.lock)
        with tempfile.TemporaryDirectory(dir=REPORT.parent) as folder:
            # tftpd-hpa gives away only what everybody may read.
            os.chmod(folder, 0o755)
            groups = CASES[case].measure(arguments, quiet, folder)
        # One table for each set of peers.
        rows = [row | {"group": case} for group in groups for row in group]
        report["rows"] = [row for row in report["rows"] if row["group"] != case] + rows
        report["peer_versions"].update(CASES[case].versions())
        quiet.give_back()
        # Of the machine, after each run.
        report["loads"][case] = quiet.loads
        REPORT.write_text(json.dumps(report, indent=1) + "\n")
        for group in groups:
            show(group)


if __name__ == "__main__":
    main()
