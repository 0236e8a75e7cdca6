#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Completion, asked of bash itself (and of zsh where there is one): words of the command table, and names that the array has now."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import harness

SCRIPTS = harness.BUILD / "src/cli/completion"


class Completion(harness.ArrayTest):
    portals = ("127.0.0.1", "::1")

    def candidates(self, line):
        """COMPREPLY as bash would have it with the cursor at the end of the line."""
        script = f"""
            source "$1"
            COMP_LINE=$2 COMP_POINT=${{#2}}
            _vdsctl
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        path = f"{harness.VDSCTL.parent}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "-c", script, "bash", SCRIPTS / "vdsctl", line], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "PATH": path, "VDS_SOCKET": self.array.socket})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [word for word in done.stdout.splitlines() if word]

    def test_words_of_the_command_table(self):
        self.assertIn("group", self.candidates("vdsctl "))
        self.assertEqual(self.candidates("vdsctl gr"), ["group"])
        self.assertEqual(self.candidates("vdsctl target s"), ["show"])
        self.assertEqual(self.candidates("vdsctl target nonsense x"), [])
        self.assertEqual(self.candidates("vdsctl --so"), ["--socket"])
        self.assertEqual(set(self.candidates("vdsctl lun create disk --")) & {"--size", "--thick", "--iqn"}, {"--size", "--thick"})
        self.assertEqual(self.candidates("vdsctl lun create disk --size "), [])
        self.assertEqual(self.candidates("vdsctl completion "), ["bash", "zsh"])

    def test_each_noun_and_verb_of_the_help_is_offered(self):
        nouns = self.candidates("vdsctl ")
        self.assertEqual(len(nouns), len(set(nouns)))
        for noun in nouns:
            verbs = [line.split()[1] for line in self.array.ctl(noun, "--help").splitlines()
                     if re.match(rf"  {noun} [a-z]", line)]
            self.assertEqual(set(verbs) - set(self.candidates(f"vdsctl {noun} ")), set())

    def test_names_that_the_array_has(self):
        first, second = self.array.portals
        self.array.target("box", [first], [second], lun="disk")
        self.array.ctl("target", "create", "other")
        self.assertEqual(self.candidates("vdsctl target show b"), ["box"])
        self.assertEqual(self.candidates("vdsctl --json target delete "), ["box", "other"])
        self.assertEqual(self.candidates("vdsctl group delete "), ["box/1", "box/2"])
        self.assertEqual(self.candidates("vdsctl lun detach disk "), ["box", "other"])
        self.assertEqual(self.candidates(f"vdsctl group move box/1 {first} "), ["box/1", "box/2"])
        self.assertEqual(len(self.candidates("vdsctl group set box/1 ")), 2)
        self.assertEqual(self.candidates("vdsctl lun attach disk box o"), ["other"])  # T... takes more than one
        self.assertEqual(self.candidates("vdsctl target show box "), [])              # T takes one
        self.assertEqual(self.candidates("vdsctl explain x box "), ["disk"])          # optional, too

    def test_bash_breaks_addresses_at_colons(self):
        first, second = self.array.portals
        self.assertEqual(self.candidates("vdsctl portal online 127"), [first])
        self.assertEqual(self.candidates(f"vdsctl portal online {first[:-3]}"), [first.rpartition(":")[2]])
        self.assertEqual(self.candidates("vdsctl portal online [::"), ["1]:" + second.rpartition(":")[2]])

    def test_without_a_service_words_are_still_offered_and_nothing_is_said(self):
        self.array.stop()
        self.assertEqual(self.candidates("vdsctl target show "), [])
        self.assertEqual(self.candidates("vdsctl sta"), ["status"])

    def test_the_socket_of_the_line_is_asked(self):
        self.array.target("box")
        where, self.array.socket = self.array.socket, "/nonexistent"
        try:
            self.assertEqual(self.candidates("vdsctl target show "), [])
            self.assertEqual(self.candidates(f"vdsctl --socket {where} target show "), ["box"])
            self.assertEqual(self.candidates(f"vdsctl --host there target show "), [])
        finally:
            self.array.socket = where

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_takes_the_script(self):
        done = subprocess.run(["zsh", "-n", str(pathlib.Path(SCRIPTS / "_vdsctl"))], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    harness.main()
