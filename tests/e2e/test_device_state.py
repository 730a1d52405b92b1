# SPDX-License-Identifier: Apache-2.0
"""What a device keeps: back to its factory state, and on with the state before a damaged one."""
import unittest
from pathlib import Path

import lab

ENDPOINT = "urn:dev:os:e2e-state"


class FactoryReset(lab.Case):
    def kept_files(self, device):
        """The contents of the state file and of all that stands beside it."""
        return [file.read_bytes() for file in device.state.parent.glob(device.state.name + "*")]

    def test_a_server_sends_a_device_back_to_its_factory_state(self):
        events = self.lab.events()
        device = self.lab.new_device(ENDPOINT)
        first = lab.management_key(device.state)
        begun = device.out.mark()
        self.succeeds(self.lab.ask("execute", ENDPOINT, "/3/0/5"))
        device.wait_for("de-registered", after=begun)
        device.wait_for("factory reset", "done", after=begun)
        events.wait_for("deregistered", endpoint=ENDPOINT)
        device.wait_for("bootstrap ended", "succeeded", after=begun)
        device.wait_for("registered", after=begun)
        self.assertNotEqual(first, lab.management_key(device.state))
        self.lab.value(ENDPOINT, "/3/0/0")

    def test_by_hand_it_needs_no_file_to_be_deleted(self):
        device = self.lab.new_device(ENDPOINT)
        self.succeeds(self.lab.ask("write", ENDPOINT, "/3303/0/5750", "cellar"))  # a state before the last one
        key = lab.management_key(device.state)
        device.end()
        self.assertTrue(any(lab.holds(content, key) for content in self.kept_files(device)))
        self.lab.stop_server()  # so that nothing follows the reset
        again = self.lab.start_device(ENDPOINT, device.pack, "--factory-reset")
        again.wait_for("factory reset", "begins from the factory pack")
        self.assertFalse(any(lab.holds(content, key) for content in self.kept_files(again)))
        self.assertIsNone(lab.management_key(again.state))
        again.end()
        self.lab.start_server()
        self.lab.start_device(ENDPOINT, device.pack).wait_for("registered")


class DamagedState(lab.Case):
    def test_the_state_before_it_is_used_and_told(self):
        device = self.lab.new_device(ENDPOINT)
        self.succeeds(self.lab.ask("write", ENDPOINT, "/3303/0/5750", "cellar"))
        device.end()
        content = bytearray(device.state.read_bytes())
        content[len(content) // 2] ^= 0x20
        device.state.write_bytes(content)
        again = self.lab.start_device(ENDPOINT, device.pack)
        self.assertIn("the state before it is used", again.wait_for("state damaged"))
        again.wait_for("registered")
        self.lab.value(ENDPOINT, "/3/0/0")

    def test_with_nothing_to_fall_back_on_it_says_what_to_do(self):
        device = self.lab.new_device(ENDPOINT)
        device.end()
        device.state.write_bytes(device.state.read_bytes()[:40])
        Path(str(device.state) + ".previous").unlink(missing_ok=True)
        refused = lab.run("client", "--pack", device.pack, "--state", device.state, folder=self.lab.folder)
        self.assertEqual(1, refused.code)
        self.assertIn("begin again from the factory pack with --factory-reset", refused.err)
        self.lab.start_device(ENDPOINT, device.pack, "--factory-reset").wait_for("registered")


if __name__ == "__main__":
    unittest.main()
