#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What vdsctl, diskraid and vdsd say to bad input: the exit code, the object, the next step; and nothing that steers a terminal."""
import pathlib
import subprocess
import tempfile
import unittest

import harness

DISKRAID = harness.BUILD / "src/cli/diskraid/diskraid"
HUGE = "99999999999999999999999"
RED = "\x1b[31mred\x07"
BAD_WORDS = (RED, "a\nb", "\x7f", "\u009b31m")

# words, exit code, what the sentence has in it. p1, p2: the portals; box has group 1 with p1, group 2, and the LUN "tied"
VDSCTL = (
    (["nonsense"], 2, "nonsense", "--help"),
    (["group", "nonsense"], 2, "nonsense"),
    (["target", "show"], 2, "usage: vdsctl target show T"),
    (["target", "show", "none"], 1, "'none'", "vdsctl target list"),
    (["target", "show", "twin"], 1, "'twin'", "2 targets", "GUID", "vdsctl --json target list"),
    (["target", "create", ""], 2, "empty"),
    (["target", "create", "x" * 256], 2, "256", "255"),
    (["target", "create", "y", "--iqn", "nonsense"], 1, '"nonsense"', "iqn."),
    (["target", "delete", "box"], 1, "VDS_E_ASSOCIATED_LUNS_EXIST", "detach"),
    (["target", "chap", "box"], 2, "--secret-file", "--clear"),
    (["target", "chap", "box", "--secret-file", "/nonexistent"], 2, "/nonexistent: No such file"),
    (["target", "chap", "box", "--clear", "--initiator", "x"], 1, "target box", '"x" is not an iSCSI name'),
    (["group", "create", "none"], 1, "'none'", "vdsctl target list"),
    (["group", "delete", "box"], 1, "'box'", "box/1"),
    (["group", "delete", "box/9"], 1, "'box/9'", "vdsctl group list"),
    (["group", "delete", "box/-1"], 1, "'box/-1'", "box/1"),
    (["group", "delete", f"box/{HUGE}"], 1, HUGE, "box/1"),
    (["group", "delete", "box/1"], 1, "box/1", "remove them first"),
    (["group", "add-portal", "box/1"], 2, "usage: vdsctl group add-portal T/TAG PORTAL"),
    (["group", "add-portal", "box/1", "192.0.2.1"], 1, "'192.0.2.1'", "vdsctl portal list"),
    (["group", "add-portal", "box/1", "192.0.2.1:99999"], 1, "'192.0.2.1:99999'", "vdsctl portal list"),
    (["group", "add-portal", "box/2", "p1"], 1, "VDS_E_INVALID_OPERATION", "box/1"),
    (["group", "remove-portal", "box/1", "p2"], 1, "VDS_E_OBJECT_NOT_FOUND", "box/1"),
    (["group", "remove-portal", "box/1", "p1", "--drain", HUGE], 2, HUGE, "86400"),
    (["lun", "create", "x"], 2, "--size SIZE"),
    (["lun", "create", "", "--size", "1M"], 2, "empty"),
    (["lun", "create", "x", "--size", "0x10"], 2, "'0x10'", "10G"),
    (["lun", "create", "x", "--size", "1e3"], 2, "'1e3'", "10G"),
    (["lun", "create", "x", "--size", "1.2.3"], 2, "1.2.3", "10G"),
    (["lun", "create", "x", "--size", "0"], 2, "'0'", "10G"),
    (["lun", "create", "x", "--size", HUGE], 2, HUGE, "10G"),
    (["lun", "create", "x", "--size", "-1"], 2, "'-1'", "10G"),
    (["lun", "create", "x", "--size", "16777216T"], 2, "16777216T"),
    (["lun", "create", "x", "--size", "1000T", "--thick"], 1, "LUN x", "VDS_E_NOT_ENOUGH_SPACE", "drive"),
    (["lun", "create", "x", "--size", "2T", "--memory"], 1, "VDS_E_NOT_ENOUGH_SPACE", "--memory-mib"),
    (["lun", "create", "x", "--size", "1M", "--block-size", "513"], 1, "512 or 4096"),
    (["lun", "create", "x", "--size", "1M", "--block-size", "8G"], 2, "'8G'", "512 or 4096"),
    (["lun", "extend", "none", "1G"], 1, "'none'", "vdsctl lun list"),
    (["lun", "extend", "tied", "1M"], 1, "LUN tied has 64M", "larger"),
    (["lun", "shrink", "tied", "1G"], 1, "LUN tied has 64M", "smaller"),
    (["lun", "delete", "tied"], 1, "LUN tied", "vdsctl lun detach tied box"),
    (["lun", "attach", "tied", "none"], 1, "'none'", "vdsctl target list"),
    (["lun", "allow", "masked", "nonsense"], 1, '"nonsense" is not an iSCSI name'),
    (["lun", "allow", "tied", "*", "iqn.2026-11.org:x"], 2, "'*'", "alone"),
    (["lun", "allow", "tied", "iqn.2026-11.org:x"], 1, "LUN tied is open to everyone", "vdsctl lun deny tied"),
    (["lun", "deny", "tied", "iqn.2026-11.org:x"], 1, "LUN tied is open to everyone", "vdsctl lun deny tied"),
    (["lun", "deny", "masked", "iqn.2026-11.org:y"], 1, "LUN masked", "iqn.2026-11.org:y", "nothing was changed", "vdsctl lun list"),
    (["lun", "deny", "masked", "*"], 1, "LUN masked", "nothing was changed"),
    (["portal", "offline", "127.0.0.1"], 1, "'127.0.0.1' fits 2 portals", "port", "p2"),
    (["portal", "offline", "192.0.2.1"], 1, "'192.0.2.1'", "vdsctl portal list"),
    (["session", "drop", "1"], 1, "session 1", "vdsctl session list"),
    (["session", "drop", HUGE], 2, HUGE, "vdsctl session list"),
    (["watch", "--since", HUGE], 2, "--since"),
    (["explain", "iqn.2026-11.org:x", "box", "none"], 1, "'none'", "vdsctl lun list"),
    (["completion", "fish"], 2, "'fish'", "bash"),
    (["--timeout", "-1", "show"], 2, "--timeout", "-1"),
    (["--host", "x", "show"], 2, "--socket and --host"),
)

