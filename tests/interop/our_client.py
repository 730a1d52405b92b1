# SPDX-License-Identifier: Apache-2.0
"""Our client with Leshan's bootstrap server and management server."""
import leshan
import ours
from common import asked, new_psk, told_leshan
from keys import Keys
from rig import Relay, expect, expect_equal


def our_client_with_leshan_servers(stage):
    """Our client is bootstrapped by Leshan's bootstrap server and registers with Leshan's server, which uses it."""
    endpoint, factory_key = "urn:interop:slipway-client", new_psk()
    server, bootstrap = told_leshan(stage, endpoint, factory_key)
    pack = ours.factory(stage, endpoint, bootstrap.uri, "factory-id", factory_key)
    device = ours.client(stage, pack)
    bootstrap.wait_for(rf"^EVENT finished {endpoint}$")
    expect(not any("refused" in line for line in bootstrap.lines), "our client refused part of the bootstrap")
    # It speaks 1.2, which Leshan answers with 4.12, and comes again with 1.1.
    server.wait_for(rf"^EVENT registered {endpoint} lwm2m=1\.1 lifetime=300")
    device.wait_for(ours.event("registered"))

    for content_format in ("", 11542, 110, 112):
        code, values = asked(server, "read", endpoint, "/3/0", content_format)
        wanted = {"/3/0/0": "Slipway", "/3/0/9": "87", "/3/0/11/0": "0", "/3/0/16": "U"}
        got = {path: values.get(path) for path in wanted}
        expect_equal(f"read /3/0 as {content_format or 'it likes'}", (code, got), (205, wanted))
    for content_format in (0, 110, 112):
        code, values = asked(server, "read", endpoint, "/3303/0/5701", content_format)
        expect_equal(f"read /3303/0/5701 as {content_format}", (code, values), (205, {"/3303/0/5701": "Cel"}))
    expect_equal("read /3/0/99", asked(server, "read", endpoint, "/3/0/99")[0], 404)
    expect_equal("read /0/0", asked(server, "read", endpoint, "/0/0")[0], 401)
    links = server.command("discover", endpoint, "/3303")
    expect(links.startswith("205") and "</3303/0/5700>" in links, f"discover /3303: {links}")

    expect_equal("write /1/0/1", asked(server, "write", endpoint, "/1/0/1", 240), (204, {}))
    server.wait_for(rf"^EVENT updated {endpoint} lifetime=240")
    for room, content_format in (("kitchen", 0), ("cellar", 110), ("attic", 112), ("garage", 11542)):
        code, _ = asked(server, "write", endpoint, "/3303/0/5750", room, content_format)
        expect_equal(f"write /3303/0/5750 as {content_format}", code, 204)
        _, values = asked(server, "read", endpoint, "/3303/0/5750")
        expect_equal("read /3303/0/5750", values, {"/3303/0/5750": room})
    expect_equal("write /3/0/0", asked(server, "write", endpoint, "/3/0/0", "x")[0], 405)
    expect_equal("execute /3/0/4", asked(server, "execute", endpoint, "/3/0/4"), (204, {}))
    device.wait_for(ours.event("reboot"), 5)

    expect_equal("create /3303", asked(server, "create", endpoint, 3303)[0], 201)
    server.wait_for(rf"^EVENT updated {endpoint} .*/3303/1", 10)
    _, values = asked(server, "read", endpoint, "/3303/1/5750")
    expect_equal("read /3303/1/5750", values, {"/3303/1/5750": "made by Leshan"})
    expect_equal("delete /3303/1", asked(server, "delete", endpoint, "/3303/1"), (202, {}))

    for content_format in (0, 112):
        code, values = asked(server, "observe", endpoint, "/3303/0/5700", content_format)
        expect(code == 205 and values, f"observe /3303/0/5700: {code} {values}")
        for _ in range(3):
            server.wait_for(rf"^EVENT notified {endpoint} /3303/0/5700 ", 10, server.mark())
        expect_equal("cancel", asked(server, "cancel", endpoint, "/3303/0/5700")[0], 205)

    # Told to bootstrap again it comes back with the account that it gets.
    after, bootstrapped, said = server.mark(), bootstrap.mark(), device.mark()
    expect_equal("execute /1/0/9", asked(server, "execute", endpoint, "/1/0/9"), (204, {}))
    bootstrap.wait_for(rf"^EVENT finished {endpoint}$", after=bootstrapped)
    server.wait_for(rf"^EVENT (registered|updated) {endpoint} ", after=after)
    device.wait_for(ours.event("(registered|updated)"), after=said)

    after = server.mark()
    device.ask_to_end()
    server.wait_for(rf"^EVENT unregistered {endpoint} expired=false$", 10, after)
    # Started again it has its account: it registers and does not bootstrap.
    sessions = sum("EVENT requested" in line for line in bootstrap.lines)
    after = server.mark()
    ours.client(stage, pack, name="slipway-client-again")
    server.wait_for(rf"^EVENT registered {endpoint} ", after=after)
    expect_equal("bootstraps", sum("EVENT requested" in line for line in bootstrap.lines), sessions)


