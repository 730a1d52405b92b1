# SPDX-License-Identifier: Apache-2.0
"""Starts Eclipse Leshan's client, server and bootstrap server (tests/interop/leshan) in a Stage."""
import json
import subprocess

from keys import Keys
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


def _start(stage, name, kind, main, *arguments, cid=True):
    home = BUILD / "leshan" / kind
    return stage.start(name, "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m",
                       "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", f"-Dpeer.cid={'on' if cid else 'off'}",
                       "-cp", f"{home}/classes:{home}/lib/*", main, *arguments, ends_with_input=True)


def server(stage, identity=None, cid=True):
    """Leshan's management server; `uri` is where it listens with DTLS, `coap` where without."""
    return _server(stage, "leshan-server", "managed", "LeshanServerPeer", identity, cid)


def bootstrap(stage, identity=None):
    """Leshan's bootstrap server."""
    return _server(stage, "leshan-bootstrap", "bootstrap", "LeshanBootstrapPeer", identity)


def _server(stage, name, kind, main, identity, cid=True):
    keys = Keys.of(stage)
    own = identity or keys.server(name)
    process = _start(stage, name, kind, main, own.key, own.certificate, keys.ca.certificate, cid=cid)
    ready = process.wait_for(r"^EVENT ready coap=coap://[^ ]*:([0-9]+) coaps=coaps://[^ ]*:([0-9]+)")
    process.coap, process.uri = f"coap://127.0.0.1:{ready[1]}", f"coaps://127.0.0.1:{ready[2]}"
    process.identity = own
    return process


def servers(stage):
    """Both."""
    return server(stage), bootstrap(stage)


def client(stage, endpoint, uri, *credential, name="leshan-client", cid=True):
    """Leshan's client with a bootstrap account of this credential, see LeshanClientPeer."""
    return _start(stage, name, "managed", "LeshanClientPeer", endpoint, uri, *credential, cid=cid)


def answer(text):
    """Takes a peer's "CODE {json}" apart: (code, {path: value})."""
    code, _, rest = text.partition(" ")
    values, _ = json.JSONDecoder().raw_decode(rest)
    return int(code), values
