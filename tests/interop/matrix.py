# SPDX-License-Identifier: Apache-2.0
"""Every way of a DTLS session, with other people's DTLS at the other end: `slipway serve` with their clients,
`slipway client` with their servers. Each case carries CoAP both ways and ends with a close_notify, or is refused."""
import dataclasses
import hashlib
import zlib

import coap
import ours
from dtls_peers import PEERS, Offer, Side
from keys import Keys
from rig import Relay, expect, expect_equal, wait_until

ENDPOINT = "urn:interop:matrix"
TOKEN = b"mtrx"
NUMBERS = {"psk:ccm_8": 0xC0A8, "psk:ccm": 0xC0A4, "psk:gcm": 0x00A8,
           "ecdsa:ccm_8": 0xC0AE, "ecdsa:ccm": 0xC0AC, "ecdsa:gcm": 0xC02B,
           "psk:cbc": 0x00AE, "ecdsa:cbc": 0xC023, "ecdhe_psk:cbc": 0xC037, "ecdhe_psk:chacha": 0xCCAC}
EXCHANGES = {"psk": "PSK", "ecdhe_psk": "ECDHE_PSK", "ecdsa": "ECDHE_ECDSA"}
CIPHERS = {"ccm_8": "AES_128_CCM_8", "ccm": "AES_128_CCM", "gcm": "AES_128_GCM_SHA256", "cbc": "AES_128_CBC_SHA256",
           "chacha": "CHACHA20_POLY1305_SHA256"}
MATCHING = [bytes, *(lambda data, name=name: hashlib.new(name, data).digest()
                     for name in ("sha256", "sha384", "sha512"))]  # /0/x/13
GROUPS = {"secp256r1": 23, "secp384r1": 24, "x25519": 29}


@dataclasses.dataclass(frozen=True)
class Mode:
    name: str
    what: str              # the row of the table
    kind: str              # psk, rpk, x509
    suite: str
    group: str = ""
    refused: str = ""      # why there is no session: wrong key, stranger, suite, foreign, distrust, alone,
                           # name
    usage: int = 3         # how our client knows the server's certificate
    matching: int = 0
    sni: str = ""          # /0/x/14: what the server is asked for, and must be called
    long_chain: bool = False
    lossy: bool = False
    moves: bool = False    # the device's address changes
    revoked: bool = False
    renegotiates: bool = False
    restarts: bool = False  # our server is killed, and goes on with the session
    cid: bool = False
    resumes: bool = False    # the device comes back, and its session is resumed
    tickets: bool = True
    anonymous: bool = False  # the server asks for no certificate
    sides: tuple = ("server", "client")  # ours

    @property
    def curve(self):
        return "P-384" if self.group == "secp384r1" else "P-256"

    @property
    def on_request(self):
        """Whether our server takes the suite only where it is told to."""
        return self.suite.endswith((":cbc", ":chacha"))

    def offer(self):
        return Offer(self.suite, self.group, 1200 if self.long_chain else 0, self.resumes, self.tickets)


