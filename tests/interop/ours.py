# SPDX-License-Identifier: Apache-2.0
"""Everything that the interop tests know about the `slipway` command: its arguments, its files, its HTTP API."""
import base64
import json
import os
import re
import socket
import subprocess
import urllib.parse
from pathlib import Path

from keys import Keys
from rig import ROOT, Events, Failure, Relay, expect, free_port, request

SLIPWAY = Path(os.environ.get("SLIPWAY", ROOT / "build" / "release" / "slipway"))


def binary():
    expect(SLIPWAY.exists(), f"{SLIPWAY} is missing: run ./dev build")
    return SLIPWAY


class Servers:
    """`slipway serve`: bootstrap server, management server and HTTP API on free loopback ports."""

    def __init__(self, stage, mode="psk", usage=3, uri=None, management=None, plan="", account="", tables="",
                 bootstrap_key=False):
        """`mode` is that of the devices' accounts: psk, rpk, x509 (with certificate `usage`) or nosec. `uri` and
        `management` (its keys) are those of another management server than this one; `plan`, `account` and `tables`
        are further lines of TOML for the plan, for its account, and for the whole. With `bootstrap_key` the factory's
        key is replaced."""
        self._stage = stage
        self.mode, self.usage = mode, usage
        self._uri, self._bootstrap_key, self._more = uri, bootstrap_key, (plan, account, tables)
        keys = Keys.of(stage)
        self._relay = None
        self.identity = keys.server("slipway")
        self._management_identity = management or self.identity
        self.data = stage.folder / "slipway-serve" / "data"  # relative to the working directory of `serve`
        self.process = self.root = self.events = self.bootstrap_uri = self.management_uri = None

    def behind_relay(self):
        """From its start on, devices find the management server through the Relay that is returned."""
        self._relay = Relay()
        return self._relay

    def start(self):
        ready = self._ready() or self._ready()  # another program may have taken a port
        expect(ready, "slipway serve did not start twice")
        self.root = f"http://{ready['http']}"
        self.events = Events(f"{self.root}/api/v1/events")
        return self

    def start_again(self):
        """With the same configuration and data."""
        self.process = self._run()
        ready = json.loads(self.process.wait_for(r'^\{.*"ready":true.*\}$')[0])
        self.root = f"http://{ready['http']}"
        self.events = Events(f"{self.root}/api/v1/events")

    def _ready(self):
        """Starts the command; what it listens on, or None when it ended."""
        # The plan names the servers' ports, so these are chosen before the servers are there.
        bootstrap, management = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
        scheme = "coap" if self.mode == "nosec" else "coaps"
        self.bootstrap_uri = f"{scheme}://127.0.0.1:{bootstrap}"
        self.management_uri = f"{scheme}://127.0.0.1:{management}"
        if self._relay:
            self._relay.lead_to(management)
            self._uri = f"{scheme}://127.0.0.1:{self._relay.port}"
        self._stage.write("slipway.toml", self._configuration(scheme, bootstrap, management))
        self.process = self._run()
        try:
            return json.loads(self.process.wait_for(r'^\{.*"ready":true.*\}$')[0])
        except Failure:
            return None

    def _run(self):
        return self._stage.start("slipway-serve", binary(), "serve", "--json", "--config",
                                 self._stage.folder / "slipway.toml", "--objects", ROOT / "examples" / "objects")

    def _configuration(self, scheme, bootstrap, management):
        plan, account, tables = self._more
        off = "coaps" if scheme == "coap" else "coap"
        keys, ca = "", Keys.of(self._stage).ca
        if self.mode in ("rpk", "x509"):
            keys = (f'key = "{self.identity.key}"\ncertificate = "{self.identity.certificate}"\n'
                    f'client_authorities = "{ca.certificate}"\n')
            tables += f'[authority.interop]\ncertificate = "{ca.certificate}"\nkey = "{ca.key}"\n'
        replaced = ""
        if self._bootstrap_key:
            replaced = f'[plan.interop.bootstrap]\nuri = "{self.bootstrap_uri}"\n{self._credential()}'
        return f"""\
[server]
data = "data"
[http]
listen = "127.0.0.1:0"
[bootstrap]
{off} = "off"
{scheme} = "127.0.0.1:{bootstrap}"
{keys}
[management]
{off} = "off"
{scheme} = "127.0.0.1:{management}"
{keys}
[plan.interop]
{plan}
[[plan.interop.server]]
id = 101
uri = "{self._uri or self.management_uri}"
lifetime = 300
{self._credential()}
{account}
[[plan.interop.access]]
target = "/3/0"
owner = 101
rights = {{ "101" = "RWE" }}
{replaced}
[[enrolment]]
name = "interop"
endpoints = ["urn:interop:*"]
authentication = "{'nosec' if self.mode == 'nosec' else 'psk'}"
plan = "interop"
{tables}
"""

    def _credential(self):
        """The lines of an account that say how device and server know each other."""
        if self.mode == "psk":
            return 'credential = "psk"\n'
        if self.mode == "nosec":
            return 'credential = "none"\n'
        server = self._management_identity
        if self.mode == "rpk":
            return f'credential = "rpk"\nserver_public_key = "{server.public}"\n'
        return (f'credential = "x509"\nauthority = "interop"\ncertificate_usage = {self.usage}\n'
                f'server_public_key = "{anchor(self._stage, server, self.usage)}"\n')

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

    def modes(self, endpoint):
        """The security modes of what the servers hold for the device."""
        return {credential["mode"] for credential in self._device("GET", endpoint, "/credentials")[1]["credentials"]}

    def keep(self, *credentials):
        """Tells the management server of credentials that another bootstrap server gives; see openapi.yaml."""
        status, body = request("PUT", f"{self.root}/api/v1/credentials", {"credentials": list(credentials)})
        expect(status == 200 and body == {"kept": len(credentials)}, f"PUT credentials: {status} {body}")

    def revoke(self, endpoint, role="management"):
        status, body = self._device("DELETE", endpoint, f"/credentials?role={role}")
        expect(status == 200 and body["revoked"] == 1, f"DELETE credentials: {status} {body}")

    def tell_to_bootstrap(self, endpoint):
        self._operation("POST", endpoint, "/bootstrap")

    def journeys(self, endpoint):
        """What was recorded of the device, newest first."""
        return self._device("GET", endpoint, "/journeys?limit=100")[1]["journeys"]

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


