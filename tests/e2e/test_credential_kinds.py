# SPDX-License-Identifier: Apache-2.0
"""Raw public keys and certificates: made in a session, proven by use, revoked; their private keys are the devices' alone."""
import shutil
import subprocess
import unittest

import lab

ENDPOINT = "urn:dev:os:e2e-kinds"


class Kinds(lab.Case):
    def setUp(self):
        super().setUp()
        for name in ["bs", "ms", "ca"]:
            self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
            (self.lab.folder / f"{name}.key").chmod(0o600)
            self.openssl("pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")
        self.openssl("req", "-x509", "-key", "ca.key", "-subj", "/CN=ca", "-days", "30", "-out", "ca.crt",
                     "-addext", "keyUsage=critical,keyCertSign")
        self.openssl("req", "-x509", "-key", "ms.key", "-subj", "/CN=127.0.0.1", "-days", "30", "-out", "ms.crt",
                     "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "extendedKeyUsage=serverAuth",
                     "-addext", "keyUsage=critical,digitalSignature", "-addext", "basicConstraints=critical,CA:FALSE")

    def openssl(self, *arguments):
        tool = shutil.which("openssl")
        if tool is None:
            self.fail("openssl is missing; ./dev setup installs it")
        subprocess.run([tool, *arguments], cwd=self.lab.folder, check=True, capture_output=True)

    def restart_with(self, account, bootstrap=""):
        """Another plan, and keys of the servers' own, which need a start."""
        self.lab.stop_server()
        text = self.lab.config.read_text(encoding="utf-8")
        text = text.replace("[management]\n", '[management]\nkey = "ms.key"\ncertificate = "ms.crt"\n')
        text = text.replace("[bootstrap]\n", '[bootstrap]\nkey = "bs.key"\n')
        text = text.replace('binding = "U"\n', 'binding = "U"\n' + account)
        text = text.replace("[[enrolment]]", bootstrap + '[authority.ca]\ncertificate = "ca.crt"\nkey = "ca.key"\n'
                            "days = 7\n[[enrolment]]")
        self.lab.config.write_text(text, encoding="utf-8")
        self.lab.start_server()

    def credentials(self, role):
        listed = self.lab.device_api("GET", ENDPOINT, "/credentials")[1]["credentials"]
        return [(one["mode"], one["state"]) for one in listed if one["role"] == role]

    def private_keys(self, device):
        """The 32 bytes of every EC private key (PKCS#8) that the device keeps."""
        mark = bytes.fromhex("0201010420")  # version 1, then the octets [RFC 5915 §3]
        keys = []
        for path, value in lab.stored_values(device.state).items():
            if path.startswith("/0/") and path.endswith("/5") and isinstance(value, bytes) and mark in value:
                at = value.index(mark) + len(mark)
                keys.append(value[at:at + 32])
        return keys

    def expect_nowhere(self, keys):
        for key in keys:
            for process in self.lab.processes:
                self.assertFalse(lab.holds(process.text(), key), process.name)
            for file in self.lab.data.rglob("*"):
                if file.is_file():
                    self.assertFalse(lab.holds(file.read_bytes(), key), file)
            for target in ["/credentials", "/journeys?limit=100"]:
                self.assertFalse(lab.holds(str(self.lab.device_api("GET", ENDPOINT, target)), key), target)

    def live_and_be_revoked(self, mode):
        device = self.lab.new_device(ENDPOINT)
        keys = self.private_keys(device)
        self.assertEqual(1, len(keys))
        self.assertTrue(lab.holds(device.state.read_bytes(), keys[0]), "the sweep sees it where it has to be")
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))
        self.assertEqual([(mode, "proven")], self.credentials("management"))
        self.assertEqual(mode, self.lab.device_api("GET", ENDPOINT, "")[1]["security"])
        begun = device.out.mark()
        self.succeeds(self.lab.ask("revoke", ENDPOINT))
        device.wait_for("registration failed", "refuses the credentials", after=begun)
        device.wait_for("registered", after=begun)
        self.assertEqual([(mode, "retired"), (mode, "proven")], self.credentials("management"))
        keys += self.private_keys(device)
        self.assertEqual(2, len(set(keys)))
        self.expect_nowhere(keys)

    def test_raw_public_keys(self):
        self.restart_with('credential = "rpk"\nserver_public_key = "ms.pub"\n')
        self.live_and_be_revoked("rpk")

    def test_certificates(self):
        self.restart_with('credential = "x509"\nauthority = "ca"\nserver_public_key = "ms.crt"\n')
        self.live_and_be_revoked("x509")

    def test_certificates_of_a_trust_store_of_the_device(self):
        """Usage 0: the server's certificate may be renewed, and leads to whom the device trusts by itself."""
        self.openssl("req", "-new", "-key", "ms.key", "-subj", "/CN=127.0.0.1", "-out", "ms.csr")
        (self.lab.folder / "extensions").write_text(
            "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\nkeyUsage=critical,digitalSignature\n"
            "basicConstraints=critical,CA:FALSE\n", encoding="utf-8")
        self.openssl("x509", "-req", "-in", "ms.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "7", "-extfile",
                     "extensions", "-out", "ms.crt")
        self.restart_with('credential = "x509"\nauthority = "ca"\nserver_public_key = "ca.crt"\ncertificate_usage = 0\n')
        device = self.lab.new_device(ENDPOINT, "--trust-store", str(self.lab.folder / "ca.crt"))
        self.assertEqual("x509", self.lab.device_api("GET", ENDPOINT, "")[1]["security"])
        device.end()
        without = self.lab.start_device(ENDPOINT + "-2", self.lab.factory(ENDPOINT + "-2"))
        without.wait_for("no pack", "/0/[0-9]+/15.*need a trust store, and the device has none")
        result = lab.run("client", "--pack", "a.json", "--trust-store", "ms.key", folder=self.lab.folder)
        self.assertEqual(1, result.code)

    def test_a_bootstrap_account_with_a_raw_public_key_in_place_of_the_factorys(self):
        self.restart_with("", "[plan.thermometer.bootstrap]\n"
                          f'uri = "coaps://127.0.0.1:{self.lab.bootstrap_port}"\n'
                          'credential = "rpk"\nserver_public_key = "bs.pub"\n')
        device = self.lab.new_device(ENDPOINT)
        self.assertEqual([("psk", "proven"), ("rpk", "issued")], self.credentials("bootstrap"))
        begun = device.out.mark()
        self.succeeds(self.lab.ask("bootstrap", ENDPOINT))
        device.wait_for("bootstrap ended", "succeeded", after=begun)
        device.wait_for("registered", after=begun)
        self.assertEqual([("psk", "retired"), ("rpk", "proven"), ("rpk", "issued")], self.credentials("bootstrap"))
        self.expect_nowhere(self.private_keys(device))


if __name__ == "__main__":
    unittest.main()
