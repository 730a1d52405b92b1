# SPDX-License-Identifier: Apache-2.0
"""What survives when a side goes away, politely or not."""
import random
import signal
import unittest

import lab

ENDPOINT = "urn:dev:os:e2e-restart"


class ServerRestart(lab.Case):
    def test_registrations_are_there_again(self):
        self.lab.new_device(ENDPOINT)
        before = self.lab.device_api("GET", ENDPOINT, "")[1]
        self.lab.stop_server()
        self.lab.start_server()
        status, after = self.lab.device_api("GET", ENDPOINT, "")
        self.assertEqual(200, status)
        for field in ["location", "links", "registered_ms", "lifetime_s", "lwm2m"]:
            self.assertEqual(before[field], after[field], field)
        journeys = self.lab.device_api("GET", ENDPOINT, "/journeys")[1]["journeys"]
        self.assertIn("bootstrap", [one["interface"] for one in journeys])

    def test_after_kill_nothing_of_a_registration_is_lost(self):
        device = self.lab.new_device(ENDPOINT)
        self.lab.value(ENDPOINT, "/3/0/0")
        # The store works in order: this answer comes after the registration is on disk.
        self.lab.device_api("GET", ENDPOINT, "/credentials")
        self.lab.server.kill()
        self.lab.start_server()
        self.assertEqual(200, self.lab.device_api("GET", ENDPOINT, "")[0])
        # The device is switched off and on: it needs no bootstrap.
        device.kill()
        events = self.lab.events()
        again = self.lab.start_device(ENDPOINT, device.pack)
        again.wait_for("registered")
        self.assertNotIn("bootstrapping", again.happenings())
        events.wait_for("registered", endpoint=ENDPOINT, replaced=True)
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))


class DeviceOutlivesServer(lab.Case):
    """Takes the 93 s after which CoAP gives up on a request."""

    lifetime = 8

    def test_the_same_device_finds_a_server_by_itself_that_has_lost_its_session(self):
        self.lab.stop_server()
        configured = self.lab.config.read_text(encoding="utf-8")
        self.lab.config.write_text("[sessions]\nkeep = false\n" + configured, encoding="utf-8")
        self.lab.start_server()
        device = self.lab.new_device(ENDPOINT)
        key = lab.management_key(device.state)
        begun = device.out.mark()
        self.lab.server.kill()
        self.lab.start_server()
        device.wait_for("registered", after=begun, seconds=150)
        self.assertNotIn("bootstrapping", device.happenings()[begun:])
        self.assertEqual(key, lab.management_key(device.state))
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))


class DeviceRestart(lab.Case):
    def test_it_registers_with_its_new_key_and_does_not_bootstrap_again(self):
        first = self.lab.new_device(ENDPOINT)
        key = lab.management_key(first.state)
        first.end()
        second = self.lab.start_device(ENDPOINT, first.pack)
        second.wait_for("registered")
        self.assertEqual(["started", "connecting", "registered"], second.happenings()[:3])
        self.assertEqual(key, lab.management_key(second.state))

    def test_the_factory_key_opens_nothing_at_the_management_server(self):
        """A device whose only management account is that of its factory key: refused before any message."""
        device = self.lab.new_device(ENDPOINT)
        pack = lab.json.loads(device.pack.read_text(encoding="utf-8"))
        secret = next(value["vd"] for value in pack["objects"] if value.get("n") in ("5", "/0/0/5"))
        identity = next(value["vd"] for value in pack["objects"] if value.get("n") in ("3", "/0/0/3"))
        pack["objects"] = [
            {"n": "/0/1/0", "vs": f"coaps://127.0.0.1:{self.lab.management_port}"}, {"n": "/0/1/1", "vb": False},
            {"n": "/0/1/2", "v": 0}, {"n": "/0/1/3", "vd": identity}, {"n": "/0/1/5", "vd": secret},
            {"n": "/0/1/10", "v": 101}, {"n": "/1/0/0", "v": 101}, {"n": "/1/0/1", "v": 60},
            {"n": "/1/0/6", "vb": True}, {"n": "/1/0/7", "vs": "U"}]
        thief = self.lab.folder / "thief.json"
        thief.write_text(lab.json.dumps(pack), encoding="utf-8")
        events = self.lab.events()
        device.end()
        other = self.lab.start_device(ENDPOINT, thief)
        other.wait_for("connection failed")
        events.wait_for("handshake-failed", server="management")
        self.assertNotIn("registered", other.happenings())
        self.assertEqual(404, self.lab.device_api("GET", ENDPOINT, "")[0])

    def test_the_factory_state_comes_back_with_a_factory_reset(self):
        device = self.lab.new_device(ENDPOINT)
        key = lab.management_key(device.state)
        device.end()
        device.state.unlink()
        again = self.lab.start_device(ENDPOINT, device.pack)
        again.wait_for("registered")
        self.assertIn("bootstrapping", again.happenings())
        self.assertNotEqual(key, lab.management_key(again.state))


