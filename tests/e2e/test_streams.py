# SPDX-License-Identifier: Apache-2.0
"""CoAP over TCP and TLS: the same journeys, other sockets; and who comes there to do harm."""
import shutil
import socket
import ssl
import subprocess
import time
import unittest
import urllib.request

import lab

ENDPOINT = "urn:dev:os:e2e-streams"
CSM = bytes([0x00, 0xE1])  # [RFC 8323 §5.3]


class Streams(lab.Case):
    """A lab whose servers have TCP ports, of the same numbers as their UDP ports."""

    extra = ""  # further keys of [management]

    def setUp(self):
        super().setUp()
        self.lab.stop_server()
        text = self.lab.config.read_text(encoding="utf-8")
        bootstrap, management = self.lab.bootstrap_port, self.lab.management_port
        text = text.replace("[bootstrap]\n", f'[bootstrap]\ncoaps_tcp = "127.0.0.1:{bootstrap}"\n')
        text = text.replace("[management]\n", f'[management]\ncoaps_tcp = "127.0.0.1:{management}"\n{self.extra}')
        text = text.replace(f'uri = "coaps://127.0.0.1:{management}"', f'uri = "coaps+tcp://127.0.0.1:{management}"')
        text = text.replace('binding = "U"', 'binding = "T"')
        self.lab.config.write_text(text, encoding="utf-8")
        self.prepare()
        self.lab.start_server()

    def prepare(self):
        """What a class changes before the server starts."""

    def configure(self, old, new):
        text = self.lab.config.read_text(encoding="utf-8")
        self.assertIn(old, text)
        self.lab.config.write_text(text.replace(old, new), encoding="utf-8")

    def new_device(self, *more):
        """Bootstrapped and registered, both over TLS."""
        pack = self.lab.folder / "streams.json"
        self.succeeds(lab.run("factory", "--json", "--endpoint", ENDPOINT, "--server",
                              f"coaps+tcp://127.0.0.1:{self.lab.bootstrap_port}", "--out", pack, "--data", self.lab.data,
                              folder=self.lab.folder))
        device = self.lab.start_device(ENDPOINT, pack, *more)
        device.wait_for("registered")
        return device

    def metric(self, line):
        with urllib.request.urlopen(self.lab.url + "/metrics", timeout=lab.PATIENCE) as answer:
            for one in answer.read().decode().splitlines():
                if one.startswith(line + " "):
                    return float(one.split()[-1])
        self.fail(f"no metric {line}")

    def management(self):
        return ("127.0.0.1", self.lab.management_port)

    def closes(self, connection, seconds):
        """Whether the server ends this connection in time; what it said before."""
        connection.settimeout(seconds)
        said = b""
        try:
            while True:
                more = connection.recv(4096)
                if not more:
                    return said
                said += more
        except ConnectionResetError:
            return said


class TlsJourney(Streams):
    lifetime = 60

    def test_from_the_factory_to_a_restart_of_the_server(self):
        events = self.lab.events()
        device = self.new_device()
        session = events.wait_for("session", server="management")
        self.assertIn("AES_128", session["suite"])
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))
        self.assertEqual("psk", self.lab.device_api("GET", ENDPOINT, "")[1]["security"])
        self.assertIn("T", self.lab.device_api("GET", ENDPOINT, "")[1]["binding"])
        self.assertEqual(2, self.metric("slipway_tcp_connections"))  # that of the bootstrap lingers

        # More than a datagram holds goes in one message.
        text = "much to say " * 400
        status, answer = self.lab.device_api("PUT", ENDPOINT, "/write/3303/1/5750", {"value": text})
        self.assertEqual(200, status, answer)
        self.assertEqual(text, self.lab.value(ENDPOINT, "/3303/1/5750"))

        begun = device.out.mark()
        self.lab.stop_server()
        self.lab.start_server()
        device.wait_for("registered", after=begun, seconds=90)
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))
        self.assertNotIn("bootstrapping", device.happenings()[begun:])
        journeys = str(self.lab.device_api("GET", ENDPOINT, "/journeys")[1])
        self.assertIn("TLS 1.3", journeys)
        self.assertIn("TCP", journeys)

    def test_a_revoked_device_is_cut_at_once_and_bootstraps_again(self):
        device = self.new_device()
        begun = device.out.mark()
        self.succeeds(self.lab.ask("revoke", ENDPOINT))
        device.wait_for("registered", after=begun)
        self.assertIn("bootstrap ended", device.happenings()[begun:])
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))

    def test_a_wrong_key_is_explained(self):
        pack = self.lab.folder / "stranger.json"
        other = self.lab.folder / "elsewhere"
        self.succeeds(lab.run("factory", "--json", "--endpoint", ENDPOINT, "--server",
                              f"coaps+tcp://127.0.0.1:{self.lab.bootstrap_port}", "--out", pack, "--data", other,
                              folder=self.lab.folder))
        events = self.lab.events()
        device = self.lab.start_device(ENDPOINT, pack)
        failed = events.wait_for("handshake-failed")
        self.assertEqual("unknown identity", failed["reason"])
        device.wait_for("connection failed")


