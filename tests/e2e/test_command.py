# SPDX-License-Identifier: Apache-2.0
"""How the command behaves among others: JSON, completion, pipes, colours, the demo."""
import json
import os
import pty
import select
import subprocess
import tempfile
import unittest
from pathlib import Path

import lab

ENDPOINT = "urn:dev:os:e2e"
ESCAPE = "\x1b"


class Json(lab.Case):
    def test_the_output_of_every_command_parses(self):
        self.lab.new_device(ENDPOINT)
        ask = lambda *words: self.succeeds(self.lab.ask(*words, "--json"))
        self.assertEqual(ENDPOINT, ask("devices").lines()[0]["endpoint"])
        for words in [["read", ENDPOINT, "/3/0"], ["discover", ENDPOINT, "/3"], ["write", ENDPOINT, "/3/0/14", "+01:00"],
                      ["execute", ENDPOINT, "/3/0/4"]]:
            self.assertTrue(ask(*words).json()["success"], words)
        notifications = ask("observe", ENDPOINT, "/3303/0/5700", "--count", "1").lines()
        self.assertEqual(2, len(notifications))
        self.assertEqual("/3303/0/5700", notifications[1]["path"])
        interfaces = {journey["interface"] for journey in ask("journey", ENDPOINT).json()["journeys"]}
        self.assertEqual({"bootstrap", "management"}, interfaces)

    def test_a_failure_is_json_too_and_keeps_its_exit_code(self):
        result = self.lab.ask("read", "nobody", "/3", "--json")
        self.assertEqual(1, result.code)
        self.assertEqual("unknown_device", result.json()["error"]["code"])

    def test_the_events_of_server_and_device_are_lines_of_json(self):
        device = self.lab.new_device(ENDPOINT)
        for line in device.out.items + self.lab.server.out.items:
            json.loads(line)

    def test_the_factory_prints_a_line_for_each_pack(self):
        made = lab.run("factory", "--json", "-e", "urn:dev:os:l-{}", "-n", "3", "-s", "coaps://127.0.0.1:1", "-o",
                       self.lab.folder / "packs")
        lines = self.succeeds(made).lines()
        self.assertEqual([f"urn:dev:os:l-00000{n}" for n in (1, 2, 3)], [line["endpoint"] for line in lines])
        for line in lines:
            self.assertTrue(Path(line["pack"]).is_file())
            self.assertFalse(line["enrolled"])


class Completion(unittest.TestCase):
    def test_the_script_is_good_bash(self):
        script = lab.run("completion", "bash")
        self.assertEqual(0, script.code)
        subprocess.run(["bash", "-n"], input=script.out.encode(), check=True)

    def complete(self, *words):
        """What bash would offer for the last word."""
        script = lab.run("completion", "bash").out
        line = " ".join(f"'{word}'" for word in words)
        program = f'{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _slipway; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
        return done.stdout.split()

    def test_commands_and_options_are_completed(self):
        self.assertEqual(["demo", "devices", "decode"], sorted(self.complete("slipway", "de"), key=["demo", "devices", "decode"].index))
        self.assertEqual(["--pack"], self.complete("slipway", "client", "--pa"))
        self.assertIn("--url", self.complete("slipway", "read", "--"))
        self.assertEqual([], self.complete("slipway", "zzz"))

    def test_commands_of_a_group_are_completed(self):
        self.assertEqual(["smartcard"], self.complete("slipway", "kit", "sm"))
        self.assertEqual(["readers", "read"], self.complete("slipway", "smartcard", "re"))
        self.assertEqual(["--quirk"], self.complete("slipway", "kit", "smartcard", "--qu"))
        self.assertEqual([], self.complete("slipway", "smartcard", "readers", "--qu"))

    def test_files_are_completed(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "thermometer.pack.json").touch()
            self.assertEqual([f"{folder}/thermometer.pack.json"], self.complete("slipway", "client", "--pack", f"{folder}/th"))


def in_terminal(*arguments, environment=None):
    """What a command prints when its output is a terminal, and its exit code."""
    parent, child = pty.openpty()
    process = subprocess.Popen([lab.COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=child, stderr=child,
                               env={**os.environ, "TERM": "xterm", **(environment or {})})
    os.close(child)
    out = b""
    try:
        while select.select([parent], [], [], lab.PATIENCE)[0]:
            out += os.read(parent, 65536)
    except OSError:
        pass  # the other end is closed
    os.close(parent)
    return process.wait(lab.PATIENCE), out.decode(errors="replace")


class Colours(unittest.TestCase):
    MESSAGE = "4402b60b2161fb63b13101300138"

    def test_a_pipe_gets_no_escape_codes(self):
        for arguments in [["decode", self.MESSAGE], ["--help"], ["decode", "rubbish"], ["serve", "--config", "nowhere"]]:
            result = lab.run(*arguments)
            self.assertNotIn(ESCAPE, result.out + result.err, arguments)

    def test_a_terminal_gets_colours_unless_told_otherwise(self):
        code, shown = in_terminal("decode", self.MESSAGE, environment={"NO_COLOR": ""})
        self.assertEqual(0, code)
        self.assertIn(ESCAPE, shown)
        for arguments in [["decode", self.MESSAGE], ["decode", "rubbish"]]:
            self.assertNotIn(ESCAPE, in_terminal(*arguments, environment={"NO_COLOR": "1"})[1], arguments)


class Demo(unittest.TestCase):
    def test_from_a_pipe_it_ends_well_and_its_checks_are_true(self):
        result = lab.run("demo", "--json", "--objects", lab.OBJECTS)
        self.assertEqual(0, result.code, result.err)
        outcome = result.json()
        self.assertEqual((False, False, True),
                         (outcome["same_key"], outcome["factory_key_opens"], outcome["current_key_opens"]))
        self.assertGreaterEqual(len(outcome["journeys"]), 2)

    def test_in_words_it_shows_a_ladder_and_no_escape_codes(self):
        with tempfile.TemporaryDirectory() as folder:
            result = lab.run("demo", "--objects", lab.OBJECTS, environment={"TMPDIR": folder})
            self.assertEqual(0, result.code, result.err)
            self.assertEqual([], os.listdir(folder), "it cleans up")
        self.assertNotIn(ESCAPE, result.out + result.err)
        for text in ["Bootstrap-Finish", "Register", "Notify", "The factory's secret is not the secret now in use."]:
            self.assertIn(text, result.out)
        self.assertEqual(3, result.out.count("\nnotify "))

    def test_it_needs_no_options_and_no_repository(self):
        with tempfile.TemporaryDirectory() as folder:
            result = lab.run("demo", "--json", folder=folder)
        self.assertEqual(0, result.code, result.err)


if __name__ == "__main__":
    unittest.main()
