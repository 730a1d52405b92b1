# SPDX-License-Identifier: Apache-2.0
"""Secure sessions that outlive their server: devices notice nothing, however it ended."""
import random
import re
import signal
import sqlite3
import unittest

import lab

ENDPOINT = "urn:dev:os:e2e-session"
BEGINNINGS = {"connecting", "bootstrapping", "registered", "connection failed"}  # happenings of a device that begins anew


class Sessions(lab.Case):
    """What the tests below share: a device that updates its registration every few seconds."""

    lifetime = 8

    def metric(self, name):
        text = self.lab.http("GET", "/metrics")[1]
        return float(re.search(rf"(?m)^{name} (\S+)$", text)[1])

    def handshakes(self):
        return self.metric("slipway_dtls_handshakes_completed_total")

    def settle(self):
        """Until all that the store was given so far is on disk: it works in order."""
        self.lab.device_api("GET", ENDPOINT, "/credentials")

    def wait_kept(self, devices=1):
        """Until both sessions of each device have been written, with the bootstrap and the management server."""
        for _ in range(1000):
            if self.metric("slipway_dtls_freezes_total") >= 2 * devices:
                return
            self.settle()
        self.fail("the sessions were not written")

    def restart(self, number):
        self.lab.server.end(number)
        self.lab.start_server()

    def begun_anew(self, device, begun):
        return BEGINNINGS & set(device.happenings()[begun:])


class SessionOutlivesServer(Sessions):
    def goes_on_after(self, number):
        device = self.lab.new_device(ENDPOINT)
        self.wait_kept()
        begun = device.out.mark()
        before = self.lab.device_api("GET", ENDPOINT, "")[1]
        self.restart(number)
        self.assertGreaterEqual(self.metric("slipway_dtls_sessions_thawed_total"), 1)
        # The server speaks first: the device has not said anything since.
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))
        events = self.lab.events()
        events.wait_for("updated", endpoint=ENDPOINT)
        status, observed = self.lab.device_api("POST", ENDPOINT, "/observe/3303/0/5700")
        self.assertEqual(200, status, observed)
        after = self.lab.device_api("GET", ENDPOINT, "")[1]
        self.assertEqual(before["location"], after["location"])
        self.assertEqual(before["registered_ms"], after["registered_ms"])
        self.assertEqual(0, self.handshakes())
        self.assertEqual(set(), self.begun_anew(device, begun))

    def test_that_was_told_to_end(self):
        self.goes_on_after(signal.SIGTERM)
        self.assertIn("sessions go on without a handshake", self.lab.server.text())

    def test_that_was_killed(self):
        self.goes_on_after(signal.SIGKILL)

    def test_again_and_again(self):
        device = self.lab.new_device(ENDPOINT)
        self.wait_kept()
        begun = device.out.mark()
        for number in [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGTERM]:
            self.restart(number)
            self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))
        self.assertEqual(set(), self.begun_anew(device, begun))


class ObservationOutlivesServer(Sessions):
    def test_that_was_killed(self):
        device = self.lab.new_device(ENDPOINT)
        self.wait_kept()
        self.assertEqual(200, self.lab.device_api("POST", ENDPOINT, "/observe/3303/0/5700")[0])
        self.assertEqual(200, self.lab.device_api("POST", ENDPOINT, "/observe/3303/1/5700")[0])
        self.assertEqual(200, self.lab.device_api("DELETE", ENDPOINT, "/observe/3303/1/5700")[0])
        self.settle()
        begun = device.out.mark()
        self.restart(signal.SIGKILL)
        self.assertIn("1 observations restored", self.lab.server.text())
        events = self.lab.events()
        for _ in range(2):
            seen = events.wait_for("notification", endpoint=ENDPOINT, path="/3303/0/5700")
        self.assertGreater(seen["observation"], 0)
        self.assertEqual(200, self.lab.device_api("DELETE", ENDPOINT, "/observe/3303/0/5700")[0])
        self.assertEqual(set(), self.begun_anew(device, begun))
        self.settle()
        self.restart(signal.SIGKILL)
        self.assertNotIn("observations restored", self.lab.server.text())