class TlsKeys(Streams):
    """Raw public keys and certificates at the management server."""

    def prepare(self):
        tool = shutil.which("openssl")
        self.assertIsNotNone(tool, "openssl is missing; ./dev setup installs it")

        def openssl(*arguments):
            subprocess.run([tool, *arguments], cwd=self.lab.folder, check=True, capture_output=True)
        for name in ["ms", "ca"]:
            openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
            (self.lab.folder / f"{name}.key").chmod(0o600)
            openssl("pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")
        openssl("req", "-x509", "-key", "ca.key", "-subj", "/CN=ca", "-days", "30", "-out", "ca.crt",
                "-addext", "keyUsage=critical,keyCertSign")
        openssl("req", "-x509", "-key", "ms.key", "-subj", "/CN=127.0.0.1", "-days", "30", "-out", "ms.crt",
                "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "extendedKeyUsage=serverAuth",
                "-addext", "keyUsage=critical,digitalSignature", "-addext", "basicConstraints=critical,CA:FALSE")
        self.configure("[management]\n", '[management]\nkey = "ms.key"\ncertificate = "ms.crt"\n')
        self.configure("[[enrolment]]", '[authority.ca]\ncertificate = "ca.crt"\nkey = "ca.key"\ndays = 7\n[[enrolment]]')

    def live_with(self, account, mode):
        self.lab.stop_server()
        self.configure('binding = "T"\n', 'binding = "T"\n' + account)
        self.lab.start_server()
        device = self.new_device()
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))
        self.assertEqual(mode, self.lab.device_api("GET", ENDPOINT, "")[1]["security"])
        begun = device.out.mark()
        self.succeeds(self.lab.ask("revoke", ENDPOINT))
        device.wait_for("registered", after=begun)

    def test_certificates(self):
        self.live_with('credential = "x509"\nauthority = "ca"\nserver_public_key = "ms.crt"\n', "x509")

    def test_raw_public_keys(self):
        self.live_with('credential = "rpk"\nserver_public_key = "ms.pub"\n', "rpk")


class StreamVisitors(Streams):
    """Those who come without being devices."""

    extra = "connections_max = 3\n"

    def prepare(self):
        self.plain = lab.free_port()
        self.configure("[management]\n", f'[management]\ncoap_tcp = "127.0.0.1:{self.plain}"\n')

    def test_a_half_open_connection_is_cut_in_time(self):
        with socket.create_connection(("127.0.0.1", self.plain)) as silent, \
                socket.create_connection(self.management()) as mute:
            began = time.monotonic()
            said = self.closes(silent, 20)
            self.assertLess(time.monotonic() - began, 20)
            self.assertIn(b"no CSM", said)
            self.assertEqual(b"", self.closes(mute, 40))

    def test_more_connections_than_the_limit_are_closed_at_once(self):
        held = [socket.create_connection(("127.0.0.1", self.plain)) for _ in range(3)]
        try:
            for one in held:
                one.sendall(CSM)
                self.assertTrue(one.recv(64), "the server's CSM")
            with socket.create_connection(("127.0.0.1", self.plain)) as fourth:
                self.assertEqual(b"", self.closes(fourth, 10))
            self.assertEqual(1, self.metric("slipway_tcp_refused_total"))
        finally:
            for one in held:
                one.close()

    def test_what_is_neither_coap_nor_tls_is_refused(self):
        with socket.create_connection(("127.0.0.1", self.plain)) as browser:
            browser.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            self.closes(browser, 10)
        with socket.create_connection(self.management()) as browser:
            browser.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            self.closes(browser, 10)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        with socket.create_connection(self.management()) as raw, self.assertRaises(ssl.SSLError):
            context.wrap_socket(raw)
        self.assertEqual(200, self.lab.http("GET", "/api/v1/devices")[0], "the server lives")

    def test_a_ping_is_answered(self):
        with socket.create_connection(("127.0.0.1", self.plain)) as peer:
            peer.sendall(CSM + bytes([0x01, 0xE2, 0x42]))
            peer.settimeout(10)
            said = b""
            while bytes([0x01, 0xE3, 0x42]) not in said:
                more = peer.recv(256)
                self.assertTrue(more, "a Pong with the token")
                said += more


if __name__ == "__main__":
    unittest.main()
