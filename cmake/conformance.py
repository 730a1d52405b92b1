#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/conformance.md: from the source tags in code and tests, the Enabler Test cases, and the decisions.

Without arguments the page is compared with what it should be, and exits 1 when it differs; --write makes it anew. A tag is
a specification in square brackets: its name, its version, its sections. Nothing that changes with every edit goes into the
page: no line numbers, names sorted.
"""
import argparse
import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "conformance.md"
CASES = ROOT / "tests" / "conformance" / "enabler" / "cases.toml"
DECISIONS = ROOT / "docs" / "decisions.toml"
FOLDERS = ["include", "src", "tests", "examples"]

TAG = re.compile(r"\[((?:LwM2M-(?:CORE|TRANSPORT) [\d.]+|RFC \d+)(?:[ ,][^\]\n]*)?)\]")
DOCUMENT = re.compile(r"(LwM2M-CORE|LwM2M-TRANSPORT|RFC \d+)(?: [\d.]+(?=[ ,]|$))?\s*(.*)")
SECTION = re.compile(r"§[A-Z]?\.?[\d.]*\d(?:-§[\d.]*\d)?|App\. [A-Z](?:\.\d+)*|Table [\w.-]*\w")
KEYWORDS = {"if", "for", "while", "switch", "return", "case", "else", "const", "auto", "static_assert", "sizeof"}
TEST = re.compile(r"^TEST(?:_P|_F)?\((\w+), *(\w+)\)", re.MULTILINE)
SYMBOLS = [
    (re.compile(r"\bTEST(?:_P|_F)?\((\w+), *(\w+)\)"), lambda m: f"{m[1]}.{m[2]}"),
    (re.compile(r"\b(?:enum class|class|struct)\s+(?:\[\[\w+\]\]\s*)?(\w+)"), lambda m: m[1]),
    (re.compile(r"\b(k[A-Z]\w*)\b"), lambda m: m[1]),
    (re.compile(r"\b(\w+::\w+)\s*\("), lambda m: m[1]),
    (re.compile(r"^[^=]*?\b([a-z]\w+)\s*\("), lambda m: m[1]),
    (re.compile(r"\b([a-z]\w*)\s*(?:[;{=,]|$)"), lambda m: m[1]),
]

# What the chapters are about, in our words; only for reading.
TITLES = {
    "LwM2M-CORE §5.1": "versions", "LwM2M-CORE §6.1": "bootstrap interface", "LwM2M-CORE §6.1.2": "bootstrap information",
    "LwM2M-CORE §6.1.3": "bootstrap modes", "LwM2M-CORE §6.1.3.1": "factory bootstrap",
    "LwM2M-CORE §6.1.3.2": "bootstrap from smartcard", "LwM2M-CORE §6.1.3.3": "client-initiated bootstrap",
    "LwM2M-CORE §6.1.3.4": "server-initiated bootstrap", "LwM2M-CORE §6.1.4": "bootstrap sequence",
    "LwM2M-CORE §6.1.5": "bootstrap security", "LwM2M-CORE §6.1.6": "configuration consistency",
    "LwM2M-CORE §6.1.7": "bootstrap operations", "LwM2M-CORE §6.1.7.1": "Bootstrap-Request",
    "LwM2M-CORE §6.1.7.2": "Bootstrap-Finish", "LwM2M-CORE §6.1.7.3": "Bootstrap-Discover",
    "LwM2M-CORE §6.1.7.4": "Bootstrap-Read", "LwM2M-CORE §6.1.7.5": "Bootstrap-Write",
    "LwM2M-CORE §6.1.7.6": "Bootstrap-Delete", "LwM2M-CORE §6.1.7.7": "Bootstrap-Pack-Request",
    "LwM2M-CORE §6.2": "registration interface", "LwM2M-CORE §6.2.1": "Register",
    "LwM2M-CORE §6.2.1.1": "registration order and retries", "LwM2M-CORE §6.2.1.2": "bindings",
    "LwM2M-CORE §6.2.2": "Update", "LwM2M-CORE §6.2.3": "De-register", "LwM2M-CORE §6.3": "device management interface",
    "LwM2M-CORE §6.3.1": "Read", "LwM2M-CORE §6.3.2": "Discover", "LwM2M-CORE §6.3.3": "Write",
    "LwM2M-CORE §6.3.4": "Write-Attributes", "LwM2M-CORE §6.3.5": "Execute", "LwM2M-CORE §6.3.6": "Create",
    "LwM2M-CORE §6.3.7": "Delete", "LwM2M-CORE §6.3.8": "Read-Composite", "LwM2M-CORE §6.3.9": "Write-Composite",
    "LwM2M-CORE §6.4": "information reporting interface", "LwM2M-CORE §6.4.1": "Observe", "LwM2M-CORE §6.4.2": "Notify",
    "LwM2M-CORE §6.4.3": "Cancel Observation", "LwM2M-CORE §6.4.4": "Observe-Composite",
    "LwM2M-CORE §6.4.5": "Cancel Observation-Composite", "LwM2M-CORE §6.4.6": "Send",
    "LwM2M-CORE §7.2": "object versioning", "LwM2M-CORE §7.2.3": "object versions implied", "LwM2M-CORE §7.3": "attributes",
    "LwM2M-CORE §7.4": "identifiers", "LwM2M-CORE §7.4.1": "endpoint name", "LwM2M-CORE §7.5": "data formats",
    "LwM2M-CORE §7.5.4": "LwM2M CBOR", "LwM2M-CORE §7.5.5": "TLV", "LwM2M-CORE §8": "access control",
    "LwM2M-CORE §8.1.1": "access control with one server", "LwM2M-CORE §8.2": "authorization",
    "LwM2M-CORE §8.2.1": "rights of a server", "LwM2M-CORE App. C": "data types", "LwM2M-CORE App. E": "core objects",
    "LwM2M-CORE App. E.1": "object /0", "LwM2M-CORE App. E.2": "object /1", "LwM2M-CORE App. E.3": "object /2",
    "LwM2M-CORE App. G": "bootstrap file of a smartcard", "LwM2M-TRANSPORT §5.2": "DTLS and TLS",
    "LwM2M-TRANSPORT §5.2.1": "keys", "LwM2M-TRANSPORT §5.2.4": "bootstrap and credentials",
    "LwM2M-TRANSPORT §5.2.5": "unbootstrapping", "LwM2M-TRANSPORT §5.2.6": "endpoint name and identity",
    "LwM2M-TRANSPORT §5.2.9": "credentials", "LwM2M-TRANSPORT §5.2.9.1": "pre-shared keys",
    "LwM2M-TRANSPORT §5.2.9.6": "X.509", "LwM2M-TRANSPORT §5.2.9.6.4": "certificate usage",
    "LwM2M-TRANSPORT §5.2.10": "alerts", "LwM2M-TRANSPORT §6.4": "mapping to CoAP",
    "LwM2M-TRANSPORT §6.4.2": "bootstrap on CoAP", "LwM2M-TRANSPORT §6.4.3": "registration on CoAP",
    "LwM2M-TRANSPORT §6.4.4": "device management on CoAP", "LwM2M-TRANSPORT §6.4.5": "information reporting on CoAP",
    "LwM2M-TRANSPORT §6.5": "queue mode", "LwM2M-TRANSPORT §6.7": "response codes",
}
DOCUMENTS = {
    "LwM2M-CORE": "LwM2M Core", "LwM2M-TRANSPORT": "LwM2M Transport Bindings", "RFC 3629": "UTF-8",
    "RFC 7252": "CoAP", "RFC 7641": "Observe", "RFC 7959": "Block-wise transfers", "RFC 8132": "FETCH and iPATCH",
    "RFC 6347": "DTLS 1.2", "RFC 9146": "Connection ID for DTLS 1.2", "RFC 4279": "Pre-shared keys for TLS",
    "RFC 6655": "AES-CCM for TLS", "RFC 8428": "SenML", "RFC 8790": "SenML-ETCH", "RFC 8949": "CBOR",
    "RFC 6690": "CoRE link format", "RFC 5246": "TLS 1.2", "RFC 3610": "CCM", "RFC 8259": "JSON", "RFC 5280": "X.509",
    "RFC 7925": "TLS profiles for IoT", "RFC 8323": "CoAP over TCP", "RFC 4648": "Base64",
}


def die(text):
    sys.exit(f"conformance: {text}")


def sections_of(tag):
    """'LwM2M-CORE 1.2 §6.2, §6.3' -> ('LwM2M-CORE', '§6.2'), ('LwM2M-CORE', '§6.3'); a whole document has ''."""
    for part in re.split(r", (?=RFC )", tag):  # "[RFC 5246 §6.2.3.3, RFC 6655]"
        match = DOCUMENT.match(part)
        if not match:
            continue
        sections = SECTION.findall(match[2])
        for section in sections or [""]:
            yield match[1], re.sub(r"^§(?=[A-Z])", "App. ", section)


def symbol_at(lines, number, tag_at):
    """The name of what a tag speaks of: the code of its own line, or the first code below. None: the file itself."""
    before, _, _ = lines[number].partition("//")
    if len(before) > tag_at:
        return None  # the tag is a text of the program
    if before.strip() and not before.strip().startswith("#"):
        candidates = [before]
    else:
        if not any(code_of(line) for line in lines[:number]):
            return None  # the comment at the top
        candidates = [code for line in lines[number + 1:number + 16] if (code := code_of(line))][:2]
    for code in candidates:
        for pattern, name in SYMBOLS:
            match = pattern.search(code)
            if match and name(match) not in KEYWORDS:
                return name(match)
    return None


def code_of(line):
    code = line.partition("//")[0].strip()
    return "" if code.startswith(("#", "namespace", "}", "*")) else code


def sources():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".cpp", ".hpp", ".h", ".py"} and path.is_file():
                yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def collect():
    """(document, section) -> file -> symbols."""
    found = defaultdict(lambda: defaultdict(set))
    tests = set()
    for path, text in sources():
        if path.parts[0] == "tests":
            tests |= {f"{suite}.{name}" for suite, name in TEST.findall(text)}
        lines = text.splitlines()
        for number, line in enumerate(lines):
            for tag in TAG.finditer(line):
                symbol = symbol_at(lines, number, tag.start()) if path.suffix != ".py" else None
                for document, section in sections_of(tag[1]):
                    found[(document, section)][path.as_posix()].add(symbol or "")
    return found, tests


def cell(text):
    return text.replace("|", "\\|").replace("<", "\\<")


def file_cell(files):
    """Each file with the names in it."""
    out = []
    for path, symbols in sorted(files.items()):
        short = path.removeprefix("src/").removeprefix("include/slipway/").removeprefix("tests/")
        names = ", ".join(f"`{symbol}`" for symbol in sorted(symbols) if symbol)
        out.append(f"[{short}](../{path})" + (f": {names}" if names else ""))
    return "<br>".join(out)


def natural(section):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", section)]


def section_tables(found, cases):
    by_document = defaultdict(set)
    for document, section in found:
        by_document[document].add(section)
    for case in cases:
        for tag in case.get("sections", []):
            for document, section in sections_of(tag):
                by_document[document].add(section)
    order = sorted(by_document, key=lambda name: (not name.startswith("LwM2M"), natural(name)))
    for document in order:
        title = DOCUMENTS.get(document)
        yield f"### {document}" + (f": {title}" if title else "") + "\n"
        yield "| section | code | tests |\n| --- | --- | --- |"
        for section in sorted(by_document[document], key=natural):
            files = found.get((document, section), {})
            code = {path: names for path, names in files.items() if not path.startswith("tests/")}
            tests = [file_cell({path: names}) for path, names in sorted(files.items()) if path.startswith("tests/")]
            tests += [f"`{case['test']}`" for case in cases if case["test"] and section in
                      [s for tag in case.get("sections", []) for d, s in sections_of(tag) if d == document]]
            if not tests:
                folders = sorted({Path(path).parts[2 if path.startswith("include") else 1] for path in code})
                tests = [f"[unit/{name}](../tests/unit/{name})" for name in folders
                         if (ROOT / "tests" / "unit" / name).is_dir()]
            if not code and not tests:
                continue  # a case that is not carried out yet
            name = TITLES.get(f"{document} {section}")
            yield f"| {section or 'as a whole'}{' ' + name if name else ''} | {file_cell(code)} | {'<br>'.join(tests)} |"
        yield ""


def case_tables(cases):
    yield "| case | title | carried out by |\n| --- | --- | --- |"
    for case in cases:
        done = f"`{case['test']}`" if case["test"] else "not applicable: " + cell(case["not_applicable"])
        yield f"| {case['id']} | {cell(case['title'])} | {done} |"
    yield ""
    for case in cases:
        if not case["test"]:
            continue
        yield f"#### {case['number']}: {cell(case['title'])}\n"
        yield f"{cell(case['purpose'])} Configuration: {cell(case['configuration'])}."
        if "remark" in case:
            yield cell(case["remark"])
        yield "\n" + "\n".join(f"{i}. {cell(step)}" for i, step in enumerate(case["steps"], 1))
        yield "\nIt has passed when:\n\n" + "\n".join(f"{i}. {cell(item)}" for i, item in enumerate(case["pass_criteria"], 1))
        yield ""


def decision_table(decisions, tests):
    yield "| question | decision | where |\n| --- | --- | --- |"
    for entry in decisions:
        where = []
        for place in entry.get("code", []):
            file, _, word = place.partition(": ")
            path = ROOT / file
            if not path.is_file() or word not in path.read_text(encoding="utf-8"):
                die(f"docs/decisions.toml: \"{word}\" does not stand in {file}; it was moved or renamed: name its new place")
            where.append(f"[{file.removeprefix('src/').removeprefix('include/slipway/')}](../{file})")
        for test in entry.get("tests", []):
            if test not in tests:
                die(f"docs/decisions.toml: there is no test {test}; name the one that shows \"{entry['decision']}\"")
            where.append(f"`{test}`")
        decision = entry.get("decision") and f"{cell(entry['decision'])} {cell(entry['why'])}"
        yield f"| {cell(entry['question'])} | {decision or 'Open. ' + cell(entry['open'])} | {'<br>'.join(where)} |"
    yield ""


def page():
    found, tests = collect()
    cases = tomllib.loads(CASES.read_text(encoding="utf-8"))["case"]
    decisions = tomllib.loads(DECISIONS.read_text(encoding="utf-8"))["decision"]
    for case in cases:
        its = sorted(test for test in tests if re.fullmatch(rf"Enabler\.Int{case['number']}(?!\d)\w*", test))
        if not its and "not_applicable" not in case:
            die(f"case {case['number']} of {CASES.relative_to(ROOT)} has neither a test nor a reason why not")
        case["test"] = its[0] if its else None
    parts = ["""# Conformance

<!-- Made by cmake/conformance.py: do not edit. `./dev docs` makes it anew, `./dev lint` compares it. -->

What of the specifications is done where, and which test shows it. The page is made from the tags that stand in the code, such as
`LwM2M-CORE 1.2 §6.1.7.5` in square brackets, from [the Enabler Test cases](../tests/conformance/enabler/cases.toml) and from
[the decisions](decisions.toml). Bytes of every message stand in [reference/packets.md](reference/packets.md), tries with other
implementations in [interop.md](interop.md).

## Decisions

Where the specification is silent, or says two things.
""", *decision_table(decisions, tests), """## Enabler Test cases

The cases of the OMA Enabler Test Specification (interoperability, 1.2 and 1.2.1) for bootstrap and registration, in our words.
Both ends are Slipway's own engines, over DTLS, in virtual time: `ctest -R '^enabler'`. Where the other end has to be led by
hand it is a script over a real CoAP endpoint.
""", *case_tables(cases), "## Sections\n", *section_tables(found, cases)]
    return "\n".join(parts).rstrip("\n") + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="make the page anew")
    text = page()
    if parser.parse_args().write:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/conformance.md is not what the code says: ./dev docs")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
