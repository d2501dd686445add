"""What is in the mailboxes, as an IMAP client sees it, and what that says of what was answered.

A `Book` remembers what it saw of one mailbox: a UIDVALIDITY that stays, UIDs that mean their messages for ever, and numbers that only grow.
"""

import collections
import contextlib
import hashlib
import imaplib
import re
import time

from mail.office import PASSWORD

# Until a mailbox opens that nobody keeps from it.
OPEN_S_MAX = 300
# Of the greeting: where a machine starts, somebody may have taken the connection who has nobody behind it.
GREETING_S_MAX = 10
# Of any other answer: it may be a search in thousands of messages, under emulation.
ANSWER_S_MAX = 120
AGAIN_S = 0.1
# Until a mailbox has been read from which sessions are cut off.
READ_S_MAX = 600
# UIDs in a command.
MESSAGES_AT_ONCE = 500
SUBJECT = re.compile(rb"Subject: (\S+)", re.IGNORECASE)
# A mailbox that opened: its INBOX, and what SELECT said of it.
Opened = collections.namedtuple("Opened", "imap validity next")


class Unopened(Exception):
    """A mailbox that did not open in time, or takes no mail."""


def open_inbox(port, account):
    """As a mail program does, which tries again."""
    deadline = time.monotonic() + OPEN_S_MAX
    while True:
        try:
            return try_to_open(port, account)
        except (OSError, imaplib.IMAP4.error) as error:
            if time.monotonic() > deadline:
                raise Unopened(f"the mailbox of {account} did not open in {OPEN_S_MAX} s: {error}") from error
            time.sleep(AGAIN_S)


def try_to_open(port, account):
    imap = imaplib.IMAP4("127.0.0.1", port, timeout=GREETING_S_MAX)
    try:
        imap.sock.settimeout(ANSWER_S_MAX)
        imap.login(account, PASSWORD)
        said(imap.select("INBOX", readonly=True))
        return Opened(imap, *(int(imap.response(name)[1][0]) for name in ("UIDVALIDITY", "UIDNEXT")))
    except BaseException:
        imap.shutdown()
        raise


def said(answer):
    kind, data = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(f"{kind} {data}")
    return data


class Book:
    """Of one account's INBOX."""

    def __init__(self, port, account):
        self.port, self.account = port, account
        self.validity, self.next, self.names, self.findings = None, 1, {}, []

    def look(self, is_whole=False):
        """Reads what is new, or everything; `findings` has what must not be. A session that breaks is followed by another one."""
        deadline = time.monotonic() + READ_S_MAX
        while True:
            try:
                return self.read(is_whole)
            except (OSError, imaplib.IMAP4.error) as error:
                if time.monotonic() > deadline:
                    raise Unopened(f"the mailbox of {self.account} was not read in {READ_S_MAX} s: {error}") from error

    def read(self, is_whole):
        inbox = open_inbox(self.port, self.account)
        with contextlib.closing(Closing(inbox.imap)):
            self.compare(inbox)
            uids = [int(uid) for uid in said(inbox.imap.uid("SEARCH", "ALL"))[0].split()]
            self.find([f"UID {uid} ({self.names[uid]}) is gone" for uid in self.names.keys() - set(uids)])
            new = [uid for uid in uids if uid not in self.names]
            self.find([f"UID {uid} is new, and below {self.next}" for uid in new if uid < self.next])
            self.names.update(subjects(inbox.imap, new))
            # Mail comes while this reads.
            self.next = max([inbox.next, *(uid + 1 for uid in uids)])
            return digests(inbox.imap, uids) if is_whole else {}

    def compare(self, inbox):
        if self.validity not in (None, inbox.validity):
            self.find([f"UIDVALIDITY was {self.validity} and is {inbox.validity}"])
        if inbox.next < self.next:
            self.find([f"UIDNEXT was {self.next} and is {inbox.next}"])
        self.validity = inbox.validity

    def find(self, what):
        self.findings += [f"{self.account}: {each}" for each in what]


class Closing:
    """Logs out of a session that may be gone."""

    def __init__(self, imap):
        self.imap = imap

    def close(self):
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            self.imap.logout()


def fetched(imap, uids, what):
    """Of each UID the octets of one part."""
    for at in range(0, len(uids), MESSAGES_AT_ONCE):
        some = ",".join(map(str, uids[at:at + MESSAGES_AT_ONCE]))
        for piece in said(imap.uid("FETCH", some, f"(UID {what})")):
            if isinstance(piece, tuple):
                yield int(re.search(rb"UID (\d+)", piece[0]).group(1)), piece[1]


def subjects(imap, uids):
    found = fetched(imap, uids, "BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
    return {uid: SUBJECT.search(octets).group(1).decode() for uid, octets in found}


def digests(imap, uids):
    return {uid: hashlib.sha256(octets).hexdigest() for uid, octets in fetched(imap, uids, "BODY.PEEK[TEXT]")}


class Shelf:
    """The books of all accounts."""

    def __init__(self, port, accounts):
        self.books = {account: Book(port, account) for account in accounts}

    def look(self, answered):
        """What is new in all of them. Everything that was answered has to be there."""
        for book in self.books.values():
            book.look()
        return self.missing(answered)

    def missing(self, answered):
        kept = {account: set(book.names.values()) for account, book in self.books.items()}
        return [f"{name} for {recipient}" for name, sent in answered.items() for recipient in sent.recipients
                if name not in kept[recipient]]

    def audit(self, answered):
        """Everything, to the last octet: what was answered is there once and whole, and nothing else is."""
        for account, book in self.books.items():
            whole = book.look(is_whole=True)
            counts = collections.Counter(book.names.values())
            wanted = {name: sent for name, sent in answered.items() if account in sent.recipients}
            book.find([f"{name} is there {count} times" for name, count in counts.items() if count > 1])
            book.find([f"{name} is there, and nobody was told so" for name in counts.keys() - wanted.keys()])
            book.find([f"UID {uid} ({name}) is not what was sent" for uid, name in book.names.items()
                       if name in wanted and whole.get(uid) != wanted[name].digest])
        return self.missing(answered)

    def findings(self):
        return [finding for book in self.books.values() for finding in book.findings]

    def messages(self):
        return sum(len(book.names) for book in self.books.values())
