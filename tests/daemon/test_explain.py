#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vdsctl explain says of each rule what a real login finds: every case asks both, through every portal."""
import contextlib
import subprocess

import harness
import initiator

DISKRAID = harness.BUILD / "src/cli/diskraid/diskraid"
NAME, OTHER = "iqn.2026-11.org.vds.test:one", "iqn.2026-11.org.vds.test:two"


class Explain(harness.ArrayTest):
    def explain(self, *words):
        """(exit code is 0, the JSON)"""
        try:
            self.array.ctl("explain", *words)
            done = True
        except harness.Refused:
            done = False
        return done, self.array.ctl("explain", *words, json_output=True, check=False)

    def rule(self, said, rule, subject=None):
        return [r for r in said["rules"] if r["rule"] == rule and subject in (None, r["subject"])]

    def luns_seen(self, portal, name):
        """LUN numbers that a session through the portal reports and can read; None: it may not log in there."""
        iqn = self.array.json("target", "show", "box")["iscsi_name"]
        try:
            session = initiator.login(portal, iqn, name)
        except (initiator.LoginRefused, OSError):
            return None
        with contextlib.closing(session):
            seen = set()
            for lun in session.report_luns():
                while True:  # unit attentions first
                    try:
                        session.read(0, 1, lun)
                        seen.add(lun)
                        break
                    except initiator.CheckCondition as refused:
                        if refused.key != 6:
                            break
            return seen

    def agree(self, name, lun=None):
        """Asks explain and the wire; returns what explain said once they have been found to agree."""
        done, said = self.explain(name, "box", *([lun] if lun else []))
        found = {portal: self.luns_seen(portal, name) for portal in self.array.portals}
        can_log_in = {portal for portal, luns in found.items() if luns is not None}
        self.assertEqual({r["subject"] for r in self.rule(said, "portal") if r["holds"]}, can_log_in)
        self.assertEqual(said["login"], bool(can_log_in))
        if lun:
            seen = set().union(*(luns for luns in found.values() if luns))
            numbers = {t["number"] for t in self.lun(lun)["targets"] if t["target"] == "box"}
            self.assertEqual(said["access"], bool(numbers & seen))
        self.assertEqual(done, said["access"])
        return said

    def lun(self, name):
        return next(lun for lun in self.array.json("lun", "list") if lun["name"] == name)

    def test_all_is_well(self):
        first, second = self.array.portals
        self.array.target("box", [first], [second], lun="disk")
        said = self.agree(NAME, "disk")
        self.assertTrue(said["access"])
        self.assertTrue(all(r["holds"] for r in said["rules"]))
        self.assertIn("tag 2", self.rule(said, "portal", second)[0]["reason"])
        self.assertIn(f"{NAME} can use disk through box", self.array.ctl("explain", NAME, "box", "disk"))

    def test_a_portal_that_is_offline_is_the_reason(self):
        first, second = self.array.portals
        self.array.target("box", [first, second], lun="disk")
        self.array.ctl("portal", "offline", first)
        self.assertIn(f"vdsctl portal online {first}", self.rule(self.agree(NAME), "portal", first)[0]["reason"])
        self.array.ctl("portal", "offline", second)
        self.assertFalse(self.agree(NAME, "disk")["login"])

    def test_a_portal_in_no_group_is_not_named(self):
        first, second = self.array.portals
        self.array.target("box", [first], [], lun="disk")
        said = self.agree(NAME)
        self.assertEqual([r["subject"] for r in self.rule(said, "portal")], [first])
        self.assertFalse(self.rule(said, "group", "box/2")[0]["holds"])
        self.array.ctl("group", "remove-portal", "box/1", first, "--now")
        self.assertFalse(self.agree(NAME)["login"])

    def test_a_target_without_groups_is_served_nowhere(self):
        self.array.ctl("target", "create", "box")
        self.assertIn("vdsctl group create box", self.rule(self.agree(NAME), "group")[0]["reason"])

    def test_what_is_offline_tells_what_it_waits_for(self):
        here, there = self.array.portals[0], "192.0.2.1:3260"  # an address for documentation (RFC 5737): of no host
        self.array.options += ["--portal", there]
        self.array.restart()
        self.array.target("box", [here, there], lun="disk")

        def why(rule, *lines):
            script = "select subsystem 0\nselect lun 0\n" + "\n".join(lines) + "\n"
            subprocess.run([DISKRAID, "--socket", self.array.socket], input=script, text=True, check=True, capture_output=True, timeout=60)
            return [r["reason"] for r in self.rule(self.explain(NAME, "box", "disk")[1], rule) if not r["holds"]]

        away = "offline: its address is not on this host, or it waits for 'vdsctl portal online "
        self.assertEqual(why("portal"), [f"{away}{there}'"])
        self.array.ctl("portal", "offline", here)
        self.assertEqual(why("portal"), [f"{away}{here}'", f"{away}{there}'"])
        said = subprocess.run([harness.VDSCTL, "--socket", self.array.socket, "portal", "online", there], capture_output=True, text=True, timeout=60)
        self.assertEqual((said.returncode, said.stderr), (0, f"vdsctl: portal {there} is offline still: its address is not on this host; "
                                                             "it serves when that arrives\n"))
        self.assertEqual(why("status", "offline lun"), ["offline, healthy: see ONLINE LUN in diskraid(1)"])
        self.assertEqual(why("array", "online lun", "offline subsystem"), ["offline: see ONLINE SUBSYSTEM in diskraid(1)"])
        self.assertEqual(why("status"), ["not ready, healthy: the array is offline"])

    def test_the_mask_decides_who_sees_a_lun(self):
        self.array.target("box", [self.array.portals[0]], lun="disk")
        self.array.ctl("lun", "deny", "disk")
        self.assertIn("nobody", self.rule(self.agree(NAME, "disk"), "mask")[0]["reason"])
        self.array.ctl("lun", "allow", "disk", OTHER)
        self.assertIn(f"vdsctl lun allow disk {NAME}", self.rule(self.agree(NAME, "disk"), "mask")[0]["reason"])
        self.assertTrue(self.agree(OTHER, "disk")["access"])
        self.assertTrue(self.agree(NAME)["access"])  # to log in is all that was asked
        self.array.ctl("lun", "allow", "disk", NAME.upper())
        self.assertTrue(self.agree(NAME, "disk")["access"])

    def test_a_lun_of_another_target_is_not_there(self):
        self.array.target("box", [self.array.portals[0]], lun="disk")
        self.array.ctl("lun", "create", "loose", "--size", "16M")
        self.assertIn("vdsctl lun attach loose box", self.rule(self.agree(NAME, "loose"), "LUN")[0]["reason"])

    def test_what_does_not_exist_is_said(self):
        for words in (("nobody",), ("box", "nothing")):
            self.array.ctl("target", "create", "box") if words[0] == "box" else None
            with self.assertRaises(harness.Refused) as caught:
                self.array.ctl("explain", NAME, *words)
            self.assertEqual(caught.exception.code, 1)
            self.assertIn(words[-1], caught.exception.text)


if __name__ == "__main__":
    harness.main()
