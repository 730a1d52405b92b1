# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong is said in a sentence: the thing, the place, the remedy. Exit code 1, or 2 for wrong usage."""
import json
import os
import socket
import tempfile
import unittest
from pathlib import Path

import lab


class Offline(unittest.TestCase):
    """Commands that fail before any network."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="slipway-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        return file

    def refused(self, *arguments, code=1, says=()):
        """The command ends with `code`, prints nothing as its result, and says all of `says`."""
        result = lab.run(*arguments, folder=self.folder)
        self.assertEqual(code, result.code, result)
        for text in says:
            self.assertIn(text, result.err)
        self.assertNotIn("should not have happened", result.err)
        return result


class Usage(Offline):
    def test_wrong_usage_is_exit_code_2(self):
        for arguments in [[], ["fly"], ["serve", "--altitude", "3"], ["client"], ["read", "only-an-endpoint"],
                          ["factory", "--format", "xml"], ["completion", "fish"],
                          ["factory", "-e", "x", "-s", "coaps://h:1", "--key-bytes", "8"],
                          ["factory", "-e", "x-{}", "-s", "coaps://h:1", "--count", "0"]]:
            with self.subTest(arguments=arguments):
                self.assertTrue(self.refused(*arguments, code=2).err.strip())

    def test_every_command_has_help_with_an_example(self):
        commands = [line.split()[0] for line in lab.run("--help").out.split("Subcommands:")[1].splitlines()
                    if line.startswith("  ")]
        self.assertGreaterEqual(len(commands), 13)
        for command in commands:
            with self.subTest(command=command):
                result = lab.run(command, "--help")
                self.assertEqual(0, result.code)
                self.assertIn("--json", result.out)
                self.assertRegex(result.out, rf"Example:\n.*{command}")


class Configuration(Offline):
    PLAN = '[[plan.p.server]]\nid = 101\nuri = "coaps://127.0.0.1:5684"\n'

    def serve(self, text, *says):
        file = self.write("bad.toml", text)
        return self.refused("serve", "--config", file, "--data", self.folder / "data", "--http", "off", says=says)

    def test_a_missing_file_is_named(self):
        self.refused("serve", "--config", "nowhere.toml", says=["nowhere.toml"])

    def test_a_folder_is_no_file(self):
        self.refused("serve", "--config", self.folder, says=[str(self.folder)])

    @unittest.skipIf(os.geteuid() == 0, "root reads everything")
    def test_an_unreadable_file_is_named(self):
        file = self.write("closed.toml", "")
        file.chmod(0)
        self.refused("serve", "--config", file, says=[str(file)])

    def test_file_line_and_key_of_a_mistake_are_named(self):
        self.serve("[server]\ndata = 5\n", "bad.toml:2", "data")
        self.serve("[server]\ncolour = \"red\"\n", "bad.toml:2", "colour")
        self.serve("[server\n", "bad.toml:1")
        self.serve(self.PLAN + "lifetime = -1\n", "bad.toml:4", "lifetime")
        self.serve('[[enrolment]]\nendpoints = ["a"]\nplan = "none-such"\n', "bad.toml:3", "none-such")
        self.serve(self.PLAN + self.PLAN, "bad.toml:5", "id", "its own")

    def test_all_mistakes_are_told_at_once(self):
        error = self.serve("[server]\ncolour = 1\n[http]\nshape = 2\n").err
        self.assertIn("bad.toml:2", error)
        self.assertIn("bad.toml:4", error)

    def test_an_address_that_is_none(self):
        self.serve('[management]\ncoaps = "here:there"\n', "here:there")

    def test_object_definitions_that_are_broken_are_named(self):
        folder = self.folder / "objects"
        folder.mkdir()
        (folder / "9999.xml").write_text("<LWM2M><Object></LWM2M>", encoding="utf-8")
        self.refused("serve", "--objects", folder, says=["9999.xml"])
        self.refused("serve", "--objects", self.folder / "none", says=["none"])

    def test_a_data_folder_that_cannot_be_made_is_named(self):
        file = self.write("a-file", "")
        config = self.write("ok.toml", '[bootstrap]\ncoap = "off"\ncoaps = "off"\n[management]\ncoap = "off"\ncoaps = "off"\n')
        self.refused("serve", "--config", config, "--http", "off", "--data", file / "data", says=["a-file"])

    def test_a_database_that_is_none_is_named(self):
        data = self.folder / "data"
        data.mkdir()
        made = lab.run("factory", "-e", "urn:dev:os:x", "-s", "coaps://h:1", "-d", data, "-o", self.folder / "x.json")
        self.assertEqual(0, made.code, made.err)
        database = next(file for file in data.iterdir() if file.read_bytes().startswith(b"SQLite format 3"))
        for file in data.glob(database.name + "*"):
            file.write_bytes(b"this is not a database, however long one looks at it " * 100)
        self.refused("serve", "--data", data, "--http", "off", says=[str(data)])

    def test_a_missing_sealing_key_is_not_replaced_by_a_new_one(self):
        data = self.folder / "data"
        lab.run("factory", "-e", "urn:dev:os:x", "-s", "coaps://h:1", "-d", data, "-o", self.folder / "x.json")
        (data / "seal.key").unlink()
        self.refused("serve", "--data", data, "--http", "off", says=["seal.key"])


class Listening(Offline):
    QUIET = '[bootstrap]\ncoap = "off"\ncoaps = "off"\n[management]\ncoap = "off"\ncoaps = "{}"\n'

    def serve(self, *arguments, coaps="off", says=()):
        config = self.write("slipway.toml", self.QUIET.format(coaps))
        return self.refused("serve", "--config", config, "--data", self.folder / "data", *arguments, says=says)

    def test_a_udp_port_in_use_is_named(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{other.getsockname()[1]}"
            self.serve("--http", "off", coaps=address, says=[address, "in use"])

    def test_an_http_port_in_use_is_named(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            address = f"127.0.0.1:{other.getsockname()[1]}"
            self.serve("--http", address, says=[address, "in use"])

    def test_http_for_others_needs_a_token(self):
        self.serve("--http", "0.0.0.0:0", says=["0.0.0.0", "token"])
        self.serve("--http", "[::]:0", says=["token"])
        short = self.write("token", "short\n")
        self.serve("--http", "0.0.0.0:0", "--token-file", short, says=["token", "16"])
        self.serve("--http", "127.0.0.1:0", "--token-file", self.folder / "none", says=["none", "token"])

    def test_an_http_address_that_is_none(self):
        self.serve("--http", "somewhere", says=["somewhere", "127.0.0.1:8080"])


class Packs(Offline):
    def setUp(self):
        super().setUp()
        self.pack = self.folder / "good.json"
        made = lab.run("factory", "-e", "urn:dev:os:x", "-s", "coaps://127.0.0.1:5784", "-o", self.pack)
        self.assertEqual(0, made.code, made.err)
        self.good = json.loads(self.pack.read_text(encoding="utf-8"))

    def client(self, content, *says):
        file = self.write("bad.json", content if isinstance(content, str) else json.dumps(content))
        result = self.refused("client", "--pack", file, says=("bad.json", *says))
        self.assertFalse((self.folder / "bad.json.state").exists())
        return result

    def account(self, instance, server, key="MDEyMzQ1Njc4OWFiY2RlZg"):
        return [{"n": f"/0/{instance}/0", "vs": "coaps://127.0.0.1:5684"}, {"n": f"/0/{instance}/1", "vb": False},
                {"n": f"/0/{instance}/2", "v": 0}, {"n": f"/0/{instance}/3", "vd": "aWQ"},
                {"n": f"/0/{instance}/5", "vd": key}, {"n": f"/0/{instance}/10", "v": server},
                {"n": f"/1/{instance}/0", "v": server}, {"n": f"/1/{instance}/1", "v": 60},
                {"n": f"/1/{instance}/6", "vb": True}, {"n": f"/1/{instance}/7", "vs": "U"}]

    def test_a_file_that_is_no_pack(self):
        self.client("")
        self.client("this is not JSON")
        self.client("[1, 2, 3]")
        self.client({**self.good, "slipway_pack": 99}, "99")
        self.client({**self.good, "surprise": True}, "remove")
        self.refused("client", "--pack", "nowhere.json", says=["nowhere.json"])

    def test_a_pack_without_an_account(self):
        self.client({**self.good, "objects": []}, "account")

    def test_a_pack_whose_servers_share_a_short_id(self):
        self.client({**self.good, "objects": self.account(0, 101) + self.account(1, 101, "ZmVkY2JhOTg3NjU0MzIxMA")}, "101")

    def test_a_pack_whose_servers_share_a_key(self):
        self.client({**self.good, "objects": self.account(0, 101) + self.account(1, 102)}, "key")

    def test_a_pack_with_a_weak_key_never_shows_it(self):
        weak = [{**value, "vd": "c2hvcnQ"} if value["n"].endswith("5") else value for value in self.good["objects"]]
        error = self.client({**self.good, "objects": weak}, "16").err
        self.assertFalse(lab.holds(error, b"short\0\0\0\0\0\0\0\0\0\0\0"))
        self.assertNotIn("c2hvcnQ", error)

    def test_a_state_file_that_is_none(self):
        state = self.write("bad.state", "rubbish")
        self.refused("client", "--pack", self.pack, "--state", state, says=["bad.state: damaged", "--factory-reset"])
        self.assertEqual("rubbish", Path(state).read_text(), "kept for whoever looks into it")

    def test_a_client_without_a_pack_says_what_it_needs(self):
        self.refused("client", "--smartcard", "any", says=["--endpoint", "--state"])
        self.refused("client", "--pack", self.pack, "--endpoint", "urn:dev:x", says=["the factory pack names the device"])
        self.refused("client", "--pack", self.pack, "--pin-file", self.write("pin", "1234"), says=["--smartcard"])

    def test_a_format_or_version_that_nobody_speaks(self):
        self.refused("client", "--pack", self.pack, "--format", "xml", says=["--format xml", "senml-cbor"])
        self.refused("client", "--pack", self.pack, "--lwm2m", "2.0", says=["--lwm2m 2.0", "1.2"])


class Factory(Offline):
    def factory(self, *arguments, says=()):
        return self.refused("factory", "--server", "coaps://127.0.0.1:5784", "--out", "packs", *arguments, says=says)

    def keys(self, *lines):
        return self.write("keys.csv", "\n".join(lines) + "\n")

    def test_a_key_shared_between_devices_is_refused(self):
        same = "00112233445566778899aabbccddeeff"
        for other in [same, same.upper()]:
            file = self.keys(f"urn:dev:os:a,a,{same}", "# a comment", f"urn:dev:os:b,b,{other}")
            error = self.factory("--keys", file, says=["keys.csv:3", "line 1", "its own"]).err
            self.assertNotIn(same, error.lower())
        self.assertEqual([], list(self.folder.glob("packs/*")))

    def test_lines_that_are_broken_are_named(self):
        good = "urn:dev:os:a,a,00112233445566778899aabbccddeeff"
        self.factory("--keys", self.keys(good, "urn:dev:os:b,b"), says=["keys.csv:2"])
        self.factory("--keys", self.keys("urn:dev:os:b,b,0011"), says=["keys.csv:1", "16 to 64 bytes"])
        self.factory("--keys", self.keys("urn:dev:os:b,b,zz112233445566778899aabbccddeeff"), says=["keys.csv:1"])
        self.factory("--keys", self.keys(good, good.replace(",a,00", ",b,01")), says=["keys.csv:2", "endpoint", "line 1"])
        self.factory("--keys", self.keys(good, good.replace("os:a,a,00", "os:b,a,01")), says=["keys.csv:2", "identity"])
        self.factory("--keys", "none.csv", says=["none.csv"])

    def test_keys_that_somebody_could_guess_are_told(self):
        self.factory("--keys", self.keys("urn:dev:os:b,b," + "00" * 16), says=["keys.csv:1", "one byte", "openssl rand"])
        self.assertEqual([], list(self.folder.glob("packs/*")))
        lines = [f"urn:dev:os:{n},{n},{n:02x}" + "00" * 14 + "01" for n in range(1, 13)]
        made = lab.run("factory", "--server", "coaps://127.0.0.1:5784", "--out", "packs", "--keys", self.keys(*lines),
                       folder=self.folder)
        self.assertEqual(0, made.code, made.err)
        self.assertIn("keys.csv:1: this key is a pattern", made.err)
        self.assertIn("2 more keys", made.err)
        self.assertNotIn("00" * 8, made.err)
        self.assertEqual(12, len(list(self.folder.glob("packs/*"))))

    def test_which_devices_must_be_said_once(self):
        self.factory(says=["--endpoint", "--keys"])
        self.factory("--endpoint", "a", "--keys", self.keys(), says=["either"])
        self.factory("--endpoint", "a", "--count", 2, says=["--count", "{}"])

    def test_a_pack_is_not_overwritten_by_chance(self):
        again = ["factory", "-s", "coaps://127.0.0.1:5784", "-e", "urn:dev:os:a", "-o", "a.json"]
        self.assertEqual(0, lab.run(*again, folder=self.folder).code)
        first = (self.folder / "a.json").read_bytes()
        self.refused(*again, says=["a.json", "--force"])
        self.assertEqual(first, (self.folder / "a.json").read_bytes())
        self.assertEqual(0, lab.run(*again, "--force", folder=self.folder).code)

    def test_a_refused_pack_does_not_touch_the_enrolment_of_the_first(self):
        again = ["factory", "-s", "coaps://127.0.0.1:5784", "-e", "urn:dev:os:a", "-o", "a.json", "-d", "data"]
        self.assertEqual(0, lab.run(*again, folder=self.folder).code)
        before = {file.name: file.read_bytes() for file in (self.folder / "data").iterdir() if not file.name.endswith("-shm")}
        self.refused(*again, says=["--force"])
        self.assertEqual(before, {file.name: file.read_bytes() for file in (self.folder / "data").iterdir()
                                  if not file.name.endswith("-shm")})

    def test_a_server_that_is_no_uri(self):
        for uri in ["bootstrap.example.com", "http://h:1", "coaps://", "coap://h:5783"]:
            with self.subTest(uri=uri):
                self.refused("factory", "-e", "a", "-s", uri, "-o", "x.json")
                self.assertFalse((self.folder / "x.json").exists())

    def test_a_folder_that_cannot_be_written(self):
        file = self.write("a-file", "")
        self.refused("factory", "-e", "a", "-s", "coaps://h:1", "-o", file / "x.json", says=["a-file"])


class Queries(lab.Case):
    ENDPOINT = "urn:dev:os:e2e"

    def refused(self, *arguments, says=(), code=1):
        result = self.lab.ask(*arguments)
        self.assertEqual(code, result.code, result)
        for text in says:
            self.assertIn(text, result.err)
        self.assertEqual(1, len(result.err.splitlines()), result.err)

    def test_nobody_listens_at_the_url(self):
        with socket.socket() as listener:  # a port that is bound, and does not listen
            listener.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            for command in [["devices"], ["read", "x", "/3"], ["observe", "x", "/3"], ["journey", "x"]]:
                result = lab.run(*command, "--url", url)
                self.assertEqual(1, result.code)
                self.assertIn(url, result.err)
                self.assertIn("slipway serve", result.err)

    def test_a_url_that_is_none(self):
        for url in ["here", "https://127.0.0.1:1", "http://", "http://:80", "coap://127.0.0.1"]:
            with self.subTest(url=url):
                result = lab.run("devices", "--url", url)
                self.assertEqual(1, result.code)
                self.assertIn("http://host:port", result.err)

    def test_a_device_that_nobody_knows(self):
        for command in [["read", "nobody", "/3"], ["write", "nobody", "/3/0/14", "x"], ["execute", "nobody", "/3/0/4"],
                        ["discover", "nobody", "/3"], ["observe", "nobody", "/3303/0/5700"]]:
            with self.subTest(command=command):
                self.refused(*command, says=["nobody", "registered"])
        self.refused("journey", "nobody", says=["nobody"])

    def test_a_path_that_is_none(self):
        for path in ["three", "/3/0/0/0/0", "/70000", "/3//0"]:
            with self.subTest(path=path):
                self.refused("read", self.ENDPOINT, path, says=["/3/0/0"])

    def test_what_the_device_does_not_have(self):
        self.lab.new_device(self.ENDPOINT)
        self.refused("read", self.ENDPOINT, "/9999", says=["Not Found"])
        self.refused("write", self.ENDPOINT, "/3/0/0", "x", says=["Method Not Allowed"])
        self.refused("execute", self.ENDPOINT, "/3/0/0", says=["Method Not Allowed"])
        self.refused("write", self.ENDPOINT, "/1/0/1", "soon", says=["/1/0/1"])
        self.refused("observe", self.ENDPOINT, "/3303/7/5700", says=["Not Found"])
        self.refused("read", self.ENDPOINT, "/3", "--format", "xml", says=["xml"])

    def test_a_token_that_is_wanted(self):
        token = self.lab.folder / "token"
        token.write_text("a-token-of-some-length\n", encoding="utf-8")
        config = self.lab.folder / "second.toml"
        off = 'coap = "off"\ncoaps = "off"\n'
        config.write_text(f"[bootstrap]\n{off}[management]\n{off}", encoding="utf-8")
        server = lab.Process("second server", ["serve", "--json", "--config", config, "--data", self.lab.folder / "second",
                                               "--http", "127.0.0.1:0", "--token-file", token], self.lab.folder)
        self.lab.processes.append(server)
        url = "http://" + json.loads(server.out.wait(lambda line: line.startswith("{"), "ready"))["http"]
        self.assertEqual(0, lab.run("devices", "--url", url, "--token-file", token).code)
        self.assertEqual(0, lab.run("devices", environment={"SLIPWAY_URL": url, "SLIPWAY_TOKEN_FILE": str(token)}).code)
        without = lab.run("devices", "--url", url)
        self.assertEqual(1, without.code)
        self.assertIn("token", without.err)
        missing = lab.run("devices", "--url", url, "--token-file", "nowhere")
        self.assertEqual(1, missing.code)
        self.assertIn("nowhere", missing.err)


if __name__ == "__main__":
    unittest.main()
