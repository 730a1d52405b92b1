# SPDX-License-Identifier: Apache-2.0
"""What `slipway factory` makes, from the file to the device that is born with it."""
import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import lab

ENDPOINT = "urn:dev:os:factory"


class FactoryToRegistration(lab.Case):
    def make(self, *options, name="device.json"):
        pack = self.lab.folder / name
        made = lab.run("factory", "--json", "--endpoint", ENDPOINT, "--out", pack, "--data", self.lab.data, *options,
                       folder=self.lab.folder)
        self.succeeds(made)
        return pack

    def test_a_device_with_a_management_account_needs_no_bootstrap(self):
        pack = self.make("--management", f"coaps://127.0.0.1:{self.lab.management_port}", "--short-server-id", 101)
        device = self.lab.start_device(ENDPOINT, pack)
        device.wait_for("registered", "101")
        self.assertFalse([event for event in device.happenings() if "bootstrap" in event])
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0")[:7])

    def test_a_pack_in_cbor_is_as_good_as_one_in_json(self):
        server = f"coaps://127.0.0.1:{self.lab.bootstrap_port}"
        pack = self.make("--server", server, name="device.cbor")
        self.assertTrue(pack.read_bytes().startswith(b"\x84\x6cslipway-pack\x01"))
        self.lab.start_device(ENDPOINT, pack).wait_for("registered", "101")

    def test_further_instances_of_a_template_are_there_at_birth(self):
        template = self.lab.folder / "template.json"
        template.write_text(json.dumps({"slipway_pack": 1, "endpoint": "all", "objects": [
            {"n": "/0/4/0", "vs": f"coaps://127.0.0.1:{self.lab.management_port}"}, {"n": "/0/4/1", "vb": False},
            {"n": "/0/4/2", "v": 0}, {"n": "/0/4/10", "v": 101}, {"n": "/1/0/0", "v": 101}, {"n": "/1/0/1", "v": 60},
            {"n": "/1/0/6", "vb": True}, {"n": "/1/0/7", "vs": "U"},
            {"n": "/2/0/0", "v": 3}, {"n": "/2/0/1", "v": 0}, {"n": "/2/0/2/101", "v": 3}, {"n": "/2/0/3", "v": 101},
        ]}), encoding="utf-8")
        device = self.lab.start_device(ENDPOINT, self.make("--template", template))
        device.wait_for("registered", "101")
        self.assertEqual(60, self.lab.value(ENDPOINT, "/1/0/1"))