PSK, ECDSA = "psk:ccm_8", "ecdsa:ccm_8"
MODES = [
    Mode("psk_ccm_8", "PSK, AES_128_CCM_8", "psk", PSK),
    Mode("psk_ccm", "PSK, AES_128_CCM", "psk", "psk:ccm"),
    Mode("psk_gcm", "PSK, AES_128_GCM", "psk", "psk:gcm"),
    Mode("psk_wrong_key", "PSK, another key: refused", "psk", PSK, refused="wrong key"),
    Mode("psk_stranger", "PSK, unknown identity: refused", "psk", PSK, refused="stranger"),
    Mode("psk_cbc_off", "PSK, AES_128_CBC_SHA256 where nobody turned it on: refused", "psk", "psk:cbc",
         refused="suite", sides=("server",)),
    Mode("psk_cbc", "PSK, AES_128_CBC_SHA256 turned on", "psk", "psk:cbc"),
    Mode("psk_ecdhe_cbc", "ECDHE with PSK, AES_128_CBC_SHA256 turned on", "psk", "ecdhe_psk:cbc"),
    Mode("psk_ecdhe_chacha", "ECDHE with PSK, CHACHA20_POLY1305 turned on", "psk", "ecdhe_psk:chacha"),
    Mode("psk_lossy_ecdhe", "ECDHE with PSK, a quarter of the datagrams lost", "psk", "ecdhe_psk:chacha", lossy=True),
    Mode("psk_lossy", "PSK, a quarter of the datagrams lost", "psk", PSK, lossy=True),
    Mode("psk_moves", "PSK, the address changes without a Connection ID", "psk", PSK, moves=True, sides=("server",)),
    Mode("psk_restarts", "PSK, `slipway serve` is killed and goes on without a handshake", "psk", PSK,
         restarts=True, sides=("server",)),
    Mode("psk_renegotiates", "PSK, wants another handshake in its session: dropped", "psk", PSK, renegotiates=True,
         sides=("server",)),
    Mode("psk_revoked", "PSK, revoked in the midst of a session", "psk", PSK, revoked=True, sides=("server",)),
    Mode("rpk_ccm_8", "RPK, AES_128_CCM_8", "rpk", ECDSA),
    Mode("rpk_ccm", "RPK, AES_128_CCM", "rpk", "ecdsa:ccm"),
    Mode("rpk_gcm", "RPK, AES_128_GCM", "rpk", "ecdsa:gcm"),
    Mode("rpk_cbc", "RPK, AES_128_CBC_SHA256 turned on", "rpk", "ecdsa:cbc"),
    Mode("rpk_p384", "RPK, secp384r1 in keys and exchange", "rpk", ECDSA, group="secp384r1"),
    Mode("rpk_x25519", "RPK, X25519", "rpk", ECDSA, group="x25519"),
    Mode("rpk_foreign", "RPK, another key: refused", "rpk", ECDSA, refused="foreign"),
    Mode("x509_ccm_8", "X.509 both ways, AES_128_CCM_8", "x509", ECDSA),
    Mode("x509_ccm", "X.509 both ways, AES_128_CCM", "x509", "ecdsa:ccm"),
    Mode("x509_gcm", "X.509 both ways, AES_128_GCM", "x509", "ecdsa:gcm"),
    Mode("x509_cbc", "X.509 both ways, AES_128_CBC_SHA256 turned on", "x509", "ecdsa:cbc"),
    Mode("x509_p256", "X.509, secp256r1 alone", "x509", ECDSA, group="secp256r1"),
    Mode("x509_p384", "X.509, secp384r1 in keys and exchange", "x509", ECDSA, group="secp384r1"),
    Mode("x509_x25519", "X.509, X25519", "x509", ECDSA, group="x25519"),
    Mode("x509_usage_0", "X.509, certificate usage 0, with a trust store", "x509", ECDSA, usage=0, sides=("client",)),
    Mode("x509_usage_1", "X.509, certificate usage 1, with a trust store", "x509", ECDSA, usage=1, sides=("client",)),
    Mode("x509_usage_2", "X.509, certificate usage 2", "x509", ECDSA, usage=2, sides=("client",)),
    Mode("x509_sha256", "X.509, matching type SHA-256", "x509", ECDSA, matching=1, sides=("client",)),
    Mode("x509_sha384", "X.509, matching type SHA-384", "x509", ECDSA, matching=2, sides=("client",)),
    Mode("x509_sha512", "X.509, matching type SHA-512", "x509", ECDSA, matching=3, sides=("client",)),
    Mode("x509_sni", "X.509, usage 2, the server's name by /0/x/14 and SNI", "x509", ECDSA, usage=2, sni="localhost",
         sides=("client",)),
    Mode("x509_other_name", "X.509, usage 2, the server has another name: we refuse", "x509", ECDSA, usage=2,
         sni="other.example", refused="name", sides=("client",)),
    Mode("x509_server_alone", "X.509, of the server alone", "x509", ECDSA, anonymous=True, sides=("client",)),
    Mode("x509_device_without", "X.509, the device has none: refused", "x509", ECDSA, refused="alone",
         sides=("server",)),
    Mode("x509_foreign", "X.509, their authority is not ours: we refuse", "x509", ECDSA, refused="foreign"),
    Mode("x509_distrust", "X.509, our authority is not theirs: they refuse", "x509", ECDSA, refused="distrust"),
    Mode("x509_long_chain", "X.509, chains above an MTU", "x509", ECDSA, long_chain=True),
    Mode("x509_lossy", "X.509, a quarter of the datagrams lost", "x509", ECDSA, lossy=True),
    Mode("psk_resumes", "PSK, a session is resumed", "psk", PSK, resumes=True),
    Mode("rpk_resumes", "RPK, a session is resumed", "rpk", ECDSA, resumes=True),
    Mode("x509_resumes", "X.509, a session is resumed", "x509", ECDSA, resumes=True),
    Mode("x509_resumes_by_id", "X.509, the same where the peer knows no tickets", "x509", ECDSA, resumes=True,
         tickets=False),
    Mode("x509_resumes_lossy", "X.509, the same with a quarter of the datagrams lost", "x509", ECDSA, resumes=True,
         lossy=True),
    Mode("cid", "Connection ID", "psk", PSK, cid=True),
]


