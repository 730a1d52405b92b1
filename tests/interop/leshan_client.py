# SPDX-License-Identifier: Apache-2.0
"""Leshan's client with our bootstrap server and our management server."""
import leshan
import ours
from common import new_psk
from rig import expect, expect_equal, wait_until


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


TESTS = [
    our_servers_refuse_a_wrong_key,
    our_servers_refuse_an_unknown_identity,
    our_servers_refuse_another_endpoint,
    leshan_client_with_our_servers,
    leshan_client_with_raw_public_keys,
    leshan_client_with_certificates,
    leshan_client_with_an_authority,
    leshan_client_without_security,
]
