#!/usr/bin/env python3
"""A disk with a volatile write cache, for a machine under emulation: what was not flushed can be lost when the power is cut.

usage: disk.py IMAGE SOCKET, started by guest.py

Speaks NBD (the oldstyle handshake, which QEMU does as well) on a Unix socket to one client. Writes stay in memory until the client
flushes. A line `cut SEED` on standard input is the end of the power: nothing is answered any more, and of each sector that was not
flushed, one of the contents that it had since its last flush reaches the image, or none, as chance has it. A sector is never torn.
Then a line of JSON says what became of them.
"""

import json
import os
import random
import socket
import struct
import sys
import threading
import time

SECTOR = 4096
# Of a flush, as of a disk that turns: the power may go in the middle of one.
FLUSH_S = 0.01
HANDSHAKE = struct.pack(">8sQ", b"NBDMAGIC", 0x00420281861253)
REQUEST, REQUEST_MAGIC = struct.Struct(">IHHQQI"), 0x25609513
REPLY, REPLY_MAGIC = struct.Struct(">IIQ"), 0x67446698
READ, WRITE, DISCONNECT, FLUSH = range(4)
# has flags, understands flushes
FLAGS = 1 | 1 << 2
INVALID = 22


class Power(Exception):
    """It is off."""


class Disk:
    def __init__(self, image):
        self.image = os.open(image, os.O_RDWR)
        self.octets = os.fstat(self.image).st_size
        # The contents that a sector had since the last flush, the latest one last.
        self.volatile = {}
        self.flushes = 0
        # Who has it may answer: with the power off, nobody has.
        self.power, self.is_on = threading.Lock(), True

    def do(self, command, offset, length, octets):
        """The octets that were asked for, if any; None for what cannot be done."""
        if command == FLUSH:
            return self.flush()
        if offset + length > self.octets:
            return None
        if command == READ:
            first = offset - offset % SECTOR
            sectors = b"".join(self.sector(at) for at in range(first, offset + length, SECTOR))
            return sectors[offset - first:offset - first + length]
        if command == WRITE and offset % SECTOR == 0 and length % SECTOR == 0:
            for at in range(0, length, SECTOR):
                self.volatile.setdefault(offset + at, []).append(octets[at:at + SECTOR])
            return b""
        return None

    def sector(self, at):
        contents = self.volatile.get(at)
        return contents[-1] if contents else os.pread(self.image, SECTOR, at)

    def flush(self):
        self.flushes += 1
        for at, contents in self.volatile.items():
            os.pwrite(self.image, contents[-1], at)
        self.volatile.clear()
        return b""

    def cut(self, seed):
        """Some power cuts keep nearly all of the cache, others nearly nothing."""
        chance = random.Random(seed)
        keeps, kept = chance.random(), 0
        for at, contents in self.volatile.items():
            if chance.random() < keeps:
                os.pwrite(self.image, chance.choice(contents), at)
                kept += 1
        return {"flushes": self.flushes, "unflushed sectors": len(self.volatile), "kept": kept}


def serve(disk, stream):
    stream.sendall(HANDSHAKE + struct.pack(">QI", disk.octets, FLAGS) + bytes(124))
    while True:
        magic, _, command, handle, offset, length = REQUEST.unpack(exactly(stream, REQUEST.size))
        octets = exactly(stream, length) if command == WRITE else b""
        if magic != REQUEST_MAGIC or command == DISCONNECT:
            return
        if command == FLUSH:
            time.sleep(FLUSH_S)
        with disk.power:
            if not disk.is_on:
                return
            answer = disk.do(command, offset, length, octets)
            head = REPLY.pack(REPLY_MAGIC, INVALID if answer is None else 0, handle)
            stream.sendall(head + (answer or b""))


def exactly(stream, length):
    octets = bytearray()
    while len(octets) < length:
        some = stream.recv(min(length - len(octets), 1 << 20))
        if not some:
            raise Power
        octets += some
    return bytes(octets)


def accept(disk, listener):
    stream, _ = listener.accept()
    try:
        serve(disk, stream)
    except (Power, OSError):
        pass  # The machine is gone; what it did not flush waits for the cut.


def main():
    image, path = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    disk = Disk(image)
    print("ready", flush=True)
    threading.Thread(target=accept, args=(disk, listener), daemon=True).start()
    words = sys.stdin.readline().split()
    # Without a word, whoever started this has died.
    if words[:1] == ["cut"]:
        with disk.power:
            disk.is_on = False
        print(json.dumps(disk.cut(words[1])), flush=True)


if __name__ == "__main__":
    main()
