# SPDX-License-Identifier: Apache-2.0
"""`slipway decode`: hexadecimal, files, captures and rubbish."""
import json
import struct
import tempfile
import unittest
from pathlib import Path

import lab

REQUEST = "4402b60b2161fb63b13101300138"  # POST /1/0/8


def coap(code, message_id, *options, kind=0, token=b"\x01", payload=b""):
    """A message [RFC 7252 §3]; options are (number, value) in ascending order."""
    out = bytes([0x40 | kind << 4 | len(token), code]) + struct.pack(">H", message_id) + token
    last = 0
    for number, value in options:
        delta = number - last
        last = number
        assert delta < 13 and len(value) < 13
        out += bytes([delta << 4 | len(value)]) + value
    return out + (b"\xff" + payload if payload else b"")


def frame(source_port, target_port, payload):
    """Ethernet, IPv4, UDP; who has a port of a server is 192.0.2.1."""
    hosts = [bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])]
    if target_port < 10000:
        hosts.reverse()
    udp = struct.pack(">HHHH", source_port, target_port, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, *hosts)
    return bytes(12) + b"\x08\x00" + ip + udp


def pcap(*frames):
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number, data in enumerate(frames):
        out += struct.pack("<IIII", 1700000000, 1500 * number, len(data), len(data)) + data
    return out


READ = coap(1, 1, (11, b"3"), (11, b"0"), (11, b"0"))
ANSWER = coap(0x45, 1, (12, b""), kind=2, payload=b"Slipway")


