"""A mail service in a rack of six machines, and what its failures lose: what `make demo-mail` runs after the image is built.

usage: mail_rack.py UNDERSTUDY IMAGE KEY.pub REPORT [--messages N] [--keep]

Boots six machines from empty disks: two for inbound mail, one each for access, mailstore and the directory, and a spare. A numbered
stream of messages comes in through both inbound servers, from a sender that tries again, while one of them loses its power; then
`access`, then `mailstore`, which has its mail on its own disk and comes back there. Every message that was answered 250 has to be in the
mailbox exactly once. Writes REPORT (JSON); exit code 1 if one is missing or there twice.
"""

import json
import os
import secrets
import threading
import time
from pathlib import Path

from lab import Lab, demo_parser, ended_takeover, held, say, wait

HERE = Path(__file__).resolve().parent
SITE_ADDRESS = "10.77.0.1"
STORE, INBOUND, ACCESS = "10.77.0.22", ["10.77.0.23", "10.77.0.24"], "10.77.0.25"
ACCOUNT = "ann@example.org"
MAILCTL = "/usr/lib/understudy/programs/mailctl --config /run/understudy/mariadb/mailctl.toml"
# Machines under emulation on a computer with two cores; a first start makes the tables of a database.
BOOT_MAX_S, SERVE_MAX_S, TAKEOVER_MAX_S, STREAM_MAX_S = 1200, 600, 300, 1800
# Of the whole stream, for each later scene.
SHARE = 4


