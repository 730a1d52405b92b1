# SPDX-License-Identifier: Apache-2.0
"""Other people's DTLS 1.2: GnuTLS's and OpenSSL's command-line tools, and small programs (peers/) over mbedTLS and
wolfSSL. Each is a device's end or a server's end of one session; what is CoAP in it is the test's."""
import dataclasses
import re
import shutil
import subprocess

import coap
from rig import BUILD, ROOT, Failure, expect, free_port

SOURCES = ROOT / "tests" / "interop" / "peers"


@dataclasses.dataclass
class Side:
    """What one end of a session is given: a pre-shared key, or its key pair and whom it believes."""
    identity: str = ""
    key: str = ""              # hexadecimal
    own: object = None         # keys.Identity
    authority: object = None   # a file of PEM with whose certificates it takes; None: it does not ask
    raw: bool = False          # raw public keys, not certificates
    certificates: bool = False


@dataclasses.dataclass
class Offer:
    """What a handshake may agree on."""
    suite: str                 # see SUITES
    group: str = ""            # secp256r1, secp384r1, x25519; empty: as the library likes
    mtu: int = 0
    resumes: bool = False      # it keeps what is needed to resume its session
    tickets: bool = True


class Session:
    """One peer's process. A library's own words are in the methods below, CoAP is the same for all."""

    def __init__(self, process, port=None):
        self.process, self.port = process, port
        self._began = self._began_at = 0  # line and byte of the output, for a second session of the same process

    def begin_anew(self):
        """What is waited for from here on, is of the next session."""
        self._began, self._began_at = self.process.mark(), len(self.process.said())

    def again(self):
        """A client leaves, and comes back with what its session has left: the next session."""
        raise NotImplementedError

    def _wait_for(self, pattern, seconds):
        return self.process.wait_for(pattern, seconds, self._began)

    echoes = False  # it answers by itself, with what it got

    def wait_until_connected(self, offer, seconds=30):
        raise NotImplementedError

    def send(self, message):
        self.process.write(message.to_bytes())

    def receive(self, pattern, seconds=15):
        """The first message that begins with `pattern` (bytes of a regular expression)."""
        return coap.parse(self.process.wait_for_bytes(b"(?=" + pattern + b").*", seconds, self._began_at)[0])

    def renegotiate(self):
        """Wants another handshake in the midst of the session."""
        raise NotImplementedError

    def close(self):
        """Says close_notify."""
        self.process.ask_to_end()

    def wait_until_closed(self):
        """The other end said close_notify."""
        raise NotImplementedError

    NAMED = ""  # a pattern of its words about the name in a hello

    def wait_until_asked_for(self, name):
        """A client named its server. [RFC 6066 §3]"""
        self.process.wait_for(self.NAMED.format(re.escape(name)), 10)

    def wait_until_refused(self, alert=None, seconds=30):
        """The other end said a fatal alert (its number), or any."""
        raise NotImplementedError


class Peer:
    """A kind of peer. `cannot(mode, side)` is why it does not do a mode with our server or client, or None."""
    name = ""
    command = ""
    silent = False              # as a server it drops a Finished that does not decrypt, without a word
    BESIDE_P256 = "has X25519 only beside secp256r1, which our server prefers"
    SUITES = {}

    def missing(self):
        """Why it cannot be had on this machine, or None."""
        return None if shutil.which(self.command) else f"{self.command} is not installed"

    def cannot(self, mode, side):
        if mode.cid:
            return "no Connection ID (RFC 9146)"
        if mode.kind == "rpk":
            return "no raw public keys"
        return None

    def client(self, stage, port, side, offer):
        """A device's end, whose handshake with a server on loopback begins at once."""
        raise NotImplementedError

    def server(self, stage, side, offer, port):
        """A server's end on a port of loopback."""
        raise NotImplementedError

    def serve(self, stage, side, offer):
        """The same on a port that was free a moment ago."""
        for _ in range(2):
            try:
                return self.server(stage, side, offer, free_port(2))
            except Failure:
                stage.processes.pop().stop()
        raise Failure(f"{self.name} did not listen, twice")


