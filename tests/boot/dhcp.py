#!/usr/bin/env python3
"""dhcp.py INTERFACE SECONDS: leases 10.0.2.15 to whoever asks there, from so many seconds on. 10.0.2.2 is the way out."""
import socket
import sys
import time

SERVER, CLIENT = socket.inet_aton("10.0.2.2"), socket.inet_aton("10.0.2.15")
COOKIE = bytes.fromhex("63825363")
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5


def kind(packet: bytes) -> int:
    """The DHCP message type, or 0."""
    options = packet[240:]
    while options and options[0] != 255:
        if options[0] == 0:
            options = options[1:]
        elif options[0] == 53:
            return options[2]
        else:
            options = options[2 + options[1]:]
    return 0


def answer(asked: bytes, what: int) -> bytes:
    head = b"\x02" + asked[1:3] + b"\0" + asked[4:8] + b"\0\0" + asked[10:12] + bytes(4) + CLIENT + SERVER + bytes(4)
    said = [(53, bytes([what])), (54, SERVER), (51, (86400).to_bytes(4)), (1, socket.inet_aton("255.255.255.0")), (3, SERVER)]
    options = b"".join(bytes([code, len(value)]) + value for code, value in said) + b"\xff"
    return head + asked[28:44] + bytes(192) + COOKIE + options


def main() -> None:
    interface, seconds = sys.argv[1], float(sys.argv[2])
    first = time.monotonic() + seconds
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    port.bind(("", 67))
    while True:
        asked = port.recv(1500)
        what = {DISCOVER: OFFER, REQUEST: ACK}.get(kind(asked))
        if what and time.monotonic() >= first:
            port.sendto(answer(asked, what), ("255.255.255.255", 68))


if __name__ == "__main__":
    main()
