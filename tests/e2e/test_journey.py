# SPDX-License-Identifier: Apache-2.0
"""The whole journey as its user sees it: from the factory to the third notification, by command and by HTTP."""
import json
import re
import unittest

import lab

ENDPOINT = "urn:dev:os:e2e"


def server_instance(device):
    """/1/x of the only management account, from the links of a registration."""
    return re.search(r"</1/(\d+)>", device["links"]).group(1)


class ByCommand(lab.Case):
    def test_a_factory_fresh_device_becomes_a_managed_device(self):
        device = self.lab.new_device(ENDPOINT)
        self.assertEqual(["started", "connecting", "bootstrapping", "bootstrap ended", "connecting", "registered"],
                         [what for what in device.happenings() if what != "no pack"][:6])
        self.assertEqual("succeeded", device.wait_for("bootstrap ended"))

        listed = self.succeeds(self.lab.ask("devices"))
        self.assertRegex(listed.out, rf"(?m)^{ENDPOINT} +1\.2 +300 s +127\.0\.0\.1:\d+ +\d+ s ago$")

        read = self.succeeds(self.lab.ask("read", ENDPOINT, "/3/0"))
        self.assertIn('/3/0/0  Manufacturer  = "Slipway"', read.out)
        self.assertIn("/3/0/9  Battery Level  = ", read.out)
        tlv = self.succeeds(self.lab.ask("read", ENDPOINT, "/3/0/0", "--format", "tlv", "--json")).json()
        self.assertEqual(("tlv", "Slipway"), (tlv["format"], tlv["values"][0]["value"]))

        discovered = self.succeeds(self.lab.ask("discover", ENDPOINT, "/3"))
        self.assertIn("</3/0/0>", discovered.out)

        executed = self.succeeds(self.lab.ask("execute", ENDPOINT, "/3/0/4"))
        self.assertEqual("executed\n", executed.out)
        device.wait_for("reboot")

    def test_a_new_lifetime_reaches_the_server_by_an_update(self):
        events = self.lab.events()
        self.lab.new_device(ENDPOINT)
        listed = self.succeeds(self.lab.ask("devices", "--json")).lines()[0]
        path = f"/1/{server_instance(listed)}/1"
        written = self.succeeds(self.lab.ask("write", ENDPOINT, path, "240"))
        self.assertEqual("written\n", written.out)
        events.wait_for("updated", endpoint=ENDPOINT, lifetime_s=240)
        self.assertEqual(240, self.succeeds(self.lab.ask("devices", "--json")).lines()[0]["lifetime_s"])

    def test_an_observation_shows_changes_until_enough_were_seen(self):
        self.lab.new_device(ENDPOINT)
        seen = self.succeeds(self.lab.ask("observe", ENDPOINT, "/3303/0/5700", "--count", "3"))
        values = re.findall(r"/3303/0/5700  Sensor Value  = ([\d.]+)", seen.out)
        self.assertEqual(4, len(values), seen.out)  # the value of now, and three notifications
        self.assertGreater(len(set(values)), 1, "the temperature moves")
        journey = self.lab.ask("journey", ENDPOINT).out
        self.assertEqual(3, journey.count("Notify"), journey)
        self.assertIn("Cancel Observation", journey)

    def expect_ladder(self, device, steps):
        ladder = self.succeeds(self.lab.ask("journey", ENDPOINT)).out
        places = [ladder.find(step) for step in steps]
        self.assertNotIn(-1, places, ladder)
        self.assertEqual(sorted(places), places, "in the order of the protocol")
        self.assertIn("Secret Key = (16 bytes, secret)", ladder)
        self.assertFalse(lab.holds(ladder, lab.management_key(device.state)))
        self.assertFalse(lab.holds(ladder, lab.factory_key(device.pack)))

    def test_the_journey_is_a_ladder_without_secrets(self):
        self.expect_ladder(self.lab.new_device(ENDPOINT, "--no-pack"),
                           ["DTLS", "Bootstrap-Request", "Bootstrap-Discover", "Bootstrap-Write", "Bootstrap-Finish",
                            "Register", "2.01 Created"])

    def test_a_pack_is_one_step_of_the_ladder_without_secrets(self):
        self.expect_ladder(self.lab.new_device(ENDPOINT),
                           ["DTLS", "Bootstrap-Pack-Request", "2.05 Content", "Register", "2.01 Created"])

    def test_a_server_may_ask_for_another_bootstrap(self):
        device = self.lab.new_device(ENDPOINT)
        key = lab.management_key(device.state)
        begun = device.out.mark()
        listed = self.succeeds(self.lab.ask("devices", "--json")).lines()[0]
        self.succeeds(self.lab.ask("execute", ENDPOINT, f"/1/{server_instance(listed)}/9"))
        device.wait_for("bootstrap ended", "succeeded", after=begun)
        device.wait_for("registered", after=begun)
        self.assertNotEqual(key, lab.management_key(device.state))

    def test_a_device_that_is_switched_off_says_goodbye(self):
        events = self.lab.events()
        device = self.lab.new_device(ENDPOINT)
        self.assertEqual(0, device.end())
        self.assertEqual(["de-registered", "stopped"], device.happenings()[-2:])
        events.wait_for("deregistered", endpoint=ENDPOINT)
        self.assertEqual("", self.succeeds(self.lab.ask("devices", "--json")).out)