class Management:
    """`slipway serve` with a management server alone, for devices whose credentials it is told of with `keep`."""

    ENROLLED_AS = 101  # Short Server ID

    def __init__(self, stage, identity=None, certificates=None, authorities=None, suites=()):
        """`identity` is its key pair, `certificates` a file with what it presents beside its raw public key, and
        `authorities` one with who issues its devices' certificates. `suites` are not the usual ones."""
        keys = ""
        if identity:
            keys = f'key = "{identity.key}"\ncertificate = "{certificates or identity.certificate}"\n'
        if authorities:
            keys += f'client_authorities = "{authorities}"\n'
        if suites:
            keys += f"cipher_suites = {json.dumps(suites)}\n"
        self._stage, self._keys, self.port = stage, keys, 0
        self.start()

    def start(self):
        """Also again, on the port that it had."""
        config = self._stage.write("management.toml", f"""\
[server]
data = "data"
[http]
listen = "127.0.0.1:0"
[bootstrap]
coap = "off"
coaps = "off"
[management]
coap = "off"
coaps = "127.0.0.1:{self.port}"
{self._keys}
""")
        self.process = self._stage.start("slipway-serve", binary(), "serve", "--json", "--config", config)
        ready = json.loads(self.process.wait_for(r'^\{.*"ready":true.*\}$')[0])
        self.root = f"http://{ready['http']}"
        self.port = int(ready["management_coaps"].rpartition(":")[2])
        self.events = Events(f"{self.root}/api/v1/events")

    def enrol(self, endpoint, **credential):
        body = {"credentials": [{"endpoint": endpoint, "server": self.ENROLLED_AS, **credential}]}
        status, answer = request("PUT", f"{self.root}/api/v1/credentials", body)
        expect(status == 200 and answer == {"kept": 1}, f"PUT credentials: {status} {answer}")

    def revoke(self, endpoint):
        status, answer = request(
            "DELETE", f"{self.root}/api/v1/devices/{_quoted(endpoint)}/credentials?role=management")
        expect(status == 200 and answer["revoked"] == 1, f"DELETE credentials: {status} {answer}")

    metric = Servers.metric