def our_client_with_1_0_and_tlv(stage):
    """The same as a device of LwM2M 1.0 does it: TLV only."""
    endpoint, factory_key = "urn:interop:slipway-1.0", new_psk()
    server, bootstrap = told_leshan(stage, endpoint, factory_key)
    pack = ours.factory(stage, endpoint, bootstrap.uri, "factory-id", factory_key)
    ours.client(stage, pack, "--lwm2m", "1.0", "--format", "tlv")
    server.wait_for(rf"^EVENT registered {endpoint} lwm2m=1\.0 lifetime=300")
    code, values = asked(server, "read", endpoint, "/3/0")
    expect(code == 205 and values.get("/3/0/11/0") == "0", f"read /3/0: {code} {values}")
    expect_equal("write /1/0/1", asked(server, "write", endpoint, "/1/0/1", 240), (204, {}))
    server.wait_for(rf"^EVENT updated {endpoint} lifetime=240")


def our_client_waits_until_leshan_knows_it(stage):
    """Refused by Leshan's bootstrap server, our client comes again, and succeeds once it is known."""
    endpoint, factory_key, managed_key = "urn:interop:early", new_psk(), new_psk()
    server, bootstrap = leshan.servers(stage)
    server.command("psk", endpoint, "managed-id", managed_key)
    pack = ours.factory(stage, endpoint, bootstrap.uri, "factory-id", factory_key)
    device = ours.client(stage, pack)
    # Its identity is unknown: Leshan says nothing, and the device gives the handshake up after a minute.
    device.wait_for(ours.event("connection failed"), 90)
    device.wait_for(ours.event("bootstrapping", "attempt 2"), 60)
    # Its key is known, but there is no account for it: the request is refused.
    bootstrap.command("psk", endpoint, "factory-id", factory_key)
    bootstrap.wait_for(rf"^EVENT no-plan {endpoint}$", 60)
    device.wait_for(ours.event("bootstrap ended", "refused"), 60)
    bootstrap.command("account", endpoint, server.uri, 101, 300, "psk", "managed-id", managed_key)
    server.wait_for(rf"^EVENT registered {endpoint} ", 90)


def _with_mode(stage, mode, usage=3):
    """Our client with accounts of one mode at Leshan's servers: bootstrap, registration, Read, Write, another bootstrap
    with another credential, de-registration."""
    endpoint = f"urn:interop:slipway-{mode}-{usage}"
    keys = Keys.of(stage)
    server, bootstrap = leshan.servers(stage)
    given = [keys.device(endpoint, name=name) for name in ("first", "second")]
    pack = ours.factory_with(stage, mode, endpoint, bootstrap.uri, bootstrap.identity, usage)

    def tell(identity):
        if mode == "rpk":
            server.command("rpk", endpoint, identity.public.read_bytes().hex())
            bootstrap.command("account", endpoint, server.uri, 101, 300, "rpk", identity.public, identity.key,
                              server.identity.public)
        else:
            server.command("x509", endpoint)
            bootstrap.command("account", endpoint, server.uri, 101, 300, "x509", identity.certificate, identity.key,
                              ours.anchor(stage, server.identity, usage), usage)

    tell(given[0])
    bootstrap.command(mode, endpoint, *([pack.identity.hex()] if mode == "rpk" else []))
    device = ours.client(stage, pack.path)
    bootstrap.wait_for(rf"^EVENT finished {endpoint}$")
    expect(not any("EVENT refused" in line for line in bootstrap.lines), "our client refused part of the bootstrap")
    server.wait_for(rf"^EVENT registered {endpoint} lwm2m=1\.1 lifetime=300")
    device.wait_for(ours.event("registered"))
    expect_equal("read /3/0/0", asked(server, "read", endpoint, "/3/0/0"), (205, {"/3/0/0": "Slipway"}))
    expect_equal("write /1/0/1", asked(server, "write", endpoint, "/1/0/1", 240), (204, {}))
    server.wait_for(rf"^EVENT updated {endpoint} lifetime=240")

    tell(given[1])
    after, said = server.mark(), device.mark()
    expect_equal("execute /1/0/9", asked(server, "execute", endpoint, "/1/0/9"), (204, {}))
    device.wait_for(ours.event("bootstrap ended", "succeeded"), after=said)
    server.wait_for(rf"^EVENT registered {endpoint} lwm2m=1\.1 lifetime=300", after=after)
    device.wait_for(ours.event("registered"), after=said)
    device.ask_to_end()
    server.wait_for(rf"^EVENT unregistered {endpoint} expired=false$", 10, after)


