"""A client in a lab's network that asks all the time, and when it was answered.

usage: client.py dns:ADDRESS|echo:ADDRESS...     (inside: understudy lab exec -- python3 client.py ...)

Every 25 ms each address is asked by DNS (NAME, TXT) or ICMP echo, whatever became of the questions before: dig waits
for a second before it gives one up. One line for each answer: the word, when it was asked, when it was answered.
"""

import os
import select
import signal
import socket
import struct
import sys
import threading
import time

NAME, ANSWER = "hello.demo", b"there is a spare"
PAUSE_S = 0.025
# Of a question that was on its way when the power was cut.
ON_ITS_WAY_S = 0.01


class Dns:
    def __init__(self, address):
        self.where = (address, 53)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        labels = b"".join(bytes([len(label)]) + label.encode() for label in NAME.split("."))
        # One question, recursion desired; type TXT, class IN (RFC 1035, section 4.1).
        self.rest = struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 16, 1)

    def question(self, number):
        return struct.pack("!H", number) + self.rest

    def number(self, packet):
        """Of the question that this answers."""
        return struct.unpack("!H", packet[:2])[0] if ANSWER in packet else None


class Echo:
    def __init__(self, address):
        self.where = (address, 0)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.own = (os.getpid() & 0xffff) ^ int(address.rpartition(".")[2])

    def question(self, number):
        return struct.pack("!BBHHH", 8, 0, checksum(8 << 8, self.own, number), self.own, number)

    def number(self, packet):
        kind, _, _, own, number = struct.unpack("!BBHHH", packet[20:28])
        return number if (kind, own) == (0, self.own) else None


def checksum(*words):
    """RFC 1071."""
    total = sum(words)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


def ask_for_ever(words):
    kinds = {"dns": Dns, "echo": Echo}
    sides = [(word, kinds[word.partition(":")[0]](word.partition(":")[2]), {}) for word in words]
    by_socket = {side.socket: (word, side, asked) for word, side, asked in sides}
    number, next_at = 0, time.monotonic()
    while True:
        number = (number + 1) & 0xffff
        for _, side, asked in sides:
            asked[number] = time.time()
            try:
                side.socket.sendto(side.question(number), side.where)
            except OSError:
                pass  # Nobody has the address: no answer.
        next_at += PAUSE_S
        while (left := next_at - time.monotonic()) > 0:
            for ready in select.select(list(by_socket), [], [], left)[0]:
                read(*by_socket[ready])


def read(word, side, asked):
    try:
        packet, (address, _) = side.socket.recvfrom(2048)
    except OSError:
        return  # "Unreachable", about an earlier question.
    at = asked.pop(side.number(packet), None) if address == side.where[0] else None
    if at is not None:
        print(word, at, time.time(), flush=True)


class Client:
    """Asks inside a lab as long as its `with` block."""

    def __init__(self, lab, words):
        self.words, self.answers = words, []
        self.process = lab.inside(sys.executable, os.path.abspath(__file__), *words)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # It runs behind `lab exec`, in its process group.
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
        self.reader.join()

    def read(self):
        for line in self.process.stdout:
            word, asked, answered = line.split()
            self.answers.append((word, float(asked), float(answered)))

    def answered_since(self, moment):
        """When each was answered first of what was asked after this moment, once all of them are."""
        first = {}
        for word, asked, answered in list(self.answers):
            if asked > moment + ON_ITS_WAY_S:
                first.setdefault(word, answered)
        return first if len(first) == len(self.words) else None


if __name__ == "__main__":
    ask_for_ever(sys.argv[1:])
