# SPDX-License-Identifier: Apache-2.0
"""Leshan's client with our bootstrap server and our management server."""
import leshan
import ours
from common import new_psk
from keys import Keys
from rig import Relay, expect, expect_equal, wait_until


def leshan_client_with_our_servers(stage):
    """Leshan's client is bootstrapped by our bootstrap server, registers with the key that it got, and is used."""
    endpoint, factory_key = "urn:interop:leshan-client", new_psk()
    slipway = ours.Servers(stage).start()
    ours.factory(stage, endpoint, slipway.bootstrap_uri, "factory-id", factory_key, slipway)

    device = leshan.client(stage, endpoint, slipway.bootstrap_uri, "psk", "factory-id", factory_key)
    slipway.events.wait_for("session", server="bootstrap", endpoint=endpoint)
    device.wait_for(r"^EVENT bootstrapped by ")
    slipway.events.wait_for("bootstrap-ended", endpoint=endpoint, outcome="succeeded")
    device.wait_for(r"^EVENT registered at .* ssid=101$")
    slipway.events.wait_for("session", server="management", endpoint=endpoint)
    slipway.events.wait_for("registered", endpoint=endpoint, lifetime_s=300, lwm2m="1.1")
    wait_until("the new key is proven", lambda: slipway.credentials(endpoint).get("management") == ["proven"])

    expect_equal("read /3/0/0", slipway.read(endpoint, "/3/0/0"), {"/3/0/0": "Eclipse Leshan"})
    for content_format in ("tlv", "senml-json", "senml-cbor"):
        values = slipway.read(endpoint, "/3/0", content_format)
        expect_equal(f"read /3/0 as {content_format}", values, {
            "/3/0/0": "Eclipse Leshan", "/3/0/1": "interop peer", "/3/0/9": 87, "/3/0/11/0": 0, "/3/0/16": "U"})
    expect_equal("read /3/0/9 as text", slipway.read(endpoint, "/3/0/9", "text"), {"/3/0/9": 87})
    expect_equal("read /3/0/2", slipway.refusal_of_read(endpoint, "/3/0/2"), "4.04")

    account = slipway.account(endpoint)
    slipway.write(endpoint, f"{account}/1", {"value": 240})
    slipway.events.wait_for("updated", endpoint=endpoint, lifetime_s=240)
    expect_equal("the lifetime", slipway.read(endpoint, f"{account}/1"), {f"{account}/1": 240})
    slipway.write(endpoint, account, {"values": {"1": 180}}, mode="partial")
    slipway.events.wait_for("updated", endpoint=endpoint, lifetime_s=180)
    expect_equal("the short server id", slipway.read(endpoint, f"{account}/0"), {f"{account}/0": 101})

    slipway.execute(endpoint, "/3/0/4")
    device.wait_for(r"^EVENT executed /3/0/4$", 5)

    expect_equal("observe /3/0/9", slipway.observe(endpoint, "/3/0/9"), {"/3/0/9": 87})
    for percent in (42, 41, 40):
        mark = slipway.events.mark()
        device.command("battery", percent)
        notified = slipway.events.wait_for("notification", after=mark, endpoint=endpoint, path="/3/0/9")
        expect_equal("the notified /3/0/9", notified["values"][0]["value"], percent)
    slipway.cancel(endpoint, "/3/0/9")

    mark = slipway.events.mark()
    device.command("update")
    slipway.events.wait_for("updated", after=mark, endpoint=endpoint)

    # Told to bootstrap again it gets another key and registers with that one.
    mark, said = slipway.events.mark(), device.mark()
    slipway.execute(endpoint, f"{account}/9")
    slipway.events.wait_for("bootstrap-ended", after=mark, endpoint=endpoint, outcome="succeeded")
    slipway.events.wait_for("registered", after=mark, endpoint=endpoint)
    wait_until("the second key replaces the first", lambda: sorted(slipway.credentials(endpoint)["management"]) ==
               ["proven", "retired"])
    device.wait_for(r"^EVENT registered at ", after=said)

    mark, said = slipway.events.mark(), device.mark()
    device.command("stop")
    device.wait_for(r"^EVENT deregistered at ", after=said)
    slipway.events.wait_for("deregistered", after=mark, endpoint=endpoint, reason="deregistered")
    wait_until("our API says that the device left", lambda: not slipway.is_registered(endpoint))