def our_client_with_raw_public_keys(stage):
    """Our client and Leshan's servers know each other by raw public keys."""
    _with_mode(stage, "rpk")


def our_client_with_certificates(stage):
    """... by certificates: the device has the server's own (usage 3)."""
    _with_mode(stage, "x509", 3)


def our_client_with_an_authority(stage):
    """... by certificates: the device has that of the server's authority (usage 2)."""
    _with_mode(stage, "x509", 2)


def our_client_without_security(stage):
    """Without security at both of Leshan's servers."""
    endpoint = "urn:interop:slipway-nosec"
    server, bootstrap = leshan.servers(stage)
    pack = ours.factory_with(stage, "nosec", endpoint, bootstrap.coap, None)
    bootstrap.command("account", endpoint, server.coap, 101, 300, "nosec")
    device = ours.client(stage, pack.path)
    bootstrap.wait_for(rf"^EVENT finished {endpoint}$")
    server.wait_for(rf"^EVENT registered {endpoint} lwm2m=1\.1 lifetime=300")
    device.wait_for(ours.event("registered"))
    expect_equal("read /3/0/0", asked(server, "read", endpoint, "/3/0/0"), (205, {"/3/0/0": "Slipway"}))


def our_client_keeps_its_session_at_another_address(stage):
    """With a Connection ID of Leshan's a session outlives a change of address: no handshake, no registration."""
    endpoint, factory_key, managed_key = "urn:interop:slipway-moves", new_psk(), new_psk()
    server, bootstrap = leshan.servers(stage)
    relay = Relay(int(server.uri.rpartition(":")[2]))
    server.command("psk", endpoint, "managed-id", managed_key)
    bootstrap.command("psk", endpoint, "factory-id", factory_key)
    # A lifetime of 20 s, so that an Update comes soon: only that tells Leshan where its requests are to go.
    bootstrap.command("account", endpoint, f"coaps://127.0.0.1:{relay.port}", 101, 20, "psk", "managed-id",
                      managed_key)
    device = ours.client(stage, ours.factory(stage, endpoint, bootstrap.uri, "factory-id", factory_key))
    server.wait_for(rf"^EVENT registered {endpoint} ")
    device.wait_for(ours.event("registered"))
    expect_equal("observe", asked(server, "observe", endpoint, "/3303/0/5700")[0], 205)
    server.wait_for(rf"^EVENT notified {endpoint} /3303/0/5700 ", 10, server.mark())
    handshakes, after = relay.up.count(Relay.HANDSHAKE_RECORD), server.mark()
    relay.move()
    server.wait_for(rf"^EVENT notified {endpoint} /3303/0/5700 ", 10, after)
    server.wait_for(rf"^EVENT updated {endpoint} ", 30, after)
    device.wait_for(ours.event("updated"))
    expect_equal("read /3/0/0", asked(server, "read", endpoint, "/3/0/0"), (205, {"/3/0/0": "Slipway"}))
    expect(relay.up[-1] == Relay.CID_RECORD, f"our records have no Connection ID: {relay.up}")
    expect_equal("handshake records", relay.up.count(Relay.HANDSHAKE_RECORD), handshakes)


