#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that no compiler checks. Reads file names from standard input, prints each breach, exits 1 if any.

 - a folder of src/ and include/slipway/ includes only folders that its line in LAYERS names, or theirs;
 - the engines (client, bootstrap, management) never include each other, nor anything that knows cryptography;
 - CORE folders, which run on a microcontroller, use no iostream, regex, locale or thread (but HOSTED parts may);
 - every source file opens with its licence line;
 - no file names a path of the machine it was written on.
"""
import re
import sys
from pathlib import Path

# folder: the folders directly below it. Whatever these may include, it may include too.
LAYERS = {
    "base": [],
    "model": ["base"],
    "codec": ["model"],
    "coap": ["base"],
    "lwm2m": ["coap", "codec"],
    "client": ["lwm2m"],
    "smartcard": ["lwm2m"],
    "security": ["base"],
    "fleet": ["lwm2m", "security"],
    "bootstrap": ["lwm2m", "fleet"],
    "management": ["lwm2m", "fleet"],
    "storage": ["fleet", "security"],
    "net": ["base"],
    "trace": ["lwm2m"],
    "packets": ["trace", "security"],
    "kit": ["management", "security", "trace"],
    "device": ["client", "smartcard", "security", "net", "trace"],
    "node": ["bootstrap", "management", "security", "storage", "net", "trace"],
    "api": ["node"],
    "cli": ["api", "device", "packets", "kit"],
}
# Engines know no cryptography, though what they include does.
NEVER = {"bootstrap": {"security"}, "management": {"security"}}
CORE = {"base", "model", "codec", "coap", "lwm2m", "client", "smartcard"}
HOSTED = ("src/model/ddf/",)  # part of a core folder, compiled only where there is an operating system
HEAVY = {"iostream", "regex", "locale", "thread", "mutex", "fstream", "sstream", "iomanip"}

LICENCE = "SPDX-License-Identifier: Apache-2.0"
NEEDS_LICENCE = {".cpp", ".hpp", ".h", ".cmake", ".py", ".java", ".sh"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
MACHINE_PATH = re.compile(r"(?<![\w./~$}-])/(home|root|work|Users)/\w")


def closure(folder):
    found = {folder}
    for below in LAYERS[folder]:
        found |= closure(below)
    return found


def folder_of(path):
    """The layer that a file belongs to, or None."""
    parts = path.parts
    if parts[:2] == ("include", "slipway") and len(parts) > 3:
        return parts[2]
    if parts[:1] == ("src",) and len(parts) > 2:
        return parts[1]
    return None


def check_includes(path, lines, allowed):
    folder = folder_of(path)
    if folder is None or path.suffix not in {".cpp", ".hpp", ".h"}:
        return
    if folder not in allowed:
        yield 1, f"folder '{folder}' has no line in LAYERS of cmake/check_house.py"
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match[1].removeprefix("slipway/")
        first = target.split("/")[0]
        if "/" in target and first in LAYERS and first not in allowed[folder]:
            yield number, f"'{folder}' must not include '{first}' ({match[1]})"
        if folder in CORE and target in HEAVY and not path.as_posix().startswith(HOSTED):
            yield number, f"'{folder}' runs on a microcontroller: no <{target}>"


def check_licence(path, lines):
    script = bool(lines) and lines[0].startswith("#!")
    if path.suffix in NEEDS_LICENCE or path.name == "CMakeLists.txt" or script:
        if not any(LICENCE in line for line in lines[: 2 if script else 1]):
            yield 1, f"the first line must say: {LICENCE}"


def check_paths(lines):
    for number, line in enumerate(lines, 1):
        if MACHINE_PATH.search(line):
            yield number, "a path of one machine"


def main():
    allowed = {folder: closure(folder) - NEVER.get(folder, set()) for folder in LAYERS}
    breaches = 0
    for name in sys.stdin.read().splitlines():
        path = Path(name)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, IsADirectoryError):
            continue
        for check in (check_includes(path, lines, allowed), check_licence(path, lines), check_paths(lines)):
            for number, what in check:
                breaches += 1
                print(f"{name}:{number}: {what}")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