def our_servers_refuse_a_wrong_key(stage):
    """A Leshan client with another key than the one that we were told gets no session, and we say so."""
    endpoint = "urn:interop:impostor"
    slipway = ours.Servers(stage).start()
    ours.factory(stage, endpoint, slipway.bootstrap_uri, "factory-id", new_psk(), slipway)
    device = leshan.client(stage, endpoint, slipway.bootstrap_uri, "psk", "factory-id", new_psk())
    failed = slipway.events.wait_for("handshake-failed", 60, server="bootstrap", endpoint=endpoint)
    expect(failed["reason"], "the event has no reason")
    device.wait_for(r"^EVENT bootstrap-failed ", 60)
    slipway.process.wait_for(r"bootstrap coaps: handshake with 127\.0\.0\.1:\d+ of \S+ failed: ", 5)
    expect(slipway.metric("slipway_dtls_handshakes_failed_total") >= 1, "no failed handshake is counted")
    expect_equal("sessions", slipway.metric("slipway_dtls_sessions"), 0)
    expect_equal("Bootstrap-Requests", slipway.metric("slipway_bootstrap_requests_total"), 0)


def our_servers_refuse_an_unknown_identity(stage):
    """A Leshan client that nobody enrolled gets no session, and we say so."""
    endpoint = "urn:interop:stranger"
    slipway = ours.Servers(stage).start()
    device = leshan.client(stage, endpoint, slipway.bootstrap_uri, "psk", "nobody", new_psk())
    slipway.events.wait_for("handshake-failed", 60, server="bootstrap", endpoint="")
    device.wait_for(r"^EVENT bootstrap-failed ", 60)
    expect(slipway.metric("slipway_dtls_handshakes_failed_total") >= 1, "no failed handshake is counted")
    expect_equal("Bootstrap-Requests", slipway.metric("slipway_bootstrap_requests_total"), 0)


def our_servers_refuse_another_endpoint(stage):
    """A key opens the bootstrap of its own endpoint only."""
    slipway = ours.Servers(stage).start()
    ours.factory(stage, "urn:interop:honest", slipway.bootstrap_uri, "factory-id", (key := new_psk()), slipway)
    device = leshan.client(stage, "urn:interop:victim", slipway.bootstrap_uri, "psk", "factory-id", key)
    ended = slipway.events.wait_for("bootstrap-ended", 60, endpoint="urn:interop:victim")
    expect(ended["outcome"] != "succeeded", f"bootstrapped: {ended}")
    device.wait_for(r"^EVENT bootstrap-failed .*BAD_REQUEST", 60)
    slipway.process.wait_for(r"bootstrap of urn:interop:victim failed: ", 5)
    expect(slipway.metric("slipway_bootstrap_refused_total") >= 1, "no refused request is counted")
    expect_equal("credentials of the victim", slipway.credentials("urn:interop:victim"), {})


def _bootstrapped(slipway, device, endpoint, mark=0, said=0):
    """From the bootstrap to the registration, as both ends tell it."""
    slipway.events.wait_for("bootstrap-ended", after=mark, endpoint=endpoint, outcome="succeeded")
    device.wait_for(r"^EVENT bootstrapped by ", after=said)
    slipway.events.wait_for("registered", after=mark, endpoint=endpoint, lifetime_s=300)
    device.wait_for(r"^EVENT registered at .* ssid=101$", after=said)


def _from_bootstrap_to_de_registration(stage, mode, usage=3):
    """Leshan's client with accounts of one mode: bootstrap, registration, Read, another bootstrap, which renews its
    credential, de-registration."""
    endpoint = f"urn:interop:leshan-{mode}-{usage}"
    slipway = ours.Servers(stage, mode, usage).start()
    pack = ours.factory_with(stage, mode, endpoint, slipway.bootstrap_uri, slipway.identity, usage, slipway)
    device = leshan.client(stage, endpoint, slipway.bootstrap_uri, mode, *pack.files(),
                           *([usage] if mode == "x509" else []))
    _bootstrapped(slipway, device, endpoint)
    slipway.events.wait_for("session", server="bootstrap", endpoint=endpoint)
    session = slipway.events.wait_for("session", server="management", endpoint=endpoint)
    expect("ECDHE_ECDSA" in session["suite"], f"the session of a key pair: {session}")
    expect_equal("security modes", slipway.modes(endpoint), {mode})
    expect_equal("read /3/0/0", slipway.read(endpoint, "/3/0/0"), {"/3/0/0": "Eclipse Leshan"})

    mark, said = slipway.events.mark(), device.mark()
    slipway.tell_to_bootstrap(endpoint)
    _bootstrapped(slipway, device, endpoint, mark, said)
    wait_until("the second credential replaces the first",
               lambda: sorted(slipway.credentials(endpoint)["management"]) == ["proven", "retired"])
    expect_equal("read /3/0/0", slipway.read(endpoint, "/3/0/0"), {"/3/0/0": "Eclipse Leshan"})
    device.command("stop")
    device.wait_for(r"^EVENT deregistered at ", after=said)
    slipway.events.wait_for("deregistered", after=mark, endpoint=endpoint, reason="deregistered")


