"""Times a build of images/mail beside mmdebstrap, which makes a plain folder of the same Debian packages.

usage: build.py UNDERSTUDY [--runs N]

Three cases take turns, after one warm-up of each:
  cold      ours, with packages local and nothing else: layers, root, verity, initrd, UKI, disk, signature
  changed   ours again, after one line of a template changed
  peer      mmdebstrap --variant=custom into a folder, from a local repository of the same packages
The peer makes no kernel layer, no file system image, no boot loader and no signature.
Prints a table and writes target/bench/build.json.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
BENCH = TREE / "target/bench"
METRICS = [("wall", "s"), ("cpu", "s"), ("peak_memory", "MiB")]


def run(command):
    """Runs a command to its end; wall seconds, CPU seconds and the largest process's memory."""
    log = BENCH / "build.log"
    with log.open("wb") as out:
        started = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"`{' '.join(map(str, command))}` failed:\n{log.read_text(errors='replace')[-3000:]}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_memory": usage.ru_maxrss / 1024}


class Ours:
    def __init__(self, understudy, work):
        self.understudy, self.work = understudy, work
        self.lock, self.key = work / "image.lock", work / "signing.key"
        self.tree = work / "tree"
        for part in ("images", "services", "templates"):
            shutil.copytree(TREE / part, self.tree / part, symlinks=True)
        self.images = self.tree / "images/mail"
        subprocess.run([understudy, "image", "lock", self.images, "--output", self.lock], check=True)
        subprocess.run([understudy, "key", "new", self.key], check=True, stdout=subprocess.DEVNULL)
        self.filled = work / "filled"
        self.build(self.filled)
        self.changes = 0

    def build(self, cache):
        command = [self.understudy, "image", "build", self.images, "--lock", self.lock, "--key", self.key]
        return run([*command, "--cache", cache, "--output", self.work / "image"])

    def cold(self):
        cache = self.work / "cold"
        shutil.rmtree(cache, ignore_errors=True)
        shutil.copytree(self.filled / "packages", cache / "packages", copy_function=os.link)
        return self.build(cache)

    def changed(self):
        template = self.tree / "templates/unbound/unbound.conf.tera"
        self.changes += 1
        template.write_text(f"{template.read_text()}# change {self.changes}\n")
        return self.build(self.work / "cold")

    def pins(self):
        return tomllib.loads(self.lock.read_text())["packages"]


class Mmdebstrap:
    """A local repository with exactly our packages, so that nobody fetches anything."""

    def __init__(self, ours, work):
        self.repository, self.target = work / "repository", work / "folder"
        self.repository.mkdir()
        pins = [pin for pin in ours.pins() if pin["part"] in ("base", "root")]
        self.names = [pin["name"] for pin in pins]
        for pin in pins:
            version = pin["version"].replace(":", "%3a")
            name = f"{pin['name']}_{version}_{pin['architecture']}.deb"
            os.link(ours.filled / "packages" / f"{pin['sha256']}.deb", self.repository / name)
        index = subprocess.run(
            ["dpkg-scanpackages", "--multiversion", "."], cwd=self.repository, check=True, capture_output=True
        )
        (self.repository / "Packages").write_bytes(index.stdout)

    def make(self):
        shutil.rmtree(self.target, ignore_errors=True)
        source = f"deb [trusted=yes] copy:{self.repository} ./"
        return run(
            ["mmdebstrap", "--variant=custom", f"--include={','.join(self.names)}", "--mode=auto"]
            + ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "bookworm", self.target, source]
        )


def machine():
    model = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").open() if line.startswith("model name")),
        platform.processor(),
    )
    return {"processor": model, "processors": os.cpu_count(), "kernel": platform.release()}


def row(case, metric, unit, ours, peer, note):
    median = statistics.median
    values, others = [run[metric] for run in ours], [run[metric] for run in peer]
    return {
        "case": case, "metric": metric, "unit": unit, "better": "lower",
        "ours": round(median(values), 2), "ours_runs": [round(value, 2) for value in values],
        "peers": {"mmdebstrap": round(median(others), 2)},
        "peer_runs": {"mmdebstrap": [round(value, 2) for value in others]},
        "ratio": round(median(values) / median(others), 3), "note": note,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("understudy", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    BENCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BENCH) as folder:
        work = Path(folder)
        ours = Ours(arguments.understudy.resolve(), work)
        peer = Mmdebstrap(ours, work)
        cold, changed, made = [], [], []
        for number in range(arguments.runs + 1):
            print(f"run {number} of {arguments.runs}" + (" (warm-up)" if number == 0 else ""), file=sys.stderr)
            cold.append(ours.cold())
            changed.append(ours.changed())
            made.append(peer.make())
        count = len(ours.pins())
    counted = [runs[1:] for runs in (cold, changed, made)]
    note = "the peer makes a folder: no kernel, file system image, verity tree, boot loader, disk or signature"
    rows = [
        row(case, metric, unit, runs, counted[2], note)
        for case, runs in (("cold build, packages local", counted[0]), ("after a template changed", counted[1]))
        for metric, unit in METRICS
    ]
    version = subprocess.run(["mmdebstrap", "--version"], capture_output=True, text=True).stdout.strip()
    report = {"machine": machine(), "packages": count, "peer_versions": {"mmdebstrap": version}, "rows": rows}
    (BENCH / "build.json").write_text(json.dumps(report, indent=2) + "\n")
    print("| case | metric | ours | mmdebstrap | ratio |\n| --- | --- | --- | --- | --- |")
    for entry in rows:
        ours_text = f"{entry['ours']} {entry['unit']}"
        peer_text = f"{entry['peers']['mmdebstrap']} {entry['unit']}"
        print(f"| {entry['case']} | {entry['metric']} | {ours_text} | {peer_text} | {entry['ratio']} |")


if __name__ == "__main__":
    main()
