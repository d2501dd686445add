#!/usr/bin/env python3
"""Our mail daemons beside Postfix and Dovecot: mail that is delivered, mailboxes that are read, clients that wait.

usage: mail.py PROGRAMS MAIL_LOAD [--cases delivery,reading,waking] [--runs N]

PROGRAMS is the folder of our daemons and of mailctl. Everything happens in namespaces of its own, which takes root. There
the peers are installed, configured as mail/peer.py says; their mail is on the disk of target/bench, as ours is. Sides take
turns, one at a time, after a warm-up of each. Prints configurations, then a table as it goes, and writes
target/bench/mail.json; of cases that were not run it keeps the rows of before.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile

from mail import delivery, place, reading, waking
from mail.load import Loads
from mail.ours import PAIR, Ours
from mail.peer import Maildir, Mdbox
from mail.people import People
from servers import TREE, machine

REPORT = TREE / "target/bench/mail.json"
CASES = {"delivery": delivery, "reading": reading, "waking": waking}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("mail_load", type=pathlib.Path)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    arguments.cases = arguments.cases.split(",")
    if unknown := set(arguments.cases) - set(CASES):
        parser.error(f"there is no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    return arguments


def say(text):
    print(text, file=sys.stderr, flush=True)


def show(rows):
    names = list(rows[0]["peers"])
    print(f"\n| case | metric | ours | {' | '.join(names)} | ratio |\n| --- | --- | --- |{' --- |' * (len(names) + 1)}")
    for row in rows:
        peers = " | ".join(f"{row['peers'][name]:.4g}" for name in names)
        print(f"| {row['case']} | {row['metric']} ({row['unit']}) | {row['ours']:.4g} | {peers} | {row['ratio']} |")
    print(flush=True)


def main():
    arguments = parse()
    if place.INSIDE not in os.environ:
        place.prepare()
        sys.exit(place.enter())
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=REPORT.parent, ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        place.make(pathlib.Path(folder))
        measure(arguments)


def measure(arguments):
    programs = arguments.programs.resolve()
    people = People(programs / "mailctl", place.WORK, PAIR)
    sides = [Ours, Maildir, Mdbox]
    Ours.programs = programs
    loads = Loads(arguments.mail_load.resolve(), people)
    report = json.loads(REPORT.read_text()) if REPORT.exists() else {"rows": [], "loads": {}}
    report |= {"machine": machine(), "peer_versions": place.versions()}
    report["configuration"] = {side.name: side(people).configuration() for side in sides}
    for name, files in report["configuration"].items():
        for file, text in files.items():
            print(f"--- {name}: {file}\n{text}")
    for case in arguments.cases:
        kept = [row for row in report["rows"] if row["group"] != case]
        before, rows = os.getloadavg()[0], []
        for group in CASES[case].measure(sides, loads, arguments.runs, say):
            show(group)
            rows += [row | {"group": case} for row in group]
        report["rows"] = kept + rows
        # Of the machine, before this benchmark had any.
        report["loads"][case] = round(before, 2)
        REPORT.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
