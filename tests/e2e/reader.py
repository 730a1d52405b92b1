# SPDX-License-Identifier: Apache-2.0
"""A virtual smartcard reader: a real pcscd of our own with the reader of vsmartcard, and cards for it.

pcscd's socket has a fixed name, so it runs in a mount namespace of its own, where the system allows that: then
it meets no other pcscd, and neither does another run of these tests. Elsewhere it takes the common place, when
that is free.
"""
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import lab

DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
SOCKET = "/run/pcscd/pcscd.comm"
SLOTS = 2  # of the virtual reader, each on a port of its own
OWN_PLACE = "mount -t tmpfs none /run && exec \"$@\""


def free_ports():
    """The first of two free TCP ports in a row."""
    for _ in range(200):
        first = random.randrange(15000, 32000)
        try:
            for port in range(first, first + SLOTS):
                with socket.socket() as trial:
                    trial.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise lab.Failure("no free ports")


def namespace():
    """What to put before a command so that its /run is its own; nothing where the system does not allow it."""
    ways = [["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]]
    for way in ways:
        before = [*way, "sh", "-c", OWN_PLACE, "sh"]
        if subprocess.run([*before, "true"], capture_output=True, check=False).returncode == 0:
            return before
    return []


class Reader:
    """The daemon with its reader; `close` ends it."""

    def __init__(self):
        daemon = shutil.which("pcscd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if daemon is None or not Path(DRIVER).exists():
            raise lab.Failure("pcscd or the virtual reader is missing; ./dev setup installs pcscd and vsmartcard-vpcd")
        self._folder = tempfile.TemporaryDirectory(prefix="slipway-pcscd-")
        self.port = free_ports()
        config = Path(self._folder.name) / "reader"
        config.write_text(f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x{self.port:X}\nLIBPATH {DRIVER}\n'
                          f'CHANNELID 0x{self.port:X}\n', encoding="utf-8")
        before = namespace()
        if not before and Path(SOCKET).exists():
            raise lab.Failure(f"another pcscd has {SOCKET}, and this system allows no namespace; stop pcscd")
        self._log = (Path(self._folder.name) / "log").open("w+b")
        self._daemon = subprocess.Popen([*before, daemon, "--foreground", "--config", self._folder.name],
                                        stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT)
        # Seen from outside, its files are below its own root.
        os.environ["PCSCLITE_CSOCK_NAME"] = f"/proc/{self._daemon.pid}/root{SOCKET}" if before else SOCKET
        self.wait_for(lambda readers: readers, "the virtual reader")

    def log(self):
        self._log.flush()
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def close(self):
        self._daemon.terminate()
        try:
            self._daemon.wait(lab.PATIENCE)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()
        self._log.close()
        os.environ.pop("PCSCLITE_CSOCK_NAME", None)
        self._folder.cleanup()

    def wait_for(self, wanted, what):
        """Until the list of readers is as wanted; the daemon looks for cards by itself, now and then."""
        deadline = time.monotonic() + lab.PATIENCE
        while time.monotonic() < deadline:
            result = lab.run("smartcard", "readers", "--json")
            if result.code == 0 and wanted(json.loads(result.out)):
                return
            if self._daemon.poll() is not None:
                break
            time.sleep(0.05)
        raise lab.Failure(f"no {what}:\n{result.out}{result.err}{self.log()}")

    def wait_for_card(self, there=True):
        self.wait_for(lambda readers: readers and readers[0]["card"] == there, f"card: {there}")


class Card(lab.Process):
    """`slipway kit smartcard` in the reader; `say` types."""

    def __init__(self, reader, folder, *options):
        super().__init__("card", ["kit", "smartcard", "--json", "--port", reader.port, *options], folder, typed=True)
        try:
            self.wait_for("inserted")
        except lab.Failure as failure:
            raise lab.Failure(f"{failure}\n{self.text()}") from None
        reader.wait_for_card()

    def wait_for(self, event, after=0):
        line = self.out.wait(lambda text: json.loads(text)["event"] == event, f'"{event}"', after=after)
        return json.loads(line)["detail"]
