"""Mail that is sent by SMTP, until it is in a mailbox: messages/s, how long a client waits, CPU, memory, and syncs.

Each run begins with new processes, new mailboxes of one message each, and a short load that does not count. A message is
delivered when it is in its mailbox: on our side that is before its 250, on the peer's when it has left Postfix's queue.
"""

import imaplib
import itertools
import sys
import time

from mail.people import COUNT, PASSWORD
from servers import row

SESSIONS = [1, 16, 64]
KILOBYTES = [4, 10, 100]
WARM_UP_S, LOAD_S = 0.5, 3
DELIVERED_S_MAX = 300
LOOK_S = 0.005
METRICS = {
    "delivered": ("messages/s", "higher", "from the first MAIL until the last message is in its mailbox"),
    "answered": ("messages/s", "higher", "250 to DATA; the peer's are in a queue then, ours are delivered"),
    "p50": ("ms", "lower", "from MAIL to the 250 behind the message"),
    "p99": ("ms", "lower", "from MAIL to the 250 behind the message"),
    "CPU": ("ms/message", "lower", "user and system time of all of a side's processes"),
    "memory": ("MiB", "lower", "proportional set size of all of a side's processes, the sessions still open"),
    "syncs": ("per message", "lower", "fsync, fdatasync and the like, counted by strace in a run of their own"),
}


def measure(sides, loads, runs, say):
    """Rows for each number of sessions and size of message, one group after the other."""
    for kilobytes, sessions in itertools.product(KILOBYTES, SESSIONS):
        case, results = f"deliver {kilobytes} KB, sessions: {sessions}", {}
        for number in range(runs + 1):
            say(f"{case}; {f'run {number}' if number else 'warm-up'}")
            for side in sides:
                # The warm-up also counts syncs and proves that everything arrives, which takes its time.
                result = run(side(loads.people, counts_syncs=number == 0), loads, sessions, kilobytes, proves=number == 0)
                for metric in result.keys() & ({"syncs"} if number == 0 else METRICS.keys() - {"syncs"}):
                    results.setdefault(metric, {}).setdefault(side.name, []).append(result[metric])
        yield [row(case, metric, unit, better, results[metric], note)
               for metric, (unit, better, note) in METRICS.items()]


def run(side, loads, sessions, kilobytes, proves):
    with side:
        port, octets = side.ports["smtp"], kilobytes * 1000
        # Whoever makes a mailbox with its first message does it before.
        loads.fill(side.ports["lmtp"], 1, octets)
        with loads.deliver(port, sessions, octets, seconds=WARM_UP_S) as load:
            before = load.go()["messages"]
            wait(side)
        with loads.deliver(port, sessions, octets, seconds=LOAD_S) as load:
            cpu, syncs, began = side.cpu(), side.syncs(), time.monotonic()
            sent = load.go()
            wait(side)
            seconds, cpu = time.monotonic() - began, side.cpu() - cpu
            memory, count = side.memory_mebibytes(), sent["messages"]
            syncs = (side.syncs() - syncs).total()
        if proves:
            prove(side, COUNT + before + count)
        times = sent["answered"]
        return {"delivered": count / seconds, "answered": count / sent["seconds"], "p50": times["p50_ms"],
                "p99": times["p99_ms"], "CPU": cpu / count * 1000, "memory": memory, "syncs": syncs / count}


def wait(side):
    end = time.monotonic() + DELIVERED_S_MAX
    while not side.is_delivered():
        if time.monotonic() > end:
            sys.exit(f"{side.name} has not delivered within {DELIVERED_S_MAX} s")
        time.sleep(LOOK_S)


def prove(side, count):
    """Every message is in a mailbox."""
    found = 0
    for name in side.people.names:
        client = imaplib.IMAP4("127.0.0.1", side.ports["imap"])
        client.login(name, PASSWORD)
        found += int(client.select(readonly=True)[1][0])
        client.logout()
    if found != count:
        sys.exit(f"{side.name}: {found} messages in all mailboxes, after 250 to {count}")
