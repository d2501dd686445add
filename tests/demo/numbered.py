"""A numbered stream of messages from a sender that tries again as a mail server would (RFC 5321, section 4.5.4).

usage: numbered.py SERVER[,SERVER...] RECIPIENT FIRST COUNT [--sessions N]

Prints a line of JSON for each attempt that ended: {"number", "answered"}, and at last {"seconds", "attempts", "failures"}. A message is
answered once a server has said 250 to its content; everything else, a broken connection as well, is tried again at the next server.
"""

import argparse
import itertools
import json
import smtplib
import threading
import time
from collections import Counter

CLIENT, SENDER = "sender.example.net", "sender@example.net"
# A server that starts again, under emulation, is away for minutes.
GIVE_UP_S = 900
SESSION_MAX_S = 60
PAUSE_S = 1.0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("servers", type=lambda text: text.split(","))
    parser.add_argument("recipient")
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--sessions", type=int, default=4)
    return parser.parse_args()


class Stream:
    """Messages that are still to be sent, shared by all sessions."""

    def __init__(self, options):
        self.options = options
        self.numbers = iter(range(options.first, options.first + options.count))
        self.lock = threading.Lock()
        self.failures = Counter()
        self.attempts = 0

    def next_number(self):
        with self.lock:
            return next(self.numbers, None)

    def tell(self, **facts):
        with self.lock:
            print(json.dumps(facts), flush=True)

    def failed(self, error):
        code = getattr(error, "smtp_code", "")
        with self.lock:
            self.failures[f"{type(error).__name__} {code}".strip()] += 1

    def session(self, place):
        servers = self.options.servers
        turn = itertools.cycle(servers[place % len(servers):] + servers[:place % len(servers)])
        connection = None
        while (number := self.next_number()) is not None:
            until = time.monotonic() + GIVE_UP_S
            while not (connection := self.attempt(connection, turn, number)):
                if time.monotonic() > until:
                    self.tell(number=number, answered=None)
                    return
                time.sleep(PAUSE_S)
            self.tell(number=number, answered=time.time())

    def attempt(self, connection, turn, number):
        """The connection for the next message, if this one was answered with 250."""
        with self.lock:
            self.attempts += 1
        try:
            if connection is None:
                connection = smtplib.SMTP(next(turn), 25, CLIENT, timeout=SESSION_MAX_S)
            connection.sendmail(SENDER, [self.options.recipient], message(number, self.options.recipient))
            return connection
        except (OSError, smtplib.SMTPException) as error:
            self.failed(error)
            if connection is not None:
                connection.close()
            return None


def message(number, recipient):
    lines = [f"Message-ID: <{number}@{CLIENT}>", "Date: Mon, 02 Nov 2026 12:00:00 +0000", f"From: {SENDER}",
             f"To: {recipient}", f"Subject: number {number}", "", *["a line of a message of some kilobytes " * 2] * 50]
    return "\r\n".join(lines) + "\r\n"


def main():
    options = arguments()
    stream, began = Stream(options), time.monotonic()
    sessions = [threading.Thread(target=stream.session, args=(place,)) for place in range(options.sessions)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()
    seconds = round(time.monotonic() - began, 1)
    stream.tell(seconds=seconds, attempts=stream.attempts, failures=dict(stream.failures))


main()
