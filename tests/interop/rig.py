# SPDX-License-Identifier: Apache-2.0
"""What every interop test needs: processes that end with the test, waiting without guessing, HTTP and its events."""
import contextlib
import http.client
import json
import random
import re
import select
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "interop"


class Failure(Exception):
    """A test failed; the text says what was expected and what came."""


class Process:
    """A child with its own working directory and log, its standard input kept open.

    A peer that `ends_with_input` is asked to end by closing it, any other by SIGTERM.
    """

    def __init__(self, name, command, folder, ends_with_input):
        self.name = name
        self._ends_with_input = ends_with_input
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / f"{name}.log"
        self.lines = []
        self._bytes = bytearray()
        self._changed = threading.Condition()
        self._ended = False
        self._log = self.log.open("wb")
        self._child = subprocess.Popen(
            [str(word) for word in command], cwd=self.folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        whole = 0  # where the first line begins that has not ended yet
        while said := self._child.stdout.read1(65536):
            self._log.write(said)
            self._log.flush()
            with self._changed:
                self._bytes += said
                while (end := self._bytes.find(b"\n", whole)) >= 0:
                    self.lines.append(self._bytes[whole:end].decode(errors="replace"))
                    whole = end + 1
                self._changed.notify_all()
        with self._changed:
            if whole < len(self._bytes):
                self.lines.append(self._bytes[whole:].decode(errors="replace"))
            self._ended = True
            self._changed.notify_all()

    def mark(self):
        """A place in the output, for `wait_for(after=)`."""
        with self._changed:
            return len(self.lines)

    def wait_for(self, pattern, seconds=30, after=0):
        """The first match in the output from `after` on; Failure if there is none in time or the process ends."""
        wanted = re.compile(pattern)
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                while after < len(self.lines):
                    match = wanted.search(self.lines[after])
                    if match:
                        return match
                    after += 1
                if self._ended:
                    raise Failure(f"{self.name} ended ({self._child.wait()}) before it said /{pattern}/")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failure(f"{self.name} did not say /{pattern}/ within {seconds} s")
                self._changed.wait(left)

    def wait_for_bytes(self, pattern, seconds=30, after=0):
        """The first match in the output from byte `after` on, whether or not it is text."""
        wanted = re.compile(pattern, re.DOTALL)
        deadline = time.monotonic() + seconds
        with self._changed:
            while not (match := wanted.search(bytes(self._bytes), after)):
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    raise Failure(f"{self.name} {'ended' if self._ended else 'did not say'} {pattern} in {seconds} s")
                self._changed.wait(left)
            return match

    def said(self):
        """All of the output."""
        with self._changed:
            return bytes(self._bytes)

    def write(self, data):
        """Bytes to its standard input."""
        self._child.stdin.write(data)
        self._child.stdin.flush()

    def command(self, *words, seconds=15):
        """Says one line to a peer of ours and returns what it answers."""
        after = self.mark()
        self.write((" ".join(str(word) for word in words) + "\n").encode())
        answer = self.wait_for(r"^ANSWER (.*)", seconds, after)[1]
        if answer.startswith("ERROR"):
            raise Failure(f"{self.name}: {words[0]}: {answer}")
        return answer

    def wait_for_exit(self, seconds=30):
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds} s") from None

    def ask_to_end(self):
        if self._child.poll() is not None:
            return
        if self._ends_with_input:
            with contextlib.suppress(BrokenPipeError):
                self._child.stdin.close()
        else:
            self._child.terminate()

    def kill(self):
        """Without a word to anybody, as when the power fails."""
        self._child.kill()

    def stop(self):
        self.ask_to_end()
        for insist in (self._child.terminate, self._child.kill, lambda: None):
            try:
                self._child.wait(5)
                break
            except subprocess.TimeoutExpired:
                insist()
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        self._reader.join(5)
        self._log.close()

    def tail(self, count=25):
        return "".join(f"    {self.name}| {line}\n" for line in self.lines[-count:])


