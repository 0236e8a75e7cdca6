#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every command and every argument that Microsoft's page on DiskRAID documents, tried on a running service: what it does, or the refusal that
is right for an iSCSI array with simple LUNs. The host's open-iscsi is a stand-in. What the lines look like: tests/golden/diskraid."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
from unittest import mock

import harness
from test_host_initiator import STAND_IN

DISKRAID = harness.BUILD / "src/cli/diskraid/diskraid"
DONE, SERVICE, COMMAND = 0, 4, 5
UNSUPPORTED = "VDS_E_NOT_SUPPORTED"
HOST, OTHER = "iqn.2026-01.org.example:host", "iqn.2026-01.org.example:other"

# (what has the focus, the line, exit code, what it says). The array at the start: targets 0 (group 0 with portal 0) and 1, LUNs 0 and 1,
# drives 0 and 1, portals 0 and 1. Lines stand in the order of the page; what one makes the next take away.
SUB, LUN, TARGET, GROUP = ["subsystem 0"], ["subsystem 0", "lun 0"], ["subsystem 0", "target 0"], ["subsystem 0", "target 0", "tpgroup 0"]
DRIVE, CONTROLLER, PORT = ["subsystem 0", "drive 1"], ["subsystem 0", "controller 0"], ["subsystem 0", "controller 0", "port 0"]
ROWS = [
    (LUN, "add plex lun=1", SERVICE, UNSUPPORTED), (LUN, "add plex lun=1 noerr", DONE, UNSUPPORTED),
    (GROUP, "add tpgroup tportal=1", DONE, "was added"), (GROUP, "add tpgroup tportal=9 noerr", DONE, "There is no target portal 9"),
    (LUN, "associate controllers 0", DONE, r"\(Controllers active after this command: Ctlr 0\)"), (LUN, "associate controllers add 0", DONE, "Ctlr 0"),
    (LUN, "associate ports 0-0,0-1", SERVICE, UNSUPPORTED), (LUN, "associate ports add 0-0", SERVICE, UNSUPPORTED),
    (LUN, "associate targets 0", DONE, "command: Target 0"), (LUN, "associate targets add 1", DONE, "Target 0, Target 1"),
    ([], "automagic", DONE, "(?s)FCR.*FTL.*MSR.*MXD.*MXS.*ORA.*ORS.*OSR.*OSW.*OWA.*OWS.*RBP.*RBV.*RMP.*STS.*WTC.*YNK"),
    ([], "automagic set FCR=yes FTL=no MSR=yes MXD=2 MXS=1GB ORA=4KB ORS=4KB OSR=yes OSW=yes OWA=4KB OWS=4KB RBP=3 RBV=no RMP=no STS=64KB WTC=yes YNK=no",
     DONE, "were set"),
    ([], "automagic set all MSR=yes", DONE, "were set"), ([], "automagic clear all", DONE, "were cleared"), ([], "automagic clear MSR", DONE, "were cleared"),
    (LUN, "automagic apply all MSR=yes", SERVICE, UNSUPPORTED), (LUN, "automagic apply MSR=yes", SERVICE, UNSUPPORTED),
    (LUN, "break plex=0", SERVICE, "VDS_E_INVALID_OPERATION"), (LUN, "break plex=0 noerr", DONE, "VDS_E_INVALID_OPERATION"),
    (SUB, "chap initiator remember secret=abcdefghijkl target=0", DONE, "was set"), (SUB, "chap initiator set secret=mnopqrstuvwx target=0", DONE, "was set"),
    (SUB, "chap initiator set secret=mnopqrstuvwx", DONE, "was set"),
    (TARGET, "chap target set secret=abcdefghijkl", DONE, "was set"), (TARGET, f"chap target set secret=abcdefghijkm initiator={HOST}", DONE, "was set"),
    (TARGET, f"chap target remember secret=mnopqrstuvwx initiator={HOST}", DONE, "was set"),
    (TARGET, f"chap target remember secret= initiator={HOST}", DONE, "was cleared"), (TARGET, f"chap target set secret= initiator={HOST}", DONE, "was cleared"),
    (TARGET, "chap target set secret=", DONE, "was cleared"),
    (SUB, "create lun simple size=8", DONE, "LUN 2 was created"), (SUB, "create lun simple size=8 drives=1 noerr", DONE, "LUN 3 was created"),
    (SUB, "create lun simple drives=1", DONE, "LUN 4 was created"),
    *[(SUB, f"create lun {kind} {arguments}", code, UNSUPPORTED) for kind in ("stripe", "raid", "mirror")
      for arguments, code in (("size=8", SERVICE), ("drives=0,1", SERVICE), ("size=8MB drives=0,1 stripesize=64KB noerr", DONE))],
    (SUB, "create lun automagic size=8", DONE, "LUN 5 was created"), (SUB, "create lun automagic size=8 noerr", DONE, "LUN 6 was created"),
    (SUB, "create target name=new", DONE, "Target 2 was created"), (SUB, "create target name=named iscsiname=iqn.2026-01.org.example:named", DONE, "Target 3"),
    (SUB, "create target name=again iscsiname=iqn.2026-01.org.example:named noerr", DONE, "VDS_E_NAME_NOT_UNIQUE"),
    (TARGET, "create tpgroup", DONE, "Target portal group 1 was created"), (TARGET, "create tpgroup noerr", DONE, "Target portal group 2 was created"),
    (["subsystem 0", "lun 2"], "delete lun", DONE, "was deleted"), (["subsystem 0", "lun 3"], "delete lun noerr", DONE, "was deleted"),
    (["subsystem 0", "lun 4"], "delete lun uninstall", DONE, "none to uninstall.*\n.*was deleted"),
    (["subsystem 0", "lun 3"], "delete lun uninstall noerr", DONE, "was deleted"),
    (["subsystem 0", "target 2"], "delete target", DONE, "was deleted"), (TARGET, "delete target noerr", DONE, "VDS_E_ASSOCIATED_LUNS_EXIST"),
    (["subsystem 0", "target 0", "tpgroup 1"], "delete tpgroup", DONE, "was deleted"), (GROUP, "delete tpgroup noerr", DONE, "VDS_E_ASSOCIATED_PORTALS_EXIST"),
    ([], "detail hbaport", COMMAND, "There is no HBA port selected"), (["iadapter 0"], "detail iadapter", DONE, "open-iscsi"),
    (["iadapter 0", "iportal 1"], "detail iportal", DONE, "192.0.2.7"), (SUB, "detail provider", DONE, "Hardware"), (SUB, "detail subsystem", DONE, "LUN masking"),
    (CONTROLLER, "detail controller", DONE, "Online"), (PORT, "detail port", DONE, "network"), (DRIVE, "detail drive", DONE, "Slot +: 1"),
    (LUN, "detail lun", DONE, "Simple"), (LUN, "detail lun verbose", DONE, "Plex 0"), (["subsystem 0", "tportal 0"], "detail tportal", DONE, "127.0.0.1"),
    (TARGET, "detail target", DONE, "Target portal groups"), (GROUP, "detail tpgroup", DONE, "TPortal 0"),
    (LUN, "dissociate controllers 0", SERVICE, UNSUPPORTED), (LUN, "dissociate ports 0-0", SERVICE, UNSUPPORTED),
    (LUN, "dissociate targets 1", DONE, "command: Target 0"),
    ([], "exit", DONE, "^$"),
    (LUN, "extend lun size=8", DONE, "Its size is now"), (LUN, "extend lun size=8 drives=0", DONE, "Its size"), (["subsystem 0", "lun 5"], "extend lun drives=0 noerr", DONE, ""),
    (CONTROLLER, "flushcache controller", SERVICE, UNSUPPORTED), ([], "help", DONE, "UNMASK"), ([], "help select", DONE, r"SELECT LUN \[<n>\]"),
    (SUB, "importtarget subsystem", DONE, "has no import target"), (TARGET, "importtarget subsystem set target", DONE, "is now the import target"),
    ([], "initiator", DONE, HOST), (CONTROLLER, "invalidatecache controller", SERVICE, UNSUPPORTED),
    *[(LUN, f"lbpolicy set lun type={policy}", SERVICE, UNSUPPORTED)
      for policy in ("FAILOVER", "ROUNDROBIN", "SUBSETROUNDROBIN", "DYNLQD", "WEIGHTED", "LEASTBLOCKS", "VENDORSPECIFIC")],
    (LUN, "lbpolicy set lun type=weighted paths=0-primary,1-20", SERVICE, UNSUPPORTED), (LUN, "lbpolicy set lun paths=0-primary", SERVICE, UNSUPPORTED),
    ([], "list hbaports", DONE, "There are no HBA ports"), ([], "list iadapters", DONE, "open-iscsi"), (["iadapter 0"], "list iportals", DONE, "IPortal 1"),
    (SUB, "list providers", DONE, r"\* Provider 0"), (SUB, "list subsystems", DONE, r"\* Subsystem 0"), (CONTROLLER, "list controllers", DONE, r"\* Ctlr 0"),
    (PORT, "list ports", DONE, r"\* Port 0"), (DRIVE, "list drives", DONE, r"\* Drive 1"), (LUN, "list luns", DONE, r"\* LUN 0"),
    (["subsystem 0", "tportal 1"], "list tportals", DONE, r"\* TPortal 1"), (TARGET, "list targets", DONE, r"\* Target 0"), (GROUP, "list tpgroups", DONE, r"\* TPGroup 0"),
    (TARGET, "login target iadapter=0", DONE, "is logged in"), (TARGET, "login target iadapter=0 type=manual chap=none tportal=0", DONE, "is logged in"),
    (["iadapter 0", *TARGET], "login target iadapter=0 type=persistent chap=oneway iportal=1 tportal=0 emp ehd edd", DONE, "is logged in"),
    (TARGET, "login target iadapter=0 chap=mutual", DONE, "is logged in"), (TARGET, "login target iadapter=0 type=boot", SERVICE, UNSUPPORTED),
    (TARGET, "login target iadapter=0 ips", SERVICE, UNSUPPORTED), (TARGET, "logout target iadapter=0", DONE, "is logged out"),
    *[(focus, f"maintenance {kind} {operation}{count}", *((DONE, "has begun") if operation in can and not (count and "spin" in operation) else (SERVICE, UNSUPPORTED)))
      for kind, focus, can in (("subsystem", SUB, "blink beep ping"), ("controller", CONTROLLER, "blink beep ping"), ("port", PORT, ""),
                               ("drive", DRIVE, "spinup spindown blink ping"), ("lun", LUN, "blink ping"))
      for operation in ("spinup", "spindown", "blink", "beep", "ping") for count in ("", " count=2")],
    (SUB, "name subsystem array", DONE, "was named"), (SUB, "name subsystem", DONE, ""), (LUN, "name lun \"a disk\"", DONE, "was named"), (LUN, "name lun", DONE, ""),
    (TARGET, "name target " + "x" * 63, DONE, "was named"), (TARGET, "name target " + "x" * 64, COMMAND, "less than 64"), (TARGET, "name target", DONE, ""),
    *[(focus, f"{word} {kind}", DONE, "") for kind, focus in (("lun", LUN), ("drive", DRIVE), ("tportal", ["subsystem 0", "tportal 1"]),
                                                            ("controller", CONTROLLER), ("subsystem", SUB)) for word in ("offline", "online")],
    ([], "online hbaport", COMMAND, "There is no HBA port selected"), ([], "standby hbaport", COMMAND, "There is no HBA port selected"),
    (LUN, "recover lun", SERVICE, "VDS_E_INVALID_OPERATION"), (["provider 0"], "reenumerate subsystems", DONE, ""), (SUB, "reenumerate drives", DONE, ""),
    (["provider 0"], "refresh provider", DONE, ""), ([], "rem anything \" goes", DONE, "^$"),
    (GROUP, "remove tpgroup tportal=1", DONE, "was removed"), (GROUP, "remove tpgroup tportal=1 noerr", DONE, "VDS_E_OBJECT_NOT_FOUND"),
    (DRIVE, "replace drive=0", SERVICE, UNSUPPORTED), (DRIVE, "replace drive=1", COMMAND, "it cannot replace itself"), (CONTROLLER, "reset controller", SERVICE, UNSUPPORTED),
    (PORT, "reset port", SERVICE, UNSUPPORTED),
    *[(["iadapter 0", *CONTROLLER, "target 0"] if kind not in ("port",) else CONTROLLER, f"select {kind} 0", DONE, "is now the selected")
      for kind in ("iadapter", "iportal", "provider", "subsystem", "controller", "port", "drive", "lun", "tportal", "target", "tpgroup")],
    ([], "select hbaport 0", DONE, "not valid"), *[([], f"select {kind}", DONE, "There is no .* selected") for kind in (
        "hbaport", "iadapter", "iportal", "provider", "subsystem", "controller", "port", "drive", "lun", "tportal", "target", "tpgroup")],
    (DRIVE, "setflag drive hotspare=true", SERVICE, UNSUPPORTED), (DRIVE, "setflag drive hotspare=false", SERVICE, UNSUPPORTED),
    (LUN, "shrink lun size=1", DONE, "Its size is now"), (LUN, "shrink lun size=1PB noerr", DONE, "VDS_E_INVALID_SHRINK_SIZE"),
    (LUN, "unmask lun all", DONE, "was changed"), (LUN, "unmask lun none", DONE, "was changed"), (LUN, f"unmask lun initiator={HOST};{OTHER}", DONE, "was changed"),
    (LUN, f"unmask lun add initiator={OTHER}", DONE, "was changed"), (LUN, "unmask lun wwn=0123456789abcdef", SERVICE, "E_INVALIDARG"),
    (LUN, "unmask lun add wwn=0123456789abcdef;0123456789abcdef", SERVICE, "E_INVALIDARG"), (LUN, "unmask lun none uninstall", DONE, "none to uninstall"),
]


