"""Mailboxes that are read by IMAP: login, SELECT and FETCH of everything, as a visit and alone.

The same messages are in both sides' mailboxes, from before. Both compare the same argon2id hash at each login, which is
most of a visit; so its parts are told as well. Our side counts twice: as it is, with access before the mailstore, and the
mailstore alone.
"""

from mail.ours import Ours
from servers import row

SESSIONS = [1, 16, 64]
MESSAGES, OCTETS = 100, 10_000
WARM_UP_S, LOAD_S = 0.3, 2
WITHOUT_ACCESS = "without access"
VISIT = {
    "visits": ("visits/s", "higher", "connect, LOGIN, SELECT, FETCH of 100 messages of 10 KB, LOGOUT"),
    "p50": ("ms", "lower", "a visit, but for LOGOUT"),
    "p99": ("ms", "lower", "a visit, but for LOGOUT"),
    "login p50": ("ms", "lower", "connect, greeting, LOGIN; argon2id, m=19456,t=2,p=1"),
    "select p50": ("ms", "lower", ""),
    "fetch p50": ("ms", "lower", "100 messages of 10 KB, whole, with UID, FLAGS, INTERNALDATE, RFC822.SIZE"),
    "CPU": ("ms/visit", "lower", "user and system time of all of a side's processes"),
    "memory": ("MiB", "lower", "proportional set size of all of a side's processes, one mailbox open in each session"),
}
FETCH = {
    "fetched": ("messages/s", "higher", "of 10 KB, again and again, in sessions that are open"),
    "p99": ("ms", "lower", "all 100 messages of a mailbox"),
    "CPU": ("ms/100 messages", "lower", "user and system time of all of a side's processes"),
}


def measure(sides, loads, runs, say):
    for side in sides:
        say(f"filling {side.name}")
        with side(loads.people) as filled:
            filled.keeps = True
            loads.fill(filled.ports["lmtp"], MESSAGES, OCTETS)
    try:
        for sessions in SESSIONS:
            for what, metrics, run in (("visit", VISIT, visit), ("fetch", FETCH, fetch)):
                yield compare(f"{what}, sessions: {sessions}", metrics, run, sessions, sides, loads, runs, say)
    finally:
        for side in sides:
            side(loads.people).remove()


def compare(case, metrics, run, sessions, sides, loads, runs, say):
    results = {}
    for number in range(runs + 1):
        say(f"{case}; {f'run {number}' if number else 'warm-up'}")
        for side in sides:
            with side(loads.people, keeps=True) as up:
                found = {side.name: run(up, loads, up.ports["imap"], sessions)}
                if side is Ours:
                    found[WITHOUT_ACCESS] = run(up, loads, up.ports["store imap"], sessions)
            for name, result in found.items() if number else ():
                for metric, value in result.items():
                    results.setdefault(metric, {}).setdefault(name, []).append(value)
    rows = []
    for metric, (unit, better, note) in metrics.items():
        values = results[metric]
        alone = values.pop(WITHOUT_ACCESS, None)
        rows.append(row(case, metric, unit, better, values, note))
        if alone:
            rows.append(row(f"{case}, {WITHOUT_ACCESS}", metric, unit, better, values | {"ours": alone}, note))
    return sorted(rows, key=lambda one: one["case"])


def visit(side, loads, port, sessions):
    with loads.read("visit", port, sessions, MESSAGES, WARM_UP_S) as load:
        load.go()
    with loads.read("visit", port, sessions, MESSAGES, LOAD_S) as load:
        cpu = side.cpu()
        found = load.go()
        cpu, memory = side.cpu() - cpu, side.memory_mebibytes()
    parts = {f"{part} p50": found[part]["p50_ms"] for part in ("login", "select", "fetch")}
    return {"visits": found["visits"] / found["seconds"], "p50": found["visit"]["p50_ms"],
            "p99": found["visit"]["p99_ms"], **parts, "CPU": cpu / found["visits"] * 1000, "memory": memory}


def fetch(side, loads, port, sessions):
    with loads.read("fetch", port, sessions, MESSAGES, LOAD_S) as load:
        cpu = side.cpu()
        found = load.go()
        cpu = side.cpu() - cpu
    return {"fetched": found["messages"] / found["seconds"], "p99": found["fetch"]["p99_ms"],
            "CPU": cpu / found["fetches"] * 1000}
