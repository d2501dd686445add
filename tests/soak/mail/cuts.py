"""Power cuts of a machine that runs the mail daemons, under load from outside: what was answered is there, once.

The forgetful run is the same with fsync, fdatasync and their kind disabled in `mailstore`, by a library that Debian has for that: it must
lose mail, or these cuts prove nothing.
"""

import random
import time

from mail import guest
from mail.load import Load
from mail.mailboxes import Shelf, Unopened
from mail.office import Office, Resolver, free_ports

# Each is logged in to at each start, and a password takes seconds there.
ACCOUNTS = 2
STORE = "store-1"
# From the first mail that was taken after a start to the cut.
LOAD_S_MAX = 6
# Of so many cuts one comes at any moment of a start, and one start of two begins with `mailstore check`.
EARLY_ONE_OF = 6
BOOT_S_MAX = 15
# After which cuts a forgetful mailstore must have lost mail.
FORGETFUL_CUTS_MAX = 5
MAIL_S_MAX = 120


class Rack:
    """One machine, its disk, and everything that is known of what happened to it."""

    def __init__(self, programs, folder, seed, say, is_forgetful):
        self.chance, self.say, self.number = random.Random(seed), say, 0
        self.missing, self.wrong = set(), []
        smtp, imap = free_ports(2)
        self.ports = {smtp: guest.SMTP_PORT, imap: guest.IMAP_PORT}
        self.folder, self.words = folder, ["soak.forgetful"] if is_forgetful else []
        tree = folder / "tree"
        (tree / "mail").mkdir(parents=True)
        office = Office(programs, tree / "mail", {"smtp": guest.SMTP_PORT, "imap": guest.IMAP_PORT},
                        {STORE: {"lmtp": guest.LMTP_PORT, "store_imap": guest.STORE_IMAP_PORT}}, ACCOUNTS,
                        f"{guest.HOST}:{Resolver().port}", inside=guest.INSIDE, anywhere="0.0.0.0")
        office.make()
        self.parts, self.image = guest.Parts(folder, programs), guest.make_disk(tree, office)
        self.shelf = Shelf(imap, office.accounts)
        self.load = Load(smtp, office.accounts, seed, senders=8, per_second=40)
        self.unflushed = self.kept = self.early = 0

    def boot(self, is_checked):
        self.number += 1
        words = self.words + ["soak.check"] * is_checked
        return guest.Machine(self.parts, self.image, self.folder, self.number, self.ports, words)

    def one_cut(self):
        """Starts the machine, looks into every mailbox, and cuts its power under load."""
        began = time.monotonic()
        machine = self.boot(is_checked=self.chance.random() < 0.5)
        try:
            if self.number > 1 and self.chance.randrange(EARLY_ONE_OF) == 0:
                self.early += 1
                time.sleep(self.chance.uniform(0, BOOT_S_MAX))
            else:
                self.missing.update(self.shelf.look(self.load.snapshot()))
                self.wait_for_mail()
                time.sleep(self.chance.uniform(0, LOAD_S_MAX))
        finally:
            self.end(machine, began)

    def wait_for_mail(self):
        answered, deadline = len(self.load.answered), time.monotonic() + MAIL_S_MAX
        while len(self.load.answered) == answered:
            if time.monotonic() > deadline:
                raise Unopened(f"no mail was taken in {MAIL_S_MAX} s")
            time.sleep(0.02)

    def end(self, machine, began):
        left, wrong = machine.cut(self.chance.random())
        self.wrong += wrong + machine.complaints()
        self.unflushed += left["unflushed sectors"]
        self.kept += left["kept"]
        self.say(f"cut {self.number} after {time.monotonic() - began:.1f} s: {len(self.load.answered)} messages answered; "
                 f"{left['kept']} of {left['unflushed sectors']} unflushed sectors kept; {len(self.missing)} missing")

    def audit(self):
        """One more start, without a cut before everything was read."""
        machine = self.boot(is_checked=True)
        try:
            self.load.end()
            self.say("reading every mailbox")
            self.missing.update(self.shelf.audit(self.load.answered))
        finally:
            self.wrong += machine.cut(0)[1] + machine.complaints()

    def report(self, cuts):
        return {"cuts": cuts, "of these while it started": self.early, "unflushed sectors": self.unflushed,
                "of these kept": self.kept, **self.load.numbers(), "copies kept": self.shelf.messages(),
                "missing": sorted(self.missing), "wrong": self.shelf.findings() + self.load.failures + self.wrong}


def run(programs, folder, cuts, seed, say):
    rack = Rack(programs, folder, seed, say, is_forgetful=False)
    with rack.load:
        for _ in range(cuts):
            rack.one_cut()
        rack.audit()
    return rack.report(cuts)


def run_forgetful(programs, folder, seed, say):
    """Until mail is missing. Here it is wrong if none is."""
    rack, unopened = Rack(programs, folder, seed, say, is_forgetful=True), []
    try:
        with rack.load:
            while rack.number <= FORGETFUL_CUTS_MAX and not rack.missing:
                rack.one_cut()
            rack.load.end(is_vain=True)
    except Unopened as error:
        # A machine that is slow says the same: it proves nothing.
        unopened.append(str(error))
    found = rack.report(rack.number)
    wrong = [] if rack.missing else [f"no mail was missing after {rack.number} cuts without a sync: the cuts prove nothing"]
    return {**found, "lost": found["missing"], "what else was told": found["wrong"] + unopened, "missing": [], "wrong": wrong}
