# SPDX-License-Identifier: Apache-2.0
"""`slipway plan`: what is wrong with a plan is known before a device sees it, and what a device would be sent."""
import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import lab

SAMPLE = lab.ROOT / "examples" / "slipway.toml"
ENROLMENT = '[[enrolment]]\nendpoints = ["d*"]\nplan = "p"\n'
SERVER = '[[plan.p.server]]\nid = 101\nuri = "coaps://127.0.0.1:5684"\n'


class Plan(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="slipway-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        return file

    def check(self, *arguments, code=0):
        result = lab.run("plan", "check", *arguments)
        self.assertEqual(code, result.code, result)
        return result

    def test_a_good_file_is_called_good(self):
        self.assertEqual(f"{SAMPLE}: good\n", self.check(SAMPLE, "--objects", lab.OBJECTS).out)

    def test_errors_fail_and_warnings_do_not_unless_strict(self):
        bad = self.write("bad.toml", ENROLMENT + SERVER + "lifetime = -1\n")
        self.assertIn("bad.toml:7:12: plan.p.server[0].lifetime", self.check(bad, code=1).out)
        worth_a_look = self.write("look.toml", SERVER)
        self.assertIn("look.toml:1:1: warning: plan.p: no enrolment", self.check(worth_a_look).out)
        self.check(worth_a_look, "--strict", code=1)

    def test_several_files_and_json(self):
        bad = self.write("bad.toml", "[server]\ncolour = 1\n")
        look = self.write("look.toml", SERVER)
        answer = json.loads(self.check(bad, look, "--json", code=1).out)
        self.assertFalse(answer["good"])
        self.assertEqual([("error", str(bad), 2), ("warning", str(look), 1)],
                         [(finding["severity"], finding["file"], finding["line"]) for finding in answer["findings"]])

    def test_objects_that_the_file_names_are_found(self):
        text = f'[server]\nobjects = "{lab.OBJECTS}"\n' + ENROLMENT + SERVER + '[[plan.p.instance]]\npath = "/3303/1"\n'
        self.assertIn(": good", self.check(self.write("own.toml", text)).out)

    def test_the_server_prints_warnings_and_refuses_errors(self):
        bad = self.write("bad.toml", ENROLMENT + SERVER + 'credential = "rpk"\nserver_public_key = "gone.pem"\n')
        result = lab.run("serve", "--config", bad, "--data", self.folder / "data", "--http", "off")
        self.assertEqual(1, result.code)
        self.assertIn("bad.toml:8:21: plan.p.server[0].server_public_key: \"gone.pem\" cannot be read", result.err)

    def test_show_prints_bytes_but_no_key(self):
        shown = lab.run("plan", "show", SAMPLE, "--objects", lab.OBJECTS, "--for", "urn:dev:os:1")
        self.assertEqual(0, shown.code, shown.err)
        for text in ["plan default for urn:dev:os:1", "PUT /0/1  senml-cbor", "Secret Key = (16 bytes, secret)", ".. ..",
                     "Bootstrap-Finish", "bytes of CoAP"]:
            self.assertIn(text, shown.out)

    def test_show_as_json_for_an_old_device(self):
        shown = lab.run("plan", "show", SAMPLE, "--objects", lab.OBJECTS, "--for", "urn:dev:os:1", "--enabler", "1.0",
                        "--json")
        body = json.loads(shown.out)
        self.assertEqual("succeeded", body["outcome"])
        self.assertEqual({"tlv"}, {one["format"] for one in body["operations"] if "format" in one})

    def test_show_against_what_a_device_has(self):
        have = self.write("discover.txt", "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=7,</1/1>;ssid=7,</3/0>\n")
        shown = lab.run("plan", "show", SAMPLE, "--objects", lab.OBJECTS, "--for", "urn:dev:os:1", "--have", have)
        self.assertIn("DELETE /0/1", shown.out)
        wrong = self.write("wrong.txt", "</0/99999>\n")
        refused = lab.run("plan", "show", SAMPLE, "--objects", lab.OBJECTS, "--for", "urn:dev:os:1", "--have", wrong)
        self.assertEqual(1, refused.code)
        self.assertIn("wrong.txt:1:", refused.err)

    def test_show_without_a_device_lists_and_a_stranger_is_told(self):
        listed = lab.run("plan", "show", SAMPLE, "--objects", lab.OBJECTS)
        self.assertIn('enrolment "demo devices"', listed.out)
        self.assertIn("server 101  coaps://127.0.0.1:5684  psk", listed.out)
        stranger = lab.run("plan", "show", SAMPLE, "--objects", lab.OBJECTS, "--for", "nobody")
        self.assertEqual(1, stranger.code)
        self.assertIn('no enrolment lets "nobody" in', stranger.err)

    def test_wrong_options_are_told(self):
        for arguments, says in [(["--enabler", "2.0"], "--enabler is"), (["--format", "text"], "--format is"),
                                (["--pack", "--enabler", "1.1"], "--pack needs"), (["--have", "gone.txt"], "gone.txt")]:
            refused = lab.run("plan", "show", SAMPLE, "--objects", lab.OBJECTS, "--for", "urn:dev:os:1", *arguments)
            self.assertEqual(1, refused.code)
            self.assertIn(says, refused.err)


class Examples(unittest.TestCase):
    """Each file of examples/plans, with the files that the commands in its comments make."""

    DEVICES = {"bootstrap-account": ["urn:dev:os:1"], "odd-device": ["urn:dev:ops:odd-1"],
               "oscore": ["urn:dev:os:gateway-1"], "rpk": ["urn:dev:os:1"], "several-servers": ["urn:dev:os:1"],
               "x509": ["urn:dev:os:1", "urn:imei:1"]}

    REFERENCE_LEAVES_OUT = "objects = token_file = ca_file = "  # they name what is not here

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="slipway-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def prepare(self, file):
        """A copy of the example, beside what it needs."""
        for command in re.findall(r"^#     \$ (.*)$", file.read_text(encoding="utf-8"), re.M):
            subprocess.run(["sh", "-c", command], cwd=self.folder, check=True, capture_output=True)
        return shutil.copy(file, self.folder)

    def test_every_one_is_good_and_can_be_carried_out(self):
        files = sorted((lab.ROOT / "examples" / "plans").glob("*.toml"))
        self.assertEqual(sorted(self.DEVICES), [file.stem for file in files])
        for file in files:
            with self.subTest(file=file.name):
                copy = self.prepare(file)
                checked = lab.run("plan", "check", "--strict", copy, "--objects", lab.OBJECTS)
                self.assertEqual((0, f"{copy}: good\n"), (checked.code, checked.out))
                for device in self.DEVICES[file.stem]:
                    shown = lab.run("plan", "show", copy, "--objects", lab.OBJECTS, "--for", device, "--json")
                    self.assertEqual("succeeded", json.loads(shown.out)["outcome"], shown)

    def test_the_reference_shows_every_key_once(self):
        self.prepare(lab.ROOT / "examples" / "plans" / "x509.toml")
        page = (lab.ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
        whole = re.search(r"^```toml\n(.*?)^```$", page, re.M | re.S)[1]
        file = self.folder / "whole.toml"
        file.write_text(whole, encoding="utf-8")
        checked = lab.run("plan", "check", "--strict", file, "--objects", lab.OBJECTS)
        self.assertEqual((0, f"{file}: good\n"), (checked.code, checked.out))
        for key in re.findall(r"^\| (`.*?`) \|", page, re.M):
            for name in re.findall(r"`([a-z_]+)`", key):
                with self.subTest(key=name):
                    self.assertRegex(whole + self.REFERENCE_LEAVES_OUT, rf"\b{name} = ")

    def test_no_private_key_is_shown(self):
        copy = self.prepare(lab.ROOT / "examples" / "plans" / "x509.toml")
        shown = lab.run("plan", "show", copy, "--for", "urn:dev:os:1", "--json")
        self.assertRegex(shown.out, r"Secret Key = \(\d+ bytes, secret\)")
        pem = (self.folder / "fleet-ca.key").read_text(encoding="utf-8")
        der = subprocess.run(["openssl", "pkey", "-outform", "DER"], input=pem.encode(), check=True,
                             capture_output=True).stdout
        self.assertFalse(lab.holds(shown.out.encode(), der[36:68]))


if __name__ == "__main__":
    unittest.main()
