# SPDX-License-Identifier: Apache-2.0
"""A device that is stopped with its sessions kept, and goes on with them; and the cases in which it must not."""
import shutil
import unittest
from pathlib import Path

import lab

ENDPOINT = "urn:dev:os:e2e-sleeper"


class Hibernation(lab.Case):
    def kept(self, device):
        return Path(str(device.state) + ".sleep")

    def ticket(self, device):
        return Path(str(device.state) + ".sleep.ticket")

    def sleeper(self):
        return self.lab.new_device(ENDPOINT, "--hibernate")

    def fall_asleep(self, device):
        self.assertEqual(0, device.end())
        self.assertIn("hibernating", device.happenings())
        self.assertNotIn("de-registered", device.happenings())

    def wake(self, device, *more):
        return self.lab.start_device(ENDPOINT, device.pack, "--hibernate", *more)

    def names(self, events, after):
        return [name for name, fields in events.record.items[after:] if fields.get("endpoint") == ENDPOINT]

    def goes_on(self, device, events, after):
        """Without a handshake and a registration, from another address, and there for the server."""
        device.wait_for("session kept", "server 101")
        device.wait_for("updated", "server 101")
        events.wait_for("moved", after=after, endpoint=ENDPOINT)
        events.wait_for("updated", after=after, endpoint=ENDPOINT)
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))
        self.assertNotIn("session", self.names(events, after))
        self.assertNotIn("registered", self.names(events, after))
        self.assertNotIn("registered", device.happenings())
        self.assertFalse(self.kept(device).exists(), "what is in use is not on disk")
        self.assertFalse(self.ticket(device).exists())

    def begins_anew(self, device, events, after):
        """With a handshake: no record of the session before is sent again."""
        device.wait_for("registered", "server 101")
        self.assertNotIn("session kept", device.happenings())
        events.wait_for("session", after=after, endpoint=ENDPOINT)
        events.wait_for("registered", after=after, endpoint=ENDPOINT, replaced=True)
        self.assertNotIn("moved", self.names(events, after))
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))

    def test_a_device_goes_on_where_it_was_as_often_as_it_sleeps(self):
        device = self.sleeper()
        events = self.lab.events()
        for _ in range(3):
            self.fall_asleep(device)
            self.assertEqual(0o600, self.kept(device).stat().st_mode & 0o777)
            begun = events.mark()
            device = self.wake(device)
            self.goes_on(device, events, begun)

    def test_its_observations_go_on_too(self):
        device = self.sleeper()
        self.assertIn(self.lab.device_api("POST", ENDPOINT, "/observe/3303/0/5700")[0], (200, 201))
        self.fall_asleep(device)
        events = self.lab.events()
        device = self.wake(device)
        self.goes_on(device, events, 0)
        events.wait_for("notification", endpoint=ENDPOINT)

    def test_after_a_crash_there_is_a_handshake(self):
        device = self.sleeper()
        events = self.lab.events()
        device.kill()
        begun = events.mark()
        device = self.wake(device)
        self.begins_anew(device, events, begun)
        # Also when it dies in the life that a hibernation has begun.
        self.fall_asleep(device)
        begun = events.mark()
        device = self.wake(device)
        self.goes_on(device, events, begun)
        device.kill()
        begun = events.mark()
        self.begins_anew(self.wake(device), events, begun)

    def test_a_copy_of_what_was_kept_is_not_used(self):
        device = self.sleeper()
        self.fall_asleep(device)
        copy = self.lab.folder / "copy"
        shutil.copy(self.kept(device), copy)
        device = self.wake(device)
        device.wait_for("updated")
        device.kill()
        shutil.copy(copy, self.kept(device))
        events = self.lab.events()
        device = self.wake(device)
        self.assertIn("was used before, or is a copy", device.wait_for("sessions not kept"))
        self.begins_anew(device, events, 0)
        # Nor in the place of a newer one.
        self.fall_asleep(device)
        shutil.copy(copy, self.kept(device))
        begun = events.mark()
        device = self.wake(device)
        self.assertIn("was used before, or is a copy", device.wait_for("sessions not kept"))
        self.begins_anew(device, events, begun)

    def test_what_is_damaged_is_told_and_not_used(self):
        device = self.sleeper()
        self.fall_asleep(device)
        content = bytearray(self.kept(device).read_bytes())
        content[-20] ^= 4
        self.kept(device).write_bytes(content)
        events = self.lab.events()
        device = self.wake(device)
        self.assertIn("it is damaged", device.wait_for("sessions not kept"))
        self.begins_anew(device, events, 0)

    def test_a_key_that_was_replaced_ends_the_session_that_it_opened(self):
        device = self.sleeper()
        self.fall_asleep(device)
        events = self.lab.events()
        device = self.wake(device, "--factory-reset")
        device.wait_for("bootstrap ended", "succeeded")
        self.begins_anew(device, events, 0)

    def test_a_server_that_has_lost_the_session_costs_a_handshake(self):
        device = self.sleeper()
        self.fall_asleep(device)
        self.succeeds(self.lab.ask("revoke", ENDPOINT))
        events = self.lab.events()
        device = self.wake(device)
        device.wait_for("session kept")
        device.wait_for("registered", seconds=120)
        self.assertIn("bootstrapping", device.happenings())
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))
        events.close()


if __name__ == "__main__":
    unittest.main()
