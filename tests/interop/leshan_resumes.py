# SPDX-License-Identifier: Apache-2.0
"""Eclipse Leshan without Connection IDs, as client and as server: its sessions are resumed."""
import leshan
import ours
from common import asked, new_psk
from keys import Keys
from rig import expect_equal, wait_until


def _leshan_client(stage, mode):
    """It makes a new handshake for each Update, and wants to resume its session in it."""
    endpoint = f"urn:interop:leshan-resumes-{mode}"
    slipway = ours.Servers(stage, mode).start()
    if mode == "psk":
        ours.factory(stage, endpoint, slipway.bootstrap_uri, "factory-id", (key := new_psk()), slipway)
        credential = ("factory-id", key)
    else:
        pack = ours.factory_with(stage, mode, endpoint, slipway.bootstrap_uri, slipway.identity, servers=slipway)
        credential = (*pack.files(), *([3] if mode == "x509" else []))
    device = leshan.client(stage, endpoint, slipway.bootstrap_uri, mode, *credential, cid=False)
    slipway.events.wait_for("registered", endpoint=endpoint)
    device.wait_for(r"^EVENT registered at .* ssid=101$")

    resumed = "slipway_dtls_handshakes_resumed_total"
    for times in (1, 2):
        mark, said = slipway.events.mark(), device.mark()
        device.command("update")
        slipway.events.wait_for("updated", after=mark, endpoint=endpoint)
        device.wait_for(r"^EVENT updated at ", after=said)
        expect_equal("resumed handshakes", slipway.metric(resumed), times)
        expect_equal("read /3/0/0", slipway.read(endpoint, "/3/0/0"), {"/3/0/0": "Eclipse Leshan"})

    # What the session knew opens nothing once its credential is revoked.
    mark = slipway.events.mark()
    slipway.revoke(endpoint)
    device.command("update")
    slipway.events.wait_for("handshake-failed", after=mark, endpoint=endpoint, server="management")
    wait_until("it has another credential", lambda: "proven" in slipway.credentials(endpoint).get("management", []), 60)
    expect_equal("resumed handshakes", slipway.metric(resumed), 2)


def leshan_client_resumes_its_session(stage):
    """Leshan's client, with a pre-shared key, resumes its session at our server, until its key is revoked."""
    _leshan_client(stage, "psk")


def leshan_client_resumes_with_raw_public_keys(stage):
    """... with a raw public key."""
    _leshan_client(stage, "rpk")


def leshan_client_resumes_with_certificates(stage):
    """... with a certificate."""
    _leshan_client(stage, "x509")


def _our_client(stage, mode):
    """Our client is switched off and on."""
    endpoint = f"urn:interop:slipway-resumes-{mode}"
    server = leshan.server(stage, cid=False)
    key, own = new_psk(), Keys.of(stage).device(endpoint)
    resources = {2: 0, 3: b"managed-id", 5: bytes.fromhex(key)}
    if mode == "psk":
        server.command("psk", endpoint, "managed-id", key)
    else:
        public, known = (own.public, server.identity.public) if mode == "rpk" else (
            own.certificate, server.identity.certificate)
        server.command(mode, endpoint, *([own.public.read_bytes().hex()] if mode == "rpk" else []))
        resources = {2: 1 if mode == "rpk" else 2, 3: public.read_bytes(), 4: known.read_bytes(), 5: own.key.read_bytes()}
    pack = ours.pack_of(stage, endpoint, int(server.uri.rpartition(":")[2]), resources)

    device = ours.client(stage, pack, "--hibernate")
    device.wait_for(ours.event("registered"))
    for times in (1, 2):
        device.ask_to_end()
        device.wait_for_exit()
        after = server.mark()
        device = ours.client(stage, pack, "--hibernate", name=f"slipway-client-again-{times}")
        device.wait_for(ours.event("session resumed", "with the server 101"))
        server.wait_for(rf"^EVENT registered {endpoint} ", after=after)
        device.wait_for(ours.event("registered"))
        expect_equal("read /3/0/0", asked(server, "read", endpoint, "/3/0/0"), (205, {"/3/0/0": "Slipway"}))


def our_client_resumes_with_leshan(stage):
    """Our client, with a pre-shared key, resumes its session with Leshan's server."""
    _our_client(stage, "psk")


def our_client_resumes_with_leshan_and_raw_public_keys(stage):
    """... with a raw public key."""
    _our_client(stage, "rpk")


def our_client_resumes_with_leshan_and_certificates(stage):
    """... with a certificate."""
    _our_client(stage, "x509")


TESTS = [leshan_client_resumes_its_session, leshan_client_resumes_with_raw_public_keys,
         leshan_client_resumes_with_certificates, our_client_resumes_with_leshan,
         our_client_resumes_with_leshan_and_raw_public_keys, our_client_resumes_with_leshan_and_certificates]
