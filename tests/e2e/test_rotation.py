# SPDX-License-Identifier: Apache-2.0
"""Credentials change: revoked, renewed on demand, and why a device was refused, as its operator sees it."""
import json
import secrets
import unittest

import lab

ENDPOINT = "urn:dev:os:e2e-rotation"


class Rotation(lab.Case):
    def states(self, endpoint=ENDPOINT):
        """(role, state) of every credential, oldest first."""
        listed = self.succeeds(self.lab.ask("credentials", endpoint, "--json")).json()["credentials"]
        return [(one["role"], one["state"]) for one in listed]

    def test_a_revoked_device_is_cut_off_at_once_and_comes_back_by_itself(self):
        events = self.lab.events()
        device = self.lab.new_device(ENDPOINT)
        first = lab.management_key(device.state)
        begun = device.out.mark()
        revoked = self.succeeds(self.lab.ask("revoke", ENDPOINT))
        self.assertEqual("1 management credential revoked\n", revoked.out)
        events.wait_for("deregistered", endpoint=ENDPOINT, reason="revoked")
        device.wait_for("registration failed", "refuses the credentials", after=begun)
        device.wait_for("bootstrap ended", "succeeded", after=begun)
        device.wait_for("registered", after=begun)
        self.assertNotEqual(first, lab.management_key(device.state))
        self.lab.value(ENDPOINT, "/3/0/0")
        self.assertEqual([("bootstrap", "proven"), ("management", "retired"), ("management", "proven")],
                         self.states())
        self.assertNotIn("connection failed", device.happenings()[begun:], "it does not knock with the old key")

    def test_told_to_bootstrap_a_device_renews_its_key_without_a_failed_attempt(self):
        device = self.lab.new_device(ENDPOINT)
        first = lab.management_key(device.state)
        begun = device.out.mark()
        told = self.succeeds(self.lab.ask("bootstrap", ENDPOINT))
        self.assertIn("slipway journey " + ENDPOINT, told.out)
        device.wait_for("bootstrap ended", "succeeded", after=begun)
        device.wait_for("registered", after=begun)
        self.assertNotIn("connection failed", device.happenings()[begun:])
        self.assertNotEqual(first, lab.management_key(device.state))
        self.lab.value(ENDPOINT, "/3/0/0")
        self.assertEqual([("bootstrap", "proven"), ("management", "retired"), ("management", "proven")],
                         self.states())

    def test_nobody_can_be_told_who_is_not_registered(self):
        result = self.lab.ask("bootstrap", "urn:dev:os:nobody")
        self.assertEqual(1, result.code)
        self.assertIn("slipway devices", result.err)

    def test_a_device_whose_bootstrap_credential_is_revoked_is_refused_with_the_reason(self):
        events = self.lab.events()
        device = self.lab.new_device(ENDPOINT)
        self.succeeds(self.lab.ask("revoke", ENDPOINT, "--role", "bootstrap"))
        begun = device.out.mark()
        self.succeeds(self.lab.ask("bootstrap", ENDPOINT))
        device.wait_for("connection failed", after=begun)
        failed = events.wait_for("handshake-failed", endpoint=ENDPOINT, server="bootstrap")
        self.assertIn("its credential is retired", failed["explanation"])
        self.lab.device_api("GET", ENDPOINT, "/credentials")  # the store works in order
        shown = self.succeeds(self.lab.ask("journey", ENDPOINT, "--limit", "100")).out
        self.assertIn("refused: its credential is retired", shown)
        self.assertIn("slipway factory", shown)

    def test_a_pack_made_anew_takes_the_place_of_the_old_one_once_it_is_used(self):
        old = self.lab.new_device(ENDPOINT)
        kept = self.lab.folder / "old.json"
        kept.write_bytes(old.pack.read_bytes())
        old.end()
        old.pack.unlink()
        keys = self.lab.folder / "keys.csv"
        keys.write_text(f"{ENDPOINT},second,{secrets.token_hex(16)}\n", encoding="utf-8")
        self.succeeds(lab.run("factory", "--keys", keys, "--server", f"coaps://127.0.0.1:{self.lab.bootstrap_port}",
                              "--out", old.pack, "--data", self.lab.data))
        pack = old.pack
        self.assertEqual([("bootstrap", "proven"), ("management", "proven"), ("bootstrap", "issued")], self.states())
        new = lab.Device(ENDPOINT, pack, self.lab.folder / "new.state", self.lab.folder)
        self.lab.processes.append(new)
        new.wait_for("registered")
        new.end()
        self.assertEqual(("bootstrap", "retired"), self.states()[0])
        thief = lab.Device(ENDPOINT, kept, self.lab.folder / "thief.state", self.lab.folder)
        self.lab.processes.append(thief)
        thief.wait_for("bootstrap ended", "broke off the handshake")
        self.assertNotIn("registered", thief.happenings())


class OtherAccounts(lab.Case):
    """What a device no longer has is dead, whether it was told by pack or step by step."""

    def change_server(self, *options):
        device = self.lab.start_device(ENDPOINT, self.lab.factory(ENDPOINT), *options)
        device.wait_for("registered")
        self.lab.reconfigure(("id = 101", "id = 103"), ("owner = 101", "owner = 103"), ('"101" =', '"103" ='))
        begun = device.out.mark()
        self.succeeds(self.lab.ask("bootstrap", ENDPOINT))
        device.wait_for("registered", "server 103", after=begun)
        listed = self.lab.device_api("GET", ENDPOINT, "/credentials")[1]["credentials"]
        states = {one["server"]: one["state"] for one in listed if one["role"] == "management"}
        self.assertEqual({101: "retired", 103: "proven"}, states)

    def test_told_by_pack(self):
        self.change_server()

    def test_told_step_by_step(self):
        self.change_server("--no-pack")


