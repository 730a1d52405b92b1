# SPDX-License-Identifier: Apache-2.0
"""One server of ours, the other of Leshan's."""
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import leshan
import ours
from common import asked, new_psk
from keys import Keys
from rig import expect, expect_equal, wait_until


class Handover(BaseHTTPRequestHandler):
    """Takes what our bootstrap server hands to the management server of a plan (`remote`), and tells Leshan's."""

    @staticmethod
    def to(server):
        """Its URL."""
        taker = HTTPServer(("127.0.0.1", 0), Handover)
        taker.leshan = server
        threading.Thread(target=taker.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{taker.server_port}"

    def do_PUT(self):
        credentials = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["credentials"]
        for one in credentials:
            if one["mode"] == "psk":
                identity = bytes.fromhex(one["identity"]).decode()
                self.server.leshan.command("psk", one["endpoint"], identity, one["key"])
            elif one["mode"] == "rpk":
                self.server.leshan.command("rpk", one["endpoint"], one["public_part"])
            else:
                self.server.leshan.command("x509", one["endpoint"])
        body = json.dumps({"kept": len(credentials)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def _ours_then_leshan(stage, mode, usage=3):
    """Our bootstrap server, whose plan names Leshan's management server."""
    server = leshan.server(stage)
    slipway = ours.Servers(stage, mode, usage, uri=server.uri, management=server.identity,
                           account='remote = "leshan"\nresources = { "17" = 2, "18" = 1 }',
                           tables=f'[remote.leshan]\nurl = "{Handover.to(server)}"\n')
    return slipway.start(), server


def _we_bootstrap_our_client(stage, mode, usage=3):
    endpoint = f"urn:interop:ours-{mode}"
    slipway, server = _ours_then_leshan(stage, mode, usage)
    if mode == "psk":
        pack = ours.factory(stage, endpoint, slipway.bootstrap_uri, "factory-id", new_psk(), slipway)
    else:
        pack = ours.factory_with(stage, mode, endpoint, slipway.bootstrap_uri, slipway.identity, usage, slipway).path
    device = ours.client(stage, pack)
    slipway.events.wait_for("bootstrap-ended", endpoint=endpoint, outcome="succeeded")
    server.wait_for(rf"^EVENT registered {endpoint} lwm2m=1\.1 lifetime=300")
    device.wait_for(ours.event("registered"))
    expect_equal("read /3/0/0", asked(server, "read", endpoint, "/3/0/0"), (205, {"/3/0/0": "Slipway"}))

    if mode == "psk":
        return  # Scandium is silent to an unknown identity: each attempt would take a minute

    # Leshan's server forgets the device: refused, it bootstraps, and comes with another credential.
    mark, after = slipway.events.mark(), server.mark()
    device.ask_to_end()
    server.wait_for(rf"^EVENT unregistered {endpoint} expired=false$", 10, after)
    server.command("forget", endpoint)
    after = server.mark()
    again = ours.client(stage, pack, name="slipway-client-again")
    again.wait_for(ours.event("registration failed"))
    again.wait_for(ours.event("bootstrap ended", "succeeded"))
    slipway.events.wait_for("bootstrap-ended", after=mark, endpoint=endpoint, outcome="succeeded")
    server.wait_for(rf"^EVENT registered {endpoint} ", after=after)
    again.wait_for(ours.event("registered"))


def we_bootstrap_our_client_for_leshan(stage):
    """Our bootstrap server, our client, Leshan's management server: pre-shared keys."""
    _we_bootstrap_our_client(stage, "psk")


def we_bootstrap_our_client_for_leshan_with_raw_public_keys(stage):
    """... raw public keys."""
    _we_bootstrap_our_client(stage, "rpk")


def we_bootstrap_our_client_for_leshan_with_certificates(stage):
    """... certificates."""
    _we_bootstrap_our_client(stage, "x509", 2)


def we_bootstrap_leshans_client_for_leshan(stage):
    """Our bootstrap server between Leshan's client and Leshan's management server."""
    endpoint = "urn:interop:theirs"
    slipway, server = _ours_then_leshan(stage, "psk")
    ours.factory(stage, endpoint, slipway.bootstrap_uri, "factory-id", (key := new_psk()), slipway)
    device = leshan.client(stage, endpoint, slipway.bootstrap_uri, "psk", "factory-id", key)
    slipway.events.wait_for("bootstrap-ended", endpoint=endpoint, outcome="succeeded")
    server.wait_for(rf"^EVENT registered {endpoint} ")
    device.wait_for(r"^EVENT registered at .* ssid=101$")
    expect_equal("read /3/0/0", asked(server, "read", endpoint, "/3/0/0"), (205, {"/3/0/0": "Eclipse Leshan"}))


def leshan_bootstraps_for_our_server(stage):
    """Leshan's bootstrap server gives accounts of our management server, of each mode, to our client and to its own."""
    keys = Keys.of(stage)
    slipway = ours.Servers(stage, "x509").start()
    bootstrap = leshan.bootstrap(stage)
    devices = {}
    for name, mode in (("psk", "psk"), ("rpk", "rpk"), ("x509", "x509"), ("theirs", "psk")):
        endpoint, factory_key = f"urn:interop:{name}", new_psk()
        bootstrap.command("psk", endpoint, f"factory-{name}", factory_key)
        account = ["account", endpoint, slipway.management_uri, 101, 300, mode]
        known = {"endpoint": endpoint, "server": 101, "mode": mode}
        if mode == "psk":
            identity, key = f"managed-{name}", new_psk()
            account += [identity, key]
            slipway.keep({**known, "identity": identity.encode().hex(), "key": key})
        else:
            own = keys.device(endpoint)
            public = own.public if mode == "rpk" else own.certificate
            account += [public, own.key]
            account += [slipway.identity.public] if mode == "rpk" else [slipway.identity.certificate, 3]
            slipway.keep({**known, "public_part": public.read_bytes().hex()})
        bootstrap.command(*account)
        if name == "theirs":
            device = leshan.client(stage, endpoint, bootstrap.uri, "psk", f"factory-{name}", factory_key)
        else:
            pack = ours.factory(stage, endpoint, bootstrap.uri, f"factory-{name}", factory_key)
            device = ours.client(stage, pack, name=f"slipway-{name}")
        devices[endpoint] = device
    for endpoint, device in devices.items():
        bootstrap.wait_for(rf"^EVENT finished {endpoint}$")
        slipway.events.wait_for("registered", endpoint=endpoint, lifetime_s=300)
        theirs = endpoint == "urn:interop:theirs"
        device.wait_for(r"^EVENT registered at .* ssid=101$" if theirs else ours.event("registered"))
        wait_until("the credential is proven", lambda e=endpoint: slipway.credentials(e) == {"management": ["proven"]})
        expect_equal("read /3/0/0", slipway.read(endpoint, "/3/0/0"),
                     {"/3/0/0": "Eclipse Leshan" if theirs else "Slipway"})
    expect(not any("EVENT refused" in line for line in bootstrap.lines), "a device refused part of the bootstrap")


TESTS = [
    we_bootstrap_our_client_for_leshan,
    we_bootstrap_our_client_for_leshan_with_raw_public_keys,
    we_bootstrap_our_client_for_leshan_with_certificates,
    we_bootstrap_leshans_client_for_leshan,
    leshan_bootstraps_for_our_server,
]