class GnutlsSession(Session):
    """GnuTLS's tools say how long each message is, and may say it in pieces."""
    HEAD = rb""

    def receive(self, pattern, seconds=15):
        self.process.wait_for_bytes(self.HEAD + pattern, seconds)
        for found in re.finditer(self.HEAD + rb"(?=" + pattern + rb")", self.process.said(), re.DOTALL):
            whole = self.HEAD.replace(rb"(\d+)", found[1]) + rb".{" + found[1] + rb"}"
            return coap.parse(self.process.wait_for_bytes(whole, seconds)[0][found.end() - found.start():])
        raise Failure("unreachable")


class GnutlsClient(GnutlsSession):
    HEAD = rb"- Received\[(\d+)\]: "

    def wait_until_connected(self, offer, seconds=30):
        said = self._wait_for(r"^- Description: (.*)", seconds)[1]
        cipher = Gnutls.CIPHERS[offer.suite.rpartition(":")[2]]
        expect(f"({cipher})" in said, f"agreed on {said}, not on {cipher}")
        if offer.group:
            expect(offer.group.upper() in said, f"agreed on {said}, not on {offer.group}")
        self._wait_for("^- Simple Client Mode:", seconds)
        expect(not offer.resumes or b"This is a resumed session" in self.process.said(), "gnutls-cli resumed nothing")

    def again(self):
        """It has come back by itself, before it said a word."""
        return self

    def wait_until_closed(self):
        self._wait_for("Peer has closed the GnuTLS connection", 10)

    def wait_until_refused(self, alert=None, seconds=30):
        got = self.process.wait_for(r"Received alert \[(\d+)\]", seconds)[1]
        expect(alert in (None, int(got)), f"gnutls-cli got alert {got}, not {alert}")


class GnutlsServer(GnutlsSession):
    """It sends everything back, and prints a message up to its first zero."""
    echoes = True
    NAMED = "Requested server name: '{}'"

    def wait_until_connected(self, offer, seconds=30):
        got = self._wait_for(r"Cipher Suite: GNUTLS_(\S+)", seconds)[1]
        cipher = Gnutls.CIPHERS[offer.suite.rpartition(":")[2]].replace("-", "_")
        expect(cipher in got, f"agreed on {got}, not on {cipher}")
        if offer.group:
            self._wait_for(rf"Selected group {offer.group.upper()} ", 1)

    def wait_until_closed(self):
        self._wait_for(r"Alert\[1\|0\] - Close notify - was received", 10)

    def wait_until_refused(self, alert=None, seconds=30):
        got = self.process.wait_for(r"Alert\[2\|(\d+)\] - .* - was received", seconds)[1]
        expect(alert in (None, int(got)), f"gnutls-serv got alert {got}, not {alert}")


