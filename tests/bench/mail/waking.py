"""Clients that wait with IDLE: how soon they hear of a message that comes by LMTP."""

from servers import row

SESSIONS = [1, 64]
DELIVERIES = 12
METRICS = {
    "p50": "from the last octet of a message until `* n EXISTS`",
    "p99": "from the last octet of a message until `* n EXISTS`",
    "LMTP p50": "from MAIL to the 250 of the same messages",
}


def measure(sides, loads, runs, say):
    for sessions in SESSIONS:
        case, results = f"IDLE, sessions: {sessions}", {}
        for number in range(runs + 1):
            say(f"{case}; {f'run {number}' if number else 'warm-up'}")
            for side in sides:
                with side(loads.people) as up:
                    # Nobody waits in a mailbox that is not there yet.
                    loads.fill(up.ports["lmtp"], 1, 4096)
                    with loads.idle(up.ports["imap"], up.ports["lmtp"], sessions, DELIVERIES) as load:
                        found = load.go()
                result = {"p50": found["woken"]["p50_ms"], "p99": found["woken"]["p99_ms"],
                          "LMTP p50": found["answered"]["p50_ms"]}
                for metric, value in result.items() if number else ():
                    results.setdefault(metric, {}).setdefault(side.name, []).append(value)
        yield [row(case, metric, "ms", "lower", results[metric], note) for metric, note in METRICS.items()]
