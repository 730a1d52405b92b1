#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps the guides true: runs every command that they show, and compares what they show of the answers.

A page of docs/guides with ```sh blocks is a script; it runs in a folder of its own, where `examples` is that of the
repository. Comments, which no reader sees, say the rest (`slipway kit smartcard` gets a virtual reader of its own):

    <!-- file: NAME -->            the code block below is a file of that name
    <!-- wait: WHO: PATTERN -->    until a line that WHO (server, or a pack without .json) prints next matches
    <!-- heard: WHO: PATTERN -->   a line that matches is among those that WHO has printed so far
    <!-- stop: WHO -->             ends a process that a line with a trailing & has begun
    <!-- kill: WHO -->             the same by SIGKILL
    <!-- reload: WHO -->           sends a SIGHUP, and waits until the server has read its configuration
    <!-- output --> ... <!-- /output -->        shows what the commands above have printed
    <!-- ladder: bootstrap --> ... <!-- /ladder -->   the last bootstrap (or management) journey of what they have printed;
                                                      `bootstrap-1` is the first

Ports are the usual ones on the page, and free ones while it runs. Without arguments pages and runs are compared, apart from
what differs between runs; --write puts the output of new runs into the pages that differ. Names of pages select some.
"""
import argparse
import difflib
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import lab
import ladders
import reader

FOLDER = lab.ROOT / "docs" / "guides"
PORTS = ["5683", "5684", "5783", "5784", "6683", "6684", "6783", "6784", "8080", "8081"]
STEP = re.compile(
    r"^<!-- (?P<word>file|wait|heard|stop|kill|reload): (?P<what>[^\n]*?) -->\n|"
    r"^```(?P<kind>\w*)\n(?P<code>.*?)^```\n|"
    r"(?P<open><!-- (?:output|ladder: (?P<ladder>[\w-]+)) -->\n)(?P<shown>.*?)(?P<close><!-- /(?:output|ladder) -->)",
    re.DOTALL | re.MULTILINE)
JOURNEY = re.compile(r"(?m)^(bootstrap|management) of .*\n.*\n")
ATTEMPTS = 3  # of a comparison: a busy machine makes CoAP repeat a message, which is a row too


class Run:
    """One run of a page, and the text of the page with the outputs of this run."""

    def __init__(self, page):
        self.page = page
        self.text = page.read_text(encoding="utf-8")
        self.ports = dict(zip(PORTS, self.free_ports()))
        self.processes = {}
        self.marks = {}
        self.output = ""
        self.file = None
        self.reader = None

    @staticmethod
    def free_ports():
        found = set()
        while len(found) < len(PORTS):
            found.add(str(lab.free_port()))
        return sorted(found)

    def there(self, text):
        """With the ports of this run."""
        return re.sub(rf"\b({'|'.join(PORTS)})\b", lambda match: self.ports[match[1]], text)

    def back(self, text):
        for shown, used in self.ports.items():
            text = re.sub(rf"\b{used}\b", shown, text)
        return text

    def go(self):
        with tempfile.TemporaryDirectory(prefix="slipway-guide-") as folder:
            self.folder = Path(folder)
            self.copy_examples()
            try:
                return STEP.sub(self.step, self.text)
            finally:
                for process in self.processes.values():
                    process.kill()
                if self.reader is not None:
                    self.reader.close()

    def copy_examples(self):
        """Those that a page may name: definitions and configurations, which get the ports of this run."""
        for source in sorted((lab.ROOT / "examples").rglob("*")):
            if source.suffix in {".toml", ".xml", ".pem", ".json"}:
                copy = self.folder / "examples" / source.relative_to(lab.ROOT / "examples")
                copy.parent.mkdir(parents=True, exist_ok=True)
                text = source.read_text(encoding="utf-8")
                copy.write_text(self.there(text) if source.suffix == ".toml" else text, encoding="utf-8")

    def fail(self, what):
        said = "".join(f"\n--- {name}\n" + process.text()[-2000:] for name, process in self.processes.items())
        raise lab.Failure(f"{self.page.name}: {what}{said}")

    def step(self, match):
        if match["word"] == "file":
            self.file = match["what"]
        elif match["word"] == "stop":
            if self.processes.pop(match["what"]).end() != 0:
                self.fail(f"{match['what']} did not end well")
        elif match["word"] == "kill":
            self.processes.pop(match["what"]).kill()
        elif match["word"] == "heard":
            name, pattern = match["what"].split(": ", 1)
            if not re.search(self.there(pattern), self.processes[name].text()):
                self.fail(f"{name} has not said {pattern}")
        elif match["word"] == "reload":
            self.processes[match["what"]].send(signal.SIGHUP)
            self.wait(match["what"], "enrolments are in force")
        elif match["word"] == "wait":
            self.wait(*match["what"].split(": ", 1))
        elif match["kind"] is not None:
            self.code(match["kind"], match["code"])
        elif match["open"]:
            shown = self.ladder(match["ladder"]) if match["ladder"] else self.output
            return f"{match['open']}```text\n" + re.sub(r"(?m) +$", "", shown) + "```\n" + match["close"]
        return match[0]

    def code(self, kind, code):
        if self.file is not None:
            (self.folder / self.file).write_text(self.there(code), encoding="utf-8")
            self.file = None
        elif kind == "sh":
            self.output = ""
            for line in code.replace("\\\n", " ").splitlines():
                if line.strip() and not line.startswith("#"):
                    self.command(self.there(line.strip()))

    def command(self, line):
        if line.endswith("&"):
            return self.begin(shlex.split(line[:-1]))
        environment = {**os.environ, "PATH": f"{Path(lab.COMMAND).parent}:{os.environ['PATH']}",
                       "SLIPWAY_URL": f"http://127.0.0.1:{self.ports['8080']}"}
        done = subprocess.run(["bash", "-ec", line], cwd=self.folder, env=environment, text=True, check=False,
                              capture_output=True, timeout=4 * lab.PATIENCE, stdin=subprocess.DEVNULL)
        self.output += self.back(done.stdout + done.stderr)
        if done.returncode != 0:
            self.fail(f"`{self.back(line)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")

    def begin(self, arguments):
        """Starts a server or a device, and waits until it does what it is for."""
        if arguments[1:3] == ["kit", "smartcard"]:
            self.reader = reader.Reader()
            self.processes["card"] = reader.Card(self.reader, self.folder, *arguments[3:])
            return
        serves = arguments[1] == "serve"
        device = arguments[arguments.index("--pack" if "--pack" in arguments else "--state") + 1] if not serves else ""
        name = "server" if serves else Path(device).stem
        if serves and "server" in self.processes:
            name = "second-server"
        self.processes[name] = lab.Process(name, arguments[1:], self.folder)
        self.marks[name] = 0
        # A device that slept goes on with its registration: it only updates it.
        self.wait(name, "http on" if serves else "registered with|updated the server")

    def wait(self, name, pattern):
        process = self.processes[name]
        record = process.err if name.endswith("server") else process.out
        pattern = re.compile(self.there(pattern))
        try:
            record.wait(pattern.search, f'"{pattern.pattern}"', after=self.marks[name])
        except lab.Failure as error:
            self.fail(error)
        places = [i for i, line in enumerate(record.items) if i >= self.marks[name] and pattern.search(line)]
        self.marks[name] = places[0] + 1

    def ladder(self, wanted):
        name, _, number = wanted.partition("-")
        parts = JOURNEY.split(self.output)
        found = [text for kind, text in zip(parts[1::2], parts[2::2]) if kind == name]
        if len(found) < int(number or 1):
            self.fail(f"there is no {name} journey {number} in what was printed:\n{self.output[:2000]}")
        return found[int(number) - 1 if number else -1].rstrip("\n") + "\n"


def normal(text):
    """What the outputs of all runs have in common."""
    out = []
    for match in STEP.finditer(text):
        if match["open"] and match["ladder"]:
            out += [f"ladder {match['ladder']}", *ladders.messages(match["shown"])]
        elif match["open"]:
            out += [re.sub(r"\s+", " ", plain(line)) for line in match["shown"].splitlines()]
        else:
            out += match[0].splitlines()
    return out


def plain(line):
    line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", line)
    line = re.sub(r"/rd/\w+", "/rd/ID", line)
    line = re.sub(r"\d+ (s|min|h|days) ago", "AGO", line)
    line = re.sub(r"\d\d:\d\d:\d\d", "TIME", line)
    line = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "DATE", line)
    line = re.sub(r"\d+(\.\d+)? ms\b", "MS", line)
    return re.sub(r"\b[0-9a-f]{8,}\b", "HEX", line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the output of new runs into the pages")
    parser.add_argument("pages", nargs="*", help="names of pages without .md; default: all that have commands")
    arguments = parser.parse_args()
    pages = [page for page in sorted(FOLDER.glob("*.md"))
             if "```sh\n" in page.read_text(encoding="utf-8") and (not arguments.pages or page.stem in arguments.pages)]
    if not pages:
        sys.exit("guides: no such page")
    wrong = []
    for page in pages:
        for _ in range(1 if arguments.write else ATTEMPTS):
            run = Run(page)
            new = run.go()
            old, new_lines = normal(run.text), normal(new)
            if arguments.write or old == new_lines:
                break
        if arguments.write and old != new_lines:  # times alone are no news
            page.write_text(new, encoding="utf-8")
        elif old != new_lines:
            wrong += [f"{page.name} is not what happens now:", *difflib.unified_diff(old, new_lines, "page", "run",
                                                                                   lineterm="", n=1)]
    if wrong:
        print(*wrong, "Refresh the pages with: tests/e2e/guides.py --write", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
