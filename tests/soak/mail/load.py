"""Senders that come again until they are answered with 250, as mail servers do, and what they were answered.

Each message has a number, one or two recipients, and octets that follow from the seed. A 4xx or a broken connection means the same
message again; a 5xx is a failure of the service, as nothing that is sent here may be refused for good.
"""

import collections
import hashlib
import random
import smtplib
import threading
import time

# Of the greeting: where a machine starts, somebody may have taken the connection who has nobody behind it.
GREETING_S_MAX = 10
# Of any other answer. Whoever is killed closes the connection, so it is long.
ANSWER_S_MAX = 120
AGAIN_S = 0.05
# From the first try to the 250.
MESSAGE_S_MAX = 400
# After which a session ends, and another one begins.
MESSAGES_PER_SESSION_MAX = 20
DATE = "Mon, 30 Nov 2026 12:00:00 +0000"

# What was answered with 250: who has it, and what the client sent below the header.
Sent = collections.namedtuple("Sent", "recipients digest")
Message = collections.namedtuple("Message", "name recipients content digest")


class Refused(Exception):
    """Not with 250."""


class Load:
    """`per_second` messages from `senders` threads; `octets_max` is the largest but for some that are much larger."""

    def __init__(self, port, accounts, seed, senders=16, per_second=100, octets_max=8000, large=0):
        self.port, self.accounts, self.seed, self.octets_max, self.large = port, accounts, seed, octets_max, large
        self.pause = senders / per_second
        self.lock, self.over, self.is_vain = threading.Lock(), threading.Event(), threading.Event()
        self.answered, self.failures = {}, []
        self.replies = collections.Counter()
        # Tries of messages; those that were not the first; connections that broke when the whole message had been sent.
        self.tries = self.again = self.unsure = 0
        self.under_way = 0
        self.threads = [threading.Thread(target=self.send, args=(number,), daemon=True) for number in range(senders)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.end(is_vain=kind is not None)

    def end(self, is_vain=False):
        """Each sender has its last message answered, unless that is in vain."""
        if is_vain:
            self.is_vain.set()
        self.over.set()
        for thread in self.threads:
            thread.join()

    def send(self, number):
        session = Session(self)
        for count in range(1 << 30):
            begin = time.monotonic()
            self.send_one(session, self.message(f"{number}-{count}"))
            if self.over.wait(max(0, begin + self.pause - time.monotonic())):
                break
        session.close()

    def send_one(self, session, message):
        deadline = time.monotonic() + MESSAGE_S_MAX
        with self.lock:
            self.under_way += 1
        tries = 1
        while not session.attempt(message):
            tries += 1
            if time.monotonic() > deadline:
                self.fail(f"{message.name} was not answered with 250 in {MESSAGE_S_MAX} s")
                break
            if self.is_vain.wait(AGAIN_S):
                break
        else:
            with self.lock:
                self.answered[message.name] = Sent(message.recipients, message.digest)
        with self.lock:
            self.under_way -= 1
            self.tries += tries
            self.again += tries - 1

    def message(self, name):
        chance = random.Random(f"{self.seed} {name}")
        octets = chance.randrange(100, self.octets_max)
        if chance.random() < self.large:
            octets = 300_000
        words = chance.randbytes(octets * 3 // 8).hex()
        body = "".join(f"{words[at:at + 72]}\r\n" for at in range(0, len(words), 72)).encode()
        recipients = chance.sample(self.accounts, chance.choice((1, 2)))
        header = (f"From: <sender@example.net>\r\nTo: {', '.join(recipients)}\r\nDate: {DATE}\r\n"
                  f"Message-ID: <{name}.{self.seed}@example.net>\r\nSubject: {name}\r\n\r\n")
        return Message(name, recipients, header.encode() + body, hashlib.sha256(body).hexdigest())

    def hear(self, code):
        with self.lock:
            self.replies[code] += 1

    def hear_nothing(self, is_unsure):
        with self.lock:
            self.replies["broken"] += 1
            self.unsure += is_unsure

    def fail(self, what):
        with self.lock:
            self.failures.append(what)

    def snapshot(self):
        """Everything that was answered so far."""
        with self.lock:
            return dict(self.answered)

    def numbers(self):
        return {"answered": len(self.answered), "tries": self.tries, "sent again": self.again,
                "broken behind the whole message": self.unsure,
                "answers": {str(code): number for code, number in sorted(self.replies.items(), key=str)}}


class Session:
    """One connection after the other, by a client that is not ours."""

    def __init__(self, load):
        self.load, self.smtp, self.messages = load, None, 0

    def attempt(self, message):
        """Whether it was answered with 250."""
        is_sent = False
        try:
            self.open()
            self.ask(self.smtp.mail("sender@example.net"))
            for recipient in message.recipients:
                self.ask(self.smtp.rcpt(recipient))
            self.ask(self.smtp.docmd("DATA"), 354)
            is_sent = True
            self.smtp.send(message.content + b".\r\n")
            self.ask(self.smtp.getreply())
            self.load.hear(250)
            return True
        except Refused as refused:
            self.note(message, *refused.args)
        except smtplib.SMTPResponseException as refused:
            self.note(message, refused.smtp_code, refused.smtp_error)
        except (OSError, smtplib.SMTPException):
            # -1 of smtplib, too, is a connection that is gone.
            self.load.hear_nothing(is_sent)
        self.close()
        return False

    def open(self):
        self.messages += 1
        if self.messages > MESSAGES_PER_SESSION_MAX:
            self.close()
        if self.smtp is None:
            self.messages = 1
            self.smtp = smtplib.SMTP("127.0.0.1", self.load.port, local_hostname="client.example", timeout=GREETING_S_MAX)
            self.smtp.sock.settimeout(ANSWER_S_MAX)
            self.ask(self.smtp.ehlo())

    def ask(self, answer, wanted=250):
        code, text = answer
        if code == -1:
            raise smtplib.SMTPServerDisconnected("closed")
        if code != wanted:
            raise Refused(code, text)

    def note(self, message, code, text):
        if code == -1:
            return self.load.hear_nothing(False)
        self.load.hear(code)
        if code >= 500:
            self.load.fail(f"{message.name} was refused for good: {code} {text.decode(errors='replace')}")

    def close(self):
        if self.smtp is not None:
            # Without QUIT: where it is wanted, nobody may be there.
            self.smtp.close()
            self.smtp = None