def leshan_client_with_raw_public_keys(stage):
    """Leshan's client and our servers know each other by raw public keys, also those that a bootstrap gave."""
    _from_bootstrap_to_de_registration(stage, "rpk")


def leshan_client_with_certificates(stage):
    """... by certificates: the device has the server's own (usage 3)."""
    _from_bootstrap_to_de_registration(stage, "x509", 3)


def leshan_client_with_an_authority(stage):
    """... by certificates: the device has that of the server's authority (usage 2)."""
    _from_bootstrap_to_de_registration(stage, "x509", 2)


def leshan_client_without_security(stage):
    """Without security, where our operator insists on it."""
    endpoint = "urn:interop:leshan-nosec"
    slipway = ours.Servers(stage, "nosec").start()
    device = leshan.client(stage, endpoint, slipway.bootstrap_uri, "nosec")
    _bootstrapped(slipway, device, endpoint)
    expect_equal("read /3/0/0", slipway.read(endpoint, "/3/0/0"), {"/3/0/0": "Eclipse Leshan"})
    device.command("stop")
    slipway.events.wait_for("deregistered", endpoint=endpoint, reason="deregistered")


def _with_psk(stage, endpoint, slipway, uri=None):
    """Leshan's client, enrolled with a pre-shared key; `uri` is another way to the bootstrap server."""
    ours.factory(stage, endpoint, slipway.bootstrap_uri, "factory-id", (key := new_psk()), slipway)
    return leshan.client(stage, endpoint, uri or slipway.bootstrap_uri, "psk", "factory-id", key)


def leshan_client_is_revoked_and_comes_back(stage):
    """A revoked credential ends the running session; the client is refused, bootstraps and has another one."""
    endpoint = "urn:interop:leshan-revoked"
    slipway = ours.Servers(stage).start()
    device = _with_psk(stage, endpoint, slipway)
    _bootstrapped(slipway, device, endpoint)
    mark, said = slipway.events.mark(), device.mark()
    slipway.revoke(endpoint)
    slipway.events.wait_for("deregistered", after=mark, endpoint=endpoint, reason="revoked")
    device.command("update")
    refused = slipway.events.wait_for("handshake-failed", after=mark, endpoint=endpoint, server="management")
    expect("its credential is retired" in refused["explanation"], f"the refusal: {refused}")
    device.wait_for(r"^EVENT registration-failed ", after=said)
    _bootstrapped(slipway, device, endpoint, mark, said)
    wait_until("the new key is proven", lambda: slipway.credentials(endpoint) == {
        "bootstrap": ["proven"], "management": ["retired", "proven"]})
    expect_equal("read /3/0/0", slipway.read(endpoint, "/3/0/0"), {"/3/0/0": "Eclipse Leshan"})


def leshan_client_gets_another_bootstrap_key(stage):
    """The factory's key is replaced in the first session; the second one is opened with the new key."""
    endpoint = "urn:interop:leshan-rekeyed"
    slipway = ours.Servers(stage, bootstrap_key=True).start()
    device = _with_psk(stage, endpoint, slipway)
    _bootstrapped(slipway, device, endpoint)
    expect_equal("bootstrap credentials", slipway.credentials(endpoint)["bootstrap"], ["proven", "issued"])
    mark, said = slipway.events.mark(), device.mark()
    slipway.tell_to_bootstrap(endpoint)
    _bootstrapped(slipway, device, endpoint, mark, said)
    wait_until("the factory's key is dead",
               lambda: slipway.credentials(endpoint)["bootstrap"][:2] == ["retired", "proven"])


