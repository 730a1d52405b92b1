# SPDX-License-Identifier: Apache-2.0
"""What every interop test needs: processes that end with the test, waiting without guessing, HTTP, free ports."""
import json
import re
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
    """A child with its own working directory and log, its standard input kept open."""

    def __init__(self, name, command, folder):
        self.name = name
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / f"{name}.log"
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
        self._log = self.log.open("w", encoding="utf-8")
        self._child = subprocess.Popen(
            [str(word) for word in command], cwd=self.folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._child.stdout:
            self._log.write(line)
            self._log.flush()
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
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

    def command(self, *words, seconds=15):
        """Says one line to a Leshan peer and returns what it answers."""
        after = self.mark()
        self._child.stdin.write(" ".join(str(word) for word in words) + "\n")
        self._child.stdin.flush()
        answer = self.wait_for(r"^ANSWER (.*)", seconds, after)[1]
        if answer.startswith("ERROR"):
            raise Failure(f"{self.name}: {words[0]}: {answer}")
        return answer

    def wait_for_exit(self, seconds=30):
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds} s") from None

    def stop(self):
        for end in (self._child.stdin.close, self._child.terminate, self._child.kill):
            try:
                end()
                self._child.wait(5)
                break
            except subprocess.TimeoutExpired:
                continue
            except BrokenPipeError:
                continue
        self._reader.join(5)
        self._log.close()

    def tail(self, count=25):
        return "".join(f"    {self.name}| {line}\n" for line in self.lines[-count:])


class Stage:
    """The processes and files of one test; leaving it ends every process that it started, and no other."""

    def __init__(self, name):
        self.folder = BUILD / "runs" / name
        self.processes = []

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()

    def start(self, name, *command):
        process = Process(name, command, self.folder / name)
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


def http(method, url, body=None, seconds=15):
    """(status, decoded JSON or text) of one request."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        status, text = refusal.code, refusal.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


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