def arguments():
    parser = demo_parser(__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    return parser.parse_args()


class Stream:
    """A sender in the lab's network, and the numbers that were answered so far."""

    def __init__(self, lab, first, count):
        self.wanted, self.answered, self.given_up, self.end = range(first, first + count), {}, [], None
        words = [",".join(INBOUND), ACCOUNT, str(first), str(count)]
        self.process = lab.inside("python3", str(HERE / "numbered.py"), *words)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            facts = json.loads(line)
            if "seconds" in facts:
                self.end = facts
            elif facts["answered"] is None:
                self.given_up.append(facts["number"])
            else:
                self.answered[facts["number"]] = facts["answered"]

    def wait_for(self, share):
        wanted = int(len(self.wanted) * share)
        wait(f"{wanted} messages are answered", STREAM_MAX_S, lambda: len(self.answered) >= wanted)

    def wait_for_end(self):
        wait("the stream ends", STREAM_MAX_S, lambda: self.process.poll() is not None)
        self.reader.join()
        say(f"          {len(self.answered)} of {len(self.wanted)} messages were answered 250 in {self.end['seconds']} s, "
            f"after {self.end['attempts']} attempts; failures: {self.end['failures']}")

    def longest_silence(self):
        """Seconds between two answers."""
        times = sorted(self.answered.values())
        return round(max(later - sooner for sooner, later in zip(times, times[1:])), 1)


class Rack:
    """The lab with its mail service, and all that was sent to it."""

    def __init__(self, lab):
        self.lab, self.password, self.sent, self.validity = lab, secrets.token_hex(8), {}, set()

    def boot(self, options):
        self.lab.up("--nodes", "6", "--firmware", "bios", "--site-image", options.image, "--key", options.key,
                    "--site-settings", str(HERE / "mail-site.toml"))
        say("six machines with empty disks have power")
        began, last = time.time(), {}

        def all_held():
            for identity in self.lab.site("identities"):
                state = f"{identity['state']} {identity.get('serial') or ''}"
                if last.get(identity["name"]) != state:
                    last[identity["name"]] = state
                    say(f"  {time.time() - began:7.1f} s  {identity['name']}: {state}")
            return held(self.lab)

        self.lab.inside("python3", str(HERE / "nameless.py"), SITE_ADDRESS)
        wait("all identities are held", BOOT_MAX_S, all_held)

    def identity(self, name):
        return next(identity for identity in self.lab.site("identities") if identity["name"] == name)

    def fill_directory(self):
        serial = self.identity("db-1")["serial"]
        for words in (f"pair add store-1 --lmtp={STORE}:24 --imap={STORE}:143 --pop3={STORE}:110", "domain add example.org"):
            self.lab.verb("ssh", serial, "--", f"{MAILCTL} {words}")
        add = f"{MAILCTL} account add {ACCOUNT} --pair store-1 --quota 1GiB --password-stdin"
        self.lab.verb("ssh", serial, "--", f"echo {self.password} | {add}")

    def send(self, count):
        return Stream(self.lab, len(self.sent), count)

    def mailbox(self):
        """What a client finds through `access`; nothing while it finds nobody."""
        reader = self.lab.inside("python3", str(HERE / "mailbox.py"), ACCESS, ACCOUNT, self.password)
        text = reader.communicate()[0]
        return json.loads(text) if reader.returncode == 0 else None

    def check(self, stream):
        """Every message of the stream, and of those before it, is there exactly once."""
        self.sent.update(stream.answered)
        box = wait("a client reads the mailbox", SERVE_MAX_S, self.mailbox)
        self.validity.add(box["uid_validity"])
        missing = [number for number in self.sent if f"number {number}" not in box["subjects"]]
        twice = [subject for subject, times in box["subjects"].items() if times != 1]
        others = set(box["subjects"]) - {f"number {number}" for number in self.sent}
        say(f"          {len(box['subjects'])} messages in the mailbox of {ACCOUNT}; missing: {len(missing)}, twice: {len(twice)}; "
            f"read by IMAP in {box['seconds']} s, UIDVALIDITY {box['uid_validity']}")
        if missing or twice or stream.given_up or len(self.validity) > 1:
            raise SystemExit(f"missing {missing}, twice {twice}, given up {stream.given_up}, UIDVALIDITY {self.validity}")
        return {"sent": len(stream.wanted), "answered": len(stream.answered), "missing": 0, "twice": 0,
                "unanswered_but_there": len(others), "longest_silence_s": stream.longest_silence(), **stream.end}


def cut_in_the_middle(rack, name, count):
    """A stream, of which a third is answered when the identity's holder loses its power."""
    before, stream = rack.identity(name), rack.send(count)
    stream.wait_for(1 / 3)
    say(f"\n   0.0 s  {before['serial']}, which holds {name} at epoch {before['epoch']}, loses its power after "
        f"{len(stream.answered)} messages")
    moment = time.time()
    rack.lab.verb("cut", before["serial"])
    return before, stream, moment


def takes_over(rack, name, count):
    """The spare serves in its holder's place."""
    before, stream, moment = cut_in_the_middle(rack, name, count)
    takeover = wait("a takeover", TAKEOVER_MAX_S, lambda: ended_takeover(rack.lab, before), pause=0.2)
    after = wait(f"{name} is held", TAKEOVER_MAX_S, lambda: held_behind(rack, name, before["epoch"]))
    say(f"  {time.time() - moment:5.1f} s  {after['serial']} holds {name} at epoch {after['epoch']}: {takeover['outcome']}")
    wait("a client reads the mailbox", SERVE_MAX_S, rack.mailbox)
    say(f"  {time.time() - moment:5.1f} s  a client has read the mailbox")
    stream.wait_for_end()
    result = rack.check(stream)
    say(f"          {before['serial']} has power again, and is the next spare")
    rack.lab.verb("power", before["serial"], "on")
    wait("it is a spare", BOOT_MAX_S, lambda: node(rack, before["serial"])["state"] == "spare")
    return {"identity": name, "from": before["serial"], "to": after["serial"], **result}


def comes_back(rack, name, count):
    """Its holder has the only copy: nobody takes over, and it serves again from its own volume at the next epoch."""
    before, stream, moment = cut_in_the_middle(rack, name, count)
    waiting = wait("it is waited for", TAKEOVER_MAX_S, lambda: attention(rack, name))
    say(f"  {time.time() - moment:5.1f} s  {waiting}")
    rack.lab.verb("power", before["serial"], "on")
    say(f"  {time.time() - moment:5.1f} s  its power is back")
    after = wait(f"{name} is held", SERVE_MAX_S, lambda: held_behind(rack, name, before["epoch"]))
    say(f"  {time.time() - moment:5.1f} s  {after['serial']} holds {name} at epoch {after['epoch']}")
    if after["serial"] != before["serial"]:
        raise SystemExit(f"{name} has left its volume")
    stream.wait_for_end()
    return {"identity": name, "from": before["serial"], "to": after["serial"], **rack.check(stream)}


def held_behind(rack, name, epoch):
    identity = rack.identity(name)
    return identity if identity["state"] == "held" and identity["epoch"] > epoch else None


def attention(rack, name):
    return "; ".join(text for text in rack.identity(name)["attention"] if "volume" in text)


def node(rack, serial):
    return next(node for node in reversed(rack.lab.site("nodes")) if node["serial"] == serial)


def main():
    options = arguments()
    with Lab(options.understudy, f"mail-{os.getpid()}", stays=options.keep) as lab:
        rack = Rack(lab)
        rack.boot(options)
        rack.fill_directory()
        scenes = [takes_over(rack, "inbound-1", options.messages), takes_over(rack, "access-1", options.messages // SHARE),
                  comes_back(rack, "store-1", options.messages // SHARE)]
        Path(options.report).write_text(json.dumps({"scenes": scenes}, indent=2) + "\n")
        say(f"\n{len(rack.sent)} messages were answered 250; each of them is in the mailbox exactly once\nreport: {options.report}")
        if options.keep:
            say(f"the lab stays; it ends with: {options.understudy} lab down --name {lab.name}")


main()
