"""Steady questions to DNS servers from inside a lab, with `dig`, and which of them were answered."""

import os
import signal
import threading
import time

# One line for each question: when it was asked (seconds since 1970), and dig's exit code.
LOOP = """
while :; do
  asked=$(date +%s.%N)
  dig +short +tries=1 +timeout=1 @{address} {name} TXT >/dev/null 2>&1
  echo "$asked $?"
  sleep 0.1
done
"""


class Queries:
    """Asks one server again and again until it is told to stop."""

    def __init__(self, lab, address, name):
        self.address = address
        self.asked = []
        self.process = lab.inside("sh", "-c", LOOP.format(address=address, name=name))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            asked, code = line.split()
            self.asked.append((float(asked), code == "0"))

    def answered_since(self, moment):
        """When the first question after this moment was asked that got an answer."""
        return next((asked for asked, is_answered in list(self.asked) if asked > moment and is_answered), None)

    def first_unanswered_since(self, moment):
        return next((asked for asked, is_answered in list(self.asked) if asked > moment and not is_answered), None)

    def stop(self):
        # The loop runs behind `lab exec`, in its process group.
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
        self.reader.join()

    def report(self):
        unanswered = sum(not is_answered for _, is_answered in self.asked)
        return {"address": self.address, "sent": len(self.asked), "unanswered": unanswered}


def warm_up(queries, seconds):
    """Waits until every server has answered; ends the program with the names of those that do not."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        silent = [each.address for each in queries if not each.answered_since(0)]
        if not silent:
            return
        time.sleep(0.2)
    raise SystemExit(f"no answer within {seconds} s from {', '.join(silent)}")
