#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps the ladders in the documentation true.

Blocks between `<!-- ladder: bootstrap -->` (or management, or journey for both) and `<!-- /ladder -->` show a real run
of `slipway demo`, with its times and sizes. Without arguments the demo is run and compared with the pages, apart from
what differs between runs; with --write the pages that differ get the ladder of a new run.
"""
import argparse
import difflib
import re
import sys

import lab

PAGES = [lab.ROOT / "README.md", lab.ROOT / "docs" / "guides" / "bootstrap-workflow.md"]
BLOCK = re.compile(r"(<!-- ladder: (\w+) -->\n)(.*?)(<!-- /ladder -->)", re.DOTALL)
HEADER = "  time ms  bytes  device  server"
ATTEMPTS = 3  # of a comparison: a busy machine makes CoAP repeat a message, which is a row too


def record():
    """The ladders of a new run, by interface."""
    result = lab.run("demo", "--objects", lab.OBJECTS)
    if result.code != 0:
        sys.exit(f"ladders: the demo failed with {result.code}:\n{result.out}{result.err}")
    ladder = result.out[result.out.index(HEADER):]
    ladder = ladder[:ladder.index("\n\nphase")]
    parts = re.split(r"(?m)^── (\w+) ──\n", ladder)
    if parts[1::2] != ["bootstrap", "management"]:
        sys.exit(f"ladders: a bootstrap and a registration were expected, not {parts[1::2]}")
    return {name: text.rstrip("\n") + "\n" for name, text in zip(parts[1::2], parts[2::2])}


def block(kind, ladders):
    if kind == "journey":
        text = "".join(f"── {name} ──\n{ladder}" for name, ladder in ladders.items())
    else:
        text = ladders[kind]
    text = re.sub(r"(?m) +$", "", text)
    return f"```text\n{HEADER}\n{text}```\n"


def messages(text):
    """The rows, each with the lines of its values, without what varies; those whose order varies come last."""
    rows = []
    for line in text.splitlines():
        if "│" not in line:
            continue
        size = re.match(r" *[\d.]+ +(\d+) ", line)
        line = line[line.index("│"):].rstrip()
        # These are as long every time: a page that is older than what sessions add to a message is noticed by them.
        if size and re.search(r"TLS_PSK|Bootstrap-(Pack-)?Request", line):
            line += f" ({size[1]} bytes)"
        line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", line)
        line = re.sub(r"/rd/\w+", "/rd/ID", line)
        line = re.sub(r"(Public Key or Identity = )[0-9a-f]+", r"\1IDENTITY", line)
        line = re.sub(r"((?:Last Bootstrapped|Current Time) = )\d+", r"\1TIME", line)
        line = re.sub(r"(Sensor Value = )[\d.]+", r"\1NUMBER", line)
        line = re.sub(r", \d+ datagrams?", "", line)
        line = re.sub(r"[─ ]+", " ", line)
        if line.startswith("│ │"):
            rows[-1] += "\n  " + line[3:]
        else:
            rows.append(line)
    fixed, moving = [], []
    for row in rows:
        # The Update after a new lifetime goes its own way, beside what the server asks meanwhile.
        if re.search(r"/rd/ID (Update|$)", row):
            moving.append(row)
        elif "Notify" not in row or row not in fixed:  # how many come depends on time
            fixed.append(row)
    return fixed + moving


def differences(page, text, ladders):
    found = BLOCK.findall(text)
    if not found:
        yield f"{page.name} has no ladder"
    for _, kind, shown, _ in found:
        old, new = messages(shown), messages(block(kind, ladders))
        if old != new:
            yield "\n".join([f"{page.name}: the ladder \"{kind}\" is not what happens now:",
                             *difflib.unified_diff(old, new, "page", "run", lineterm="", n=1)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the ladder of a new run into the pages")
    arguments = parser.parse_args()
    pages = {page: page.read_text(encoding="utf-8") for page in PAGES if page.exists()}
    if arguments.write:
        ladders = record()
        for page, text in pages.items():
            if any(differences(page, text, ladders)):  # times alone are no news
                page.write_text(BLOCK.sub(lambda match: match[1] + block(match[2], ladders) + match[4], text), encoding="utf-8")
        return 0
    for _ in range(ATTEMPTS):
        ladders = record()
        wrong = [text for page, content in pages.items() for text in differences(page, content, ladders)]
        if not wrong:
            return 0
    print(*wrong, "Refresh the pages with: tests/e2e/ladders.py --write", sep="\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
