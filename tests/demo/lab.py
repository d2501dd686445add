"""A lab with a site, through the command alone: what `make demo` and `make bench-takeover` stand on."""

import argparse
import json
import subprocess
import time
from datetime import datetime


class Lab:
    """One rack of virtual machines; down at the end of its `with` block unless it is to stay."""

    def __init__(self, understudy, name, stays=False):
        self.understudy, self.name, self.stays = understudy, name, stays
        self.folder = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.folder and not self.stays:
            self.verb("down")

    def run(self, *words):
        ended = subprocess.run([self.understudy, *words], capture_output=True, text=True)
        if ended.returncode != 0:
            raise SystemExit(f"understudy {' '.join(words)}: {ended.stderr.strip()}")
        return ended.stdout

    def up(self, *words):
        status = json.loads(self.run("lab", "up", "--name", self.name, "--json", *words))
        self.folder = status["folder"]
        return status

    def verb(self, *words):
        return self.run("lab", words[0], "--name", self.name, *words[1:])

    def status(self):
        return json.loads(self.verb("status", "--json"))

    def site(self, *words):
        """What a verb of the site answers, as `--json` has it."""
        return json.loads(self.run(*words, "--json", "--site", f"{self.folder}/site.toml"))

    def events(self, after=0):
        text = self.run("events", "--json", "--after", str(after), "--site", f"{self.folder}/site.toml")
        return [json.loads(line) for line in text.splitlines()]

    def inside(self, *command):
        """A command in the lab's network, its output as a pipe; a process group of its own."""
        words = [self.understudy, "lab", "exec", "--name", self.name, "--", *command]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)


def demo_parser(documentation):
    """For what every demonstration is given."""
    parser = argparse.ArgumentParser(description=documentation.splitlines()[0])
    for name in ("understudy", "image", "key", "report"):
        parser.add_argument(name)
    parser.add_argument("--keep", action="store_true", help="leave the lab up")
    return parser


def say(text):
    print(text, flush=True)


def held(lab):
    """The identities, if each of them has a holder."""
    identities = lab.site("identities")
    return identities if all(identity["state"] == "held" for identity in identities) else None


def ended_takeover(lab, identity):
    """The takeover that ended the identity's epoch, once it is over."""
    ended = (each for each in lab.site("takeovers") if each["outcome"] and each["epoch"] == identity["epoch"])
    return next((each for each in ended if each["identity"] == identity["name"]), None)


def wait(what, seconds, look, pause=0.5):
    """Looks until there is something; what it was, or the end of the program."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(pause)
    raise SystemExit(f"not within {seconds} s: {what}")


def seconds_since_epoch(timestamp):
    """Of RFC 3339 with more digits than Python's reader takes."""
    head, _, fraction = timestamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(head + "+00:00").timestamp() + float(f"0.{fraction or 0}")
