"""A DNS server that knows no name: it answers every question with NXDOMAIN (RFC 1035, section 4.1.1).

usage: nameless.py ADDRESS

A lab has no way out, and inbound asks about each sender; without any answer it would wait for each.
"""

import socket
import sys

# QR and AA; RCODE 3.
ANSWER, NAME_ERROR = 0x84, 0x03
HEADER_OCTETS = 12


def question_end(query):
    """Behind the name, its type and its class."""
    at = HEADER_OCTETS
    while query[at]:
        at += query[at] + 1
    return at + 5


def answer(query):
    recursion_desired = query[2] & 1
    head = query[:2] + bytes([ANSWER | recursion_desired, NAME_ERROR]) + b"\0\1" + bytes(6)
    return head + query[HEADER_OCTETS:question_end(query)]


def serve(server):
    """Answers for ever."""
    while True:
        query, client = server.recvfrom(4096)
        try:
            server.sendto(answer(query), client)
        except IndexError:
            # No question.
            continue


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], 53))
    serve(server)


if __name__ == "__main__":
    main()