class Cast:
    """Keys and certificates of a case: what each end has, and what the other one expects."""

    def __init__(self, stage, mode):
        self.mode = mode
        self.identity, self.key = "matrix-id", hashlib.sha256(mode.name.encode()).hexdigest()[:32]
        self.server = self.device = self.ca = None
        if mode.kind == "psk":
            return
        keys = Keys.of(stage, mode.curve)
        self.ca = keys.ca
        if mode.long_chain:
            self.server = keys.with_long_chain("server", "localhost")
            self.device = keys.with_long_chain("device", ENDPOINT)
        else:
            self.server, self.device = keys.server("server"), keys.device(ENDPOINT)
        self.foreign_ca = keys.authority("foreign-ca") if mode.refused in ("foreign", "distrust") else None
        if mode.refused == "foreign":
            self.foreign_server = keys.server("foreign-server", self.foreign_ca)
            self.foreign_device = keys.device(ENDPOINT, self.foreign_ca, "foreign-device")

    def _peer(self, own, foreign):
        """What the peer is given: `own`, or what the refused one has."""
        if self.mode.kind == "psk":
            return Side(identity="nobody" if self.mode.refused == "stranger" else self.identity,
                        key="00" * 16 if self.mode.refused == "wrong key" else self.key)
        if self.mode.refused == "foreign":
            own = foreign()
        if self.mode.kind == "rpk":
            return Side(own=own, raw=True)
        trusted = self.foreign_ca if self.mode.refused == "distrust" else self.ca
        return Side(own=None if self.mode.refused == "alone" else own, certificates=True,
                    authority=None if self.mode.anonymous else trusted.chain_pem)

    def peer_as_device(self):
        return self._peer(self.device, lambda: self.foreign_device)

    def peer_as_server(self):
        return self._peer(self.server, lambda: self.foreign_server)

    def our_server(self, stage):
        # Beside the suite that everybody has, so that it is chosen from two.
        suites = []
        if self.mode.on_request and self.mode.refused != "suite":
            suites = ["TLS_PSK_WITH_AES_128_CCM_8", _iana(self.mode)]
        if self.mode.kind == "psk":
            server = ours.Management(stage, suites=suites)
            server.enrol(ENDPOINT, mode="psk", identity=self.identity.encode().hex(), key=self.key)
            return server
        server = ours.Management(stage, self.server, self.server.chain_pem,
                                 self.ca.chain_pem if self.mode.kind == "x509" else None, suites)
        public = self.device.public if self.mode.kind == "rpk" else self.device.certificate
        server.enrol(ENDPOINT, mode=self.mode.kind, public_part=public.read_bytes().hex())
        return server

    def our_client(self, stage, port):
        store = ["--trust-store", self.ca.chain_pem] if self.mode.usage < 2 else []
        sleeps = ["--hibernate"] if self.mode.resumes else []
        return ours.client(stage, self._pack(stage, port), *store, *sleeps)

    def our_client_again(self, stage, port):
        return ours.client(stage, self._pack(stage, port), name="slipway-client-again")

    def _pack(self, stage, port):
        mode, resources = self.mode, {16: [NUMBERS[self.mode.suite]]}
        if mode.kind == "psk":
            resources |= {2: 0, 3: self.identity.encode(), 5: bytes.fromhex(self.key)}
        elif mode.kind == "rpk":
            resources |= {2: 1, 3: self.device.public.read_bytes(), 4: self.server.public.read_bytes(),
                          5: self.device.key.read_bytes()}
        else:
            known = (self.ca if mode.usage in (0, 2) else self.server).certificate.read_bytes()
            known = MATCHING[mode.matching](known)
            own = self.device.chain_pem if mode.long_chain else self.device.certificate
            resources |= {2: 2, 3: own.read_bytes(), 4: known, 5: self.device.key.read_bytes(),
                          13: mode.matching, 15: mode.usage} | ({14: mode.sni} if mode.sni else {})
        return ours.pack_of(stage, ENDPOINT, port, resources)