def leshan_client_keeps_its_session_at_another_address(stage):
    """With a Connection ID a session outlives a change of address: no handshake, no registration."""
    endpoint = "urn:interop:leshan-moves"
    slipway = ours.Servers(stage)
    relay = slipway.behind_relay()
    slipway.start()
    device = _with_psk(stage, endpoint, slipway)
    _bootstrapped(slipway, device, endpoint)
    mark, said = slipway.events.mark(), device.mark()
    handshakes = relay.up.count(Relay.HANDSHAKE_RECORD)
    relay.move()
    device.command("update")
    moved = slipway.events.wait_for("moved", after=mark, endpoint=endpoint)
    expect(moved["from"] != moved["to"], f"moved: {moved}")
    slipway.events.wait_for("updated", after=mark, endpoint=endpoint)
    device.wait_for(r"^EVENT updated at ", after=said)
    expect_equal("read /3/0/0", slipway.read(endpoint, "/3/0/0"), {"/3/0/0": "Eclipse Leshan"})
    expect(relay.up[-1] == Relay.CID_RECORD, f"the client's records have no Connection ID: {relay.up}")
    expect_equal("handshake records", relay.up.count(Relay.HANDSHAKE_RECORD), handshakes)


def leshan_client_stays_while_our_server_is_killed(stage):
    """Our servers are killed and start again: Leshan's client goes on with its session, and knows nothing of it."""
    endpoint = "urn:interop:leshan-stays"
    slipway = ours.Servers(stage)
    relay = slipway.behind_relay()
    slipway.start()
    device = _with_psk(stage, endpoint, slipway)
    _bootstrapped(slipway, device, endpoint)
    handshakes = relay.up.count(Relay.HANDSHAKE_RECORD)
    slipway.process.kill()
    slipway.process.wait_for_exit()
    slipway.start_again()
    said = device.mark()
    device.command("update")
    slipway.events.wait_for("updated", endpoint=endpoint)
    device.wait_for(r"^EVENT updated at ", after=said)
    expect_equal("read /3/0/0", slipway.read(endpoint, "/3/0/0"), {"/3/0/0": "Eclipse Leshan"})
    expect_equal("handshake records", relay.up.count(Relay.HANDSHAKE_RECORD), handshakes)


SENSOR = """\
[[plan.interop.instance]]
path = "/3303/0"
resources = { "5700" = 20.0, "5701" = "Cel" }
"""


def leshan_client_lacks_an_object(stage):
    """A plan writes an object that Leshan's client does not have, and says that it must: there is no Finish, no account
    becomes the client's, and our operator reads why."""
    endpoint = "urn:interop:leshan-lacks"
    slipway = ours.Servers(stage, tables=SENSOR).start()
    device = _with_psk(stage, endpoint, slipway)
    ended = slipway.events.wait_for("bootstrap-ended", endpoint=endpoint)
    expect_equal("outcome", ended["outcome"], "operation-refused")
    expect_equal("reason", ended["reason"], "the device refused the Write of /3303/0 with 4.04 Not Found")
    expect("optional = true" in ended["remedy"], f"remedy: {ended}")
    journey = slipway.journeys(endpoint)[0]
    expect_equal("outcome of the journey", journey["outcome"], "operation-refused")
    expect("bootstrapped" not in "".join(device.lines), "the client says that it is bootstrapped")
    expect(not slipway.is_registered(endpoint), "the client is registered")


def leshan_client_may_lack_an_object(stage):
    """The same where the plan lets a device refuse it: everything else is there."""
    endpoint = "urn:interop:leshan-may-lack"
    slipway = ours.Servers(stage, tables=SENSOR + "optional = true\n").start()
    device = _with_psk(stage, endpoint, slipway)
    _bootstrapped(slipway, device, endpoint)
    refused = slipway.events.wait_for("bootstrap-operation", endpoint=endpoint, path="/3303/0")
    expect_equal("the answer to the Write", (refused["answer"], refused["optional"]), ("4.04", True))


def our_servers_refuse_foreign_key_pairs_and_certificates(stage):
    """A key pair that nobody enrolled, a certificate of another authority, and one of ours that nobody enrolled."""
    slipway = ours.Servers(stage, "x509").start()
    keys = Keys.of(stage)
    foreign = keys.authority("foreign")
    strangers = {  # name: (mode, its own, the alert that it gets)
        "rpk": ("rpk", keys.device("urn:interop:rpk"), "certificate_unknown"),
        "foreign": ("x509", keys.device("urn:interop:foreign", foreign, "foreign-device"), "unknown_ca"),
        "unknown": ("x509", keys.device("urn:interop:unknown"), "certificate_unknown"),
    }
    for name, (mode, own, alert) in strangers.items():
        mark = slipway.events.mark()
        words = [own.public, own.key, slipway.identity.public] if mode == "rpk" else [
            own.certificate, own.key, slipway.identity.certificate, 3]
        device = leshan.client(stage, f"urn:interop:{name}", slipway.bootstrap_uri, mode, *words, name=f"leshan-{name}")
        failed = slipway.events.wait_for("handshake-failed", after=mark, server="bootstrap")
        expect_equal(f"refusal of {name}", (failed["reason"], failed["alert"]), ("peer not trusted", alert))
        device.wait_for(r"^EVENT bootstrap-failed ", 60)
        device.command("stop")
    expect_equal("Bootstrap-Requests", slipway.metric("slipway_bootstrap_requests_total"), 0)


