# SPDX-License-Identifier: Apache-2.0
"""`slipway kit bootstrap-faults` against `slipway client`: real sockets and DTLS, real time."""
import json
import tempfile
import unittest
from pathlib import Path

import lab

ENDPOINT = "urn:dev:os:e2e-faults"
SECONDS = 8 * lab.PATIENCE  # a fault that is refused with Max-Age, and the back-off of a device


class BootstrapFaults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="slipway-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.pack = self.folder / "pack.json"
        self.state = self.folder / "state"
        made = lab.run("factory", "--endpoint", ENDPOINT, "--server", f"coaps://127.0.0.1:{lab.free_port()}",
                       "--out", self.pack)
        self.assertEqual(0, made.code, made.err)

    def start(self, *arguments):
        bench = lab.Process("bench", ["kit", "bootstrap-faults", "--json", "--pack", self.pack, *arguments], self.folder)
        self.addCleanup(bench.kill)
        bench.out.wait(lambda line: json.loads(line)["event"] == "ready", "ready")
        return bench

    def start_device(self):
        device = lab.Device(ENDPOINT, self.pack, self.state, self.folder)
        self.addCleanup(device.kill)
        return device

    def verdicts(self, bench):
        lines = [json.loads(line) for line in bench.out.items]
        return {line["fault"]: line for line in lines if line["event"] == "verdict"}

    def test_our_device_passes_every_fast_fault_without_a_remark(self):
        report = self.folder / "report.md"
        bench = self.start("--fast", "--strict", "--report", report)
        self.start_device()
        self.assertEqual(0, bench.wait(SECONDS), bench.text()[-3000:])
        verdicts = self.verdicts(bench)
        known = {fault["name"]: fault for fault in lab.run("kit", "bootstrap-faults", "--list", "--json").json()}
        self.assertEqual({name for name, fault in known.items() if not fault["slow"]} | {"honest"}, set(verdicts))
        for name, verdict in verdicts.items():
            self.assertIn(verdict["verdict"], ("PASS", "NOT APPLICABLE"), name)
            self.assertEqual(0, verdict["remarks"], verdict)
        text = report.read_text(encoding="utf-8")
        self.assertIn(ENDPOINT, text)
        for key in (lab.factory_key(self.pack), lab.management_key(self.state)):
            self.assertFalse(lab.holds(text, key), "the report holds a key")
            self.assertFalse(lab.holds(bench.text(), key), "the output holds a key")

    def test_one_fault_and_a_report_in_json(self):
        report = self.folder / "report.json"
        bench = self.start("--fault", "wrong-type", "--report", report)
        self.start_device()
        self.assertEqual(0, bench.wait(), bench.text()[-3000:])
        content = json.loads(report.read_text(encoding="utf-8"))
        self.assertTrue(content["passed"])
        self.assertEqual(["honest", "wrong-type"], [result["fault"] for result in content["results"]])

    def test_without_a_device_the_run_ends_and_is_no_success(self):
        bench = self.start("--fault", "wrong-type", "--patience", "1")
        self.assertEqual(1, bench.wait())
        self.assertEqual({"INCONCLUSIVE"}, {verdict["verdict"] for verdict in self.verdicts(bench).values()})

    def test_an_interrupted_run_says_what_is_open(self):
        bench = self.start("--fast")
        self.assertEqual(1, bench.end())
        self.assertIn("the run was stopped", bench.text())

    def test_mistakes_are_named_with_their_remedy(self):
        key = self.folder / "key"
        key.write_text("xyz\n", encoding="utf-8")
        for arguments, part in [
                (["--fault", "no-such-fault", "--pack", self.pack], "--list"),
                (["--fast"], "--pack"),
                (["--identity", "a", "--key-file", self.folder / "none", "--listen", "127.0.0.1:0"], "cannot be read"),
                (["--identity", "a", "--key-file", key, "--listen", "127.0.0.1:0"], "hexadecimal"),
                (["--nosec"], "--listen"),
                (["--nosec", "--listen", "0.0.0.0:0"], "--host"),
                (["--nosec", "--listen", "nowhere"], "not an address"),
                (["--pack", self.folder / "none.json"], "none.json")]:
            result = lab.run("kit", "bootstrap-faults", *arguments, folder=self.folder)
            self.assertEqual(1, result.code, arguments)
            self.assertIn(part, result.err, arguments)


if __name__ == "__main__":
    unittest.main()