def _behind_relay(mode, port):
    """The port that the device is given, and the relay if there is one."""
    if not (mode.lossy or mode.moves or mode.group):
        return port, None
    relay = Relay(port)
    if mode.lossy:
        relay.lose(0.25, zlib.crc32(mode.name.encode()))
    return relay.port, relay


def _check_group(mode, relay):
    """The group of the ServerKeyExchange, which goes in clear: its curve type 3, then its number. [RFC 8422 §5.4]"""
    if not mode.group:
        return
    found = set()
    for datagram in relay.down:
        while len(datagram) > 28 and datagram[0] == Relay.HANDSHAKE_RECORD:
            if datagram[13] == 12 and datagram[25] == 3:
                found.add(int.from_bytes(datagram[26:28], "big"))
            datagram = datagram[13 + int.from_bytes(datagram[11:13], "big"):]
    expect_equal("the group of the exchange", found, {GROUPS[mode.group]})


def _exchanged(session, number):
    """A Register of the peer's, answered with 2.01."""
    session.send(coap.register(ENDPOINT, number, TOKEN))
    answer = session.receive(rb"[\x60-\x6f]." + number.to_bytes(2, "big") + TOKEN)
    expect_equal("the answer to a Register", answer.code, coap.CREATED)
    location = [value for option, value in answer.options if option == coap.LOCATION_PATH]
    expect(location[:1] == [b"rd"] and len(location) == 2, f"Location-Path: {location}")


def _pinged(session, number):
    session.send(coap.Message(coap.CON, 0, number))
    session.receive(rb"\x70\x00" + number.to_bytes(2, "big"))


def our_server_with(stage, peer, mode):
    """`slipway serve`, and the peer as a device."""
    cast = Cast(stage, mode)
    server = cast.our_server(stage)
    port, relay = _behind_relay(mode, server.port)
    session = peer.client(stage, port, cast.peer_as_device(), mode.offer())
    if mode.refused:
        return _our_server_refuses(server, session, mode)
    session.wait_until_connected(mode.offer(), 60)
    if mode.resumes:
        session = session.again()
        session.wait_until_connected(mode.offer(), 60)
        wait_until("the second handshake", lambda: server.metric("slipway_dtls_handshakes_completed_total") == 2)
        expect_equal("resumed handshakes", server.metric("slipway_dtls_handshakes_resumed_total"), 1)
    if mode.lossy:
        expect(relay.lost, "nothing was lost")
        relay.mend()
    _check_group(mode, relay)
    found = server.events.wait_for("session", endpoint=ENDPOINT)
    expect_equal("the suite that our server saw", found["suite"], _iana(mode))
    _exchanged(session, 0x0101)
    server.events.wait_for("registered", endpoint=ENDPOINT, lifetime_s=300)
    _pinged(session, 0x0102)
    if mode.moves:
        _stays_where_it_is(server, session, relay)
    if mode.restarts:
        _goes_on_after_a_kill(server, session)
    if mode.renegotiates:
        return _drops_a_second_handshake(server, session)
    if mode.revoked:
        server.revoke(ENDPOINT)
        session.wait_until_refused(49)  # access_denied
    else:
        session.close()
    wait_until("our server has no session", lambda: server.metric("slipway_dtls_sessions") == 0)
    return None


