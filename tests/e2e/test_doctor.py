# SPDX-License-Identifier: Apache-2.0
"""`slipway doctor`: real failures of real handshakes, and whether a person is told why."""
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

import lab

ENDPOINT = "urn:dev:os:e2e-doctor"
KEY = "000102030405060708090a0b0c0d0e0f"


class Examined:
    """The steps that a run has found, by name."""

    def __init__(self, result):
        self.result = result
        self.document = result.json()
        self.steps = {step["name"]: step for step in self.document["steps"]}


class Help:
    """What both kinds of tests do; `folder` is where their files are."""

    def examine(self, *arguments, code, seconds="5"):
        result = lab.run("doctor", "--json", "--timeout", seconds, *arguments, folder=self.folder)
        self.assertEqual(code, result.code, result.out + result.err)
        return Examined(result)

    def expect(self, examined, step, outcome, says="^", remedy="^"):
        self.assertIn(step, examined.steps, examined.result.out)
        found = examined.steps[step]
        self.assertEqual(outcome, found["outcome"], found)
        self.assertRegex(found["detail"], says)
        self.assertRegex(found["remedy"], remedy)

    def key_file(self, text=KEY):
        file = self.folder / "psk.hex"
        file.write_text(text + "\n", encoding="utf-8")
        return file

    def openssl(self, *arguments):
        subprocess.run([self.tool("openssl"), *map(str, arguments)], cwd=self.folder, check=True, capture_output=True)

    def tool(self, name):
        found = shutil.which(name)
        if found is None:
            self.fail(f"{name} is missing; ./dev setup installs it")
        return found

    def new_key(self, name):
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
        (self.folder / f"{name}.key").chmod(0o600)
        self.openssl("pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")

    def authority(self, name):
        self.new_key(name)
        self.openssl("req", "-x509", "-key", f"{name}.key", "-subj", f"/CN={name}", "-days", "30", "-out", f"{name}.crt",
                     "-addext", "keyUsage=critical,keyCertSign")

    def certificate(self, name, common_name, issuer, *, until="20400101000000Z", use="serverAuth"):
        """Issued with the dates that the test wants."""
        self.new_key(name)
        (self.folder / "extensions").write_text(
            f"keyUsage=critical,digitalSignature\nextendedKeyUsage={use}\nbasicConstraints=critical,CA:FALSE\n"
            f"subjectAltName=DNS:{common_name}\n", encoding="utf-8")
        (self.folder / "index").write_text("", encoding="utf-8")
        (self.folder / "ca.conf").write_text(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n"
            "unique_subject=no\n[p]\ncommonName=supplied\n", encoding="utf-8")
        self.openssl("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={common_name}", "-out", f"{name}.csr")
        self.openssl("ca", "-config", "ca.conf", "-batch", "-notext", "-in", f"{name}.csr", "-out", f"{name}.crt", "-cert",
                     f"{issuer}.crt", "-keyfile", f"{issuer}.key", "-startdate", "20200101000000Z", "-enddate", until,
                     "-extfile", "extensions")


