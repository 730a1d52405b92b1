# SPDX-License-Identifier: Apache-2.0
"""A workbench for end-to-end tests: the real command on loopback, in a folder of its own.

Nothing here guesses a time: whoever waits, waits for a line, an event or the end of a process, with a bound.
"""
import base64
import collections
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = os.environ.get("SLIPWAY", str(ROOT / "build" / "release" / "slipway"))
OBJECTS = str(ROOT / "examples" / "objects")
PATIENCE = float(os.environ.get("SLIPWAY_PATIENCE", "30"))  # seconds; more for builds with sanitizers


class Failure(AssertionError):
    """What was expected, what came instead, and the end of what was printed."""


class Record:
    """A growing list that threads append to, and that a test waits on."""

    def __init__(self, name):
        self.name = name
        self.items = []
        self._changed = threading.Condition()
        self._ended = False

    def add(self, item):
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()

    def end(self):
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def mark(self):
        """A place in the record, for `wait(after=)`."""
        with self._changed:
            return len(self.items)

    def find(self, wanted, seconds, after=0):
        """The first item from `after` on that `wanted` takes; None when the time is over or the record has ended."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                while after < len(self.items):
                    if wanted(self.items[after]):
                        return self.items[after]
                    after += 1
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    return None
                self._changed.wait(left)

    def wait(self, wanted, what, seconds=None, after=0):
        found = self.find(wanted, PATIENCE if seconds is None else seconds, after)
        if found is None:
            how = "ended without" if self._ended else "did not get to"
            last = "\n  ".join(str(item)[:300] for item in self.items[-15:])
            raise Failure(f"{self.name} {how} {what}; the last of {len(self.items)}:\n  {last}")
        return found


class Process:
    """A running `slipway`, ended by its own id."""

    def __init__(self, name, arguments, folder, typed=False):
        self.name = name
        self.out = Record(f"{name} (output)")
        self.err = Record(f"{name} (errors)")
        self._child = subprocess.Popen([COMMAND, *map(str, arguments)], cwd=folder,
                                       stdin=subprocess.PIPE if typed else subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        self._readers = [self._read(self._child.stdout, self.out), self._read(self._child.stderr, self.err)]

    @staticmethod
    def _read(stream, record):
        def run():
            for line in stream:
                record.add(line.rstrip("\n"))
            record.end()
        reader = threading.Thread(target=run, daemon=True)
        reader.start()
        return reader

    @property
    def running(self):
        return self._child.poll() is None

    def send(self, number):
        self._child.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Asks it to end, and insists after a while; the exit code (negative: the signal)."""
        if self.running:
            self._child.send_signal(number)
        return self.wait()

    def say(self, line):
        """Types a line, where it was started with `typed`."""
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()

    def send(self, number):
        self._child.send_signal(number)

    def wait(self, seconds=None):
        try:
            self._child.wait(PATIENCE if seconds is None else seconds)
        except subprocess.TimeoutExpired as error:
            self._child.kill()
            self._child.wait()
            raise Failure(f"{self.name} did not end in time") from error
        finally:
            for reader in self._readers:
                reader.join(PATIENCE)
            for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
                if stream is not None:
                    stream.close()
        return self._child.returncode

    def kill(self):
        return self.end(signal.SIGKILL)

    def text(self):
        return "\n".join(self.out.items + self.err.items)


class Device(Process):
    """`slipway client --json`: a line for each happening."""

    def __init__(self, endpoint, pack, state, folder, *more):
        self.endpoint = endpoint
        self.pack = Path(pack)
        self.state = Path(state)
        super().__init__(f"device {endpoint}", ["client", "--json", "--pack", pack, "--state", state, *more], folder)

    def wait_for(self, event, detail="", seconds=None, after=0):
        """The detail of the next `event` whose detail matches."""
        def wanted(line):
            happening = json.loads(line)
            return happening["event"] == event and re.search(detail, happening["detail"])
        return json.loads(self.out.wait(wanted, f'"{event}" {detail}', seconds, after))["detail"]

    def happenings(self):
        return [json.loads(line)["event"] for line in self.out.items]


