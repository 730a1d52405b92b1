# SPDX-License-Identifier: Apache-2.0
"""Everything that the interop tests know about the `slipway` command: its arguments, its files, its HTTP API."""
import json
import socket
import subprocess
import urllib.parse

from rig import ROOT, Failure, expect, free_port, http

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
listen = "127.0.0.1:0"

[bootstrap]
coap = "off"
coaps = "127.0.0.1:0"

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
        self.config = stage.write("slipway.toml", self.CONFIG.format(management=free_port(socket.SOCK_DGRAM)))
        self.data = stage.folder / "slipway-serve" / "data"  # relative to the working directory of `serve`
        self.process = self.api = self.bootstrap_uri = None

    def start(self):
        self.process = self._stage.start("slipway-serve", binary(), "serve", "--json", "--config", self.config)
        ready = json.loads(self.process.wait_for(r'^\{.*"ready":true.*\}$')[0])
        self.api = f"http://{ready['http']}/api/v1"
        self.bootstrap_uri = f"coaps://{ready['bootstrap_coaps']}"
        return self

    def is_registered(self, endpoint):
        status, body = http("GET", f"{self.api}/devices/{_quoted(endpoint)}")
        expect(status in (200, 404), f"GET /devices/{endpoint}: {status} {body}")
        return status == 200

    def read(self, endpoint, path):
        """{path: value} of a read that the device answered with success."""
        body = self._operation("GET", endpoint, f"read{path}")
        return {value["path"]: value.get("value") for value in body.get("values", [])}

    def execute(self, endpoint, path):
        self._operation("POST", endpoint, f"execute{path}")

    def _operation(self, method, endpoint, operation):
        status, body = http(method, f"{self.api}/devices/{_quoted(endpoint)}/{operation}")
        expect(status == 200 and body.get("success"), f"{method} {operation}: {status} {body}")
        return body


def factory(stage, endpoint, bootstrap_uri, identity, key, servers=None):
    """Makes a factory pack; with `servers`, tells them the device's factory credential too."""
    keys = stage.write("factory-keys", f"{endpoint},{identity},{key}\n")
    pack = stage.folder / "device.pack.json"
    command = [binary(), "factory", "--keys", keys, "--server", bootstrap_uri, "--out", pack]
    if servers:
        command += ["--data", servers.data]
    result = subprocess.run(command, cwd=stage.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    if result.returncode != 0:
        raise Failure(f"slipway factory ended {result.returncode}: {result.stdout.strip()}")
    return pack


def client(stage, pack):
    return stage.start("slipway-client", binary(), "client", "--json", "--pack", pack)


def _quoted(endpoint):
    return urllib.parse.quote(endpoint, safe="")