def _values(answer):
    return {value["path"]: value.get("value") for value in answer.get("values", [])}


def anchor(stage, server, usage):
    """What a device knows a server by: its certificate, or with usage 2 that of its authority."""
    return server.certificate if usage == 3 else Keys.of(stage).ca.certificate


def pack_of(stage, endpoint, port, resources):
    """A factory pack with one management account on loopback: {resource of /0: bytes, text, a number, or numbers}."""
    objects = [{"n": "/0/0/0", "vs": f"coaps://127.0.0.1:{port}"}, {"n": "/0/0/1", "vb": False},
               {"n": "/0/0/10", "v": 101}, {"n": "/1/0/0", "v": 101}, {"n": "/1/0/1", "v": 300},
               {"n": "/1/0/6", "vb": True}, {"n": "/1/0/7", "vs": "U"}]
    for resource, value in resources.items():
        if isinstance(value, bytes):
            text = base64.urlsafe_b64encode(value).decode().rstrip("=")
            objects.append({"n": f"/0/0/{resource}", "vd": text})
        elif isinstance(value, (list, tuple)):
            objects += [{"n": f"/0/0/{resource}/{at}", "v": one} for at, one in enumerate(value)]
        elif isinstance(value, str):
            objects.append({"n": f"/0/0/{resource}", "vs": value})
        else:
            objects.append({"n": f"/0/0/{resource}", "v": value})
    return stage.write("pack.json", json.dumps({"slipway_pack": 1, "endpoint": endpoint, "objects": objects}))


class Pack:
    """A factory pack, and the bootstrap account in it."""

    def __init__(self, path):
        self.path = path
        self._account = {}
        base = ""
        for record in json.loads(path.read_text(encoding="utf-8"))["objects"]:
            base = record.get("bn", base)
            name = base + record.get("n", "")
            if name.startswith("/0/0/") and "vd" in record:
                self._account[name[5:]] = base64.urlsafe_b64decode(record["vd"] + "==")

    identity = property(lambda self: self._account["3"])  # or public key, or certificate

    def files(self):
        """The words of a Leshan peer for own key or certificate, private key, and the server's: files of DER."""
        for resource in "354":
            self.path.with_suffix(f".{resource}.der").write_bytes(self._account[resource])
        return [self.path.with_suffix(f".{resource}.der") for resource in "354"]


def factory(stage, endpoint, bootstrap_uri, identity, key, servers=None):
    """Makes a factory pack with a pre-shared key; with `servers`, tells them the device's factory credential too."""
    keys = stage.write("factory-keys", f"{endpoint},{identity},{key}\n")
    return _factory(stage, endpoint, servers, "--keys", keys, "--server", bootstrap_uri).path


def factory_with(stage, mode, endpoint, bootstrap_uri, server, usage=3, servers=None):
    """The same with a key pair (rpk), a certificate (x509) or nothing (nosec); `server` is the server's Identity."""
    words = ["--endpoint", endpoint, "--server", bootstrap_uri, f"--{mode}"]
    if mode == "rpk":
        words += ["--server-key", server.public]
    if mode == "x509":
        ca = Keys.of(stage).ca
        words += ["--server-key", anchor(stage, server, usage), "--certificate-usage", usage,
                  "--authority", ca.certificate, "--authority-key", ca.key]
    return _factory(stage, endpoint, servers, *words)


def _factory(stage, endpoint, servers, *words):
    pack = stage.folder / f"{endpoint.rsplit(':', 1)[-1]}.json"
    command = [binary(), "factory", "--out", pack, *words, *(["--data", servers.data] if servers else [])]
    result = subprocess.run([str(word) for word in command], cwd=stage.folder, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    if result.returncode != 0:
        raise Failure(f"slipway factory ended {result.returncode}: {result.stdout.strip()}")
    return Pack(pack)


def client(stage, pack, *options, name="slipway-client"):
    return stage.start(name, binary(), "client", "--json", "--pack", pack, *options)


def event(what, detail=""):
    """A pattern for one line of `slipway client --json`."""
    return rf'^{{"detail":"{detail}.*","event":"{what}"}}$'


def _quoted(endpoint):
    return urllib.parse.quote(endpoint, safe="")
