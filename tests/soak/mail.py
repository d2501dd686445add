#!/usr/bin/env python3
"""Mail daemons that are killed, whose disk is full, whose power is cut: is everything that was answered with 250 there, once?

usage: mail.py PROGRAMS [--kills 200] [--cuts 50] [--parts kills,full-disk,cuts,forgetful] [--seed N] [--report FILE]

PROGRAMS is the folder of a release build. Senders outside repeat what was not answered with 250. `kills` sends SIGKILL to `mailstore` and
`inbound`, `full-disk` fills the store's file system, `cuts` takes the power from a machine under emulation, whose disk forgets what was not
flushed, and `forgetful` does that to a mailstore that does not sync, which must lose mail. The seed chooses moments and messages, not how
threads take turns. Exits 1 with what is missing; logs and consoles then stay in target/soak.
"""

import argparse
import json
import pathlib
import random
import shutil
import sys
import time

from mail import cuts, full_disk, kills
from mail.mailboxes import Unopened
from mail.office import programs_of
from servers import TREE, machine

PARTS = ("kills", "full-disk", "cuts", "forgetful")
# Of each list of findings, in what is printed.
LINES_MAX = 20


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=programs_of)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--report", type=pathlib.Path, default=TREE / "target/soak/mail.json")
    arguments = parser.parse_args()
    arguments.parts = arguments.parts.split(",")
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return arguments


def run(part, arguments, folder, say):
    shared = {"programs": arguments.programs, "folder": folder, "seed": arguments.seed, "say": say}
    match part:
        case "kills":
            return kills.run(kills=arguments.kills, **shared)
        case "full-disk":
            return full_disk.run(**shared)
        case "cuts":
            return cuts.run(cuts=arguments.cuts, **shared)
        case "forgetful":
            return cuts.run_forgetful(**shared)


def run_and_tell(part, arguments):
    """One part, from an empty folder; whether all is well."""
    folder = TREE / "target/soak" / part
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.monotonic()

    def say(text):
        print(f"{part} {time.monotonic() - began:6.0f} s: {text}", flush=True)

    try:
        found = run(part, arguments, folder, say)
    except (Unopened, TimeoutError) as error:
        found = {"missing": [], "wrong": [str(error)]}
    found["seconds"] = round(time.monotonic() - began)
    is_well = not (found["missing"] or found["wrong"])
    show(part, found, say)
    if is_well:
        shutil.rmtree(folder, ignore_errors=True)
    return found, is_well


def show(part, found, say):
    for name, value in found.items():
        if not isinstance(value, list):
            say(f"{name}: {value}")
            continue
        say(f"{name}: {len(value)}")
        for line in value[:LINES_MAX]:
            say(f"  {line}")


def main():
    arguments = parse()
    print(f"seed {arguments.seed}", flush=True)
    report = {"seed": arguments.seed, "machine": machine(), "parts": {}}
    results = []
    for part in arguments.parts:
        if part == "full-disk" and not full_disk.is_inside():
            results.append(full_disk.enter(arguments, report))
            continue
        found, is_well = run_and_tell(part, arguments)
        report["parts"][part] = found
        results.append(is_well)
    arguments.report.parent.mkdir(parents=True, exist_ok=True)
    arguments.report.write_text(json.dumps(report, indent=1) + "\n")
    print("all is well" if all(results) else "SOMETHING IS MISSING OR WRONG", flush=True)
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