class FactoryOptions(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="slipway-factory-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def factory(self, *options):
        return lab.run("factory", *options, folder=self.folder)

    def made(self, *options):
        result = self.factory(*options)
        self.assertEqual(0, result.code, result.err)
        return result

    def refused(self, *options, says):
        result = self.factory(*options)
        self.assertEqual(1, result.code, result.out)
        self.assertIn(says, result.err)
        return result

    def keys_of(self, pack):
        records = json.loads((self.folder / pack).read_text(encoding="utf-8"))["objects"]
        base, keys = "", []
        for record in records:
            base = record.get("bn", base)
            path = base + record.get("n", "")
            if path.startswith("/0/") and path.endswith("/5"):
                keys.append(record["vd"])
        return keys

    def openssl(self, *arguments):
        """Keys and certificates of servers, as an operator has them."""
        tool = shutil.which("openssl")
        if tool is None:
            self.fail("openssl is missing; ./dev setup installs it")
        subprocess.run([tool, *map(str, arguments)], check=True, capture_output=True, cwd=self.folder)

    def make_authority_and_server(self):
        for name, extensions in [("ca", ["basicConstraints=critical,CA:true", "keyUsage=keyCertSign"]),
                                 ("bs", ["basicConstraints=critical,CA:false", "extendedKeyUsage=serverAuth"])]:
            self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
            self.openssl("req", "-x509", "-key", f"{name}.key", "-subj", f"/CN={name}", "-days", "30", "-out", f"{name}.crt",
                         *[word for extension in extensions for word in ("-addext", extension)])
        self.openssl("pkey", "-in", "bs.key", "-pubout", "-out", "bs.pub")

    def test_every_device_and_every_server_has_a_key_of_its_own(self):
        self.made("-e", "d-{}", "-n", "3", "-s", "coaps://h", "--management", "coaps://m", "--short-server-id", "101",
                  "--management", "coaps://n", "--short-server-id", "102", "-o", "packs")
        keys = [key for number in (1, 2, 3) for key in self.keys_of(f"packs/d-00000{number}.pack.json")]
        self.assertEqual(9, len(set(keys)))

    def test_key_pairs_and_certificates_are_made_and_checked(self):
        self.make_authority_and_server()
        self.made("-e", "r", "-s", "coaps://h", "--rpk", "--server-key", "bs.pub", "-o", "r.json", "-d", "data")
        self.made("-e", "r2", "-s", "coaps://h", "--rpk", "--server-key", "bs.crt", "-o", "r2.json")
        self.assertNotEqual(self.keys_of("r.json"), self.keys_of("r2.json"))
        issue = ["--x509", "--server-key", "bs.crt", "--authority", "ca.crt", "--authority-key", "ca.key"]
        result = self.made("-e", "x", "-s", "coaps://h", *issue, "-o", "x.json", "-d", "data", "--json")
        self.assertTrue(result.json()["enrolled"])
        self.assertNotIn("--trust-store", result.err)
        result = self.made("-e", "x", "-s", "coaps://h", *issue, "-o", "u.json", "--certificate-usage", "1")
        self.assertIn("slipway client --trust-store", result.err)
        self.assertFalse(lab.holds(Path(self.folder, "data", "slipway.db").read_bytes(), self.keys_of("x.json")[0].encode()))

        self.refused("-e", "y", "-s", "coaps://h", "--rpk", says="--server-key is missing")
        self.refused("-e", "y", "-s", "coaps://h", "--x509", says="--authority and --authority-key")
        self.refused("-e", "y", "-s", "coaps://h", *issue[:-1], "bs.key", says="the private key is not the authority's")
        self.refused("-e", "y", "-s", "coaps://h", "--rpk", "--server-key", "ca.key", says="no public EC key in it")
        self.refused("-e", "y", "-s", "coaps://h", "--rpk", "--server-key", "none.pub", says="none.pub: cannot be read")
        self.refused("-e", "y", "-s", "coap://h", "--rpk", "--server-key", "bs.pub", says="scheme does not fit")

    def test_a_template_with_a_key_is_refused(self):
        self.made("-e", "one", "-s", "coaps://h", "-o", "one.json")
        self.refused("-e", "d-{}", "-n", "2", "--template", "one.json", says="this key would be the same on every device")
        self.refused("-e", "d", "--template", "none.json", says="none.json: cannot be read")

    def test_a_card_takes_the_place_of_a_pack_or_stands_beside_it(self):
        self.made("-e", "d", "-s", "coaps://h", "--smartcard", "ef.bin")
        self.assertEqual(["ef.bin"], [file.name for file in self.folder.iterdir()])
        self.assertEqual(0o600, (self.folder / "ef.bin").stat().st_mode & 0o777)
        shown = lab.run("smartcard", "read", "--json", "--file", "ef.bin", folder=self.folder).json()
        self.assertEqual("coaps://h", shown["values"][0]["value"])
        self.refused("-e", "d", "-s", "coaps://h", "--smartcard", "ef.bin", says="it is there already")
        self.made("-e", "d-{}", "-n", "2", "-s", "coaps://h", "--smartcard", "card-{}.bin", "-o", ".", "--format", "cbor")
        self.assertTrue((self.folder / "card-000002.bin").is_file())
        self.assertTrue((self.folder / "d-000002.pack.cbor").is_file())
        self.refused("-e", "d-{}", "-n", "2", "-s", "coaps://h", "--smartcard", "card.bin", says="place for the number")

    def test_options_that_do_not_go_together_are_told(self):
        self.refused("-e", "d", says="--server, --management or --template")
        self.refused("-e", "d", "-s", "coaps://h", "--rpk", "--x509", says="say one of them")
        self.refused("-e", "d", "--management", "coaps://m", says="needs its --short-server-id")
        self.refused("-e", "d", "--management", "coaps://m", "--short-server-id", "1", "--management", "coaps://n",
                     "--short-server-id", "1", says="short server id 1 stands twice")
        self.assertEqual(2, self.factory("-e", "d", "-s", "coaps://h", "--short-server-id", "65535").code)
        self.assertEqual(2, self.factory("-e", "d", "-s", "coaps://h", "--format", "xml").code)


if __name__ == "__main__":
    unittest.main()