class Reference(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="vds-host-")
        self.addCleanup(scratch.cleanup)
        host = pathlib.Path(scratch.name)
        (host / "iscsiadm").write_text(STAND_IN)
        (host / "iscsiadm").chmod(0o755)
        (host / "login").write_text("0")
        (host / "logout").write_text("0")
        drives = [host / "drive0", host / "drive1"]
        for drive in drives:
            drive.mkdir()
        (host / "initiatorname.iscsi").write_text(f"InitiatorName={HOST}\n")
        with mock.patch.dict(os.environ, {"VDS_TEST_PATH": f"{host}:{os.environ['PATH']}", "VDS_OPEN_ISCSI": str(host)}):
            self.array = harness.Array(options=("--drive", drives[0], "--drive", drives[1]))
        self.addCleanup(self.array.remove)
        self.array.target("box", [self.array.portals[0]])
        self.array.target("second", [])
        for lun in ("a", "b"):
            self.array.ctl("lun", "create", lun, "--size", "16M")

    def run_script(self, lines):
        done = subprocess.run([DISKRAID, "--socket", self.array.socket], input="\n".join(lines) + "\n", text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
        return done.stdout, done.returncode

    def test_each_line_does_what_the_page_says(self):
        for focus, line, code, said in ROWS:
            with self.subTest(line):
                before, _ = self.run_script([f"select {what}" for what in focus])
                text, got = self.run_script([*(f"select {what}" for what in focus), line])
                text = text.removeprefix(before).strip("\n")
                self.assertTrue(re.search(said, text), text)
                self.assertEqual(got, code, text)

    def test_capitals_and_three_letters_mean_the_same(self):
        for focus, line, _, _ in ROWS:
            words = line.split()
            short = " ".join(word[:3] if word.isalpha() and len(word) > 3 and words[0] not in ("name", "automagic", "rem", "help", "login", "logout", "remove")
                             else word for word in words)
            if focus or words[0] in ("maintenance", "lbpolicy", "rem"):  # spinup and spindown share letters; the rest is seen without the array
                continue
            with self.subTest(short):
                self.assertEqual(self.run_script([short.upper() if "iqn" not in short else short])[1], self.run_script([line])[1])

    def test_every_form_and_argument_that_help_shows_is_in_the_table(self):
        lines = [line for _, line, _, _ in ROWS]
        names = re.findall(r"^  ([A-Z]+) ", self.run_script(["help"])[0], re.M)
        self.assertEqual(len(names), 36)
        usage = re.findall(r"^  ([A-Z].*)$", self.run_script([f"help {name}" for name in names])[0], re.M)
        for form in usage:
            words = re.match(r"[A-Z]+(?: [A-Z]+(?=[ ]|$))*", form)[0].lower()
            mine = [line for line in lines if (line + " ").startswith(words + " ") or line.startswith(words + "=")]
            self.assertTrue(mine, form)
            arguments = re.findall(r"\b([A-Z]+)(?==)|\[([A-Z]+)\]|[{ ]([A-Z]+)(?= \||\})", form[len(words):])
            for argument in filter(None, (word for found in arguments for word in found)):
                self.assertTrue(any(re.search(rf"\b{argument.lower()}\b", line.lower()) for line in mine), f"{argument} of {form}")


if __name__ == "__main__":
    harness.main()