class Crash(lab.Case):
    """The server dies in the midst of bootstraps, again and again. Whatever a device was given must be good."""

    ROUNDS = 20
    DEVICES = 2  # at once

    def test_every_key_that_a_device_holds_is_accepted(self):
        seed = random.randrange(1 << 32)
        moments = random.Random(seed)
        devices = []
        for number in range(self.ROUNDS):
            if not self.lab.server.running:
                self.lab.start_server()
            begun = [self.lab.start_device(name, self.lab.factory(name))
                     for name in (f"urn:dev:os:crash-{number}-{which}" for which in range(self.DEVICES))]
            begun[-1].wait_for("connecting")
            # A random moment of the bootstrap, which takes some 30 ms (more with sanitizers): a bound that may pass.
            begun[0].out.find(lambda line: '"registered"' in line, moments.uniform(0, 0.001 * lab.PATIENCE))
            self.lab.server.end(signal.SIGKILL)
            for device in begun:
                device.kill()
            devices += begun

        self.lab.start_server()
        held = {device.endpoint: lab.management_key(device.state) for device in devices}
        again = [self.lab.start_device(device.endpoint, device.pack) for device in devices]
        for device in again:
            with self.subTest(device=device.endpoint, seed=seed, held=held[device.endpoint] is not None):
                device.wait_for("registered")
                if held[device.endpoint] is not None:
                    self.assertNotIn("bootstrapping", device.happenings(), "the key was accepted at once")
                    self.assertEqual(held[device.endpoint], lab.management_key(device.state))
        listed = self.lab.http("GET", "/api/v1/devices?limit=1000")[1]["devices"]
        self.assertEqual(sorted(held), sorted(one["endpoint"] for one in listed))
        print(f"seed {seed}: of {len(held)} devices {sum(key is not None for key in held.values())} held a key at the crash")


class CrashOfReplacement(lab.Case):
    """The server dies while bootstrap accounts are replaced: no device is ever without a key that opens a bootstrap."""

    ROUNDS = 10

    def test_every_device_can_bootstrap_again(self):
        seed = random.randrange(1 << 32)
        moments = random.Random(seed)
        self.lab.reconfigure(("[[enrolment]]", f'''
[plan.thermometer.bootstrap]
uri = "coaps://127.0.0.1:{self.lab.bootstrap_port}"
[[enrolment]]'''))
        devices = [self.lab.new_device(f"urn:dev:os:crash-{number}") for number in range(3)]
        for _ in range(self.ROUNDS):
            begun = [device.out.mark() for device in devices]
            for device in devices:
                self.succeeds(self.lab.ask("bootstrap", device.endpoint))
            devices[0].out.find(lambda line: "bootstrap ended" in line, moments.uniform(0, 0.001 * lab.PATIENCE),
                                after=begun[0])
            self.lab.server.end(signal.SIGKILL)
            for device in devices:
                device.kill()
            self.lab.start_server()
            devices = [self.lab.start_device(device.endpoint, device.pack) for device in devices]
            for device in devices:
                with self.subTest(device=device.endpoint, seed=seed):
                    device.wait_for("registered")
        for device in devices:
            begun = device.out.mark()
            self.succeeds(self.lab.ask("bootstrap", device.endpoint))
            device.wait_for("bootstrap ended", "succeeded", after=begun)
            device.wait_for("registered", after=begun)
            self.assertNotIn("connection failed", device.happenings()[begun:], f"seed {seed}")


if __name__ == "__main__":
    unittest.main()
