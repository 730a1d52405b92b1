# SPDX-License-Identifier: Apache-2.0
"""Registration over TLS and TCP with other people's stacks: GnuTLS's and OpenSSL's command-line tools carry CoAP that is
written here, and libcoap's client speaks all of RFC 8323 by itself."""
import hashlib
import json
import shutil

import coap
import ours
from keys import Keys
from rig import expect, request

ENDPOINT = "urn:interop:streams"
IDENTITY = "streams-id"
KEY = hashlib.sha256(b"streams").hexdigest()[:32]
CSM = bytes([0x00, 0xE1])  # [RFC 8323 §5.3]
TOKEN = b"strm"
LINKS = b"</1/0>,</3/0>"
CREATED = b"\x41" + TOKEN
VERSIONS = {"12": "TLS 1.2", "13": "TLS 1.3"}


class Server:
    """`slipway serve` with a management server on TCP ports alone."""

    def __init__(self, stage, kind, suites=()):
        """`suites` are not the usual ones."""
        self.cast = Keys.of(stage)
        keys = f"cipher_suites = {json.dumps(suites)}\n" if suites else ""
        if kind in ("rpk", "x509"):
            self.identity = self.cast.server("server")
            keys += (f'key = "{self.identity.key}"\ncertificate = "{self.identity.chain_pem}"\n'
                     f'client_authorities = "{self.cast.ca.chain_pem}"\n')
            self.device = self.cast.device(ENDPOINT)
        config = stage.write("streams.toml", f"""\
[server]
data = "data"
[http]
listen = "127.0.0.1:0"
[bootstrap]
coap = "off"
coaps = "off"
[management]
coap = "off"
coaps = "off"
coap_tcp = "127.0.0.1:0"
coaps_tcp = "127.0.0.1:0"
{keys}
""")
        process = stage.start("slipway-serve", ours.binary(), "serve", "--json", "--config", config)
        ready = json.loads(process.wait_for(r'^\{.*"ready":true.*\}$')[0])
        self.root = f"http://{ready['http']}"
        self.port, self.plain = (int(ready[name].rpartition(":")[2])
                                 for name in ("management_coaps_tcp", "management_coap_tcp"))
        self.process = process
        if kind == "psk":
            self.enrol(mode="psk", identity=IDENTITY.encode().hex(), key=KEY)
        elif kind:
            part = self.device.public if kind == "rpk" else self.device.certificate
            self.enrol(mode=kind, public_part=part.read_bytes().hex())

    def enrol(self, **credential):
        body = {"credentials": [{"endpoint": ENDPOINT, "server": 101, **credential}]}
        status, answer = request("PUT", f"{self.root}/api/v1/credentials", body)
        expect(status == 200 and answer == {"kept": 1}, f"PUT credentials: {status} {answer}")

    def registered(self):
        return request("GET", f"{self.root}/api/v1/devices/{ENDPOINT.replace(':', '%3A')}")[1]


def register_frame():
    """POST /rd as a frame of a stream [RFC 8323 §3.2]."""
    message = coap.Message(coap.CON, coap.POST, 0, TOKEN, [
        (coap.URI_PATH, b"rd"), (coap.CONTENT_FORMAT, b"\x28"), (coap.URI_QUERY, b"lwm2m=1.2"),
        (coap.URI_QUERY, b"ep=" + ENDPOINT.encode()), (coap.URI_QUERY, b"lt=300"), (coap.URI_QUERY, b"b=T")], LINKS)
    rest = message.to_bytes()[4 + len(TOKEN):]
    expect(13 <= len(rest) < 269, "the extended length has one byte")
    return bytes([0xD0 | len(TOKEN), len(rest) - 13, coap.POST]) + TOKEN + rest


def carry(server, peer, version, mode):
    """The peer is connected: it registers through its TLS."""
    peer.write(CSM + register_frame())
    peer.wait_for_bytes(CREATED, 15)
    device = server.registered()
    expect(device["security"] == mode, f"the server says {device}")
    journeys = str(request("GET", f"{server.root}/api/v1/devices/{ENDPOINT.replace(':', '%3A')}/journeys")[1])
    expect(VERSIONS[version] in journeys, f"no {VERSIONS[version]} in {journeys[:300]}")


def gnutls(stage, kind, version):
    server = Server(stage, kind)
    words = ["NONE", f"+VERS-TLS1.{version[1]}", "+AES-128-GCM", "+AEAD", "+COMP-NULL", "+SIGN-ALL", "+GROUP-SECP256R1"]
    more = []
    if kind == "psk":
        words += ["+ECDHE-PSK", "+PSK"]
        more = ["--pskusername", IDENTITY, "--pskkey", KEY]
    else:
        words += ["+ECDHE-ECDSA"] + [f"+CTYPE-{end}-{'RAWPK' if kind == 'rpk' else 'X509'}" for end in ("CLI", "SRV")]
        if kind == "rpk":
            more = ["--rawpkkeyfile", server.device.key_pem, "--rawpkfile", server.device.public_pem,
                    "--no-ca-verification"]
        else:
            more = ["--x509keyfile", server.device.key_pem, "--x509certfile", server.device.chain_pem, "--x509cafile",
                    server.cast.ca.chain_pem, "--verify-hostname", "localhost", "--sni-hostname", "localhost"]
    peer = stage.start("gnutls-cli", "gnutls-cli", "--alpn", "coap", "--priority", ":".join(words), *more, "--port",
                       server.port, "127.0.0.1", ends_with_input=True)
    peer.wait_for("^- Simple Client Mode:")
    carry(server, peer, version, kind)