class Doctor(Help, lab.Case):
    """Towards servers of ours, and what these say themselves."""

    def setUp(self):
        super().setUp()
        self.folder = self.lab.folder
        self.bootstrap = f"coaps://127.0.0.1:{self.lab.bootstrap_port}"
        self.management = f"coaps://127.0.0.1:{self.lab.management_port}"

    def with_another_key(self, pack):
        content = json.loads(pack.read_text(encoding="utf-8"))
        for record in content["objects"]:
            if record.get("n") in ("5", "/0/0/5"):
                record["vd"] = "AAECAwQFBgcICQoLDA0ODw"
        other = pack.with_suffix(".other")
        other.write_text(json.dumps(content), encoding="utf-8")
        return other

    def failures(self, *arguments):
        return self.succeeds(self.lab.ask("doctor", *arguments)).out.replace("\n" + " " * 16, " ")

    def test_a_pack_that_opens_a_session(self):
        pack = self.lab.factory(ENDPOINT)
        found = self.examine("--pack", pack, code=0)
        self.assertTrue(found.document["well"])
        for step in ["name", "reachable", "DTLS", "suites", "identity", "Connection ID", "CoAP ping", "CoAP request", "goodbye"]:
            self.expect(found, step, "passed")
        self.expect(found, "suites", "passed", "takes TLS_PSK_WITH_AES_128_CCM_8, .*TLS_PSK_WITH_AES_128_GCM_SHA256")
        self.assertFalse(lab.holds(found.result.out + found.result.err, lab.factory_key(pack)))
        self.assertIn("no handshake has failed", self.failures(), "trying suites is no failure of a device")

    def test_a_state_and_the_other_server(self):
        device = self.lab.new_device(ENDPOINT)
        self.assertEqual(0, device.end())
        self.examine(self.management, "--state", device.state, code=0)
        self.examine("--state", device.state, "--server", "101", code=0)
        found = self.examine(self.bootstrap, "--state", device.state, "--server", "101", code=1)
        self.expect(found, "identity", "failed", "decrypt_error .51.", "does not tell the two apart")
        said = self.failures(ENDPOINT)
        self.assertIn("its credential is for the management server, and this is the bootstrap server", said)
        self.assertIn("right address", said)

    def test_a_wrong_key_from_both_sides(self):
        pack = self.with_another_key(self.lab.factory(ENDPOINT))
        found = self.examine("--pack", pack, code=1)
        self.expect(found, "identity", "failed", "unknown to the server, or its key is another", "doctor")
        device = self.lab.start_device(ENDPOINT, pack)
        device.wait_for("connection failed", "received alert decrypt_error .51.; server coaps://.*; psk identity")
        log = self.folder / "device.log"
        log.write_text("\n".join(device.out.items), encoding="utf-8")
        said = self.failures(ENDPOINT, "--device-log", log)
        self.assertIn("Device and server mean the same identity", said)
        self.assertIn("hold different keys. The server's key was made on ", said)
        self.assertIn("slipway factory", said)
        alone = self.failures(ENDPOINT)
        self.assertRegex(alone, r"wrong key, \d+ s ago, [2-9]\d* times since")
        together = self.lab.ask("doctor", ENDPOINT, "--device-log", log, "--json").json()
        self.assertIn("different keys", together["together"]["verdict"])
        self.assertFalse(lab.holds(said + alone + json.dumps(together), bytes(range(16))))

    def test_failures_outlive_their_server(self):
        pack = self.with_another_key(self.lab.factory(ENDPOINT))
        self.examine("--pack", pack, code=1)
        self.lab.stop_server()
        self.lab.start_server()
        said = self.failures(ENDPOINT)
        self.assertRegex(said, f"{ENDPOINT}: wrong key, \\d+ s ago\n")
        self.assertIn("with another key than the server has", said)
        self.assertRegex(said, "offered +DTLS 1.2, TLS_PSK_WITH_AES_128_CCM_8")
        self.examine("--pack", pack, code=1)
        self.assertRegex(self.failures(ENDPOINT), "2 times since")
        # A crash: what was written before it is there.
        self.lab.server.kill()
        self.lab.start_server()
        self.assertIn("wrong key", self.failures(ENDPOINT))
        self.assertFalse(any(lab.holds(file.read_bytes(), bytes(range(16))) for file in self.lab.data.rglob("*.db*")))

    def test_an_identity_that_nobody_has(self):
        found = self.examine(self.bootstrap, "--identity", "nobody", "--key", self.key_file(), code=1)
        self.expect(found, "identity", "failed", "unknown to the server")
        self.assertFalse(lab.holds(found.result.out, bytes.fromhex(KEY)))
        said = self.failures()
        self.assertIn("unknown identity", said)
        self.assertIn("knows no such identity", said)
        self.assertIn("no handshake with an identity of urn:dev:os:other has failed", self.failures("urn:dev:os:other"))

    def test_a_revoked_credential(self):
        pack = self.lab.factory(ENDPOINT)
        self.succeeds(self.lab.ask("revoke", ENDPOINT, "--role", "bootstrap"))
        self.examine("--pack", pack, code=1)
        said = self.failures(ENDPOINT)
        self.assertIn("a credential that is dead", said)
        self.assertIn("slipway factory --keys", said)

    def test_a_server_without_a_key_of_its_own(self):
        self.new_key("device")
        self.new_key("server")
        found = self.examine(self.management, "--key", "device.key", "--server-key", "server.pub", code=1)
        self.expect(found, "suites", "failed", "takes none of ours")
        self.expect(found, "client", "failed", "handshake_failure")
        said = self.failures()
        self.assertIn("this server has no public key or certificate of its own", said)
        self.assertIn("give the server `key`", said)

    def restart_with_keys(self):
        self.lab.stop_server()
        text = self.lab.config.read_text(encoding="utf-8")
        text = text.replace("[management]\n", '[management]\nkey = "ms.key"\ncertificate = "ms.crt"\n')
        self.lab.config.write_text(text, encoding="utf-8")
        self.lab.start_server()

    def test_keys_and_certificates_that_do_not_fit(self):
        self.authority("ca")
        self.authority("stranger")
        self.certificate("ms", "ms.example", "ca")
        self.certificate("device", ENDPOINT, "ca", use="clientAuth")
        self.new_key("other")
        self.restart_with_keys()
        own = ["--certificate", "device.crt", "--key", "device.key"]
        cases = [(["--server-key", "ca.crt", "--usage", "2", "--sni", "wrong.example"], "made out to another name", "/0/x/14"),
                 (["--server-key", "stranger.crt", "--usage", "2", "--sni", "ms.example"], "trusted", "authority"),
                 ([], "nobody is trusted", "--server-key")]
        for more, says, remedy in cases:
            found = self.examine(self.management, *own, *more, code=1)
            self.expect(found, "certificate", "noticed", '"ms.example".*issued by "ca".*2040-01-01')
            self.expect(found, "trust", "failed", says, remedy)
        said = self.failures()
        self.assertIn("the device refused the management server", said)
        found = self.examine(self.management, "--key", "device.key", "--server-key", "other.pub", code=1)
        self.expect(found, "trust", "failed", "not the one of the account", "another server")
        # The server is believed, and knows no such device.
        found = self.examine(self.management, *own, "--server-key", "ms.crt", "--sni", "ms.example", code=1)
        self.expect(found, "trust", "passed")
        self.expect(found, "client", "failed", "certificate_unknown .46.", "enrol")
        self.assertRegex(self.failures(), f'certificate +"{ENDPOINT}", issued by "ca"')

    def test_ports_of_the_other_kind(self):
        found = self.examine(f"coap://127.0.0.1:{self.lab.management_port}", code=1, seconds="1")
        self.expect(found, "DTLS", "failed", "hello of DTLS is answered", "coaps://")
        self.lab.stop_server()
        text = self.lab.config.read_text(encoding="utf-8")
        port = lab.free_port()
        self.lab.config.write_text(text.replace('[management]\ncoap = "off"', f'[management]\ncoap = "127.0.0.1:{port}"'),
                                   encoding="utf-8")
        self.lab.start_server()
        found = self.examine(f"coaps://127.0.0.1:{port}", "--identity", "a", "--key", self.key_file(), code=1, seconds="1")
        self.expect(found, "CoAP", "failed", "without security is answered", "no DTLS")
        found = self.examine(f"coap://127.0.0.1:{port}", code=0)
        self.expect(found, "CoAP ping", "passed")
        self.expect(found, "security", "noticed", "there is none")

    def test_a_device_that_came_back(self):
        pack = self.lab.factory(ENDPOINT)
        self.examine("--pack", self.with_another_key(pack), code=1)
        device = self.lab.start_device(ENDPOINT, pack)
        device.wait_for("registered")
        self.assertIn("after the failures above", self.failures(ENDPOINT))