def _stays_where_it_is(server, session, relay):
    """Without a Connection ID what comes from another address is of no session; the session goes on at the old one."""
    old, dropped = relay.here(), "slipway_dtls_records_unexpected_total"
    before = server.metric(dropped)
    relay.move()
    session.send(coap.Message(coap.CON, 0, 0x0103))
    wait_until("the record from elsewhere is dropped", lambda: server.metric(dropped) == before + 1)
    relay.back_to(old)
    _pinged(session, 0x0104)
    expect("70000103" not in session.process.said().hex() and b"70000103" not in session.process.said(),
           "an unknown address was answered")


def _goes_on_after_a_kill(server, session):
    wait_until("the session is in the store", lambda: server.metric("slipway_dtls_freezes_total") >= 1)
    server.process.kill()
    server.process.wait_for_exit()
    server.start()
    _pinged(session, 0x0105)
    expect_equal("handshakes since", server.metric("slipway_dtls_handshakes_completed_total"), 0)
    expect_equal("sessions that went on", server.metric("slipway_dtls_sessions_thawed_total"), 1)


def _drops_a_second_handshake(server, session):
    """Nothing answers it, a counter tells it, and the session is what it was."""
    dropped = "slipway_dtls_records_unexpected_total"
    before = server.metric(dropped)
    session.renegotiate()
    wait_until("the second hello is dropped", lambda: server.metric(dropped) > before)
    expect_equal("sessions", server.metric("slipway_dtls_sessions"), 1)


# What our server says of a handshake that it refuses, and the alert that the peer is told.
REFUSALS = {"wrong key": ("wrong key", "decrypt_error", 51), "stranger": ("unknown identity", "decrypt_error", 51),
            "suite": ("no common suite", "handshake_failure", 40),
            "foreign key": ("peer not trusted", "certificate_unknown", 46),
            "foreign": ("peer not trusted", "unknown_ca", 48), "alone": ("peer not trusted", "handshake_failure", 40)}


def _our_server_refuses(server, session, mode):
    failed = server.events.wait_for("handshake-failed", 60, server="management")
    if mode.refused == "distrust":
        expect_equal("why the handshake failed", failed["reason"], "refused by the peer")
    else:
        reason, alert, number = REFUSALS["foreign key" if mode.name == "rpk_foreign" else mode.refused]
        expect_equal("why the handshake failed", (failed["reason"], failed["alert"]), (reason, alert))
        session.wait_until_refused(number)
    expect_equal("sessions", server.metric("slipway_dtls_sessions"), 0)


def _our_client_is_refused_or_refuses(client, session, mode):
    if mode.refused in ("foreign", "name"):
        client.wait_for(ours.event("connection failed", ".*peer not trusted"))
        session.wait_until_refused(42)  # bad_certificate
    elif mode.refused == "distrust":
        client.wait_for(ours.event("connection failed", ".*refused by the peer"))
    else:
        client.wait_for(ours.event("connection failed", ".*(refused by the peer|does not answer our Finished)"), 75)


def _iana(mode):
    exchange, cipher = mode.suite.split(":")
    return f"TLS_{EXCHANGES[exchange]}_WITH_{CIPHERS[cipher]}"


