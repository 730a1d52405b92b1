# SPDX-License-Identifier: Apache-2.0
"""CoAP messages for peers that are DTLS alone, read and written here so that our own code is not its own judge.
[RFC 7252 §3]"""
from rig import Failure

CON, NON, ACK, RST = range(4)
GET, POST, PUT, DELETE = 0x01, 0x02, 0x03, 0x04
CREATED, DELETED, SERVICE_UNAVAILABLE = 0x41, 0x42, 0xA3
LOCATION_PATH, URI_PATH, CONTENT_FORMAT, URI_QUERY = 8, 11, 12, 15


class Message:
    """One message; `options` are (number, bytes) in the order of their numbers."""

    def __init__(self, kind, code, number, token=b"", options=(), payload=b""):
        self.kind, self.code, self.number, self.token = kind, code, number, token
        self.options, self.payload = list(options), payload

    def path(self):
        return [value.decode() for number, value in self.options if number == URI_PATH]

    def queries(self):
        return {value.decode() for number, value in self.options if number == URI_QUERY}

    def to_bytes(self):
        data = bytearray([0x40 | self.kind << 4 | len(self.token), self.code])
        data += self.number.to_bytes(2, "big") + self.token
        last = 0
        for number, value in self.options:
            delta, delta_more = _nibble(number - last)
            length, length_more = _nibble(len(value))
            data += bytes([delta << 4 | length]) + delta_more + length_more + value
            last = number
        return bytes(data + (b"\xff" + self.payload if self.payload else b""))

    def answer(self, code, options=()):
        """A piggybacked one."""
        return Message(ACK, code, self.number, self.token, options)


def _nibble(value):
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, (value - 269).to_bytes(2, "big")


def parse(data):
    """One message that ends where `data` ends; Failure when it is none."""
    if len(data) < 4 or data[0] >> 6 != 1 or (data[0] & 15) > 8:
        raise Failure(f"not a CoAP message: {data.hex()}")
    at = 4 + (data[0] & 15)
    message = Message(data[0] >> 4 & 3, data[1], int.from_bytes(data[2:4], "big"), bytes(data[4:at]))
    number = 0
    while at < len(data) and data[at] != 0xFF:
        head = data[at]
        delta, at = _extended(data, head >> 4, at + 1)
        length, at = _extended(data, head & 15, at)
        number += delta
        message.options.append((number, bytes(data[at:at + length])))
        at += length
    if at > len(data):
        raise Failure(f"a CoAP message that is cut short: {data.hex()}")
    message.payload = bytes(data[at + 1:])
    return message


def _extended(data, nibble, at):
    if nibble < 13:
        return nibble, at
    size = nibble - 12
    if nibble == 15 or at + size > len(data):
        raise Failure(f"a bad option in a CoAP message: {data.hex()}")
    return int.from_bytes(data[at:at + size], "big") + (13 if nibble == 13 else 269), at + size


def register(endpoint, number, token):
    """What a device says first to its server. [LwM2M-TRANSPORT 1.2 §6.4.3]"""
    queries = (f"ep={endpoint}", "lt=300", "lwm2m=1.1", "b=U")
    return Message(CON, POST, number, token,
                   [(URI_PATH, b"rd"), (CONTENT_FORMAT, bytes([40]))] +
                   [(URI_QUERY, query.encode()) for query in queries], b"</1/0>,</3/0>")
