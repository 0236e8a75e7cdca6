#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the README and the examples of the man pages tell to type, typed; what they tell to compile, compiled."""
import pathlib
import re
import shlex
import shutil
import subprocess
import unittest

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DISKRAID = harness.BUILD / "src/cli/diskraid/diskraid"


def example(page):
    """The lines of a man page's examples."""
    return re.search(r"\.Sh EXAMPLES\n\.Bd -literal\n(.*?)\.Ed", (ROOT / "docs/man" / page).read_text(encoding="utf-8"), re.S)[1].splitlines()


class Readme(harness.ArrayTest):
    def run_vdsctl(self, line):
        program, *words = shlex.split(line, comments=True)
        self.assertEqual(program, "vdsctl", line)
        self.array.ctl(*words, *(["--once"] if words == ["top"] else []))

    def with_our_portals(self, line):
        for port, portal in zip(("3260", "3261"), self.array.portals):
            line = line.replace(f"127.0.0.1:{port}", portal)
        return line

    def test_the_readme_can_be_followed(self):
        console = re.search(r"```console\n(.*?)```", README, re.S)[1]
        lines = [line[2:] for line in console.splitlines() if line.startswith("$ vdsctl")] + re.findall(r"^vdsctl .*", README, re.M)
        self.assertGreater(len(lines), 8)
        for line in lines:
            self.run_vdsctl(self.with_our_portals(line))
        self.assertEqual(self.array.json("group", "list")[0]["portals"], [self.array.portals[1]])

    def test_the_options_of_vdsd_in_the_readme_are_its_own(self):
        told = subprocess.run([harness.VDSD, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
        for line in re.findall(r"^\$ vdsd (.*) &$", README, re.M):
            for option in re.findall(r"--[a-z-]+", line):
                self.assertIn(f"  {option} ", told)

    def test_the_program_in_the_readme_compiles(self):
        program = re.search(r"```c\n(.*?)```", README, re.S)[1]
        done = subprocess.run(["cc", "-x", "c", "-", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include",
                               f"-I{harness.BUILD}/include"], input=program, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_files_that_the_readme_names_are_there(self):
        for name in re.findall(r"\]\(([^):]+)\)", README):
            self.assertTrue((ROOT / name).exists(), name)

    def test_the_example_of_vdsctl_runs(self):
        self.array.stop()
        self.array.options = ["--portal", "192.0.2.10"]
        self.array.start()
        for line in example("vdsctl.1"):
            self.run_vdsctl(line)
        self.assertEqual(self.array.json("lun", "list")[0]["allowed"], ["iqn.1993-08.org.debian:01:host"])

    @unittest.skipUnless(shutil.which("busctl"), "busctl is not installed")
    def test_the_calls_of_busctl_work(self):
        group = self.array.target("box", []) and self.array.json("group", "list")[0]["id"].replace("-", "_")
        portal = self.array.json("portal", "list")[0]["id"]
        pages = "".join((ROOT / page).read_text(encoding="utf-8") for page in ("docs/dbus.md", "docs/man/vds.7"))
        lines = re.findall(r"busctl --address=unix:path=/run/vds/vds.sock [^`\n]*", pages)
        self.assertGreater(len(lines), 4)
        for line in lines:
            line = line.replace("/run/vds/vds.sock", self.array.socket).replace("fa4e0001_…", group).replace("0b6ffa39-…", portal)
            done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""), line)
            self.assertTrue(done.stdout, line)
        self.assertEqual(self.array.json("group", "list")[0]["portals"], [self.array.portals[0]])

    def test_the_example_of_diskraid_runs(self):
        done = subprocess.run([DISKRAID, "--socket", self.array.socket], input="\n".join(example("diskraid.1")), capture_output=True, text=True,
                              timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.array.json("lun", "list")[0]["targets"], [{"target": "box", "number": 0}])


if __name__ == "__main__":
    harness.main()