class Decode(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="slipway-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def decoded(self, *arguments, **more):
        result = lab.run("decode", *arguments, **more)
        self.assertEqual(0, result.code, result.err)
        return result

    def test_hexadecimal(self):
        self.assertRegex(self.decoded(REQUEST).out, r"CON.*POST +/1/0/8")
        row = self.decoded("--json", REQUEST).lines()[0]
        self.assertEqual(("CON", "POST", "/1/0/8", "up", 14),
                         (row["type"], row["code"], row["path"], row["direction"], row["wire_bytes"]))
        self.assertEqual("down", self.decoded("--json", "--down", REQUEST).lines()[0]["direction"])

    def test_frames_of_a_stream(self):
        csm, read = "50e12301040020", "6101aab13301300130"
        rows = self.decoded("--json", "--tcp", self.file("talk.txt", f"> {csm}\n< {read}\n")).lines()
        self.assertEqual([("TCP", "7.01 CSM"), ("TCP", "GET")], [(row["type"], row["code"]) for row in rows])
        self.assertIn("Max-Message-Size 66560", rows[0]["detail"])
        self.assertIn("Extended length", self.decoded("--tcp", "--fields", "d0ff45ff" + 267 * "61").out)
        capture = self.file("talk.pcap", pcap(frame(5683, 40000, READ)))
        refused = lab.run("decode", "--tcp", capture)
        self.assertEqual(1, refused.code)
        self.assertIn("only UDP is read", refused.err)

    def test_a_file_keeps_the_conversation_together(self):
        text = f"# a read and its answer\n< {READ.hex()}\n\n> {ANSWER.hex()}\n"
        for rows in [self.decoded("--json", self.file("talk.txt", text)).lines(),
                     self.decoded("--json", "-", stdin=text.encode()).lines()]:
            self.assertEqual(["down", "up"], [row["direction"] for row in rows])
            self.assertEqual("Read", rows[0]["operation"])
            self.assertEqual("/3/0/0", rows[1]["path"], "known from the request")
            self.assertIn("Slipway", str(rows[1]["values"]))

    def test_a_capture(self):
        capture = self.file("talk.pcap", pcap(frame(5683, 40000, READ), frame(40000, 5683, ANSWER)))
        rows = self.decoded("--json", capture).lines()
        self.assertEqual([("down", "GET", 0), ("up", "2.05 Content", 1500)],
                         [(row["direction"], row["code"], row["at_us"]) for row in rows])
        self.assertIn("Slipway", self.decoded(capture).out)

    def test_a_capture_of_sealed_traffic_says_so(self):
        sealed = bytes.fromhex("17fefd0001000000000001") + struct.pack(">H", 24) + bytes(24)
        result = self.decoded(self.file("sealed.pcap", pcap(frame(40000, 5684, sealed))))
        self.assertIn("1 datagrams are DTLS", result.err)

    def test_secrets_in_a_capture_are_masked(self):
        key = bytes(range(100, 116))
        tlv = b"\xc8\x05\x10" + key
        write = coap(3, 7, (11, b"0"), (11, b"1"), (12, b"\x2d\x16"), payload=tlv)
        shown = self.decoded("--down", write.hex()).out
        self.assertIn("secret", shown)
        self.assertFalse(lab.holds(shown, key))

    def test_fields_say_what_each_byte_is(self):
        row = self.decoded("--json", "--down", "--fields", REQUEST).lines()[0]
        self.assertEqual(REQUEST, "".join(field["bytes"] for field in row["fields"]))
        self.assertEqual(("Uri-Path", '"8"'), tuple(row["fields"][-1][key] for key in ("name", "value")))
        talk = self.file("talk.txt", f"< {READ.hex()}\n> {ANSWER.hex()}\n")
        self.assertIn("/3/0/0 Manufacturer", self.decoded("--fields", talk).out, "named by the request")

    def test_fields_mask_secrets(self):
        key = bytes(range(100, 116))
        tlv = b"\xc8\x05\x10" + key
        write = coap(3, 7, (11, b"0"), (11, b"1"), (12, b"\x2d\x16"), payload=tlv)
        for options in [("--fields",), ("--fields", "--json")]:
            shown = self.decoded(*options, "--down", write.hex()).out
            self.assertIn("/0/1/5 Secret Key", shown)
            self.assertFalse(lab.holds(shown, key))

    def test_packets_are_what_decode_reads(self):
        result = lab.run("packets", "--interface", "bootstrap", "--format", "json")
        self.assertEqual(0, result.code, result.err)
        packets = json.loads(result.out)
        finish = next(packet for packet in packets if packet["id"] == "bootstrap-finish")
        row = self.decoded("--json", "--down", finish["bytes"]).lines()[0]
        self.assertEqual(("Bootstrap-Finish", finish["sizes"]["coap"]), (row["operation"], row["wire_bytes"]))
        self.assertIn("bootstrap-finish/4.06", lab.run("packets", "--id", "bootstrap-finish").out)
        for wrong in [("--interface", "boot"), ("--id", "no-such"), ("--format", "yaml")]:
            refused = lab.run("packets", *wrong)
            self.assertEqual(1, refused.code, refused)
            self.assertIn(wrong[1], refused.err)

    def test_garbage_has_a_place_and_a_remedy(self):
        def refused(argument, *says, **more):
            result = lab.run("decode", argument, **more)
            self.assertEqual(1, result.code, result)
            for text in says:
                self.assertIn(text, result.err)
        refused("not-hexadecimal", "not-hexadecimal", "file")
        refused(self.file("bad.txt", f"{REQUEST}\nxyz\n"), "bad.txt:2")
        refused(self.file("empty.txt", ""), "empty.txt")
        refused("-", "standard input", stdin=b"")
        refused(self.file("empty.pcap", pcap()), "empty.pcap")
        refused(self.file("cut.pcap", pcap(frame(5683, 40000, READ))[:30]), "cut.pcap")
        refused(self.file("binary", bytes(range(256))), "binary:1")

    def test_a_broken_message_is_a_row_that_says_why(self):
        for broken in ["40", "00", "4f010001", "44010001ff", READ.hex() + "ff"]:
            with self.subTest(broken=broken):
                row = self.decoded("--json", broken).lines()[0]
                self.assertTrue(row.get("detail"), row)


if __name__ == "__main__":
    unittest.main()