class DoctorOfStreams(Help, lab.Case):
    """The same over TCP and TLS, towards servers of ours."""

    def setUp(self):
        super().setUp()
        self.folder = self.lab.folder
        self.authority("ca")
        self.authority("stranger")
        self.certificate("ms", "ms.example", "ca")
        self.certificate("device", ENDPOINT, "ca", use="clientAuth")
        self.plain = lab.free_port()
        self.lab.stop_server()
        text = self.lab.config.read_text(encoding="utf-8")
        text = text.replace("[bootstrap]\n", f'[bootstrap]\ncoaps_tcp = "127.0.0.1:{self.lab.bootstrap_port}"\n')
        text = text.replace("[management]\n", f'[management]\ncoaps_tcp = "127.0.0.1:{self.lab.management_port}"\n'
                            f'coap_tcp = "127.0.0.1:{self.plain}"\nkey = "ms.key"\ncertificate = "ms.crt"\n')
        self.lab.config.write_text(text, encoding="utf-8")
        self.lab.start_server()
        self.bootstrap = f"coaps+tcp://127.0.0.1:{self.lab.bootstrap_port}"
        self.management = f"coaps+tcp://127.0.0.1:{self.lab.management_port}"

    def pack(self, data):
        pack = self.folder / f"{Path(data).name}.json"
        self.succeeds(lab.run("factory", "--endpoint", ENDPOINT, "--server", self.bootstrap, "--out", pack, "--data", data,
                              folder=self.folder))
        return pack

    def failures(self, *arguments):
        return self.succeeds(self.lab.ask("doctor", *arguments)).out.replace("\n" + " " * 16, " ")

    def failure(self):
        return json.loads(self.failures("--json"))["failures"][0]

    def test_all_is_well(self):
        pack = self.pack(self.lab.data)
        found = self.examine("--pack", pack, code=0)
        self.expect(found, "reachable", "passed", "takes the connection")
        self.expect(found, "TLS", "passed", "a session of TLS 1.3")
        self.expect(found, "CSM", "passed")
        self.expect(found, "CoAP request", "passed", "4.04")
        self.assertIn("no handshake has failed", self.failures())
        found = self.examine("--pack", pack, "--suites", "0x1304", code=0)
        self.expect(found, "TLS", "passed", "TLS_AES_128_CCM_SHA256|AES-128-CCM")

    def test_a_wrong_key_from_both_sides(self):
        pack = self.pack(self.lab.data)
        content = json.loads(pack.read_text(encoding="utf-8"))
        for record in content["objects"]:
            if record.get("n") in ("5", "/0/0/5"):
                record["vd"] = "AAECAwQFBgcICQoLDA0ODw"
        pack.write_text(json.dumps(content), encoding="utf-8")
        found = self.examine("--pack", pack, code=1)
        self.expect(found, "identity", "failed", "unknown to the server, or its key is another one", "doctor")
        device = self.lab.start_device(ENDPOINT, pack)
        device.wait_for("connection failed", r"decrypt_error .51.; server coaps\+tcp://.*; psk identity .*; offered TLS_")
        log = self.folder / "device.log"
        log.write_text("\n".join(device.out.items), encoding="utf-8")
        said = self.failures(ENDPOINT, "--device-log", log)
        self.assertIn("hold different keys", said)
        self.assertRegex(said, r"offered +TLS 1.3, TLS_AES_128_GCM_SHA256")
        self.assertIn("(TCP)", said)

    def test_an_identity_that_nobody_has(self):
        found = self.examine(self.management, "--identity", "nobody", "--key", self.key_file(), code=1)
        self.expect(found, "identity", "failed", "unknown to the server")
        self.assertIn("knows no such identity", self.failures())
        one = self.failure()
        self.assertEqual(["TLS", "TLS 1.3"], [one["protocol"], one["offered_version"]])
        self.assertIn("TLS_PSK_WITH_AES_128_CCM_8", one["offered_suites"])
        status, answer = self.lab.http("GET", "/metrics")
        self.assertEqual(200, status)
        self.assertRegex(str(answer), r'failures_total{protocol="tls",reason="unknown_identity",server="management"} [1-9]')

    def test_a_server_that_is_not_believed(self):
        own = ["--certificate", "device.crt", "--key", "device.key"]
        found = self.examine(self.management, *own, "--server-key", "stranger.crt", "--usage", "2", "--sni", "ms.example", code=1)
        self.expect(found, "certificate", "noticed", '"ms.example".*issued by "ca".*2040-01-01')
        self.expect(found, "trust", "failed", "trusted", "authority")
        said = self.failures()
        self.assertIn("the device refused the management server", said)
        self.assertIn("for the name ms.example", said)
        found = self.examine(self.management, "--key", "device.key", "--server-key", "stranger.pub", code=1)
        self.expect(found, "trust", "failed", "not the one of the account")

    def test_a_trust_store_of_the_device(self):
        own = ["--certificate", "device.crt", "--key", "device.key", "--sni", "ms.example"]
        for uri in [self.management, self.management.replace("+tcp", "")]:
            for known, usage in [("ca.crt", 0), ("ms.crt", 1)]:
                account = [uri, *own, "--server-key", known, "--usage", usage]
                found = self.examine(*map(str, account), code=1)
                self.expect(found, "trust", "failed", "need a trust store, and the device has none", "--trust-store FILE")
                found = self.examine(*map(str, account), "--trust-store", "stranger.crt", code=1)
                self.expect(found, "trust", "failed", "no path", "needs the root")
                found = self.examine(*map(str, account), "--trust-store", "ca.crt", code=1)
                self.expect(found, "trust", "passed", "trust store")
                self.expect(found, "client", "failed", "certificate_unknown")
        for store, says in [("ms.key", "certificates of authorities"), ("nowhere.crt", "nowhere.crt")]:
            result = lab.run("doctor", self.management, *own, "--server-key", "ca.crt", "--trust-store", store,
                             folder=self.folder)
            self.assertEqual(2, result.code)
            self.assertIn(f"--trust-store {store}: ", result.err)
            self.assertIn(says, result.err)

    def test_a_certificate_of_a_foreign_authority(self):
        """Refused before anybody is asked who it is: what was shown is told all the same."""
        self.lab.stop_server()
        text = self.lab.config.read_text(encoding="utf-8")
        self.lab.config.write_text(text.replace('key = "ms.key"\n', 'key = "ms.key"\nclient_authorities = "stranger.crt"\n'),
                                   encoding="utf-8")
        self.lab.start_server()
        own = ["--certificate", "device.crt", "--key", "device.key", "--server-key", "ms.crt", "--sni", "ms.example"]
        for uri in [self.management, self.management.replace("+tcp", "")]:
            found = self.examine(uri, *own, code=1)
            self.expect(found, "client", "failed", "unknown_ca")
            one = self.failure()
            self.assertEqual("peer not trusted", one["reason"])
            self.assertEqual("TLS" if "+tcp" in uri else "DTLS", one["protocol"])
            self.assertEqual([ENDPOINT, "ca"], [one["certificate"]["subject"], one["certificate"]["issuer"]])
            self.assertEqual(8, len(one["identity_fingerprint"]))

    def test_a_device_that_is_not_known(self):
        own = ["--certificate", "device.crt", "--key", "device.key", "--server-key", "ms.crt", "--sni", "ms.example"]
        found = self.examine(self.management, *own, code=1)
        self.expect(found, "trust", "passed")
        self.expect(found, "client", "failed", "certificate_unknown .46.", "enrol")
        self.assertRegex(self.failures(), f'certificate +"{ENDPOINT}", issued by "ca"')

    def test_ports_of_the_other_kind(self):
        psk = ["--identity", "a", "--key", self.key_file()]
        found = self.examine(f"coaps+tcp://127.0.0.1:{self.plain}", *psk, code=1)
        self.expect(found, "TLS", "failed", "does not speak TLS", r"coap\+tcp://")
        found = self.examine(self.management.replace("coaps", "coap"), code=1)
        self.expect(found, "CoAP", "failed", "TLS is spoken there", r"coaps\+tcp://")
        found = self.examine(f"coap+tcp://127.0.0.1:{self.plain}", code=0)
        self.expect(found, "security", "noticed")
        found = self.examine(f"coaps+tcp://127.0.0.1:{lab.free_port()}", *psk, code=1)
        self.expect(found, "reachable", "failed", "nobody listens", "UDP")


