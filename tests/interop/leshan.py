# SPDX-License-Identifier: Apache-2.0
"""Starts Eclipse Leshan's client, server and bootstrap server (tests/interop/leshan) in a Stage."""
import json
import subprocess

from rig import BUILD, ROOT

OUT_OF_REACH = 75  # exit code of tests/interop/fetch


class OutOfReach(Exception):
    """Java, Maven or Maven Central is not to be had here."""


def fetch():
    """Resolves and compiles the peers, once. OutOfReach, or CalledProcessError when they do not compile."""
    result = subprocess.run([ROOT / "tests/interop/fetch"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode == OUT_OF_REACH:
        raise OutOfReach(result.stdout.strip().splitlines()[-1])
    if result.returncode != 0:
        print(result.stdout, end="")
        result.check_returncode()


def _start(stage, name, kind, main, *arguments):
    home = BUILD / "leshan" / kind
    return stage.start(name, "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m",
                       "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                       "-cp", f"{home}/classes:{home}/lib/*", main, *arguments, ends_with_input=True)


def servers(stage):
    """Leshan's management server and bootstrap server, each with the `uri` that it listens on."""
    both = (_start(stage, "leshan-server", "managed", "LeshanServerPeer"),
            _start(stage, "leshan-bootstrap", "bootstrap", "LeshanBootstrapPeer"))
    for process in both:
        process.uri = f"coaps://127.0.0.1:{process.wait_for(r'^EVENT ready .*coaps=coaps://[^ ]*:([0-9]+)')[1]}"
    return both


def client(stage, endpoint, uri, identity, key):
    return _start(stage, "leshan-client", "managed", "LeshanClientPeer", endpoint, uri, identity, key)


def answer(text):
    """Takes a peer's "CODE {json}" apart: (code, {path: value})."""
    code, _, rest = text.partition(" ")
    values, _ = json.JSONDecoder().raw_decode(rest)
    return int(code), values