def our_client_with(stage, peer, mode):
    """`slipway client`, and the peer as its server."""
    cast = Cast(stage, mode)
    session = peer.serve(stage, cast.peer_as_server(), mode.offer())
    port, relay = _behind_relay(mode, session.port)
    client = cast.our_client(stage, port)
    if mode.refused:
        return _our_client_is_refused_or_refuses(client, session, mode)
    session.wait_until_connected(mode.offer(), 60)
    expect(not mode.lossy or mode.resumes or relay.lost, "nothing was lost")
    _check_group(mode, relay)
    if mode.resumes:
        client = _comes_back(stage, cast, session, client, port, relay)
    if mode.sni:
        session.wait_until_asked_for(mode.sni)
    asked = _registers(session, client)
    if relay:
        relay.mend()  # what is lost from here on nobody repeats
    if asked:
        expect(asked.path() == ["rd"] and f"ep={ENDPOINT}" in asked.queries(), f"not a Register: {asked.options}")
        session.send(asked.answer(coap.CREATED, [(coap.LOCATION_PATH, b"rd"), (coap.LOCATION_PATH, b"0")]))
        client.wait_for(ours.event("registered"), 60)
    client.ask_to_end()
    if asked:
        left = session.receive(rb"[\x40-\x48]\x04.{2,10}\xb2rd\x010")
        session.send(left.answer(coap.DELETED))
    session.wait_until_closed()
    return None


def _registers(session, client):
    """The Register that has come; nothing where the server gives it back, and the client says that it serves none."""
    if not session.echoes:
        return session.receive(rb"[\x40-\x48]\x02.{2,10}\xb2rd")
    client.wait_for(ours.event("registration failed", "with the server 101: 5.03"), 60)
    return None


def _comes_back(stage, cast, session, client, port, relay):
    """Our client is switched off and on."""
    if relay:
        relay.mend()
    _registers(session, client)
    client.ask_to_end()
    client.wait_for_exit()
    session.wait_until_closed()
    session.begin_anew()
    if relay:
        relay.move()
        relay.lost = False
        relay.lose(0.25, 1411)  # of its first ten datagrams half, the server's flight and the client's last one too
    again = cast.our_client_again(stage, port)
    again.wait_for(ours.event("session resumed", "with the server 101"), 60)
    session.wait_until_connected(cast.mode.offer(), 60)
    if relay:
        expect(relay.lost, "nothing was lost of the second handshake")
        relay.mend()
    return again


class Case:
    """One cell of the tables, as a test of the rig."""

    def __init__(self, side, peer, mode):
        self.side, self.peer, self.mode = side, peer, mode
        self.__name__ = f"our_{side}_with_{peer.name.lower()}_{mode.name}"
        # It waits for a minute and does nothing else: this peer says nothing where it refuses.
        self.patient = side == "client" and mode.refused in ("wrong key", "stranger") and peer.silent

    def cannot(self):
        """Why this peer does not do this, or None."""
        return self.peer.cannot(self.mode, self.side)

    def __call__(self, stage):
        (our_server_with if self.side == "server" else our_client_with)(stage, self.peer, self.mode)


TESTS = [Case(side, peer, mode) for mode in MODES for side in mode.sides for peer in PEERS]


def tables(passed):
    """The tables of docs/interop.md; `passed` holds the names of cases that did."""
    text = ""
    for side, title in (("server", "`slipway serve`, the peer as a device"),
                        ("client", "`slipway client`, the peer as a server")):
        text += f"| {title} | " + " | ".join(peer.name for peer in PEERS) + " |\n"
        text += "| --- |" + " --- |" * len(PEERS) + "\n"
        for mode in MODES:
            if side in mode.sides:
                cells = [_cell(Case(side, peer, mode), passed) for peer in PEERS]
                text += f"| {mode.what} | " + " | ".join(cells) + " |\n"
        text += "\n"
    return text.rstrip("\n")


def _cell(case, passed):
    reason = case.cannot()
    return f"cannot: {reason}" if reason else "yes" if case.__name__ in passed else "FAILED"
