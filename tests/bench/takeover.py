#!/usr/bin/env python3
"""Many takeovers in a row in a lab, beside keepalived, which moves an address between two of the same machines.

usage: PYTHONPATH=tests/demo takeover.py UNDERSTUDY IMAGE KEY.pub [--takeovers N] [--runs N] [--away N]

Boots five machines from empty disks, of which two hold DNS identities. Then, in turn for the identities, it cuts the
holder's power, waits for the end of the takeover, and switches the machine on again. In between, `--runs` times, it
does the same to two spares that run keepalived. A machine may still boot when the next power is cut; `--away 0` waits
for it. Prints a table and writes target/bench/takeover.json. Seconds count from the cut for what a client sees, and
from the step before for the steps of a takeover. p50 is the median, p99 the nearest rank: of 20 runs the largest.
"""

import argparse
import itertools
import json
import math
import os
import statistics
import tempfile
import time

import keepalived
from client import Client
from keepalived import Keepalived
from lab import Lab, held, seconds_since_epoch, wait
from rack import Rack
from servers import TREE, cpu_seconds, machine, peak_mebibytes, row

REPORT = TREE / "target/bench/takeover.json"
MACHINES = 5
# Machines under emulation on a computer with two cores.
SERVE_MAX_S, ANSWER_MAX_S, END_MAX_S = 300, 300, 60
# A machine that starts more often than ten times within an hour is no spare (src/site/lifecycle/running.rs).
CUTS_MAX = 40
STEPS = ["detect", "fence", "assign", "activate"]
ECHO, DNS = "client answered, ICMP echo", "client answered, DNS"
NOTES = {
    "detect": "from the power cut to the stored decision",
    "fence": "until the old holder's power reads back off; its BMC had said so before",
    "assign": "until the next epoch is stored",
    "activate": "until the new holder's role passes its health check",
    DNS: "keepalived only moves an address: it starts no service",
    ECHO: "keepalived does not fence: if its master freezes, both hold the address; it starts nothing, and its backup "
          "runs already. Ours powers the old holder off, reads that back and configures a spare that held nothing",
}