def leshan_client_refuses_our_server(stage):
    """An enrolled client that expects another server: by its raw public key, its certificate, its authority."""
    slipway = ours.Servers(stage, "x509").start()
    keys = Keys.of(stage)
    other = keys.server("other", keys.authority("foreign"))
    for name, mode, usage in (("rpk", "rpk", 3), ("own", "x509", 3), ("authority", "x509", 2)):
        endpoint = f"urn:interop:wary-{name}"
        own, private, _ = ours.factory_with(stage, mode, endpoint, slipway.bootstrap_uri, slipway.identity, usage,
                                            slipway).files()
        expected = (other.public if mode == "rpk" else other.certificate if usage == 3
                    else keys.folder / "foreign.crt")
        mark = slipway.events.mark()
        device = leshan.client(stage, endpoint, slipway.bootstrap_uri, mode, own, private, expected,
                               *([usage] if mode == "x509" else []), name=f"leshan-{name}")
        failed = slipway.events.wait_for("handshake-failed", after=mark, server="bootstrap")
        expect_equal(f"{name}: who refused", (failed["reason"], failed["alert"]),
                     ("refused by the peer", "bad_certificate"))
        device.wait_for(r"^EVENT bootstrap-failed ", 60)
        device.command("stop")
    expect_equal("Bootstrap-Requests", slipway.metric("slipway_bootstrap_requests_total"), 0)


def leshan_client_goes_away_midway(stage):
    """A client that loses its power between two Writes bootstraps anew when it is back; nothing of the first session
    counts."""
    endpoint = "urn:interop:leshan-away"
    slipway = ours.Servers(stage).start()
    relay = Relay(int(slipway.bootstrap_uri.rpartition(":")[2]))
    relay.cut(after=12)  # handshake 6, request 2, Discover 2, first Write 2
    ours.factory(stage, endpoint, slipway.bootstrap_uri, "factory-id", (key := new_psk()), slipway)
    uri = f"coaps://127.0.0.1:{relay.port}"
    device = leshan.client(stage, endpoint, uri, "psk", "factory-id", key)
    slipway.events.wait_for("bootstrap-operation", endpoint=endpoint, operation="Write", answer="2.04")
    wait_until("a Write gets lost", lambda: relay.lost)
    device.kill()
    relay.mend()
    again = leshan.client(stage, endpoint, uri, "psk", "factory-id", key, name="leshan-client-again")
    ended = slipway.events.wait_for("bootstrap-ended", endpoint=endpoint)
    expect_equal("outcome of the first session", ended["outcome"], "timeout")
    expect("Write of /" in ended["reason"], f"reason: {ended}")
    _bootstrapped(slipway, again, endpoint)
    expect("bootstrapped" not in "".join(device.lines), "the first client says that it is bootstrapped")
    wait_until("the first key is dead", lambda: slipway.credentials(endpoint) == {
        "bootstrap": ["proven"], "management": ["retired", "proven"]})


TESTS = [
    our_servers_refuse_a_wrong_key,
    our_servers_refuse_an_unknown_identity,
    our_servers_refuse_another_endpoint,
    leshan_client_with_our_servers,
    leshan_client_with_raw_public_keys,
    leshan_client_with_certificates,
    leshan_client_with_an_authority,
    leshan_client_without_security,
    leshan_client_is_revoked_and_comes_back,
    leshan_client_gets_another_bootstrap_key,
    leshan_client_keeps_its_session_at_another_address,
    leshan_client_stays_while_our_server_is_killed,
    leshan_client_lacks_an_object,
    leshan_client_may_lack_an_object,
    our_servers_refuse_foreign_key_pairs_and_certificates,
    leshan_client_refuses_our_server,
    leshan_client_goes_away_midway,
]
