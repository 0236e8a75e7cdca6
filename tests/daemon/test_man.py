#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The man pages: every program has one, and it tells every command, option, environment variable and exit code."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs/man").glob("*.[1-9]")}
DISKRAID = harness.BUILD / "src/cli/diskraid/diskraid"
PROGRAMS = {"vdsd.8": harness.VDSD, "vdsctl.1": harness.VDSCTL, "diskraid.1": DISKRAID}


def said(program, *words):
    return subprocess.run([str(program), *words], capture_output=True, text=True, check=True, timeout=60).stdout


def section(page, name):
    return PAGES[page].split(f"\n.Sh {name}\n")[1].split("\n.Sh ")[0]


def items(text, macro):
    """What follows .It MACRO, without the macros of arguments."""
    return re.findall(rf"^\.It {macro} (.+)$", text, re.M)


class ManPages(unittest.TestCase):
    def test_every_installed_program_has_a_page_and_every_page_is_installed(self):
        plan = json.loads((harness.BUILD / "meson-info/intro-install_plan.json").read_text())
        programs = {pathlib.Path(path).name for path, entry in plan.get("targets", {}).items() if entry["destination"].startswith("{bindir}")}
        self.assertEqual(programs, {page.rsplit(".", 1)[0] for page in PAGES} - {"vds"})
        self.assertEqual({pathlib.Path(path).name for path in plan.get("man", {})}, set(PAGES))

    def test_the_options_of_help_are_those_of_the_page(self):
        for page, program in PROGRAMS.items():
            text = said(program, "--help")
            for option in set(re.findall(r"--([a-z][a-z-]*)", text)):
                self.assertRegex(PAGES[page], rf"Fl -{option}\b", f"{page} does not tell --{option}")
            for option in set(re.findall(r"^  (/[a-z?])", text, re.M)):
                self.assertRegex(PAGES[page], rf"\.It Cm {re.escape(option)}", f"{page} does not tell {option}")
            for option in items(section(page, "OPTIONS"), "Fl"):
                self.assertIn("-" + option.split()[0], text, f"{page} tells -{option}, which is none")

    def test_the_commands_of_vdsctl_are_those_of_the_page(self):
        listed = said(harness.VDSCTL, "--help").split("\nCommands:\n")[1].split("\n\n")[0]
        commands = set(re.findall(r"^  ([a-z]+(?: [a-z-]+)?)(?= |$)", listed, re.M))
        told = {re.match(r"[a-z]+(?: [a-z-]+)?", item)[0] for item in items(section("vdsctl.1", "COMMANDS"), "Cm")}
        self.assertEqual(commands, told)
        for line in listed.splitlines():  # each option with its command
            command = re.match(r"  ([a-z]+(?: [a-z-]+)?)(?= |$)", line)
            item = command and next(i for i in items(section("vdsctl.1", "COMMANDS"), "Cm") if re.match(command[1] + r"( |$)", i))
            for option in re.findall(r"--([a-z-]+)", line.strip().split("  ")[0]) if command else []:
                self.assertIn(f"Fl -{option}", item, command[1])

    def test_the_commands_of_diskraid_are_those_of_the_page(self):
        array = harness.Array(("127.0.0.1",))
        self.addCleanup(array.remove)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as script:
            script.write("help\n")
            script.flush()
            text = subprocess.run([str(DISKRAID), "--socket", array.socket, "/s", script.name], capture_output=True, text=True, check=True,
                                  timeout=60).stdout
        commands = {word.lower() for word in re.findall(r"^ *([A-Za-z]+) {2,}", text, re.M)}
        told = {item.split()[0] for item in items(section("diskraid.1", "COMMANDS"), "Ic")}
        self.assertEqual(commands, told, text)

    def test_every_exit_code_of_help_is_in_the_page(self):
        for page, program in PROGRAMS.items():
            codes = re.search(r"Exit codes: (.+)", said(program, "--help"), re.S)
            for code in re.findall(r"\b(\d)\b", codes[1]) if codes else "012":
                self.assertRegex(section(page, "EXIT STATUS"), rf"\.It {code}\n", page)

    def test_every_environment_variable_that_is_read_is_told(self):
        read = {name for path in (ROOT / "src").rglob("*.c") for name in re.findall(r'getenv\("(\w+)"\)', path.read_text(encoding="utf-8"))}
        told = set(re.findall(r"\.(?:It )?Ev ([A-Z_]+)(?: , ([A-Z_]+))?", "".join(PAGES.values())))
        self.assertLessEqual(read, {name for pair in told for name in pair})

    def test_the_pages_are_clean(self):
        for page in PAGES:
            path = str(ROOT / "docs/man" / page)
            if shutil.which("mandoc"):
                done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stdout), (0, ""))
            if shutil.which("groff"):
                done = subprocess.run(["groff", "-man", "-mandoc", "-ww", "-z", "-K", "utf-8", path], capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    harness.main()
