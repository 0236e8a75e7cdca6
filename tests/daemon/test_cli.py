#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vdsctl and vdsd as people meet them: exit codes, sentences, stable text. (Their man pages: test_man.py.)"""
import os
import subprocess

import harness


class Cli(harness.ArrayTest):
    portals = ("127.0.0.1", "::1")

    def refused(self, *words):
        with self.assertRaises(harness.Refused) as caught:
            self.array.ctl(*words)
        return caught.exception

    def test_wrong_usage_ends_with_2(self):
        for words in ([], ["nonsense"], ["group"], ["group", "nonsense"], ["group", "create"], ["show", "extra"], ["lun", "create", "x"],
                      ["lun", "create", "x", "--size", "abc"], ["lun", "create", "x", "--size"], ["group", "list", "--thick"],
                      ["group", "remove-portal", "a/1", "b", "--drain", "-1"], ["--timeout", "x", "show"], ["--nonsense", "show"]):
            self.assertEqual(self.refused(*words).code, 2, words)

    def test_numbers_of_seconds_have_limits(self):
        for words in (["--timeout", "0", "status"], ["--timeout", "1e300", "status"], ["--timeout", "inf", "status"], ["--timeout", "0x9", "status"],
                      ["--timeout", "", "status"], ["group", "set", "a/1", "b", "--drain", "."], ["group", "set", "a/1", "b", "--drain", "nan"],
                      ["top", "--interval", "3601"]):
            self.assertEqual(self.refused(*words).code, 2, words)
        self.array.ctl("--timeout", "1.5", "status")

    def run_with(self, *words, program=harness.VDSCTL, **descriptors):
        environment = {**os.environ, "VDS_SOCKET": self.array.socket}
        return subprocess.run([program, *words], stderr=subprocess.PIPE, text=True, timeout=60, env=environment, **descriptors)

    def test_what_cannot_be_written_is_said(self):
        self.array.target("box")
        for i in range(30):  # more than one buffer of stdio
            self.array.ctl("target", "create", f"{i}" + "x" * 200)
        with open("/dev/full", "w") as full:
            for words in (["show"], ["--json", "show"], ["--help"], ["--version"], ["lun", "--help"], ["target", "create", "other"],
                          ["top", "--count", "5", "--interval", "0.1"], ["watch", "--since", "0"]):
                done = self.run_with(*words, stdout=full)
                self.assertEqual(done.returncode, 1, words)
                self.assertIn("vdsctl: cannot write to standard output", done.stderr, words)
            self.assertEqual(self.run_with("--help", program=harness.VDSD, stdout=full).returncode, 1)

    def test_a_closed_standard_output_is_not_taken_for_the_connection(self):
        self.array.target("box")
        for words in (["show"], ["group", "create", "box"], ["watch", "--since", "0"]):
            done = self.run_with(*words, preexec_fn=lambda: os.close(1))
            self.assertEqual(done.returncode, 1, words)
            self.assertIn("cannot write to standard output: Bad file descriptor", done.stderr, words)
        done = self.run_with("target", "delete", "box", preexec_fn=lambda: os.closerange(0, 2))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_watch_and_top_end_when_nobody_reads_along(self):
        for words in (["watch"], ["top", "--interval", "3600"]):
            following = self.array.ctl_start(*words)
            following.stdout.close()
            self.assertEqual(following.wait(60), 0, words)
            following.stderr.close()
            self.assertEqual(self.run_with(*words, preexec_fn=lambda: os.close(1)).returncode, 0, words)

    def test_no_service_ends_with_3(self):
        done = subprocess.run([harness.VDSCTL, "--socket", "/nonexistent/s", "show"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 3)
        self.assertIn("/nonexistent/s", done.stderr)

    def test_a_refusal_names_the_code_and_the_object(self):
        self.array.target("box", [], [])
        p1, p2 = self.array.portals
        self.array.ctl("group", "add-portal", "box/1", p1)
        said = self.refused("group", "add-portal", "box/2", p1)
        self.assertEqual(said.code, 1)
        self.assertIn("VDS_E_INVALID_OPERATION", said.text)
        self.assertIn("box/1", said.text)  # design section 5: the message names the group
        self.assertIn("VDS_E_OBJECT_NOT_FOUND", self.refused("group", "remove-portal", "box/2", p2).text)
        self.assertIn("VDS_E_ASSOCIATED_PORTALS_EXIST", self.refused("group", "delete", "box/1").text)
        self.assertIn("VDS_E_NAME_NOT_UNIQUE", self.refused("target", "create", "again", "--iqn", self.array.json("target", "show", "box")
                                                            ["iscsi_name"]).text)
        self.assertEqual(self.refused("target", "delete", "nobody").code, 1)

    def test_adding_a_portal_twice_is_done_at_once(self):
        self.array.target("box", [self.array.portals[0]])
        self.array.ctl("group", "add-portal", "box/1", self.array.portals[0])
        self.assertEqual(self.array.json("group", "list")[0]["portals"], [self.array.portals[0]])

    def test_the_lists_are_text_and_json(self):
        p1, p2 = self.array.portals
        self.array.target("box", [p1], [p2], lun="disk")
        self.assertEqual(self.array.ctl("portal", "list").splitlines()[0].split(), ["PORTAL", "STATUS", "GROUPS"])
        self.assertIn(f"{p1}", self.array.ctl("group", "list"))
        shown = self.array.ctl("show")
        for part in (p1, p2, "box", "group 1", "group 2", "LUN 0  disk", "64M thin"):
            self.assertIn(part, shown)
        tree = self.array.json("show")
        self.assertEqual([t["name"] for t in tree["targets"]], ["box"])
        self.assertEqual(tree["luns"][0]["size"], 64 << 20)
        self.assertEqual(tree["luns"][0]["targets"], [{"target": "box", "number": 0}])
        self.assertEqual({p["status"] for p in tree["portals"]}, {"online"})

    def test_a_thick_lun_takes_its_space_and_a_thin_one_does_not(self):
        self.array.ctl("lun", "create", "thick", "--size", "32M", "--thick")
        self.array.ctl("lun", "create", "thin", "--size", "1T")
        luns = {lun["name"]: lun for lun in self.array.json("lun", "list")}
        self.assertGreaterEqual(luns["thick"]["allocated"], 32 << 20)
        self.assertLess(luns["thin"]["allocated"], 1 << 20)

    def test_a_target_with_luns_is_not_deleted(self):
        self.array.target("box", [], lun="disk")
        self.assertIn("VDS_E_ASSOCIATED_LUNS_EXIST", self.refused("target", "delete", "box").text)
        self.array.ctl("lun", "detach", "disk", "box")
        self.array.ctl("target", "delete", "box")
        self.array.ctl("lun", "delete", "disk")
        self.assertEqual(self.array.json("lun", "list"), [])

    def test_watch_shows_events_in_order(self):
        watch = self.array.ctl_start("watch")
        self.addCleanup(watch.kill)
        lines = []
        while not lines:  # watch is heard from only once something happens: make something happen until it is
            self.array.ctl("target", "create", "probe")
            self.array.ctl("target", "delete", "probe")
            while watch.stdout in __import__("select").select([watch.stdout], [], [], 0.2)[0]:
                lines.append(watch.stdout.readline())
        self.array.target("box", [self.array.portals[0]])
        seen = []
        while len(seen) < 3:
            words = watch.stdout.readline().split()
            if "probe" not in words and (words[1] == "group" or (words[1], words[2]) == ("target", "created")):
                seen.append((words[1], words[2]))
                if seen[0] != ("target", "created"):
                    seen.clear()
        self.assertEqual(seen, [("target", "created"), ("group", "created"), ("group", "changed")])
        watch.terminate()
        watch.communicate(timeout=60)
        self.assertEqual(watch.returncode, 0)

    def test_a_second_vdsd_on_the_same_state_is_refused(self):
        done = subprocess.run([harness.VDSD, "--state", self.array.directory / "state", "--socket", self.array.directory / "s2"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.array.directory / "state"), done.stderr)

    def test_wrong_options_of_vdsd_end_with_2(self):
        for words in (["--nonsense"], ["--reactors", "x"], ["--reactors"], ["--epoll=1"], ["stray"], ["--log-level", "loud"]):
            done = subprocess.run([harness.VDSD, *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, words)


if __name__ == "__main__":
    harness.main()