class Gnutls(Peer):
    name, command, silent = "GnuTLS", "gnutls-cli", True
    CIPHERS = {"ccm_8": "AES-128-CCM-8", "ccm": "AES-128-CCM", "gcm": "AES-128-GCM", "cbc": "AES-128-CBC",
               "chacha": "CHACHA20-POLY1305"}

    def cannot(self, mode, side):
        if mode.renegotiates:
            return "gnutls-cli does so only by itself, at once"
        if side == "server" and mode.suite.startswith("ecdhe_psk:"):
            return "gnutls-cli crashes of it, with gnutls-serv too"
        return "no Connection ID (RFC 9146)" if mode.cid else None

    @staticmethod
    def priority(side, offer):
        exchange, cipher = offer.suite.split(":")
        words = ["NONE", "+VERS-DTLS1.2", {"psk": "+PSK", "ecdhe_psk": "+ECDHE-PSK"}.get(exchange, "+ECDHE-ECDSA"),
                 f"+{Gnutls.CIPHERS[cipher]}", "+SHA256" if cipher == "cbc" else "+AEAD", "+COMP-NULL", "+SIGN-ALL",
                 f"+GROUP-{offer.group.upper()}" if offer.group else "+GROUP-ALL"]
        if not side.identity:
            words += [f"+CTYPE-{end}-{'RAWPK' if side.raw else 'X509'}" for end in ("CLI", "SRV")]
        return ":".join(words)

    def _words(self, side, offer):
        words = ["--udp", "--priority", self.priority(side, offer)]
        if side.raw:
            words += ["--rawpkkeyfile", side.own.key_pem, "--rawpkfile", side.own.public_pem]
        elif side.own:
            words += ["--x509keyfile", side.own.key_pem, "--x509certfile", side.own.chain_pem]
        if side.authority:
            words += ["--x509cafile", side.authority]
        if offer.mtu:
            words += ["--mtu", offer.mtu]
        if not offer.tickets:
            words += ["--noticket"]
        return words

    def client(self, stage, port, side, offer):
        words = self._words(side, offer)
        if side.identity:
            words += ["--pskusername", side.identity, "--pskkey", side.key]
        if side.raw:
            words += ["--no-ca-verification"]
        elif side.certificates:
            words += ["--verify-hostname", "localhost", "--sni-hostname", "localhost"]
        if offer.resumes:
            words += ["--resume"]
        return GnutlsClient(stage.start("gnutls-cli", "gnutls-cli", "--verbose", *words, "--port", port, "127.0.0.1",
                                        ends_with_input=True))

    def server(self, stage, side, offer, port):
        words = self._words(side, offer)
        if side.identity:
            words += ["--pskpasswd", stage.write("psk.txt", f"{side.identity}:{side.key}\n")]
        elif side.raw:
            words += ["--require-client-cert"]
        else:
            words += ["--require-client-cert", "--verify-client-cert"] if side.authority else [
                "--disable-client-cert"]
        process = stage.start("gnutls-serv", "gnutls-serv", "--echo", "--debug", 5, *words, "--port", port)
        process.wait_for(r"listening on IPv4 \S+ port \d+\.\.\.done", 10)
        return GnutlsServer(process, port)


class OpensslSession(Session):
    NAMED = 'Hostname in TLS extension: "{}"'

    def __init__(self, process, port=None, again=None):
        super().__init__(process, port)
        self._again = again

    def again(self):
        self.close()
        self.process.wait_for_exit()
        return self._again()

    def renegotiate(self):
        self.process.write(b"R\n")

    def wait_until_connected(self, offer, seconds=30):
        suite = self._wait_for(r"^(?:Ciphersuite:|CIPHER is) (\S+)", seconds)[1]
        expect(suite == Openssl.SUITES[offer.suite], f"agreed on {suite}, not on {offer.suite}")

    def wait_until_closed(self):
        self._wait_for("^(.*closed|.*DONE|shutting down SSL|.*CONNECTION CLOSED)", 10)

    def wait_until_refused(self, alert=None, seconds=30):
        got = self.process.wait_for(r"SSL alert number (\d+)", seconds)[1]
        expect(alert in (None, int(got)), f"openssl got alert {got}, not {alert}")