class DoctorAbroad(Help, unittest.TestCase):
    """Towards nobody, servers that are silent, and those of others."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="slipway-doctor-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def start(self, *arguments):
        """A server of others; ended with the test. Its port is asked until it answers or the process is gone."""
        process = subprocess.Popen([self.tool(arguments[0]), *map(str, arguments[1:])], cwd=self.folder,
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            process.kill()
            process.wait()
            process.stdin.close()
        self.addCleanup(end)
        return process

    def psk(self, port, *more, host="127.0.0.1"):
        return [f"coaps://{host}:{port}", "--identity", "lamp", "--key", self.key_file(), *more]

    def until_it_listens(self, *arguments):
        """Repeats an examination as long as nobody listens yet."""
        for _ in range(100):
            result = lab.run("doctor", "--json", "--timeout", "2", *arguments, folder=self.folder)
            if "nobody listens" not in result.out:
                return Examined(result)
        self.fail("nobody listens: " + result.out)

    def test_nobody_listens(self):
        found = self.examine(*self.psk(lab.free_port()), code=1)
        self.expect(found, "reachable", "failed", "nobody listens at 127.0.0.1", "5684")

    def test_a_name_that_nobody_has(self):
        found = self.examine(*self.psk(5684, host="nowhere.invalid"), code=1)
        self.expect(found, "name", "failed", "nowhere.invalid", "/0/x/0")

    def test_a_server_that_never_answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            found = self.examine(*self.psk(silent.getsockname()[1]), code=1, seconds="1")
            self.expect(found, "reachable", "failed", "nothing came back from .* also not a refusal", "firewall")

    def test_an_interruption_shows_how_far_it_came(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            run = lab.Process("doctor", ["doctor", "--timeout", "600", *self.psk(silent.getsockname()[1])], self.folder)
            silent.settimeout(lab.PATIENCE)
            silent.recvfrom(2048)  # the hello: it waits now
            self.assertEqual(1, run.end(signal.SIGINT))
            self.assertIn("interrupted", run.text())
            self.assertIn("127.0.0.1 is an address", run.text())

    def test_openssl_with_another_key(self):
        port = lab.free_port()
        self.start("openssl", "s_server", "-dtls1_2", "-listen", "-accept", f"127.0.0.1:{port}", "-nocert", "-quiet", "-psk",
                   "ff" * 16, "-psk_identity", "lamp", "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0")
        found = self.until_it_listens(*self.psk(port, "--suites", "0xC0A8"))
        self.assertEqual(1, found.result.code)
        self.expect(found, "DTLS", "passed", "cookie")

    def test_gnutls_with_the_right_key_and_with_another(self):
        port = lab.free_port()
        (self.folder / "keys").write_text(f"lamp:{KEY}\n", encoding="utf-8")
        self.start("gnutls-serv", "--udp", "--port", port, "--echo", "--pskpasswd", "keys", "--priority",
                   "NONE:+VERS-DTLS1.2:+PSK:+AES-128-CCM-8:+AEAD:+COMP-NULL:+SIGN-ALL:+GROUP-ALL")
        found = self.until_it_listens(*self.psk(port))
        self.expect(found, "suites", "passed", "takes TLS_PSK_WITH_AES_128_CCM_8; ")
        self.expect(found, "identity", "passed", "the key is right")
        self.expect(found, "Connection ID", "noticed", "not granted")
        self.expect(found, "CoAP request", "failed", "what listens there is no CoAP")  # it sends back what it gets
        self.key_file("ff" * 16)
        found = self.examine(f"coaps://127.0.0.1:{port}", "--identity", "lamp", "--key", "psk.hex", code=1, seconds="3")
        self.expect(found, "identity", "failed", "unknown to the server, or its key is another one")

    def test_a_certificate_that_has_expired(self):
        port = lab.free_port()
        self.authority("ca")
        self.certificate("old", "old.example", "ca", until="20210101000000Z")
        self.certificate("device", ENDPOINT, "ca", use="clientAuth")
        self.start("openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-cert", "old.crt", "-key", "old.key",
                   "-quiet", "-cipher", "ALL:@SECLEVEL=0")
        own = [f"coaps://127.0.0.1:{port}", "--certificate", "device.crt", "--key", "device.key"]
        found = self.until_it_listens(*own, "--server-key", "ca.crt", "--usage", "2", "--sni", "old.example")
        self.assertEqual(1, found.result.code)
        self.expect(found, "certificate", "noticed", "to 2021-01-01")
        self.expect(found, "trust", "failed", "expired", "clock")

    def test_tls_with_gnutls(self):
        port = lab.free_port()
        (self.folder / "keys").write_text(f"lamp:{KEY}\n", encoding="utf-8")
        self.start("gnutls-serv", "--port", port, "--echo", "--pskpasswd", "keys", "--priority",
                   "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+PSK:+AES-128-CCM")
        to = [f"coaps+tcp://127.0.0.1:{port}", *self.psk(port)[1:]]
        found = self.until_it_listens(*to)
        self.expect(found, "reachable", "passed", "takes the connection")
        self.expect(found, "TLS", "passed", "a session of TLS 1.2 with TLS_PSK_WITH_AES_128")
        self.key_file("ff" * 16)
        found = self.examine(*to[:3], "--key", "psk.hex", code=1)
        self.expect(found, "identity", "failed", "unknown to the server, or its key is another one")

    def serve_streams(self, talk):
        """One connection of TCP, answered by `talk`."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def run():
            with listener.accept()[0] as peer:
                peer.settimeout(lab.PATIENCE)
                talk(peer)
        served = threading.Thread(target=run)
        served.start()
        self.addCleanup(served.join)
        return f"coap+tcp://127.0.0.1:{listener.getsockname()[1]}"

    def test_coap_over_tcp(self):
        def talk(peer):
            peer.sendall(bytes.fromhex("00e1"))  # a CSM without options
            heard = b""
            while b".well-known" not in heard:
                heard += peer.recv(4096)
            at = heard.index(b".well-known") - 1 - 4  # its token of 4 bytes stands before the first option
            peer.sendall(bytes.fromhex("0484") + heard[at:at + 4])  # 4.04
        found = self.examine(self.serve_streams(talk), code=0)
        self.expect(found, "CSM", "passed", "1152 bytes")
        self.expect(found, "CoAP request", "passed", "4.04 Not Found")
        self.expect(found, "security", "noticed", "there is none")

    def test_tcp_that_is_no_coap_and_nobody_there(self):
        found = self.examine(self.serve_streams(lambda peer: peer.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")), code=1)
        self.expect(found, "CoAP", "failed", remedy="speaks CoAP over TCP")
        def echo(peer):
            while heard := peer.recv(2048):
                peer.sendall(heard)
        found = self.examine(self.serve_streams(echo), code=1)
        self.expect(found, "CoAP request", "failed", "what comes back is a request")
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        found = self.examine(f"coap+tcp://127.0.0.1:{port}", code=1)
        self.expect(found, "reachable", "failed", "nobody listens")

    def test_wrong_usage(self):
        key = self.key_file()
        for arguments, says in [
                (["coaps://127.0.0.1:5684"], "needs a credential"),
                (["coaps://127.0.0.1:5684", "--identity", "a", "--key", "none.hex"], "none.hex"),
                (["coap://127.0.0.1", "--identity", "a", "--key", key], "has no security"),
                (["coaps://127.0.0.1:99999", "--identity", "a", "--key", key], "is not a server's URI"),
                (["http://127.0.0.1", "--identity", "a", "--key", key], "is not a server's URI"),
                (["coaps://a", "--identity", "a", "--key", key, "--suites", "0x1301"], "over TCP only"),
                (["coaps://a", "--identity", "a", "--key", key, "--suites", "0x1302"], "suites that are done here"),
                (["coaps://127.0.0.1:99999"], "is not a server's URI"),
                (["http://127.0.0.1"], "is not a server's URI"),
                (["coaps://a", "--identity", "", "--key", key], "--identity: a PSK identity has 1 to 128 bytes"),
                (["coaps://a", "--identity", "a", "--key", self.write("odd.hex", KEY + "0")], "odd.hex: this is no hexadecimal"),
                (["coaps://a", "--identity", "a", "--key", self.write("typo.hex", "zz" + KEY[2:])], "no hexadecimal"),
                (["coaps://a", "--identity", "a", "--key", self.write("short.hex", "zz")], "no hexadecimal"),
                (["coaps://a", "--identity", "a", "--key", self.write("long.hex", "a1" * 65)], "65 bytes are no pre-shared key"),
                (["coaps://a", "--pack", "none.json"], "none.json"),
                (["coaps://a", "--pack", "a", "--state", "b"], "leave one out"),
                (["lamp", "--identity", "a", "--key", key], "name it first"),
                (["coaps://a", "--identity", "a", "--key", key, "--device-log", "-"], "give an endpoint")]:
            result = lab.run("doctor", *arguments, folder=self.folder)
            self.assertEqual(2, result.code, result.out + result.err)
            self.assertIn(says, result.err)
            self.assertNotIn(KEY, result.err)

    def write(self, name, text):
        file = self.folder / name
        file.write_text(text + "\n", encoding="utf-8")
        return file

    def test_an_echo_is_no_coap(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
            echo.bind(("127.0.0.1", 0))

            def run():
                with contextlib.suppress(OSError):
                    while True:
                        heard, peer = echo.recvfrom(2048)
                        if heard == b"end":
                            return
                        echo.sendto(heard, peer)
            thread = threading.Thread(target=run)
            thread.start()
            found = self.examine(f"coap://127.0.0.1:{echo.getsockname()[1]}", code=1)
            echo.sendto(b"end", echo.getsockname())
            thread.join()
        self.expect(found, "CoAP", "failed", "not the Reset", "speaks CoAP")

    def test_a_log_that_is_no_file(self):
        result = lab.run("doctor", "lamp", "--device-log", "/dev/zero", folder=self.folder)
        self.assertEqual(1, result.code)
        self.assertIn("/dev/zero: there is no such file, or it is something else", result.err)

    def test_a_log_without_a_failure(self):
        result = lab.run("doctor", "lamp", "--device-log", "-", stdin=b"12:00:00  registered\n{\"event\":1}\n\xff\xfe\n",
                         folder=self.folder)
        self.assertEqual(1, result.code)
        self.assertIn("no connection that failed", result.err)
        result = lab.run("doctor", "lamp", "--device-log", "-", stdin=b"x" * 50_000_000, folder=self.folder)
        self.assertIn("no connection that failed", result.err)


if __name__ == "__main__":
    unittest.main()
