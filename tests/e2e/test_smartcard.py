# SPDX-License-Identifier: Apache-2.0
"""Smartcards: our card in a virtual reader of the real pcscd, read by the real command."""
import json
import signal
import tempfile
import unittest
from pathlib import Path

import lab
import reader

ENDPOINT = "urn:dev:os:card"


class Folder(unittest.TestCase):
    """A base: a folder with a pack whose values the card holds."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="slipway-card-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.pack = self.make_pack("pack.json", "coaps://bs.example.com:5784")
        self.pin = self.folder / "pin"
        self.pin.write_text("1234\n", encoding="utf-8")

    def make_pack(self, name, server):
        pack = self.folder / name
        made = lab.run("factory", "--endpoint", ENDPOINT, "--server", server, "--out", pack, "--force")
        self.assertEqual(0, made.code, made.err)
        return pack


class SmartcardInReader(Folder):
    """One daemon for all of these tests; each has a card of its own."""

    @classmethod
    def setUpClass(cls):
        cls.reader = reader.Reader()
        cls.addClassCleanup(cls.reader.close)

    def insert(self, *options):
        card = reader.Card(self.reader, self.folder, *options)
        self.addCleanup(lambda: (card.kill(), self.reader.wait_for_card(there=False)))
        return card

    def read(self, *options):
        return lab.run("smartcard", "read", *options, folder=self.folder)

    def values(self, *options):
        result = self.read("--json", *options)
        self.assertEqual(0, result.code, result.err)
        return {value["path"]: value for value in result.json()["values"]}

    def test_an_empty_reader_is_said_to_be_empty(self):
        result = self.read()
        self.assertEqual(1, result.code)
        self.assertIn("there is no card in it; insert the card", result.err)

    def test_a_card_is_read_and_its_secrets_stay_masked(self):
        self.insert("--pack", self.pack)
        values = self.values()
        self.assertEqual("coaps://bs.example.com:5784", values["/0/0/0"]["value"])
        self.assertTrue(values["/0/0/5"]["masked"])
        shown = self.read()
        self.assertIn("/0/0/5  Secret Key  = (secret)", shown.out)
        for output in (shown.out + shown.err, json.dumps(values)):
            self.assertFalse(lab.holds(output, lab.factory_key(self.pack)))

    def test_a_pin_is_asked_for_and_a_wrong_one_is_presented_once(self):
        card = self.insert("--pack", self.pack, "--pin", "1234")
        self.assertIn("the card asks for a PIN", self.read().err)
        self.assertEqual("coaps://bs.example.com:5784", self.values("--pin-file", self.pin)["/0/0/0"]["value"])
        self.assertIn("the card asks for a PIN", self.read().err, "nobody else profits from the PIN")
        self.pin.write_text("9999", encoding="utf-8")
        self.assertIn("refused the PIN, and 2 tries are left", self.read("--pin-file", self.pin).err)
        card.wait_for("pin")
        self.assertIn("refused the PIN, and 1 try is left", self.read("--pin-file", self.pin).err)
        for _ in range(3):
            self.assertIn("only 1 try is left before the card blocks", self.read("--pin-file", self.pin).err)
        self.assertNotIn("9999", card.text())

    def test_a_file_that_is_no_pin_is_not_presented(self):
        self.insert("--pack", self.pack, "--pin", "1234")
        for content in ("", "12", "123456789", "abcd", "12 34"):
            self.pin.write_text(content, encoding="utf-8")
            self.assertIn("not a PIN; write 4 to 8 digits", self.read("--pin-file", self.pin).err)
        self.assertIn("pin2: cannot be read", self.read("--pin-file", str(self.pin) + "2").err)

    def test_a_changed_card_is_read_anew(self):
        card = self.insert("--pack", self.pack)
        self.assertEqual("coaps://bs.example.com:5784", self.values()["/0/0/0"]["value"])
        self.make_pack("pack.json", "coaps://other.example.com")
        card.send(signal.SIGHUP)
        card.wait_for("changed")
        self.assertEqual("coaps://other.example.com", self.values()["/0/0/0"]["value"])
        self.make_pack("pack.json", "coaps://third.example.com")
        seen = card.out.mark()
        card.say("reload")
        card.wait_for("changed", after=seen)
        self.assertEqual("coaps://third.example.com", self.values()["/0/0/0"]["value"])
        self.pack.write_text("{", encoding="utf-8")
        card.say("reload")
        self.assertIn("not JSON", card.wait_for("unchanged"))
        self.assertEqual("coaps://third.example.com", self.values()["/0/0/0"]["value"])

    def test_a_card_is_taken_out_and_put_in_again(self):
        card = self.insert("--pack", self.pack)
        card.say("remove")
        card.wait_for("removed")
        self.reader.wait_for_card(there=False)
        self.assertIn("there is no card", self.read().err)
        card.say("insert")
        self.reader.wait_for_card()
        self.assertEqual("coaps://bs.example.com:5784", self.values()["/0/0/0"]["value"])
        card.say("what")
        card.wait_for("unknown")
        card.say("quit")
        self.assertEqual(0, card.wait())

    def test_a_card_can_leave_by_itself(self):
        card = lab.Process("card", ["kit", "smartcard", "--json", "--port", self.reader.port, "--pack", self.pack,
                                    "--remove-after", "0.1"], self.folder)
        self.addCleanup(card.kill)
        card.out.wait(lambda line: json.loads(line)["event"] == "removed", "its removal")
        self.reader.wait_for_card(there=False)

    def test_cards_that_differ_are_read(self):
        everything = ["oid-double", "get-response", "exact-length", "absolute-path", "two-dodf", "padded"]
        less = ["no-dir", "no-fcp", "no-channels", "short-reads"]
        for quirks in (everything, less):
            with self.subTest(quirks=quirks):
                card = reader.Card(self.reader, self.folder, "--pack", self.pack, "--pin", "1234",
                                   *[word for quirk in quirks for word in ("--quirk", quirk)])
                self.assertIn("/0/0/0", self.values("--pin-file", self.pin))
                card.end()
                self.reader.wait_for_card(there=False)

    def test_a_file_that_is_no_content_is_told(self):
        file = self.folder / "blank.bin"
        file.write_bytes(b"\xff" * 64)
        self.insert("--file", file)
        result = self.read()
        self.assertEqual(1, result.code)
        self.assertIn("the smartcard's file is blank", result.err)

    def test_a_reader_is_named_by_a_part_of_its_name(self):
        self.insert("--pack", self.pack)
        self.assertIn("/0/0/0", self.values("--reader", "PCD 00 00"))
        self.assertIn("there is no card", self.read("--reader", "PCD 00 01").err)
        for name in ("PCD", "no such reader"):  # two have the first in their names
            self.assertIn("name one that `slipway smartcard readers` lists", self.read("--reader", name).err)


class SmartcardOfADevice(lab.Case):
    """A device whose accounts stand on its card, and a factory that nobody answers."""

    def setUp(self):
        super().setUp()
        self.reader = reader.Reader()
        self.addCleanup(self.reader.close)
        self.on_card = self.lab.factory(ENDPOINT)  # enrolled
        self.pack = self.lab.folder / "device.json"
        self.succeeds(lab.run("factory", "--endpoint", ENDPOINT, "--server", "coaps://127.0.0.1:9", "--out", self.pack))

    def insert(self, *options):
        card = reader.Card(self.reader, self.lab.folder, "--pack", self.on_card, *options)
        self.lab.processes.append(card)
        return card

    def test_the_card_comes_before_the_factory(self):
        self.insert()
        device = self.lab.start_device(ENDPOINT, self.pack, "--smartcard", "any")
        device.wait_for("smartcard applied")
        device.wait_for("bootstrap ended", "succeeded")
        device.wait_for("registered")
        self.assertNotIn("127.0.0.1:9 ", device.text() + " ")

    def test_a_device_without_a_pack_lives_by_its_card_and_its_pin(self):
        self.insert("--pin", "1234")
        pin = self.lab.folder / "pin"
        pin.write_text("1234\n", encoding="utf-8")
        device = lab.Process("device", ["client", "--json", "--endpoint", ENDPOINT, "--state",
                                        self.lab.folder / "state", "--smartcard", "any", "--pin-file", pin],
                             self.lab.folder)
        self.lab.processes.append(device)
        device.out.wait(lambda line: json.loads(line)["event"] == "registered", "registered")

    def test_without_a_card_the_factory_is_used(self):
        device = self.lab.start_device(ENDPOINT, self.pack, "--smartcard", "any")
        self.assertIn("coaps://127.0.0.1:9", device.wait_for("connecting"))

    def test_a_card_that_is_gone_takes_its_accounts_with_it(self):
        card = self.insert()
        device = self.lab.start_device(ENDPOINT, self.pack, "--smartcard", "any")
        device.wait_for("registered")
        device.end()
        card.say("remove")
        card.wait_for("removed")
        self.reader.wait_for_card(there=False)
        again = self.lab.start_device(ENDPOINT, self.pack, "--smartcard", "any")
        again.wait_for("smartcard removed")
        # What its bootstrap server gave is not the card's: the device registers, and can bootstrap no more.
        again.wait_for("registered")

    def test_a_reader_that_is_not_there_is_told_and_the_factory_used(self):
        device = self.lab.start_device(ENDPOINT, self.pack, "--smartcard", "no such reader")
        self.assertIn("no such reader", device.wait_for("smartcard unreadable"))
        device.wait_for("connecting")


class SmartcardWithoutReader(Folder):
    def test_without_the_daemon_the_remedy_is_named(self):
        nowhere = {"PCSCLITE_CSOCK_NAME": str(self.folder / "nowhere")}
        for command in (["readers"], ["read"]):
            result = lab.run("smartcard", *command, environment=nowhere)
            self.assertEqual(1, result.code)
            self.assertIn("start pcscd", result.err)

    def test_a_card_without_a_reader_says_what_to_install(self):
        result = lab.run("kit", "smartcard", "--pack", self.pack, "--port", reader.free_ports())
        self.assertEqual(1, result.code)
        self.assertIn("install Debian's vsmartcard-vpcd and start pcscd", result.err)

    def test_bad_input_is_told_with_its_remedy(self):
        for options, message in [
                ([], "either --file"),
                (["--pack", self.pack, "--file", self.pack], "either --file"),
                (["--pack", self.pack, "--pin", "12"], "4 to 8 digits"),
                (["--pack", self.folder / "gone"], "cannot be read"),
                (["--file", self.folder / "gone"], "cannot be read")]:
            result = lab.run("kit", "smartcard", *options)
            self.assertEqual(1, result.code, options)
            self.assertIn(message, result.err, options)
        self.assertEqual(2, lab.run("kit", "smartcard", "--pack", self.pack, "--quirk", "what").code)
        self.assertEqual(2, lab.run("kit").code)
        large = self.folder / "large.bin"
        large.write_bytes(bytes(32 * 1024 + 1))
        self.assertIn("larger than 32 KiB", lab.run("kit", "smartcard", "--file", large).err)

    def test_a_file_is_read_without_a_card(self):
        file = self.folder / "ef.bin"
        file.write_bytes(bytes.fromhex("0001000a000300000503 00c10901".replace(" ", "")) + b"\xff" * 20)
        result = lab.run("smartcard", "read", "--json", "--file", file)
        self.assertEqual(0, result.code, result.err)
        self.assertEqual([1], [value["value"] for value in result.json()["values"]])
        self.assertEqual(2, lab.run("smartcard", "read", "--file", file, "--reader", "x").code)


if __name__ == "__main__":
    unittest.main()