def our_client_hibernates_and_goes_on(stage):
    """Our client is switched off with its session and its registration, and goes on with both when it is switched on."""
    endpoint, factory_key, managed_key = "urn:interop:slipway-sleeps", new_psk(), new_psk()
    server, bootstrap = leshan.servers(stage)
    relay = Relay(int(server.uri.rpartition(":")[2]))
    server.command("psk", endpoint, "managed-id", managed_key)
    bootstrap.command("psk", endpoint, "factory-id", factory_key)
    # A lifetime of 20 s, so that an Update comes soon.
    bootstrap.command("account", endpoint, f"coaps://127.0.0.1:{relay.port}", 101, 20, "psk", "managed-id",
                      managed_key)
    pack = ours.factory(stage, endpoint, bootstrap.uri, "factory-id", factory_key)
    device = ours.client(stage, pack, "--hibernate")
    server.wait_for(rf"^EVENT registered {endpoint} ")
    device.wait_for(ours.event("registered"))
    handshakes, after = relay.up.count(Relay.HANDSHAKE_RECORD), server.mark()
    device.ask_to_end()
    device.wait_for_exit()
    again = ours.client(stage, pack, "--hibernate", name="slipway-client-again")
    again.wait_for(ours.event("updated"))
    server.wait_for(rf"^EVENT updated {endpoint} ", 5, after)
    expect_equal("read /3/0/0", asked(server, "read", endpoint, "/3/0/0"), (205, {"/3/0/0": "Slipway"}))
    expect_equal("handshake records", relay.up.count(Relay.HANDSHAKE_RECORD), handshakes)
    expect(not any("registered" in line for line in server.lines[after:]), "it registered or de-registered meanwhile")


def our_client_refuses_an_inconsistent_account(stage):
    """Leshan's configuration goes wrong: our client answers the Finish with 4.06 and keeps the account that it has."""
    endpoint, factory_key = "urn:interop:slipway-careful", new_psk()
    server, bootstrap = told_leshan(stage, endpoint, factory_key)
    pack = ours.factory(stage, endpoint, bootstrap.uri, "factory-id", factory_key)
    device = ours.client(stage, pack)
    server.wait_for(rf"^EVENT registered {endpoint} ")
    device.wait_for(ours.event("registered"))

    bootstrap.command("unpaired", endpoint)
    mark, said = bootstrap.mark(), device.mark()
    expect_equal("execute /1/0/9", asked(server, "execute", endpoint, "/1/0/9"), (204, {}))
    bootstrap.wait_for(rf"^EVENT refused {endpoint} BootstrapFinish null NOT_ACCEPTABLE\(406\) /0/1: "
                       "the account has no Server instance of its short server id$", after=mark)
    bootstrap.wait_for(rf"^EVENT bootstrap-failed {endpoint} FINISH_FAILED$", after=mark)
    expect(not any("finished" in line for line in bootstrap.lines[mark:]), "Leshan takes it for finished")
    device.kill()
    after, bootstraps = server.mark(), sum("EVENT requested" in line for line in bootstrap.lines)
    again = ours.client(stage, pack, name="slipway-client-again")
    server.wait_for(rf"^EVENT registered {endpoint} ", after=after)
    again.wait_for(ours.event("registered"))
    expect_equal("bootstraps", sum("EVENT requested" in line for line in bootstrap.lines), bootstraps)
    expect(not any("succeeded" in line for line in device.lines[said:]), "the device says that it succeeded")


def our_client_refuses_other_servers(stage):
    """Our client knows its bootstrap server by a raw public key or a certificate, and this is another server."""
    bootstrap = leshan.bootstrap(stage)
    keys = Keys.of(stage)
    other = keys.server("other")
    for mode, expected in (("rpk", other), ("x509", other)):
        endpoint = f"urn:interop:wary-{mode}"
        pack = ours.factory_with(stage, mode, endpoint, bootstrap.uri, expected)
        bootstrap.command(mode, endpoint, *([pack.identity.hex()] if mode == "rpk" else []))
        device = ours.client(stage, pack.path, name=f"slipway-{mode}")
        device.wait_for(ours.event("connection failed", "handshake refused .peer not trusted: the server's "
                                   + ("raw public key" if mode == "rpk" else "certificate")
                                   + " is not the one of the account"))
        device.wait_for(ours.event("bootstrap ended"))
    expect(not any("EVENT requested" in line for line in bootstrap.lines), "a device came nevertheless")