class Openssl(Peer):
    name, command, silent = "OpenSSL", "openssl", True
    SUITES = {"psk:ccm_8": "PSK-AES128-CCM8", "psk:ccm": "PSK-AES128-CCM", "psk:gcm": "PSK-AES128-GCM-SHA256",
              "psk:cbc": "PSK-AES128-CBC-SHA256", "ecdhe_psk:cbc": "ECDHE-PSK-AES128-CBC-SHA256",
              "ecdhe_psk:chacha": "ECDHE-PSK-CHACHA20-POLY1305",
              "ecdsa:ccm_8": "ECDHE-ECDSA-AES128-CCM8", "ecdsa:ccm": "ECDHE-ECDSA-AES128-CCM",
              "ecdsa:gcm": "ECDHE-ECDSA-AES128-GCM-SHA256", "ecdsa:cbc": "ECDHE-ECDSA-AES128-SHA256"}
    GROUPS = {"secp256r1": "P-256", "secp384r1": "P-384", "x25519": "X25519:P-256"}

    def cannot(self, mode, side):
        if side == "client" and mode.refused == "stranger":
            return "takes any identity"
        if side == "server" and mode.group == "x25519":
            return self.BESIDE_P256
        return super().cannot(mode, side)

    def _words(self, side, offer):
        words = ["-dtls1_2", "-cipher", f"{self.SUITES[offer.suite]}:@SECLEVEL=0"]
        if side.identity:
            words += ["-psk_identity", side.identity, "-psk", side.key]
        if side.own:
            words += ["-key", side.own.key_pem, "-cert", side.own.chain_pem, "-cert_chain", side.own.chain_pem]
        if side.authority:
            words += ["-CAfile", side.authority, "-verify_return_error"]
        if offer.group:
            words += ["-groups", self.GROUPS[offer.group]]
        if offer.mtu:
            words += ["-mtu", offer.mtu]
        if not offer.tickets:
            words += ["-no_ticket"]
        return words

    def client(self, stage, port, side, offer, kept=None):
        words = ["-brief", "-connect", f"127.0.0.1:{port}"]
        if offer.resumes:
            words += ["-sess_in", kept] if kept else ["-sess_out", stage.folder / "session.pem"]
        if side.authority:
            words += ["-servername", "localhost", "-verify_hostname", "localhost"]
        process = stage.start("s_client-again" if kept else "s_client", "openssl", "s_client", *words,
                              *self._words(side, offer), ends_with_input=True)
        return OpensslSession(process, again=lambda: self.client(stage, port, side, offer, stage.folder / "session.pem"))

    def server(self, stage, side, offer, port):
        words = ["-serverpref", "-accept", f"127.0.0.1:{port}"]
        # With cookies it is bound to its first client, also when that has gone.
        words += [] if offer.resumes else ["-listen"]
        # It looks at a name only where it has a second certificate for that.
        words += ["-nocert"] if side.identity else ["-servername", "localhost", "-key2", side.own.key_pem,
                                                    "-cert2", side.own.chain_pem]
        if side.authority:
            words += ["-Verify", "2"]
        process = stage.start("s_server", "openssl", "s_server", *words, *self._words(side, offer),
                              ends_with_input=True)
        process.wait_for("^ACCEPT", 10)
        return OpensslSession(process, port)


class ProgramSession(Session):
    """One of peers/: it speaks in lines."""
    NAMED = "^EVENT named {}$"

    def wait_until_connected(self, offer, seconds=30):
        self._wait_for("^EVENT connected ", seconds)

    def send(self, message):
        self.process.command("send", message.to_bytes().hex())

    def receive(self, pattern, seconds=15):
        after = self._began
        while True:
            found = self.process.wait_for(r"^EVENT received (\S+)", seconds, after)
            after = self.process.lines.index(found.string, after) + 1
            data = bytes.fromhex(found[1])
            if re.match(pattern, data, re.DOTALL):
                return coap.parse(data)

    def renegotiate(self):
        self.process.command("renegotiate")

    def again(self):
        self.begin_anew()
        self.process.command("again")
        return self

    def close(self):
        self.process.command("close")

    def wait_until_closed(self):
        self._wait_for("^EVENT closed", 10)

    def wait_until_refused(self, alert=None, seconds=30):
        got = self.process.wait_for(r"^EVENT alert (\d+)", seconds)[1]
        expect(alert in (None, int(got)), f"the peer got alert {got}, not {alert}")


