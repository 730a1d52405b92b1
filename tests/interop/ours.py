# SPDX-License-Identifier: Apache-2.0
"""Everything that the interop tests know about the `slipway` command: its arguments, its files, its HTTP API."""
import json
import os
import re
import socket
import subprocess
import urllib.parse
from pathlib import Path

from rig import ROOT, Events, Failure, expect, free_port, request

SLIPWAY = Path(os.environ.get("SLIPWAY", ROOT / "build" / "release" / "slipway"))


def binary():
    expect(SLIPWAY.exists(), f"{SLIPWAY} is missing: run ./dev build")
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

[[plan.interop.access]]
target = "/3/0"
owner = 101
rights = {{ "101" = "RWE" }}

[[enrolment]]
name = "interop"
endpoints = ["urn:interop:*"]
plan = "interop"
"""

    def __init__(self, stage):
        self._stage = stage
        self.data = stage.folder / "slipway-serve" / "data"  # relative to the working directory of `serve`
        self.process = self.root = self.events = self.bootstrap_uri = None

    def start(self):
        ready = self._ready() or self._ready()  # another program may have taken the port
        expect(ready, "slipway serve did not start twice")
        self.root = f"http://{ready['http']}"
        self.events = Events(f"{self.root}/api/v1/events")
        self.bootstrap_uri = f"coaps://{ready['bootstrap_coaps']}"
        return self

    def _ready(self):
        """Starts the command; what it listens on, or None when it ended."""
        # The plan names the management server's port, so the port is chosen before the server is there.
        config = self._stage.write("slipway.toml", self.CONFIG.format(management=free_port(socket.SOCK_DGRAM)))
        self.process = self._stage.start("slipway-serve", binary(), "serve", "--json", "--config", config)
        try:
            return json.loads(self.process.wait_for(r'^\{.*"ready":true.*\}$')[0])
        except Failure:
            return None

    def is_registered(self, endpoint):
        status, body = self._device("GET", endpoint, "")
        expect(status in (200, 404), f"GET /devices/{endpoint}: {status} {body}")
        return status == 200

    def account(self, endpoint):
        """Path of the device's Server instance; our bootstrap server chooses its number."""
        status, body = self._device("GET", endpoint, "")
        found = re.findall(r"</1/\d+>", body["links"]) if status == 200 else []
        expect(len(found) == 1, f"not one Server instance: {status} {body}")
        return found[0][1:-1]

    def read(self, endpoint, path, content_format=None):
        """{path: value} of a read that the device answered with success."""
        query = f"?format={content_format}" if content_format else ""
        return _values(self._operation("GET", endpoint, f"/read{path}{query}"))

    def write(self, endpoint, path, body, mode="replace"):
        self._operation("PUT", endpoint, f"/write{path}?mode={mode}", body)

    def execute(self, endpoint, path):
        self._operation("POST", endpoint, f"/execute{path}")

    def discover(self, endpoint, path):
        return self._operation("GET", endpoint, f"/discover{path}").get("text", "")

    def observe(self, endpoint, path):
        return _values(self._operation("POST", endpoint, f"/observe{path}"))

    def cancel(self, endpoint, path):
        self._operation("DELETE", endpoint, f"/observe{path}")

    def refusal_of_read(self, endpoint, path):
        """The CoAP code with which the device refuses to be read."""
        status, body = self._device("GET", endpoint, f"/read{path}")
        expect(status == 502, f"read {path} should be refused: {status} {body}")
        return body["code"]

    def credentials(self, endpoint):
        """{role: [state, ...]} of what the servers hold for the device."""
        status, body = self._device("GET", endpoint, "/credentials")
        expect(status == 200, f"GET credentials: {status} {body}")
        found = {}
        for credential in body["credentials"]:
            found.setdefault(credential["role"], []).append(credential["state"])
        return found

    def metric(self, name):
        status, text = request("GET", f"{self.root}/metrics")
        found = re.search(rf"^{name} (\S+)$", str(text), re.MULTILINE)
        expect(status == 200 and found, f"/metrics has no {name}: {status}")
        return float(found[1])

    def _operation(self, method, endpoint, operation, body=None):
        status, answer = self._device(method, endpoint, operation, body)
        expect(status == 200 and answer.get("success"), f"{method} {operation}: {status} {answer}")
        return answer

    def _device(self, method, endpoint, rest, body=None):
        return request(method, f"{self.root}/api/v1/devices/{_quoted(endpoint)}{rest}", body)


def _values(answer):
    return {value["path"]: value.get("value") for value in answer.get("values", [])}


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


def client(stage, pack, *options, name="slipway-client"):
    return stage.start(name, binary(), "client", "--json", "--pack", pack, *options)


def event(what, detail=""):
    """A pattern for one line of `slipway client --json`."""
    return rf'^{{"detail":"{detail}.*","event":"{what}"}}$'


def _quoted(endpoint):
    return urllib.parse.quote(endpoint, safe="")
