# SPDX-License-Identifier: Apache-2.0
"""A fleet moves to another management server: its node takes each credential before the device hears of it."""
import os
import unittest

import lab

ENDPOINT = "urn:dev:os:e2e-move"
TOKEN = "a-token-of-more-than-16-characters"


class Move(lab.Case):
    def setUp(self):
        super().setUp()
        self.other = lab.Lab()
        self.addCleanup(self.other.close)
        self.other.start_server()

    def reload_with_other(self, url=None):
        """From now on the plan names the other node's management server."""
        return self.lab.reconfigure(
            (f'uri = "coaps://127.0.0.1:{self.lab.management_port}"',
             f'uri = "coaps://127.0.0.1:{self.other.management_port}"\nremote = "other"'),
            ("[[enrolment]]", f'[remote.other]\nurl = "{url or self.other.url}"\n[[enrolment]]'))

    def states(self, where):
        listed = where.device_api("GET", ENDPOINT, "/credentials")[1]["credentials"]
        return [one["state"] for one in listed if one["role"] == "management"]

    def expect_moved(self, device, begun):
        device.wait_for("bootstrap ended", "succeeded", after=begun)
        device.wait_for("registered", after=begun)
        self.assertEqual("Slipway", self.other.value(ENDPOINT, "/3/0/0"))
        self.assertEqual(["proven"], self.states(self.other))
        # Here the device has no account any more: nothing opens a session, and nobody thinks that it is there.
        self.assertEqual({"retired"}, set(self.states(self.lab)))
        self.assertEqual(404, self.lab.device_api("GET", ENDPOINT, "")[0])

    def test_told_to_bootstrap_a_device_moves_at_once(self):
        device = self.lab.new_device(ENDPOINT)
        self.assertIn("1 enrolments are in force", self.reload_with_other())
        begun = device.out.mark()
        self.succeeds(self.lab.ask("bootstrap", ENDPOINT))
        self.expect_moved(device, begun)
        self.assertNotIn("connection failed", device.happenings()[begun:])
        key = lab.management_key(device.state)
        for place in [self.lab, self.other]:
            for process in place.processes:
                self.assertFalse(lab.holds(process.text(), key), process.name)
            for file in place.data.rglob("*"):
                if file.is_file():
                    self.assertFalse(lab.holds(file.read_bytes(), key), file)

    def test_a_revoked_device_moves_by_itself(self):
        device = self.lab.new_device(ENDPOINT)
        self.reload_with_other()
        begun = device.out.mark()
        self.succeeds(self.lab.ask("revoke", ENDPOINT))
        device.wait_for("registration failed", "refuses the credentials", after=begun)
        self.expect_moved(device, begun)

    def test_a_node_that_does_not_take_the_credential_leaves_the_device_as_it_was(self):
        events = self.lab.events()
        device = self.lab.new_device(ENDPOINT)
        key = lab.management_key(device.state)
        url = self.other.url
        self.reload_with_other()
        self.other.stop_server()
        begun = device.out.mark()
        self.succeeds(self.lab.ask("bootstrap", ENDPOINT))
        ended = events.wait_for("bootstrap-ended", endpoint=ENDPOINT, outcome="storage-failed")
        self.assertIn(f'the management server "other" ({url}) did not take the credentials', ended["reason"])
        self.assertIn("nothing was sent to the device", ended["reason"])
        self.assertEqual(key, lab.management_key(device.state))
        self.assertEqual(["proven"], self.states(self.lab))
        self.assertNotIn("Bootstrap-Write", self.lab.ask("journey", ENDPOINT, "--limit", "1").out)

    def test_the_token_of_the_other_node_is_needed(self):
        token = self.other.folder / "token"
        token.write_text(TOKEN + "\n", encoding="utf-8")
        os.chmod(token, 0o600)
        self.other.stop_server()
        self.other.config.write_text(
            self.other.config.read_text(encoding="utf-8").replace("[http]", f'[http]\ntoken_file = "{token}"'),
            encoding="utf-8")
        self.other.start_server()
        events = self.lab.events()
        device = self.lab.new_device(ENDPOINT)
        self.reload_with_other()
        self.succeeds(self.lab.ask("bootstrap", ENDPOINT))
        ended = events.wait_for("bootstrap-ended", endpoint=ENDPOINT, outcome="storage-failed")
        self.assertIn("token_file of [remote.other]", ended["reason"])
        begun = device.out.mark()
        device.wait_for("bootstrap ended", "session failed")  # it is told at once, not after 247 s
        self.lab.reconfigure(("[remote.other]", f'[remote.other]\ntoken_file = "{token}"'))
        device.wait_for("bootstrap ended", "succeeded", after=begun, seconds=120)  # it tries again by itself
        device.wait_for("registered", after=begun)
        for process in self.lab.processes + self.other.processes:
            self.assertNotIn(TOKEN, process.text())


class Reload(lab.Case):
    def test_what_is_wrong_changes_nothing(self):
        said = self.lab.reconfigure(('endpoints = ["urn:dev:os:*"]', 'endpoints = ["urn:dev:os:*"'))
        self.assertIn("nothing has changed", said)
        self.assertIn(str(self.lab.config), said)
        self.lab.new_device(ENDPOINT)  # the old enrolment is in force

    def test_enrolments_are_those_of_the_file(self):
        events = self.lab.events()
        self.lab.reconfigure(('"urn:dev:os:*"', '"urn:dev:os:nobody"'))
        device = self.lab.start_device(ENDPOINT, self.lab.factory(ENDPOINT))
        events.wait_for("bootstrap-ended", endpoint=ENDPOINT, outcome="refused")
        begun = device.out.mark()
        self.lab.reconfigure(('"urn:dev:os:nobody"', '"urn:dev:os:*"'))
        device.wait_for("registered", after=begun, seconds=120)

    def test_what_needs_a_start_is_said(self):
        begun = self.lab.server.err.mark()
        self.lab.reconfigure(("[server]", "[server]\njournals = 5"))
        self.lab.reconfigure(("journals = 5", "journeys_kept = 5"))
        self.lab.server.err.wait(lambda line: "take effect at the next start" in line, "the warning", after=begun)


if __name__ == "__main__":
    unittest.main()
