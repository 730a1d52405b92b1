# SPDX-License-Identifier: Apache-2.0
"""Everything that the interop tests know about the `slipway` command: its arguments, its files, its HTTP API."""
import socket
import subprocess
import urllib.parse

from rig import ROOT, Failure, expect, free_port, http, wait_until

SLIPWAY = ROOT / "build" / "release" / "slipway"


def binary():
    expect(SLIPWAY.exists(), "build/release/slipway is missing: run ./dev build")
    return SLIPWAY


class Servers:
    """`slipway serve`: bootstrap server, management server and HTTP API on free loopback ports."""

    CONFIG = """\
[server]
data = "data"

[http]
listen = "127.0.0.1:{http}"

[bootstrap]
coap = "off"
coaps = "127.0.0.1:{bootstrap}"

[management]
coap = "off"
coaps = "127.0.0.1:{management}"

[plan.interop]
[[plan.interop.server]]
id = 101
uri = "coaps://127.0.0.1:{management}"
lifetime = 300
binding = "U"

[[enrolment]]
name = "interop"
endpoints = ["urn:interop:*"]
plan = "interop"
"""

    def __init__(self, stage):
        self._stage = stage
        ports = {"http": free_port(), "bootstrap": free_port(socket.SOCK_DGRAM),
                 "management": free_port(socket.SOCK_DGRAM)}
        self.config = stage.write("slipway.toml", self.CONFIG.format(**ports))
        self.bootstrap_uri = f"coaps://127.0.0.1:{ports['bootstrap']}"
        self.management_uri = f"coaps://127.0.0.1:{ports['management']}"
        self.api = f"http://127.0.0.1:{ports['http']}/api/v1"
        self._health = f"http://127.0.0.1:{ports['http']}/healthz"
        self.process = None

    def start(self):
        self.process = self._stage.start("slipway-serve", binary(), "serve", "--config", self.config)
        wait_until("slipway serve answers /healthz", lambda: http("GET", self._health)[0] == 200)
        return self

    def device(self, endpoint):
        """(status, body) of one device: 404 until it registers."""
        return http("GET", f"{self.api}/devices/{_quoted(endpoint)}")

    def is_registered(self, endpoint):
        status, body = http("GET", f"{self.api}/devices")
        return status == 200 and endpoint in str(body)

    def read(self, endpoint, path):
        return http("GET", f"{self.api}/devices/{_quoted(endpoint)}/read{path}")

    def execute(self, endpoint, path):
        return http("POST", f"{self.api}/devices/{_quoted(endpoint)}/execute{path}")


def factory(stage, endpoint, bootstrap_uri, identity, key, servers=None):
    """Makes a factory pack; with `servers`, tells them the device's factory credential too."""
    pack = stage.folder / "pack"
    command = [binary(), "factory", "--endpoint", endpoint, "--bootstrap-server", bootstrap_uri,
               "--psk-identity", identity, "--psk-hex", key, "--out", pack]
    if servers:
        command += ["--config", servers.config]
    result = subprocess.run(command, cwd=stage.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    if result.returncode != 0:
        raise Failure(f"slipway factory ended {result.returncode}: {result.stdout.strip()}")
    return pack


def client(stage, pack):
    return stage.start("slipway-client", binary(), "client", "--pack", pack)


def _quoted(endpoint):
    return urllib.parse.quote(endpoint, safe="")
