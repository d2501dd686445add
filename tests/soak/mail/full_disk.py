"""A mailstore's disk that is full: clients are told to come again, mailboxes open all the same, and with room everything goes on.

The store is on a file system of its own in a mount namespace: ext4 for root, a tmpfs for others. What takes its room away is a file
beside the store, which goes when there is to be room.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

from mail.load import Load
from mail.mailboxes import Shelf
from mail.office import Office, Resolver, free_ports

# This program, in its namespace.
INSIDE = "UNDERSTUDY_SOAK_INSIDE"
MEBIOCTET = 1 << 20
DISK_OCTETS = 64 * MEBIOCTET
# Of the file that goes.
BALLAST_OCTETS = 24 * MEBIOCTET
BLOCK_OCTETS = 4096
ACCOUNTS = 4
STORE = "store-1"
FULL_S_MAX = 300
# Refusals for want of room before anything else is done; and messages that are answered when there is room again.
REFUSALS = 50
MESSAGES_AFTER = 200


def is_inside():
    return INSIDE in os.environ


def enter(arguments, report):
    """Starts this program again where its mounts are nobody else's; whether all was well."""
    words = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    found = arguments.report.with_name("full-disk.json")
    command = [*words, sys.executable, sys.argv[0], arguments.programs, "--parts", "full-disk", "--seed", arguments.seed,
               "--report", found]
    ended = subprocess.run(list(map(str, command)), env=dict(os.environ, **{INSIDE: "1"}))
    if found.exists():
        report["parts"] |= json.loads(found.read_text())["parts"]
        found.unlink()
    return ended.returncode == 0


def mount(folder):
    """An empty disk at the store's folder; its kind."""
    store = folder / STORE
    store.mkdir(parents=True)
    if pathlib.Path("/dev/loop-control").exists() and os.access("/dev/loop-control", os.W_OK):
        image = folder / "disk"
        with open(image, "wb") as file:
            file.truncate(DISK_OCTETS)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, store], check=True)
        return "ext4"
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_OCTETS}", "tmpfs", store], check=True)
    return "tmpfs"


def run(programs, folder, seed, say):
    kind = mount(folder)
    ballast = folder / STORE / "ballast"
    with open(ballast, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, BALLAST_OCTETS)
    smtp, imap, lmtp, store_imap = free_ports(4)
    office = Office(programs, folder, {"smtp": smtp, "imap": imap}, {STORE: {"lmtp": lmtp, "store_imap": store_imap}},
                    ACCOUNTS, f"127.0.0.1:{Resolver().port}")
    office.make()
    with office:
        shelf = Shelf(imap, office.accounts)
        with Load(smtp, office.accounts, seed, octets_max=40_000) as load:
            missing = fill(office, load, shelf, say)
            refused = dict(load.replies)
            for file in (ballast, ballast.with_name("filler")):
                file.unlink()
            say("there is room again")
            answered = len(load.answered)
            wait_until("mail that is taken again", lambda: len(load.answered) > answered + MESSAGES_AFTER)
        say("reading every mailbox")
        missing += shelf.audit(load.answered)
    return report(office, load, shelf, kind, refused, missing)


def fill(office, load, shelf, say):
    """Until it is full; then everything opens, also for a mailstore that starts on the full disk."""
    missing = []
    for what, act in (("is full", None), ("is full, and its mailstore was killed", kill_and_start),
                      ("is full, and its mailstore was ended", end_and_start)):
        if act:
            act(office)
        refusals = load.replies[452]
        wait_until("a full disk", lambda: load.replies[452] >= refusals + REFUSALS)
        missing += shelf.look(load.snapshot())
        say(f"the disk {what}: {len(load.answered)} messages answered, {load.replies[452]} times 452, every mailbox opens")
    return missing


def kill_and_start(office):
    """It finds not one free block."""
    office.kill(STORE)
    take_the_rest(office.folder / STORE / "filler")
    office.start(STORE)


def end_and_start(office):
    office.end(STORE)
    office.start(STORE)


def take_the_rest(path):
    """What is too little for a message is taken as well."""
    with open(path, "wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(BLOCK_OCTETS))


def wait_until(what, condition):
    deadline = time.monotonic() + FULL_S_MAX
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited for {what}, for {FULL_S_MAX} s")
        time.sleep(0.05)


def report(office, load, shelf, kind, refused, missing):
    volume = [f"{STORE}: {wrong}" for wrong in office.check(STORE)]
    return {"file system": kind, "octets": DISK_OCTETS, **load.numbers(),
            "answers before there was room": {str(code): number for code, number in refused.items()},
            "copies kept": shelf.messages(), "missing": missing,
            "wrong": shelf.findings() + load.failures + volume + office.deaths}