SELECTED = "select subsystem 0\nselect target 0\nselect tpgroup 1\n"
LUN = "select subsystem 0\nselect lun 0\n"
DISKRAID_LINES = (
    ("nonsense", 5, "'nonsense'", "HELP"),
    ("list", 5, "LIST LUNS"),
    ("select lun x", 5, "'x' is not a number"),
    (f"select lun {HUGE}", 5, HUGE),
    ("detail lun", 5, "no LUN selected", "SELECT"),
    (SELECTED + "create lun simple size=abc", 5, "'abc'", "10GB"),
    (SELECTED + f"create lun simple size={HUGE}TB", 5, HUGE),
    (SELECTED + "create lun simple size=1GB drives=9", 5, "no drive 9"),
    (SELECTED + "create lun raid size=1GB", 4, "VDS_E_NOT_SUPPORTED", "simple"),
    (SELECTED + "create target name=x iscsiname=bad", 4, '"bad" is not an iSCSI name'),
    (SELECTED + "add tpgroup tportal=99", 5, "no target portal 99"),
    (SELECTED + "add tpgroup tportal=0", 4, "VDS_E_INVALID_OPERATION", "box/1"),
    (SELECTED + "delete target", 4, "VDS_E_ASSOCIATED_LUNS_EXIST", "detach"),
    (SELECTED + "chap target set secret=short", 4, "12 to 16 bytes"),
    (LUN + "shrink lun size=1TB", 4, "VDS_E_INVALID_SHRINK_SIZE", "64 MiB"),
    (LUN + "unmask lun wwn=123", 5, "16 hexadecimal digits"),
    (LUN + "associate targets 99", 5, "no target 99"),
    (LUN + "recover lun", 4, "VDS_E_INVALID_OPERATION", "simple"),
    (LUN + "break plex=0", 4, "VDS_E_INVALID_OPERATION", "one plex"),
    (LUN + "maintenance lun beep", 4, "VDS_E_NOT_SUPPORTED", "beep"),
    ("select subsystem 0\nselect controller 0\nreset controller", 4, "VDS_E_NOT_SUPPORTED", "restarts"),
    ('name lun "x', 5, "quotation mark"),
    ("x" * 5000, 5, "too long"),
)