class ByHttp(lab.Case):
    def api(self, method, target, body=None):
        status, answer = self.lab.device_api(method, ENDPOINT, target, body)
        self.assertEqual(200, status, answer)
        return answer

    def test_every_operation_and_three_notifications(self):
        events = self.lab.events()
        device = self.lab.new_device(ENDPOINT)
        events.wait_for("bootstrap-ended", endpoint=ENDPOINT, outcome="succeeded")
        events.wait_for("registered", endpoint=ENDPOINT, replaced=False)

        status, page = self.lab.http("GET", "/api/v1/devices")
        self.assertEqual((200, [ENDPOINT]), (status, [one["endpoint"] for one in page["devices"]]))
        shown = self.api("GET", "")
        self.assertEqual(("psk", 300, "UT"), (shown["security"], shown["lifetime_s"], shown["binding"]))

        values = {value["path"]: value for value in self.api("GET", "/read/3/0")["values"]}
        self.assertEqual("Slipway", values["/3/0/0"]["value"])
        self.assertEqual("Manufacturer", values["/3/0/0"]["name"])

        self.assertEqual("2.04", self.api("PUT", "/write/3/0/14", {"value": "+02:00"})["code"])
        self.assertEqual("+02:00", self.lab.value(ENDPOINT, "/3/0/14"))
        instance = server_instance(shown)
        self.api("PUT", f"/write/1/{instance}?mode=partial", {"values": {"1": 200, "2": 1}})
        events.wait_for("updated", endpoint=ENDPOINT, lifetime_s=200)
        self.assertEqual(200, self.lab.value(ENDPOINT, f"/1/{instance}/1"))

        self.api("POST", "/execute/3/0/4", {})
        device.wait_for("reboot")
        self.assertIn("</3303/0/5700>", self.api("GET", "/discover/3303")["text"])

        begun = self.api("POST", "/observe/3303/0/5700", {})
        after = 0
        for _ in range(3):
            notification = events.wait_for("notification", endpoint=ENDPOINT, after=after,
                                           observation=begun["observation"], path="/3303/0/5700")
            self.assertIsInstance(notification["values"][0]["value"], float)
            after = events.record.items.index(("notification", notification)) + 1
        self.api("DELETE", "/observe/3303/0/5700")

    def test_the_additional_instance_of_the_plan_arrives_whole(self):
        self.lab.new_device(ENDPOINT)
        self.assertEqual(4.0, self.lab.value(ENDPOINT, "/3303/1/5700"))
        self.assertEqual("freezer", self.lab.value(ENDPOINT, "/3303/1/5750"))

    def test_credentials_are_proven_by_use_and_shown_without_secrets(self):
        events = self.lab.events()
        self.lab.new_device(ENDPOINT)
        events.wait_for("registered", endpoint=ENDPOINT)
        found = {one["role"]: one for one in self.api("GET", "/credentials")["credentials"]}
        self.assertEqual({"bootstrap", "management"}, set(found))
        self.assertEqual(("psk", 101), (found["management"]["mode"], found["management"]["server"]))
        self.assertNotIn("key", json.dumps(found))

    def test_a_refusal_of_the_device_says_what_the_device_said(self):
        self.lab.new_device(ENDPOINT)
        status, answer = self.lab.device_api("GET", ENDPOINT, "/read/3/0/4")
        self.assertEqual((502, "device_refused", "4.05"), (status, answer["error"]["code"], answer["code"]))
        status, answer = self.lab.device_api("GET", ENDPOINT, "/read/0/0")
        self.assertEqual(502, status, "the accounts are not for a management server")

    def test_health_and_metrics_tell_what_happened(self):
        self.lab.new_device(ENDPOINT)
        self.assertEqual((200, {"status": "ok"}), self.lab.http("GET", "/healthz"))
        status, text = self.lab.http("GET", "/metrics")
        self.assertEqual(200, status)
        self.assertRegex(text, r"(?m)^slipway_registrations 1(\.0)?$")
        self.assertRegex(text, r"(?m)^slipway_bootstrap_succeeded_total 1(\.0)?$")


class Revocation(lab.Case):
    def test_a_revoked_device_comes_back_only_with_another_key(self):
        events = self.lab.events()
        device = self.lab.new_device(ENDPOINT)
        first = lab.management_key(device.state)
        begun = device.out.mark()
        status, answer = self.lab.device_api("DELETE", ENDPOINT, "/credentials?role=management")
        self.assertEqual((200, {"revoked": 1}), (status, answer))
        events.wait_for("revoked", endpoint=ENDPOINT, server="management")
        events.wait_for("deregistered", endpoint=ENDPOINT)
        # The session was cut by an alert that refuses the key; the device bootstraps by itself.
        device.wait_for("registration failed", "refuses the credentials", after=begun)
        device.wait_for("bootstrap ended", "succeeded", after=begun)
        device.wait_for("registered", after=begun)
        second = lab.management_key(device.state)
        self.assertNotEqual(first, second)
        self.assertNotEqual(second, lab.factory_key(device.pack))
        self.assertEqual("Slipway", self.lab.value(ENDPOINT, "/3/0/0"))
        states = sorted(one["state"] for one in self.lab.device_api("GET", ENDPOINT, "/credentials")[1]["credentials"]
                        if one["role"] == "management")
        self.assertIn("retired", states)

    def test_a_role_must_be_named(self):
        status, answer = self.lab.device_api("DELETE", ENDPOINT, "/credentials")
        self.assertEqual((400, "bad_request"), (status, answer["error"]["code"]))


if __name__ == "__main__":
    unittest.main()