def openssl(stage, kind, version):
    server = Server(stage, kind)
    words = ["-quiet", "-alpn", "coap", f"-tls1_{version[1]}", "-connect", f"127.0.0.1:{server.port}"]
    if kind == "psk":
        words += ["-psk_identity", IDENTITY, "-psk", KEY]
        words += ["-cipher", "PSK-AES128-GCM-SHA256"] if version == "12" else ["-ciphersuites", "TLS_AES_128_GCM_SHA256"]
    else:
        words += ["-cert", server.device.chain_pem, "-key", server.device.key_pem, "-CAfile", server.cast.ca.chain_pem,
                  "-verify_return_error", "-verify_hostname", "localhost"]
    peer = stage.start("openssl", "openssl", "s_client", *words, ends_with_input=True)
    carry(server, peer, version, kind)


def openssl_is_refused_with_another_key(stage):
    server = Server(stage, "psk")
    peer = stage.start("openssl", "openssl", "s_client", "-alpn", "coap", "-connect", f"127.0.0.1:{server.port}",
                       "-psk_identity", IDENTITY, "-psk", "00" * 16, ends_with_input=True)
    peer.wait_for("alert decrypt error|alert number 51")
    server.process.wait_for("handshake with .* failed: wrong key")


def openssl_takes_a_suite_that_was_turned_on(stage):
    """It offers another first, which is a pair of the parts of those that were asked for, and was not."""
    server = Server(stage, "psk", ["TLS_PSK_WITH_AES_128_CCM_8", "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256"])
    peer = stage.start("openssl", "openssl", "s_client", "-brief", "-tls1_2", "-cipher",
                       "PSK-AES128-CBC-SHA256:ECDHE-PSK-AES128-CBC-SHA256", "-alpn", "coap", "-connect",
                       f"127.0.0.1:{server.port}", "-psk_identity", IDENTITY, "-psk", KEY, ends_with_input=True)
    peer.wait_for("^Ciphersuite: ECDHE-PSK-AES128-CBC-SHA256$")
    carry(server, peer, "12", "psk")


def openssl_cannot_renegotiate(stage):
    server = Server(stage, "psk")
    peer = stage.start("openssl", "openssl", "s_client", "-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256", "-alpn", "coap",
                       "-connect", f"127.0.0.1:{server.port}", "-psk_identity", IDENTITY, "-psk", KEY,
                       ends_with_input=True)
    peer.wait_for(r"Verify return code|Extended master secret")
    peer.write(b"R\n")
    peer.wait_for("no renegotiation|alert number 100")


def libcoap(stage, words, port, scheme):
    """Its client sends CSM, reads ours, and registers."""
    uri = f"{scheme}://127.0.0.1:{port}/rd?lwm2m=1.2&ep={ENDPOINT}&lt=300&b=T"
    peer = stage.start("coap-client", *words, "-v", "7", "-B", "15", "-m", "post", "-t", "40", "-e", LINKS.decode(), uri)
    peer.wait_for("CSM")
    peer.wait_for(r"2\.01")
    expect(peer.wait_for_exit() == 0, "coap-client failed")


def libcoap_over_tls(stage):
    server = Server(stage, "")
    server.enrol(mode="psk", identity=IDENTITY.encode().hex(), key=KEY.encode().hex())  # its -k is text
    libcoap(stage, ["coap-client-gnutls", "-u", IDENTITY, "-k", KEY], server.port, "coaps+tcp")


def libcoap_over_tcp(stage):
    server = Server(stage, "")
    libcoap(stage, ["coap-client-notls"], server.plain, "coap+tcp")


def _case(name, command, run):
    def test(stage):
        run(stage)
    test.__name__ = f"streams_{name}"
    test.missing = lambda: None if shutil.which(command) else f"{command} is not installed"
    return test


def _all():
    for version in VERSIONS:
        for kind in ("psk", "rpk", "x509"):
            yield _case(f"gnutls_{kind}_{version}", "gnutls-cli",
                        lambda stage, kind=kind, version=version: gnutls(stage, kind, version))
        for kind in ("psk", "x509"):
            yield _case(f"openssl_{kind}_{version}", "openssl",
                        lambda stage, kind=kind, version=version: openssl(stage, kind, version))
    yield _case("openssl_wrong_key", "openssl", openssl_is_refused_with_another_key)
    yield _case("openssl_cipher_suites", "openssl", openssl_takes_a_suite_that_was_turned_on)
    yield _case("openssl_renegotiation", "openssl", openssl_cannot_renegotiate)
    yield _case("libcoap_tls", "coap-client-gnutls", libcoap_over_tls)
    yield _case("libcoap_tcp", "coap-client-notls", libcoap_over_tcp)


TESTS = list(_all())
