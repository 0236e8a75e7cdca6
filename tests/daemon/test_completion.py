#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Completion, asked of bash itself (and of zsh where there is one): words of the command table, and names that the array has now."""
import contextlib
import os
import pathlib
import pty
import re
import shutil
import subprocess
import tempfile
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

    def test_names_with_blanks_and_quotes_can_be_run(self):
        self.array.target("my box")
        for name in ("it's", "my disk", "$HOME", "a:b"):
            self.array.ctl("lun", "create", name, "--size", "1M")
        self.assertEqual(self.candidates("vdsctl lun delete "), ["it\\'s", "my\\ disk", "\\$HOME", "a:b"])
        self.assertEqual(self.candidates("vdsctl lun delete my\\ d"), ["my\\ disk"])
        self.assertEqual(self.candidates("vdsctl lun delete 'my d"), ["my disk"])  # bash closes the quotation itself
        self.assertEqual(self.candidates("vdsctl lun delete \"my"), ["my disk"])
        self.assertEqual(self.candidates("vdsctl lun attach my\\ disk my"), ["my\\ box"])
        self.assertEqual(self.candidates("vdsctl lun attach 'my disk' my"), ["my\\ box"])
        self.assertEqual(self.candidates("vdsctl lun delete a:"), ["b"])

    def test_files_are_completed_by_bash(self):
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "secret file").touch()
            said = self.typed(f"vdsctl discovery chap --secret-file {directory}/sec\t\n")
            self.assertIn(f"{directory}/secret\\ file", said)

    def typed(self, keys):
        """What a bash on a terminal shows for these keys."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        bash = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                env={**os.environ, "PATH": f"{harness.VDSCTL.parent}:{os.environ['PATH']}", "PS1": "ready> ", "TERM": "dumb",
                                     "VDS_SOCKET": self.array.socket})
        self.addCleanup(bash.wait)
        self.addCleanup(bash.kill)
        os.close(slave)
        os.write(master, f"source {SCRIPTS}/vdsctl\n{keys}exit\n".encode())
        said = b""
        with contextlib.suppress(OSError):  # bash has gone
            while data := os.read(master, 4096):
                said += data
        return said.decode().replace("\r", "").replace("\x07", "")

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
            self.assertEqual(self.candidates(f"vdsctl --host there target sh"), ["show"])
            self.assertEqual(self.candidates(f"vdsctl --socket {where} --host=there target show "), [])
            self.assertEqual(self.candidates(f"vdsctl --host "), [])
        finally:
            self.array.socket = where

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_takes_the_script(self):
        done = subprocess.run(["zsh", "-n", str(pathlib.Path(SCRIPTS / "_vdsctl"))], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_asks_for_words_without_their_quotation_marks(self):
        self.array.target("my box")
        self.array.ctl("lun", "create", "my disk", "--size", "1M")
        script = """
            compadd() { shift; print -rl -- "$@" }
            words=("${(@z)1}") CURRENT=$#words
            source "$2"
        """
        for line, found in (("vdsctl target sh", "show"), ("vdsctl lun delete my\\ d", "my disk"), ("vdsctl lun attach 'my disk' m", "my box")):
            done = subprocess.run(["zsh", "-fc", script, "zsh", line, SCRIPTS / "_vdsctl"], capture_output=True, text=True, timeout=60,
                                  env={**os.environ, "PATH": f"{harness.VDSCTL.parent}:{os.environ['PATH']}", "VDS_SOCKET": self.array.socket})
            self.assertEqual((done.stdout.split("\n")[0], done.stderr), (found, ""), line)


if __name__ == "__main__":
    harness.main()