def leshan_refuses_our_client(stage):
    """Leshan does not know our client's key pair, its certificate's authority, or the name that goes with its key."""
    bootstrap = leshan.bootstrap(stage)
    keys = Keys.of(stage)
    endpoint = "urn:interop:stranger-rpk"
    pack = ours.factory_with(stage, "rpk", endpoint, bootstrap.uri, bootstrap.identity)
    device = ours.client(stage, pack.path, name="slipway-rpk")
    bootstrap.wait_for(rf"^EVENT unauthorized {endpoint}$")
    device.wait_for(ours.event("bootstrap ended", "refused .4.00 Bad Request"))

    ca, keys.ca = keys.ca, keys.authority("foreign")
    endpoint = "urn:interop:stranger-x509"
    foreign = ours.factory_with(stage, "x509", endpoint, bootstrap.uri, bootstrap.identity)
    keys.ca = ca
    bootstrap.command("x509", endpoint)
    device = ours.client(stage, foreign.path, name="slipway-x509")
    device.wait_for(ours.event("connection failed", "handshake refused .refused by the peer"))

    bootstrap.command("psk", "urn:interop:honest", "factory-id", (key := new_psk()))
    pack = ours.factory(stage, "urn:interop:impostor", bootstrap.uri, "factory-id", key)
    device = ours.client(stage, pack, name="slipway-psk")
    bootstrap.wait_for(r"^EVENT unauthorized urn:interop:impostor$")
    device.wait_for(ours.event("bootstrap ended", "refused .4.00 Bad Request"))
    expect(not any("EVENT authorized" in line for line in bootstrap.lines), "Leshan authorized a device")


def our_client_with_each_format(stage):
    """A device of LwM2M 1.1 is written its accounts in the format that it prefers, if Leshan has that."""
    server, bootstrap = leshan.servers(stage)
    for name, number in (("tlv", 11542), ("senml-json", 110), ("senml-cbor", 112)):
        endpoint = f"urn:interop:{name}"
        bootstrap.command("psk", endpoint, f"factory-{name}", (factory_key := new_psk()))
        server.command("psk", endpoint, f"managed-{name}", (key := new_psk()))
        bootstrap.command("account", endpoint, server.uri, 101, 300, "psk", f"managed-{name}", key)
        pack = ours.factory(stage, endpoint, bootstrap.uri, f"factory-{name}", factory_key)
        device = ours.client(stage, pack, "--lwm2m", "1.1", "--format", name, name=f"slipway-{name}")
        bootstrap.wait_for(rf"^EVENT answered {endpoint} BootstrapWrite /0/\d+ format={number} CHANGED")
        bootstrap.wait_for(rf"^EVENT finished {endpoint}$")
        server.wait_for(rf"^EVENT registered {endpoint} lwm2m=1\.1 ")
        device.wait_for(ours.event("registered"))
        expect_equal("read /3/0/0", asked(server, "read", endpoint, "/3/0/0"), (205, {"/3/0/0": "Slipway"}))


def our_client_outlives_a_bootstrap_that_breaks_off(stage):
    """The network to Leshan's bootstrap server goes in the midst of the second bootstrap, then the device's power:
    it has its old account, and registers."""
    endpoint, factory_key = "urn:interop:slipway-broken", new_psk()
    server, bootstrap = told_leshan(stage, endpoint, factory_key)
    relay = Relay(int(bootstrap.uri.rpartition(":")[2]))
    pack = ours.factory(stage, endpoint, f"coaps://127.0.0.1:{relay.port}", "factory-id", factory_key)
    device = ours.client(stage, pack)
    server.wait_for(rf"^EVENT registered {endpoint} ")
    device.wait_for(ours.event("registered"))
    mark = bootstrap.mark()
    relay.cut(after=14)  # handshake 6, two requests 4, Discover 2, first Delete 2
    expect_equal("execute /1/0/9", asked(server, "execute", endpoint, "/1/0/9"), (204, {}))
    bootstrap.wait_for(rf"^EVENT lost {endpoint} Bootstrap", 60, mark)
    device.kill()
    relay.mend()
    after = server.mark()
    again = ours.client(stage, pack, name="slipway-client-again")
    server.wait_for(rf"^EVENT registered {endpoint} ", after=after)
    again.wait_for(ours.event("registered"))
    expect_equal("finished bootstraps", sum("EVENT finished" in line for line in bootstrap.lines), 1)


TESTS = [
    our_client_waits_until_leshan_knows_it,
    our_client_with_leshan_servers,
    our_client_with_1_0_and_tlv,
    our_client_with_raw_public_keys,
    our_client_with_certificates,
    our_client_with_an_authority,
    our_client_without_security,
    our_client_with_each_format,
    our_client_keeps_its_session_at_another_address,
    our_client_hibernates_and_goes_on,
    our_client_refuses_an_inconsistent_account,
    our_client_refuses_other_servers,
    leshan_refuses_our_client,
    our_client_outlives_a_bootstrap_that_breaks_off,
]