def is_plain(text):
    return all(c.isprintable() or c in "\n\t" for c in text)


class Errors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.array = harness.Array()
        cls.addClassCleanup(cls.array.remove)
        cls.array.target("box", [cls.array.portals[0]], [], lun="tied")
        cls.array.ctl("lun", "create", "masked", "--size", "1M")
        cls.array.ctl("lun", "allow", "masked", "iqn.2026-11.org:x")
        for _ in range(2):
            cls.array.ctl("target", "create", "twin")

    def run_program(self, program, *words):
        done = subprocess.run([str(program), *map(str, words)], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        self.assertTrue(is_plain(done.stdout + done.stderr), (words, done.stdout + done.stderr))
        return done

    def vdsctl(self, *words):
        return self.run_program(harness.VDSCTL, "--socket", self.array.socket, *words)

    def script(self, text, *words):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(text)
            file.flush()
            return self.run_program(DISKRAID, "--socket", self.array.socket, *words, "/s", file.name)

    def expect(self, done, code, parts, what):
        self.assertEqual(done.returncode, code, (what, done.stderr))
        for part in parts:
            self.assertIn(part, done.stderr, what)

    def test_vdsctl_names_the_object_and_the_next_step(self):
        before = self.array.json("show")
        portals = dict(zip(("p1", "p2"), self.array.portals))
        for words, code, *parts in VDSCTL:
            with self.subTest(words):
                said = [portals.get(part, part) for part in parts]
                self.expect(self.vdsctl(*(portals.get(word, word) for word in words)), code, said, words)
        self.assertEqual(self.array.json("show")["targets"], before["targets"])

    def test_diskraid_names_the_object_and_the_next_step(self):
        for text, code, *parts in DISKRAID_LINES:
            with self.subTest(text):
                self.expect(self.script(text), code, [*parts, "The script ends here: line"], text)

    def test_control_characters_in_words_are_refused_and_not_echoed(self):
        for word in BAD_WORDS:
            for words in ([word], ["target", "create", word], ["target", "show", word], ["--socket", word, "show"], ["lun", "create", "x", "--size", word]):
                self.expect(self.vdsctl(*words), 2, ["control characters", "\\x"], words)
            self.expect(self.run_program(harness.VDSD, "--state", word), 2, ["control characters", "\\x"], word)
            self.expect(self.run_program(DISKRAID, word), 2, ["control characters", "\\x"], word)
        for word in (RED, "\x7f"):
            self.expect(self.script(f"create target name={word}\n", "/v"), 5, ["control character"], word)
        self.assertEqual(self.script(f"rem {RED}\n", "/v").returncode, 0)

    def test_names_with_blanks_and_slashes_work(self):
        for name in ("a b", "a/b", "Größe", "-x"):
            self.assertEqual(self.vdsctl("target", "create", "--", name).returncode, 0)
            made = self.vdsctl("group", "create", "--", name)
            self.assertEqual(made.stdout.strip(), f"{name}/1")
            self.assertEqual(self.vdsctl("group", "delete", "--", f"{name}/1").returncode, 0)
            self.assertEqual(self.vdsctl("target", "delete", "--", name).returncode, 0)

    def test_what_has_gone_meanwhile_is_said_to_be_gone(self):
        text = ("select subsystem 0\ncreate lun simple size=1MB\n", "delete lun\n", "detail lun\n")
        self.expect(self.script("".join(text)), 5, ["no LUN selected"], text)

    def test_no_service(self):
        with tempfile.TemporaryDirectory() as directory:
            nobody = pathlib.Path(directory) / "s"
            self.expect(self.run_program(harness.VDSCTL, "--socket", nobody, "show"), 3, ["RPC_S_SERVER_UNAVAILABLE", str(nobody), "start vdsd"], "vdsctl")
            script = pathlib.Path(directory) / "script"
            script.write_text("list subsystems\n")
            self.expect(self.run_program(DISKRAID, "--socket", nobody, "/s", script), 4, [str(nobody), "start vdsd"], "diskraid")
        self.expect(self.run_program(DISKRAID, "/s", "/nonexistent"), 3, ["/nonexistent"], "a script that is not there")
        self.expect(self.run_program(DISKRAID, "/x"), 2, ["/x", "usage:"], "an option that is none")


if __name__ == "__main__":
    harness.main()