class BootstrapAccount(lab.Case):
    """A one-time factory secret becomes a key of its own; the factory's dies when the new one has been used."""

    def states(self):
        listed = self.lab.device_api("GET", ENDPOINT, "/credentials")[1]["credentials"]
        return [one["state"] for one in listed if one["role"] == "bootstrap"]

    def replace_accounts(self):
        self.lab.reconfigure(("[[enrolment]]", f'''
[plan.thermometer.bootstrap]
uri = "coaps://127.0.0.1:{self.lab.bootstrap_port}"
[[enrolment]]'''))

    def renew(self, device):
        begun = device.out.mark()
        self.succeeds(self.lab.ask("bootstrap", ENDPOINT))
        device.wait_for("bootstrap ended", "succeeded", after=begun)
        device.wait_for("registered", after=begun)
        self.assertNotIn("connection failed", device.happenings()[begun:])

    def test_the_factorys_key_lives_until_its_successor_was_used(self):
        self.replace_accounts()
        device = self.lab.new_device(ENDPOINT)
        factory = lab.factory_key(device.pack)
        first = lab.bootstrap_key(device.state)
        self.assertNotEqual(factory, first)
        self.assertEqual(["proven", "issued"], self.states(), "until then both work")
        self.renew(device)
        self.assertEqual(["retired", "proven", "issued"], self.states())
        self.assertNotIn(lab.bootstrap_key(device.state), [factory, first])

        events = self.lab.events()
        thief = lab.Device(ENDPOINT, device.pack, self.lab.folder / "thief.state", self.lab.folder)
        self.lab.processes.append(thief)
        refused = events.wait_for("handshake-failed", endpoint=ENDPOINT, server="bootstrap")
        self.assertIn("its credential is retired", refused["explanation"])
        thief.wait_for("connection failed")
        self.assertNotIn("registered", thief.happenings())
        self.renew(device)  # the thief has changed nothing

        keys = {"the factory's": factory, "the first": first, "the newest": lab.bootstrap_key(device.state)}
        for process in self.lab.processes:
            for which, key in keys.items():
                self.assertFalse(lab.holds(process.text(), key), f"{which} key in {process.name}")
        for file in self.lab.data.rglob("*"):
            for which, key in keys.items():
                self.assertFalse(lab.holds(file.read_bytes(), key), f"{which} key in {file}")

    def test_a_factory_reset_before_that_comes_back_with_the_factorys_key(self):
        self.replace_accounts()
        device = self.lab.new_device(ENDPOINT)
        device.end()
        device.state.unlink()
        again = self.lab.start_device(ENDPOINT, device.pack)
        again.wait_for("registered")
        self.assertIn("bootstrapping", again.happenings())


class Refusals(lab.Case):
    """`slipway journey` says at a glance why a device was refused, and what may be done."""

    def journeys(self, endpoint):
        self.lab.device_api("GET", endpoint, "/credentials")  # the store works in order
        return self.succeeds(self.lab.ask("journey", endpoint, "--limit", "100")).out

    def test_a_device_that_no_enrolment_takes(self):
        events = self.lab.events()
        name = "urn:dev:os:e2e-later"
        pack = self.lab.factory(name)
        self.lab.stop_server()
        self.lab.config.write_text(self.lab.config.read_text(encoding="utf-8").replace("urn:dev:os:*", "other:*"),
                                   encoding="utf-8")
        self.lab.start_server()
        events = self.lab.events()
        self.lab.start_device(name, pack)
        events.wait_for("bootstrap-ended", endpoint=name, outcome="refused")
        shown = self.journeys(name)
        self.assertIn("refused: no enrolment takes this endpoint", shown)
        self.assertIn("[[enrolment]]", shown)
        self.assertIn("Bootstrap-Pack-Request", shown)

    def test_a_device_with_another_name_than_its_credential_writes_only_into_its_own_journeys(self):
        events = self.lab.events()
        pack = self.lab.factory(ENDPOINT)
        content = json.loads(pack.read_text(encoding="utf-8"))
        content["endpoint"] = "urn:dev:os:e2e-victim"
        pack.write_text(json.dumps(content), encoding="utf-8")
        self.lab.start_device("urn:dev:os:e2e-victim", pack)
        events.wait_for("bootstrap-ended", outcome="refused")
        shown = self.journeys(ENDPOINT)
        self.assertIn("refused: ep is not the name", shown)
        self.assertIn(f'let the device use its name "{ENDPOINT}"', shown)
        self.assertEqual(1, self.lab.ask("journey", "urn:dev:os:e2e-victim").code, "nothing is recorded of it")

    def test_a_device_with_a_wrong_key(self):
        events = self.lab.events()
        pack = self.lab.factory(ENDPOINT)
        content = json.loads(pack.read_text(encoding="utf-8"))
        for record in content["objects"]:
            if record.get("n") in ("5", "/0/0/5"):
                record["vd"] = "AAECAwQFBgcICQoLDA0ODw"
        pack.write_text(json.dumps(content), encoding="utf-8")
        self.lab.start_device(ENDPOINT, pack)
        events.wait_for("handshake-failed", endpoint=ENDPOINT, reason="wrong key")
        shown = self.journeys(ENDPOINT)
        self.assertIn("refused: the handshake failed: wrong key", shown)
        self.assertIn("slipway factory", shown)
        metrics = self.lab.http("GET", "/metrics")[1]
        self.assertRegex(metrics,
                         r'(?m)^slipway_handshake_failures_total{protocol="dtls",reason="wrong_key",server="bootstrap"} [1-9]')


if __name__ == "__main__":
    unittest.main()