class Events(threading.Thread):
    """Reads /api/v1/events until closed."""

    def __init__(self, url, last_id=None):
        super().__init__(daemon=True)
        parts = urllib.parse.urlsplit(url)
        self.record = Record("events")
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
        headers = {"Accept": "text/event-stream"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        self._connection.request("GET", "/api/v1/events", headers=headers)
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        if self._answer.status != 200:
            raise Failure(f"the event stream was refused with {self._answer.status}")
        self._socket.settimeout(None)
        self.start()

    def run(self):
        name, data = "", ""
        try:
            for raw in self._answer:
                line = raw.decode().rstrip("\r\n")
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif not line and data:
                    self.record.add((name, json.loads(data)))
                    data = ""
        except (OSError, ValueError, http.client.HTTPException):
            pass  # closed, by us or by the end of the server
        self.record.end()

    def mark(self):
        return self.record.mark()

    def wait_for(self, name, seconds=None, after=0, **fields):
        """The next event of this name whose fields are these."""
        def wanted(item):
            return item[0] == name and all(item[1].get(key) == value for key, value in fields.items())
        return self.record.wait(wanted, f"{name} {fields}", seconds, after)[1]

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.join(PATIENCE)
        self._connection.close()


class Result(collections.namedtuple("Result", "code out err")):
    """What a command that ended has left."""

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments, folder=None, stdin=None, environment=None, seconds=None):
    """Runs a command to its end, with its output in pipes."""
    given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    done = subprocess.run([COMMAND, *map(str, arguments)], cwd=folder, capture_output=True,
                          env={**os.environ, **(environment or {})}, check=False,
                          timeout=4 * PATIENCE if seconds is None else seconds, **given)
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def free_port():
    """A free UDP port below those that systems hand out by themselves: no other socket takes it by chance, also not
    while a server restarts."""
    for _ in range(200):
        port = random.randrange(15000, 32000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
            try:
                trial.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failure("no free port")


CONFIGURATION = """
[server]
data = "{data}"
[http]
listen = "127.0.0.1:0"
[bootstrap]
coap = "off"
coaps = "127.0.0.1:{bootstrap}"
[management]
coap = "off"
coaps = "127.0.0.1:{management}"
[[enrolment]]
name = "thermometers"
endpoints = ["urn:dev:os:*"]
plan = "thermometer"
[[plan.thermometer.server]]
id = 101
uri = "coaps://127.0.0.1:{management}"
lifetime = {lifetime}
binding = "U"
resources = {{ "17" = 5, "18" = 1, "19" = 1 }}
[[plan.thermometer.access]]
target = "/3/0"
owner = 101
rights = {{ "101" = "RWE" }}
[[plan.thermometer.access]]
target = "/3303/0"
owner = 101
rights = {{ "101" = "RWE" }}
[[plan.thermometer.instance]]
path = "/3303/1"
resources = {{ "5700" = 4.0, "5750" = "freezer" }}
"""


class Lab:
    """A server with its data, and the devices around it, in one folder; `close` ends and removes everything."""

    def __init__(self, lifetime=300):
        self._folder = tempfile.TemporaryDirectory(prefix="slipway-e2e-")
        self.folder = Path(self._folder.name)
        self.data = self.folder / "data"
        self.config = self.folder / "slipway.toml"
        self.lifetime = lifetime
        self.server = None
        self.url = ""
        self.processes = []
        self._streams = []

    def close(self):
        for stream in self._streams:
            stream.close()
        for process in self.processes:
            process.kill()
        self._folder.cleanup()

    # --- The server -------------------------------------------------------------------------------------

    def start_server(self):
        """On ports that stay the same for the life of this lab; the HTTP port is a new one each time."""
        first = not self.config.exists()
        for _ in range(5):
            if first:
                self.bootstrap_port = free_port()
                self.management_port = free_port()
                self.config.write_text(CONFIGURATION.format(
                    data=self.data, bootstrap=self.bootstrap_port, management=self.management_port,
                    lifetime=self.lifetime), encoding="utf-8")
            server = Process("server", ["serve", "--json", "--config", self.config, "--objects", OBJECTS], self.folder)
            self.processes.append(server)
            ready = server.out.find(lambda line: line.startswith("{"), PATIENCE)
            if ready is not None:
                self.url = "http://" + json.loads(ready)["http"]
                self.server = server
                return server
            server.end()
            if not first or "in use" not in server.text():
                break
        raise Failure("the server does not start:\n" + server.text())

    def stop_server(self):
        code = self.server.end()
        if code != 0:
            raise Failure(f"the server ended with {code}:\n{self.server.text()}")

    def reconfigure(self, *changes):
        """Replaces text in the configuration and tells the server; what the server says of it."""
        text = self.config.read_text(encoding="utf-8")
        for old, new in changes:
            if old not in text:
                raise Failure(f"the configuration has no {old}")
            text = text.replace(old, new)
        self.config.write_text(text, encoding="utf-8")
        begun = self.server.err.mark()
        self.server.send(signal.SIGHUP)
        return self.server.err.wait(lambda line: "reload: " in line, "the word of a reload", after=begun)

    def http(self, method, target, body=None):
        """Status and body (parsed where it is JSON) of a call to the API."""
        request = urllib.request.Request(self.url + target, method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=4 * PATIENCE) as answer:
                status, content = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read().decode()
        try:
            return status, json.loads(content)
        except ValueError:
            return status, content

    def device_api(self, method, endpoint, target, body=None):
        return self.http(method, f"/api/v1/devices/{urllib.parse.quote(endpoint, safe='')}{target}", body)

    def value(self, endpoint, path):
        """A resource, read through the API."""
        status, answer = self.device_api("GET", endpoint, "/read" + path)
        if status != 200:
            raise Failure(f"read {path}: {status} {answer}")
        return answer["values"][0]["value"]

    def ask(self, command, *arguments):
        """A command that asks the server: devices, read, write and so on."""
        return run(command, *arguments, "--url", self.url, folder=self.folder)

    def events(self, last_id=None):
        stream = Events(self.url, last_id)
        self._streams.append(stream)
        return stream

    # --- Devices ----------------------------------------------------------------------------------------

    def factory(self, endpoint, *more):
        """Makes and enrols one pack; its file."""
        pack = self.folder / (endpoint.rsplit(":", 1)[-1] + ".json")
        made = run("factory", "--json", "--endpoint", endpoint, "--server", f"coaps://127.0.0.1:{self.bootstrap_port}",
                   "--out", pack, "--data", self.data, *more, folder=self.folder)
        if made.code != 0:
            raise Failure(f"factory: {made.err}")
        return pack

    def start_device(self, endpoint, pack, *more):
        device = Device(endpoint, pack, str(pack) + ".state", self.folder, *more)
        self.processes.append(device)
        return device

    def new_device(self, endpoint="urn:dev:os:e2e", *more):
        """From the factory to its registration."""
        device = self.start_device(endpoint, self.factory(endpoint), *more)
        device.wait_for("registered")
        return device


class Case(unittest.TestCase):
    """A test with a running server of its own."""

    lifetime = 300

    def setUp(self):
        self.lab = Lab(self.lifetime)
        self.addCleanup(self.lab.close)
        self.lab.start_server()

    def succeeds(self, result):
        self.assertEqual(0, result.code, result.err)
        return result

    def run(self, result=None):
        """On failure, what the processes said, which is gone with the folder."""
        outcome = super().run(result)
        if result is not None and any(test is self for test, _ in result.failures + result.errors):
            for process in self.lab.processes:
                print(f"--- {process.name}", *process.text().splitlines()[-60:], sep="\n  ", file=sys.stderr)
        return outcome


# --- Secrets ------------------------------------------------------------------------------------------------


def factory_key(pack):
    """/0/0/5 of a pack, which is SenML JSON."""
    base = ""
    for record in json.loads(Path(pack).read_text(encoding="utf-8"))["objects"]:
        base = record.get("bn", base)
        if base + record.get("n", "") == "/0/0/5":
            return base64.urlsafe_b64decode(record["vd"] + "==")
    raise Failure(f"{pack} has no key")


class _Cbor:
    """As much of a CBOR reader [RFC 8949 §3] as SenML needs."""

    def __init__(self, data):
        self._data = data
        self._at = 0

    def _take(self, count):
        if self._at + count > len(self._data):
            raise Failure("CBOR ends early")
        self._at += count
        return self._data[self._at - count:self._at]

    def item(self):
        first = self._take(1)[0]
        major, minor = first >> 5, first & 31
        if major == 7:
            if minor in (20, 21):
                return minor == 21
            return self._take({25: 2, 26: 4, 27: 8}.get(minor, 0))
        length = minor if minor < 24 else int.from_bytes(self._take(1 << (minor - 24)), "big")
        if major == 0:
            return length
        if major == 1:
            return -1 - length
        if major == 2:
            return self._take(length)
        if major == 3:
            return self._take(length).decode()
        if major == 4:
            return [self.item() for _ in range(length)]
        if major == 5:
            return {self.item(): self.item() for _ in range(length)}
        raise Failure(f"CBOR major type {major}")


def stored_values(state):
    """Path to value of a state file: a header of 22 bytes, marks of 7 bytes each, the memory, then SenML CBOR."""
    data = Path(state).read_bytes()
    marks, memory = (int.from_bytes(data[at:at + 2], "big") for at in (6, 20))
    values, base = {}, ""
    for record in _Cbor(data[22 + 7 * marks + memory:]).item():
        base = record.get(-2, base)
        values[base + record.get(0, "")] = record.get(2, record.get(3, record.get(4, record.get(8))))
    return values


def management_key(state, server=101):
    """The key of the account of `server` in a state file; None where there is no such account."""
    if not Path(state).exists():
        return None
    values = stored_values(state)
    for path, value in values.items():
        if re.fullmatch(r"/0/\d+/10", path) and value == server:
            return values[path[:-2] + "5"]
    return None


def bootstrap_key(state):
    """The key of the bootstrap account in a state file."""
    values = stored_values(state)
    for path, value in values.items():
        if re.fullmatch(r"/0/\d+/1", path) and value is True:
            return values[path[:-1] + "5"]
    return None


def traces_of(key):
    """What bytes look like in files and texts: raw, hexadecimal, and base64 of both alphabets at any place."""
    shapes = [key, key.hex().encode(), key.hex().upper().encode()]
    for shift in range(3):
        # Only the characters that no neighbour has a part in.
        text = base64.b64encode(bytes(shift) + key)
        inner = text[{0: 0, 1: 2, 2: 3}[shift]:(shift + len(key)) * 8 // 6]
        shapes += [inner, inner.replace(b"+", b"-").replace(b"/", b"_")]
    return shapes


def holds(content, key):
    content = content.encode() if isinstance(content, str) else content
    return any(shape in content for shape in traces_of(key))
