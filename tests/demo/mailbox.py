"""What is in an account's INBOX, as an IMAP client sees it.

usage: mailbox.py SERVER ACCOUNT PASSWORD

Prints {"subjects": {SUBJECT: how often}, "uid_validity", "uid_next", "seconds"} as JSON, for the whole mailbox.
"""

import imaplib
import json
import re
import sys
import time
from collections import Counter

TIMEOUT_S = 60
SUBJECT = re.compile(rb"^Subject: (.*?)\r?$", re.MULTILINE | re.IGNORECASE)


def number(client, item):
    return int(client.response(item)[1][0])


def main():
    server, account, password = sys.argv[1:]
    began = time.monotonic()
    client = imaplib.IMAP4(server, 143, TIMEOUT_S)
    client.login(account, password)
    _, (count,) = client.select("INBOX", readonly=True)
    found = {"uid_validity": number(client, "UIDVALIDITY"), "uid_next": number(client, "UIDNEXT")}
    subjects = Counter()
    if int(count):
        _, answers = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        headers = [answer[1] for answer in answers if isinstance(answer, tuple)]
        subjects.update(SUBJECT.search(header).group(1).decode() for header in headers)
    client.logout()
    print(json.dumps({**found, "subjects": subjects, "seconds": round(time.monotonic() - began, 2)}))


main()