class SessionsUnderFire(Sessions):
    """The server is killed at random while devices talk: nobody makes a handshake, nobody registers again."""

    lifetime = 300  # far above the time that CoAP repeats a message for
    def update_trigger(self, device):
        links = self.lab.device_api("GET", device.endpoint, "")[1]["links"]
        instance = re.search(r"</1/(\d+)>", links)[1]
        return f"/execute/1/{instance}/8"

    ROUNDS = 12
    DEVICES = 4

    def test_killed_at_random_while_devices_send(self):
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        devices = [self.lab.new_device(f"{ENDPOINT}-{number}") for number in range(self.DEVICES)]
        self.wait_kept(self.DEVICES)
        begun = [device.out.mark() for device in devices]
        for _ in range(self.ROUNDS):
            events = self.lab.events()
            for device in devices:  # its Update is on its way when the server ends
                status, answer = self.lab.device_api("POST", device.endpoint, self.update_trigger(device), {})
                self.assertEqual(200, status, answer)
            number = chance.randrange(self.DEVICES)
            events.record.find(lambda item: item[0] == "updated" and item[1]["endpoint"] == devices[number].endpoint,
                               chance.uniform(0, 0.1))
            self.restart(signal.SIGKILL if chance.random() < 0.7 else signal.SIGTERM)
            self.assertEqual(0, self.handshakes())
            self.assertEqual(0, self.metric("slipway_dtls_sessions_not_thawed_total"))
        events = self.lab.events()
        for device in devices:
            self.lab.device_api("POST", device.endpoint, self.update_trigger(device), {})
            events.wait_for("updated", endpoint=device.endpoint)
            self.assertEqual("Slipway", self.lab.value(device.endpoint, "/3/0/0"))
        self.assertEqual(0, self.handshakes(), f"seed {seed}")
        for device, mark in zip(devices, begun):
            self.assertEqual(set(), self.begun_anew(device, mark), f"{device.endpoint}, seed {seed}")


class SessionThatMustNotReturn(Sessions):
    lifetime = 300

    def test_of_a_revoked_credential(self):
        device = self.lab.new_device(ENDPOINT)
        self.wait_kept()
        self.settle()
        self.assertEqual(200, self.lab.device_api("DELETE", ENDPOINT, "/credentials?role=management")[0])
        self.lab.server.kill()  # at once
        device.kill()
        with sqlite3.connect(self.lab.data / "slipway.db") as database:
            roles = [row[0] for row in database.execute(
                "SELECT role FROM session JOIN credential ON credential.id = session.credential")]
        self.lab.start_server()
        self.assertEqual(len(roles), self.metric("slipway_dtls_sessions_thawed_total"))
        self.assertNotIn(1, roles, "1 is the management server")

    def test_whose_device_has_said_goodbye(self):
        device = self.lab.new_device(ENDPOINT)
        self.wait_kept()
        events = self.lab.events()
        device.end()
        events.wait_for("deregistered", endpoint=ENDPOINT)
        self.lab.stop_server()
        self.lab.start_server()
        self.assertEqual(0, self.metric("slipway_dtls_sessions_thawed_total"))

    def test_whose_row_was_damaged(self):
        self.lab.new_device(ENDPOINT)
        self.wait_kept()
        self.lab.stop_server()
        with sqlite3.connect(self.lab.data / "slipway.db") as database:
            database.execute("UPDATE session SET life = life - 1")
        server = self.lab.start_server()
        self.assertIn("could not be thawed and are dropped", server.text())
        self.assertEqual(0, self.metric("slipway_dtls_sessions_thawed_total"))
        self.assertGreaterEqual(self.metric("slipway_dtls_sessions_not_thawed_total"), 1)
        self.lab.stop_server()
        self.lab.start_server()
        self.assertEqual(0, self.metric("slipway_dtls_sessions_not_thawed_total"), "they are gone")

    def test_when_none_shall_be_kept(self):
        self.lab.new_device(ENDPOINT)
        self.wait_kept()
        self.lab.stop_server()
        kept = self.lab.config.read_text(encoding="utf-8")
        self.lab.config.write_text("[sessions]\nkeep = false\n" + kept, encoding="utf-8")
        self.lab.start_server()
        self.assertEqual(0, self.metric("slipway_dtls_sessions_thawed_total"))
        self.lab.stop_server()
        self.lab.config.write_text(kept, encoding="utf-8")
        self.lab.start_server()
        self.assertEqual(0, self.metric("slipway_dtls_sessions_thawed_total"), "nor are those of before")


if __name__ == "__main__":
    unittest.main()