def say(text):
    print(text, flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("understudy", "image", "key"):
        parser.add_argument(name)
    parser.add_argument("--takeovers", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--away", type=int, choices=(0, 1), default=1)
    options = parser.parse_args()
    if options.takeovers < 1 or options.runs < 1 or options.takeovers + options.runs > CUTS_MAX:
        parser.error(f"{CUTS_MAX} power cuts at most, at least one of each kind")
    return options


def up(lab, options):
    """The demo's rack, with more machines, and an allowance for so many fences."""
    settings = "[rack]\nallowance = 64\nallowance_window_s = 60\n" + (TREE / "tests/demo/site.toml").read_text()
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(settings)
        file.flush()
        lab.up("--nodes", str(MACHINES), "--firmware", "bios", "--site-image", options.image, "--key", options.key,
               "--site-settings", file.name)
    say(f"{MACHINES} machines with empty disks have power")
    rack = Rack(lab, options.away)
    rack.wait_for_all(lambda text: say(f"  {text}"))
    wait("both identities are held", SERVE_MAX_S, lambda: held(lab))
    return rack


def cut_and_wait(lab, rack, words, serial):
    """Cuts the power of a machine that answers all of this; seconds until each is answered again."""
    with Client(lab, words) as client:
        wait(f"{serial} answers", 60, lambda: client.answered_since(0))
        moment = rack.cut(serial)
        answers = wait("a client is answered again", ANSWER_MAX_S, lambda: client.answered_since(moment), pause=0.1)
    return moment, {word: at - moment for word, at in answers.items()}


def take_over(lab, rack, number):
    """One takeover, in turn for the identities."""
    _, away = rack.wait_until_fair(1)
    identities = held(lab)
    victim, load = identities[number % len(identities)], os.getloadavg()[0]
    # Within an hour it moves a second time only if somebody has looked.
    lab.run("acknowledge", victim["name"], "--site", f"{lab.folder}/site.toml")
    words = [f"dns:{victim['address']}", f"echo:{victim['address']}"]
    moment, answered = cut_and_wait(lab, rack, words, victim["serial"])
    takeover = rack.wait_for_takeover(victim, END_MAX_S)
    rack.give_power(victim["serial"])
    seconds = {"detect": seconds_since_epoch(takeover["begun"]) - moment, "fence": takeover["fenced_s"],
               "assign": takeover["assigned_s"], "activate": takeover["serving_s"]}
    seconds |= {DNS: answered[words[0]], ECHO: answered[words[1]]}
    serials = {node["id"]: node["serial"] for node in lab.site("nodes")}
    return {"identity": victim["name"], "from": victim["serial"], "to": serials.get(takeover["to"]), "away": away,
            "load": round(load, 2), "outcome": takeover["outcome"], "seconds": seconds}


def move_address(lab, rack):
    """One power cut of a spare that has keepalived's addresses; another one takes them."""
    (master, backup), _ = rack.wait_until_fair(2)
    peer = Keepalived(lab, master, backup)
    # It took a while to start: somebody may be back.
    away, load = len(rack.look()[1]), os.getloadavg()[0]
    _, answered = cut_and_wait(lab, rack, [f"echo:{address}" for address in keepalived.ADDRESSES.values()], master)
    rack.give_power(master)
    if not peer.is_at(backup):
        raise SystemExit(f"{backup} does not have keepalived's addresses")
    peer.stop()
    seconds = {name: answered[f"echo:{address}"] for name, address in keepalived.ADDRESSES.items()}
    return {"from": master, "to": backup, "away": away, "load": round(load, 2), "seconds": seconds}


def tell(what, run):
    seconds = ", ".join(f"{name} {value:.2f}" for name, value in run["seconds"].items())
    others = f"; {run['away']} other boots" if run["away"] else ""
    say(f"{what}: {run['from']} -> {run['to']}: {seconds} s{others}")


class Controller:
    """What `understudy serve` of a lab has used since the first cut."""

    def __init__(self, lab):
        self.pid = lab.status()["site"]["serving"]["pid"]
        self.cpu_before, self.since = cpu_seconds(self.pid), time.time()
        self.look()

    def look(self):
        self.cpu, self.seconds = cpu_seconds(self.pid) - self.cpu_before, time.time() - self.since
        self.peak = peak_mebibytes(self.pid)

    def rows(self, takeovers):
        note = f"over {self.seconds:.0f} s, with all that booting machines and this benchmark ask of it"
        return [row("controller", "CPU", "s/takeover", "lower", {"ours": [self.cpu / takeovers]}, note),
                row("controller", "peak memory", "MiB", "lower", {"ours": [self.peak]}, note)]


def measure(lab, rack, controller, options, ours, peer):
    """Ours and the peer by turns."""
    for number in range(options.takeovers):
        ours.append(take_over(lab, rack, number))
        tell(f"takeover {number + 1} of {options.takeovers}, {ours[-1]['identity']}", ours[-1])
        # Evenly among the takeovers.
        while len(peer) < options.runs * (number + 1) // options.takeovers:
            peer.append(move_address(lab, rack))
            tell(f"keepalived {len(peer)} of {options.runs}", peer[-1])
        controller.look()
        rack.is_calm()


def nearest_rank(values, percent):
    """The smallest value that so many of a hundred do not exceed."""
    return sorted(values)[math.ceil(percent / 100 * len(values)) - 1]


def rows(ours, peer):
    made = []
    for case in [*STEPS, DNS, ECHO]:
        sides = {"ours": [run["seconds"][case] for run in ours if run["outcome"] == "serving"]}
        if case == ECHO:
            sides |= {name: [run["seconds"][name] for run in peer] for name in keepalived.ADDRESSES}
        for metric, of in (("p50", statistics.median), ("p99", lambda values: nearest_rank(values, 99)), ("max", max)):
            made.append(row(case, metric, "s", "lower", sides, NOTES[case], of))
    return made


def show(made):
    """A line for each case, with all of its metrics in each cell; the ratio is that of the first."""
    names = list(keepalived.ADDRESSES)
    say(f"| case | metric | ours | {' | '.join(names)} | ratio |\n| --- | --- | --- |{' --- |' * (len(names) + 1)}")
    for (case, unit), group in itertools.groupby(made, lambda one: (one["case"], one["unit"])):
        group = list(group)
        cells = [" / ".join(one["metric"] for one in group) + f" ({unit})", cell(one["ours"] for one in group)]
        cells += [cell(one["peers"][name] for one in group if name in one["peers"]) for name in names]
        say(f"| {case} | {' | '.join(cells)} | {group[0]['ratio'] or ''} |")


def cell(values):
    return " / ".join(f"{value:.3g}" for value in values)


def main():
    options = arguments()
    keepalived.prepare()
    ours, peer = [], []
    with Lab(options.understudy, f"bench-takeover-{os.getpid()}") as lab:
        rack, controller = up(lab, options), Controller(lab)
        try:
            measure(lab, rack, controller, options, ours, peer)
        finally:
            # What was measured counts, also when the rest could not be.
            if ours and peer:
                report(rows(ours, peer) + controller.rows(len(ours)), ours, peer, rack)
    if failed := [run for run in ours if run["outcome"] != "serving"]:
        raise SystemExit(f"{len(failed)} takeovers did not end with a holder that serves: {failed}")


def report(made, ours, peer, rack):
    counts = {"storms": rack.storms, "machines fenced that had power": rack.false_alarms,
              "machines reset that had given up booting": rack.resets}
    text = {"machine": machine(), "peer_versions": keepalived.versions(), "rows": made, "takeovers": ours,
            "keepalived": peer, "counts": counts}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(text, indent=1) + "\n")
    show(made)
    say(f"{len(ours)} takeovers, {len(peer)} runs of keepalived; "
        + ", ".join(f"{what}: {count}" for what, count in counts.items()) + f"; report: {REPORT}")


if __name__ == "__main__":
    main()