class Relay:
    """A path of UDP between one device and a server, on which a test does what networks do."""

    CID_RECORD = 25  # ContentType tls12_cid [RFC 9146 §4]
    HANDSHAKE_RECORD = 22

    def __init__(self, port=None):
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind(("127.0.0.1", 0))
        self.port = self._front.getsockname()[1]
        self._server = self._back = self._device = None
        self._left = None  # datagrams that still pass; None: all
        self._chance = self._share = None  # of a datagram to get lost
        self.lost = False  # something was
        self.up = []       # first bytes of the device's datagrams: the type of a DTLS record
        self.down = []     # the server's datagrams
        if port:
            self.lead_to(port)

    def lead_to(self, port):
        """The server's port on loopback."""
        first = self._server is None
        self._server = ("127.0.0.1", port)
        self.move()
        if first:
            threading.Thread(target=self._run, daemon=True).start()

    def move(self):
        """From now on the device has another address, as after a pause behind a NAT."""
        back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        back.bind(("127.0.0.1", 0))
        back.connect(self._server)
        self._back = back

    def here(self):
        """The device's address, for `back_to`."""
        return self._back

    def back_to(self, here):
        self._back = here

    def cut(self, after=0):
        """Loses everything, once `after` more datagrams have passed."""
        self._left = after

    def lose(self, share, seed):
        """Loses this share of the datagrams, as chance has it."""
        self._chance, self._share = random.Random(seed), share

    def mend(self):
        self._left = self._chance = None

    def _passes(self):
        if self._chance and self._chance.random() < self._share:
            self.lost = True
            return False
        if self._left is None:
            return True
        self._left -= 1
        self.lost = self._left < 0
        return not self.lost

    def _run(self):
        while True:
            back = self._back
            for ready in select.select([self._front, back], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):  # nobody listens yet, or any more
                    if ready is self._front:
                        data, self._device = self._front.recvfrom(65536)
                        if self._passes():
                            self.up.append(data[0])
                            self._back.send(data)
                    else:
                        data = back.recv(65536)
                        if self._passes():
                            self.down.append(data)
                            self._front.sendto(data, self._device)


class Stage:
    """The processes and files of one test; leaving it ends every process that it started, and no other."""

    _open = set()

    def __init__(self, name):
        self.folder = BUILD / "runs" / name
        self.processes = []

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        Stage._open.add(self)
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.ask_to_end()
        for process in reversed(self.processes):
            process.stop()
        Stage._open.discard(self)

    @staticmethod
    def kill_all():
        for stage in list(Stage._open):
            for process in stage.processes:
                process.kill()

    def start(self, name, *command, ends_with_input=False):
        process = Process(name, command, self.folder / name, ends_with_input)
        self.processes.append(process)
        return process

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def tails(self):
        return "".join(process.tail() for process in self.processes)


def free_port(kind=socket.SOCK_STREAM):
    """A port that was free a moment ago, for programs that cannot be asked which one they took."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def request(method, url, body=None, seconds=15):
    """(status, decoded JSON or text) of one request."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=seconds) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            status, text = refusal.code, refusal.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


class Events:
    """Reads a stream of server-sent events from now on, until the program ends."""

    def __init__(self, url):
        self._events = []
        self._changed = threading.Condition()
        self._stream = urllib.request.urlopen(
            urllib.request.Request(url, headers={"Accept": "text/event-stream"}), timeout=300)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        name = ""
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):  # the server ends before the stream
            for line in self._stream:
                field, _, value = line.decode().rstrip("\r\n").partition(":")
                if field == "event":
                    name = value.strip()
                elif field == "data":
                    with self._changed:
                        self._events.append((name, json.loads(value)))
                        self._changed.notify_all()

    def mark(self):
        with self._changed:
            return len(self._events)

    def wait_for(self, name, seconds=30, after=0, **wanted):
        """The first event of this name with the `wanted` fields; Failure lists what came in place of it."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for kind, event in self._events[after:]:
                    if kind == name and all(event.get(key) == value for key, value in wanted.items()):
                        return event
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failure(f"no event {name} {wanted} within {seconds} s; there were {self._events[after:]}")
                self._changed.wait(left)


def wait_until(what, condition, seconds=30):
    """Polls until `condition()` is true and returns its value; Failure names `what`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = condition()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            value = None
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds} s: {what}")
        time.sleep(0.1)


def expect(condition, what):
    if not condition:
        raise Failure(what)


def expect_equal(what, got, wanted):
    expect(got == wanted, f"{what}: got {got}, not {wanted}")
