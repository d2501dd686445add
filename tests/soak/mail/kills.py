"""SIGKILL of `mailstore` and of `inbound` at random moments under load: what was answered is there once, and numbers only grow."""

import random
import time

from mail.load import Load
from mail.mailboxes import Shelf
from mail.office import Office, Resolver, free_ports

ACCOUNTS = 8
PAIRS = ("store-1", "store-2")
# From one kill to the next one. The shorter ones meet a daemon that starts.
PAUSE_S_MAX = 1.5
# Kills after which one mailbox is read, while mail comes.
LOOK_EVERY = 4
SAY_EVERY = 20


def run(programs, folder, kills, seed, say):
    names = ["smtp", "imap", *(f"{kind} {pair}" for pair in PAIRS for kind in ("lmtp", "store_imap"))]
    ports = dict(zip(names, free_ports(len(names))))
    pairs = {pair: {kind: ports[f"{kind} {pair}"] for kind in ("lmtp", "store_imap")} for pair in PAIRS}
    office = Office(programs, folder, {name: ports[name] for name in ("smtp", "imap")}, pairs, ACCOUNTS,
                    f"127.0.0.1:{Resolver().port}")
    office.make()
    chance = random.Random(seed)
    with office:
        shelf = Shelf(ports["imap"], office.accounts)
        with Load(ports["smtp"], office.accounts, seed, large=0.005) as load:
            killed = kill_again_and_again(office, load, shelf, kills, chance, say)
        say("reading every mailbox")
        missing = shelf.audit(load.answered)
    return report(office, load, shelf, killed, missing)


def kill_again_and_again(office, load, shelf, kills, chance, say):
    killed = {"kills": 0, "with mail under way": 0, **{name: 0 for name in victims(office)}}
    while killed["kills"] < kills:
        time.sleep(chance.uniform(0, PAUSE_S_MAX))
        name = chance.choice(victims(office))
        killed["with mail under way"] += load.under_way > 0
        office.kill(name)
        office.start(name)
        killed["kills"] += 1
        killed[name] += 1
        if killed["kills"] % LOOK_EVERY == 0:
            chance.choice(list(shelf.books.values())).look()
        if killed["kills"] % SAY_EVERY == 0:
            say(f"{killed['kills']} kills, {len(load.answered)} messages answered, {load.again} sent again")
    return killed


def victims(office):
    """inbound as often as all mailstores together."""
    return ["inbound"] * len(office.pairs) + list(office.pairs)


def report(office, load, shelf, killed, missing):
    # Each volume, when nobody has it open.
    volumes = [f"{name}: {wrong}" for name in office.pairs for wrong in office.check(name)]
    suppressed = sum(office.said(name, "delivered before") for name in office.pairs)
    return {**killed, **load.numbers(), "copies kept": shelf.messages(), "repeats that were not kept again": suppressed,
            "missing": missing, "wrong": shelf.findings() + load.failures + volumes + office.deaths}
