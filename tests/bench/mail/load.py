"""The load generator (services/mail/examples/mail-load): how it is run, and what it is asked."""

import contextlib
import itertools
import json
import subprocess
import sys

from mail import place
from mail.people import COUNT, PASSWORD

NUMBERS = itertools.count()


class Load:
    """Its sessions are open from the beginning of a `with` block to the end."""

    def __init__(self, program, word, domain, **options):
        argv = [program, word, "--domain", domain, "--accounts", COUNT]
        for name, value in options.items():
            argv += [f"--{name}"] if value is True else [f"--{name}", value]
        self.argv = [str(word) for word in argv]

    def __enter__(self):
        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=place.end_with_parent)
        self.read()
        return self

    def __exit__(self, *_):
        # It may have ended.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(self.argv)} has failed")
        return line

    def go(self):
        """Does its work; what became of it."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return json.loads(self.read())


class Loads:
    """For the people of all sides."""

    def __init__(self, program, people):
        self.program, self.people, self.domain = program, people, people.domain

    def deliver(self, port, sessions, octets, **options):
        return Load(self.program, "deliver", self.domain, to=f"127.0.0.1:{port}", sessions=sessions, octets=octets,
                    label=f"run{next(NUMBERS)}", **options)

    def read(self, word, port, sessions, messages, seconds):
        return Load(self.program, word, self.domain, to=f"127.0.0.1:{port}", sessions=sessions, messages=messages,
                    seconds=seconds, password=PASSWORD)

    def idle(self, imap, lmtp, sessions, deliveries):
        return Load(self.program, "idle", self.domain, to=f"127.0.0.1:{imap}", lmtp=f"127.0.0.1:{lmtp}",
                    sessions=sessions, deliveries=deliveries, label=f"run{next(NUMBERS)}", password=PASSWORD)

    def fill(self, port, messages, octets):
        """So many messages in each mailbox, by LMTP."""
        with self.deliver(port, 16, octets, messages=messages * COUNT // 16, lmtp=True) as load:
            load.go()
