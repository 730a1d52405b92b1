# SPDX-License-Identifier: Apache-2.0
"""A canary sweep: the keys of a device are looked for wherever the server and the commands leave traces."""
import os
import secrets
import unittest

import lab

ENDPOINT = "urn:dev:os:e2e-canary"


class Canary(lab.Case):
    def places(self, device, events):
        """Name and content of everything that is not the device's own."""
        api = f"/api/v1/devices/{ENDPOINT}"
        self.lab.ask("read", ENDPOINT, "/3/0")
        for target in [f"{api}/journeys?limit=100", f"{api}/credentials", api, "/api/v1/devices", "/metrics",
                       f"{api}/read/3/0", f"{api}/read/0", f"{api}/read/0/1/5", f"{api}/discover/3"]:
            yield target, str(self.lab.http("GET", target)[1])
        for command in [("journey", ENDPOINT), ("journey", ENDPOINT, "--json"), ("devices", "--json"),
                        ("read", ENDPOINT, "/0/1/5"), ("read", ENDPOINT, "/0")]:
            result = self.lab.ask(*command)
            yield " ".join(command), result.out + result.err
        yield "events", str(events.record.items)
        yield "device's output", device.text()
        yield from self.files()

    def files(self):
        for process in self.lab.processes:
            yield f"output of {process.name}", process.text()
        for file in self.lab.data.rglob("*"):
            if file.is_file():
                yield f"{file.name}", file.read_bytes()

    def sweep(self, places, keys):
        names = []
        for name, content in places:
            names.append(name)
            for which, key in keys.items():
                self.assertFalse(lab.holds(content, key), f"{which} is in {name}")
        return names

    def test_no_key_is_found_outside_of_the_device(self):
        events = self.lab.events()
        device = self.lab.new_device(ENDPOINT)
        keys = {"the factory's key": lab.factory_key(device.pack), "the new key": lab.management_key(device.state)}
        # The sweep sees what it looks for where it has to be.
        self.assertTrue(lab.holds(device.pack.read_bytes(), keys["the factory's key"]))
        self.assertTrue(lab.holds(device.state.read_bytes(), keys["the new key"]))

        names = self.sweep(self.places(device, events), keys)
        self.assertTrue(any("-wal" in name for name in names), f"the database was open: {names}")
        device.end()
        self.lab.stop_server()
        self.sweep(self.files(), keys)

    def test_no_key_that_another_node_gave_is_found(self):
        events = self.lab.events()
        key = secrets.token_bytes(24)
        body = {"credentials": [{"endpoint": ENDPOINT, "server": 101, "mode": "psk", "identity": "c0ffee",
                                 "key": key.hex()}]}
        answers = [self.lab.http("PUT", "/api/v1/credentials", body) for _ in range(2)]
        self.assertEqual([200, 409], [status for status, _ in answers], "kept once")
        body["credentials"][0]["mode"] = "rpk"
        answers.append(self.lab.http("PUT", "/api/v1/credentials", body))
        body["credentials"][0]["server"] = key.hex()
        answers.append(self.lab.http("PUT", "/api/v1/credentials", body))
        self.assertEqual([400, 400], [status for status, _ in answers[2:]])
        shown = self.lab.ask("credentials", ENDPOINT)
        metrics = self.lab.http("GET", "/metrics")
        self.sweep([("answers", str(answers)), ("events", str(events.record.items)), ("metrics", str(metrics)),
                    ("credentials", shown.out + shown.err), *self.files()], {"the key": key})
        self.lab.stop_server()
        self.sweep(self.files(), {"the key": key})

    def test_keys_are_readable_by_their_owner_only(self):
        device = self.lab.new_device(ENDPOINT)
        for file in [device.pack, device.state, self.lab.data / "seal.key"]:
            self.assertEqual(0o600, file.stat().st_mode & 0o777, file)

    def test_sessions_are_logged_only_where_it_was_asked_for_and_loudly(self):
        log = self.lab.folder / "keys.log"
        device = self.lab.new_device(ENDPOINT, "--key-log", log)
        self.assertIn("warning", device.text())
        self.assertIn(str(log), device.text())
        self.assertEqual(0o600, log.stat().st_mode & 0o777)
        lines = log.read_text(encoding="ascii").splitlines()
        self.assertEqual(2, len(lines), "one session with each server")
        for line in lines:
            self.assertRegex(line, "^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$")
        secrets_of_sessions = {line: bytes.fromhex(line.split()[2]) for line in lines}
        self.sweep([("device's output", device.text()), *self.files()], secrets_of_sessions)

    def test_a_key_log_that_others_may_read_is_refused(self):
        log = self.lab.folder / "keys.log"
        log.touch(mode=0o644)
        log.chmod(0o644)
        refused = lab.run("serve", "--config", self.lab.config, "--key-log", log, folder=self.lab.folder)
        self.assertEqual(1, refused.code)
        self.assertIn("chmod 600", refused.err)
        self.assertEqual(b"", log.read_bytes())

    def test_a_key_log_that_is_no_regular_file_is_refused_at_once(self):
        log = self.lab.folder / "keys.fifo"
        os.mkfifo(log, 0o600)
        for is_read in [False, True]:
            if is_read:
                self.addCleanup(os.close, os.open(log, os.O_RDONLY | os.O_NONBLOCK))
            refused = lab.run("serve", "--config", self.lab.config, "--key-log", log, folder=self.lab.folder)
            self.assertEqual(1, refused.code)
            self.assertIn(f"{log} is no regular file", refused.err)

    @unittest.skipUnless(os.geteuid() == 0, "only root gives a file away")
    def test_a_key_log_of_another_user_is_refused(self):
        log = self.lab.folder / "keys.log"
        log.touch(mode=0o600)
        os.chown(log, 65534, -1)
        refused = lab.run("serve", "--config", self.lab.config, "--key-log", log, folder=self.lab.folder)
        self.assertEqual(1, refused.code)
        self.assertIn("belongs to another user", refused.err)
        self.assertEqual(b"", log.read_bytes())

    def test_each_device_and_each_server_has_a_key_of_its_own(self):
        keys = set()
        for number in range(3):
            device = self.lab.new_device(f"{ENDPOINT}-{number}")
            keys |= {lab.factory_key(device.pack), lab.management_key(device.state)}
        self.assertEqual(6, len(keys))

    def test_a_factory_run_prints_no_key(self):
        made = lab.run("factory", "--endpoint", "urn:dev:os:x-{}", "--count", 3, "--server", "coaps://127.0.0.1:5784",
                       "--out", self.lab.folder / "packs", folder=self.lab.folder)
        packs = list((self.lab.folder / "packs").glob("*.json"))
        self.assertEqual(3, len(packs))
        for pack in packs:
            self.assertFalse(lab.holds(made.out + made.err, lab.factory_key(pack)))


if __name__ == "__main__":
    unittest.main()
