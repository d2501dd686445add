"""A lab's machines under many power cuts: the moment of each cut, and when the next one is fair.

The limits of takeover hold here as anywhere. A rack in which more than two nodes fall silent within a minute is
frozen (src/plan/storm.rs), and nothing is done without a majority of the nodes, so few machines are away at a time.
"""

import os
import signal
import time

from lab import ended_takeover, held, seconds_since_epoch, wait

STORM_CUTS, STORM_S = 2, 63
# From a machine's word that it is ready until its heartbeats count.
SETTLE_S = 3
BOOT_MAX_S, FAIR_MAX_S = 900, 600
# SeaBIOS's last words, after nobody has answered its network card in time; it stays there until somebody resets it.
STUCK, STUCK_S = "No bootable device.", 60
RUNNING = ("spare", "assigned")


class Rack:
    def __init__(self, lab, away_max):
        self.lab, self.away_max = lab, away_max
        self.cuts = []
        # Since when each machine has power; nothing while it has none.
        self.on_since = {node["node"]: time.time() for node in lab.status()["nodes"]}
        self.event_seen, self.is_frozen = 0, False
        self.storms, self.resets, self.false_alarms = 0, 0, 0

    def cut(self, serial):
        """What `understudy lab cut` does: SIGKILL to the machine's qemu. Done here, so that its moment is known."""
        pid = next(node["pid"] for node in self.lab.status()["nodes"] if node["node"] == serial)
        self.on_since[serial] = None
        moment = time.time()
        os.kill(pid, signal.SIGKILL)
        self.cuts.append((moment, serial))
        return moment

    def give_power(self, serial):
        self.lab.verb("power", serial, "on")
        self.on_since[serial] = time.time()

    def look(self):
        """The spares, those first that lost their power least often; and the machines that do not run yet."""
        nodes = self.lab.site("nodes")
        running = {node["serial"]: seconds_since_epoch(node["since"]) for node in nodes if node["state"] in RUNNING}
        until, cuts = time.time() - SETTLE_S, [serial for _, serial in self.cuts]

        def is_back(serial, on):
            return on is not None and on < running.get(serial, 0) < until

        away = [serial for serial, on in self.on_since.items() if not is_back(serial, on)]
        spares = {node["serial"] for node in nodes if node["state"] == "spare"} - set(away)
        return sorted(spares, key=lambda serial: (cuts.count(serial), serial)), away

    def help_up(self, away):
        """What a person would do for machines that will not come back by themselves."""
        fenced = [node["serial"] for node in self.lab.site("nodes") if node["state"] == "fenced"]
        for node in self.lab.status()["nodes"]:
            serial, on = node["node"], self.on_since[node["node"]]
            if serial not in away or on is None:
                continue
            if node["power"] == "off" and serial in fenced:
                # The site took it for dead, and nobody had cut its power.
                self.false_alarms += 1
                self.give_power(serial)
            elif on < time.time() - STUCK_S and node["console_last_line"] == STUCK:
                self.resets += 1
                self.lab.verb("power", serial, "reset")
                self.on_since[serial] = time.time()

    def wait_for_all(self, tell):
        """Returns when every machine runs, and tells of each."""
        started, seen = time.time(), set()

        def all_run():
            away = self.look()[1]
            self.help_up(away)
            for serial in self.on_since.keys() - seen - set(away):
                tell(f"{time.time() - started:6.1f} s  {serial} runs its image")
                seen.add(serial)
            return not away

        wait("all machines run", BOOT_MAX_S, all_run, pause=1)

    def is_calm(self):
        for event in self.lab.events(self.event_seen):
            self.event_seen = event["seq"]
            if event["kind"] in ("storm", "storm-over"):
                self.is_frozen = event["kind"] == "storm"
                self.storms += self.is_frozen
        return not self.is_frozen

    def wait_until_fair(self, count):
        """Returns so many spares, and how many machines boot, when a cut is what it would be at any other time."""
        def is_fair():
            recent = [moment for moment, _ in self.cuts if moment > time.time() - STORM_S]
            if len(recent) >= STORM_CUTS or not held(self.lab) or not self.is_calm():
                return None
            spares, away = self.look()
            self.help_up(away)
            is_enough = len(spares) >= count and len(away) <= self.away_max
            return (spares[:count], len(away)) if is_enough else None

        return wait("enough machines are back", FAIR_MAX_S, is_fair, pause=1)

    def wait_for_takeover(self, identity, seconds):
        return wait(f"{identity['name']} has another holder", seconds, lambda: ended_takeover(self.lab, identity))