class Program(Peer):
    """A program of peers/, compiled when it is first wanted."""
    LIBRARIES = ()
    package = ""

    @property
    def path(self):
        return BUILD / "peers" / self.command

    def missing(self):
        """Compiles it. Libraries that are not there are a reason, a program that does not compile is a failure."""
        source = SOURCES / f"{self.command}.cpp"
        newest = max(file.stat().st_mtime for file in SOURCES.iterdir())
        if self.path.exists() and self.path.stat().st_mtime > newest:
            return None
        header = re.search(r"#include <((?:mbedtls|wolfssl)/\S+)>", source.read_text(encoding="utf-8"))[1]
        if _compiler("-E", "-x", "c++", "-", given=f"#include <{header}>\n"):
            return f"{self.package} is not installed"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        wrong = _compiler("-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", source, "-o", self.path, *self.LIBRARIES)
        if wrong:
            raise Failure(f"{source.name} does not compile:\n{wrong}")
        return None

    def _start(self, stage, role, port, side, offer):
        words = {"role": role, "port": port, "suite": self.SUITES[offer.suite]}
        if side.identity:
            words |= {"identity": side.identity, "key": side.key}
        if side.own:
            words |= {"certificate": side.own.chain_pem, "private-key": side.own.key_pem}
        if side.authority:
            words["authority"] = side.authority
        if offer.group:
            words["group"] = offer.group
        if offer.mtu:
            words["mtu"] = offer.mtu
        if offer.resumes:
            words["resumes"] = "by-ticket" if offer.tickets else "by-id"
        return stage.start(self.command, self.path, *(f"{name}={value}" for name, value in words.items()),
                           ends_with_input=True)

    def client(self, stage, port, side, offer):
        return ProgramSession(self._start(stage, "client", port, side, offer))

    def server(self, stage, side, offer, port):
        process = self._start(stage, "server", port, side, offer)
        process.wait_for("^EVENT ready ", 10)
        return ProgramSession(process, port)


def _compiler(*words, given=""):
    """What g++ says when it fails, or nothing."""
    done = subprocess.run(["g++", *map(str, words)], input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=120, check=False)
    return done.stdout if done.returncode else ""


class Mbedtls(Program):
    name, command, package = "mbedTLS", "mbedtls_peer", "libmbedtls-dev"
    LIBRARIES = ("-lmbedtls", "-lmbedx509", "-lmbedcrypto")
    SUITES = {f"{exchange}:{cipher}": f"TLS-{words}-WITH-{name}"
              for exchange, words in (("psk", "PSK"), ("ecdsa", "ECDHE-ECDSA"), ("ecdhe_psk", "ECDHE-PSK"))
              for cipher, name in (("ccm_8", "AES-128-CCM-8"), ("ccm", "AES-128-CCM"), ("gcm", "AES-128-GCM-SHA256"),
                                   ("cbc", "AES-128-CBC-SHA256"), ("chacha", "CHACHA20-POLY1305-SHA256"))}

    def cannot(self, mode, side):
        if mode.cid:
            return "its Connection ID (a draft's) is compiled out"
        if side == "server" and mode.group == "x25519":
            return self.BESIDE_P256
        return super().cannot(mode, side)


class Wolfssl(Program):
    name, command, package = "wolfSSL", "wolfssl_peer", "libwolfssl-dev"
    LIBRARIES = ("-lwolfssl",)
    SUITES = {"ecdsa:ccm_8": "ECDHE-ECDSA-AES128-CCM-8", "ecdsa:ccm": "ECDHE-ECDSA-AES128-CCM",
              "ecdsa:gcm": "ECDHE-ECDSA-AES128-GCM-SHA256", "ecdsa:cbc": "ECDHE-ECDSA-AES128-SHA256"}

    def cannot(self, mode, side):
        if mode.kind == "psk" and not mode.cid:
            return "pre-shared keys are compiled out"
        if side == "client" and mode.group == "secp384r1":
            return "its server takes our first group, whatever its own"
        return super().cannot(mode, side)


PEERS = [Gnutls(), Openssl(), Mbedtls(), Wolfssl()]
