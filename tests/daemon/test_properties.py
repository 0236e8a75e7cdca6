#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every field of every structure of the API and every bit of its flags: the program `properties`, through the service and in process. Here:
what it is started with, and the ids that it saw against those in the state."""
import contextlib
import os
import pathlib
import re
import socket
import sqlite3
import subprocess
import tempfile
import uuid
from unittest import mock

import harness
import initiator
from test_host_initiator import STAND_IN
from test_refusals import documented


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as s:
        s.bind(("::1", 0))
        return True
    return False


class Properties(harness.ProgramTest):
    program = harness.BUILD / "tests/daemon/properties"

    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        here, there = (pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder))) for folder in (None, "/dev/shm"))
        self.assertNotEqual(here.stat().st_dev, there.stat().st_dev, "two file systems are wanted")
        self.directory = here
        self.drives = [here / "first", here / "second", there / "third"]
        self.hosts = ["127.0.0.1", "127.0.0.1", "::1" if has_ipv6() else "127.0.0.1"]
        (here / "iscsiadm").write_text(STAND_IN)
        (here / "iscsiadm").chmod(0o755)
        (here / "initiatorname.iscsi").write_text("InitiatorName=iqn.2026-01.org.example:host\n")
        self.version = subprocess.run([harness.VDSD, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        self.environment = {"VDS_OPEN_ISCSI": str(here), "VDS_TEST_PATH": f"{here}:{os.environ['PATH']}"}

    def run_properties(self, mode, state, pid, portals, **environment):
        said = self.run_program(mode, state, self.version, pid, *portals, *self.drives, **environment)
        return re.findall(r"^id (\S+) (\S+) (.*)$", said, re.M)

    def compare_ids(self, state, seen, *tables):
        """The ids of the state are those that the API gave out."""
        queries = {"portals": "SELECT address || ':' || port, id FROM portals", "targets": "SELECT iscsi_name, id FROM targets",
                   "drives": "SELECT path, id FROM drives", "pools": "SELECT path, pool FROM drives",
                   "subsystem": "SELECT '-', id FROM subsystem", "provider": "SELECT '-', provider FROM subsystem",
                   "controller": "SELECT '-', controller FROM subsystem"}
        with contextlib.closing(sqlite3.connect(state / "array.db")) as db:
            for table in tables or queries:
                with self.subTest(table=table):
                    ids = {name.replace("[", "").replace("]", ""): uuid.UUID(value) for kind, value, name in seen if kind == table}
                    rows = {name: uuid.UUID(bytes_le=value) for name, value in db.execute(queries[table])}
                    self.assertEqual(ids, {name: value for name, value in rows.items() if not tables or name in ids})
                    self.assertTrue(ids)

    def break_drives(self):
        """Another day: a file is where the last drive was."""
        self.drives[2].rename(self.drives[2].with_suffix(".away"))
        self.drives[2].write_text("no directory\n")

    def test_through_the_service(self):
        limits = ["--max-groups", "77", "--drain", "9"]
        with mock.patch.dict(os.environ, self.environment):
            array = harness.Array(self.hosts, [*limits, *(word for drive in self.drives for word in ("--drive", str(drive)))])
        self.addCleanup(array.remove)
        seen = self.run_properties("service", array.directory / "state", array.process.pid, array.portals, VDS_SOCKET=array.socket)
        array.stop()
        self.compare_ids(array.directory / "state", seen)
        self.break_drives()
        array.options = [*limits, *(word for drive in self.drives[2:] for word in ("--drive", str(drive)))]
        array.start()
        seen = self.run_properties("service-again", array.directory / "state", array.process.pid, array.portals, VDS_SOCKET=array.socket)
        array.stop()
        self.compare_ids(array.directory / "state", seen, "pools")

    def test_in_process(self):
        portals = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in zip(self.hosts, harness.free_ports(3))]
        environment = {**self.environment, "PATH": self.environment["VDS_TEST_PATH"]}
        state = self.directory / "state"
        seen = self.run_properties("inproc", state, 0, portals, **environment)
        self.compare_ids(state, seen)
        self.break_drives()
        self.compare_ids(state, self.run_properties("inproc-again", state, 0, portals, **environment), "pools")

    def test_what_flags_rely_on_is_in_the_document(self):
        rows = self.run_program("--refusals").splitlines()
        self.assertGreater(len(rows), 5)
        self.assertLessEqual(set(rows), set(documented()))


class Sessions(harness.ArrayTest):
    """What VDS_SESSION_PROP says of sessions that the program `properties` does not open, as vdsctl passes it on."""
    portals = ("127.0.0.1",)

    def connect(self):
        connection = initiator.Connection(self.array.portals[0])
        self.addCleanup(connection.close)
        return connection

    def session(self, **expected):
        session, = self.array.json("session", "list")
        self.assertEqual({key: session[key] for key in expected}, expected)

    def test_digests_that_were_negotiated(self):
        name = self.array.target("disks", [self.array.portals[0]])
        for header, data in ((True, False), (False, True), (True, True)):
            with self.subTest(header=header, data=data):
                connection = self.connect()
                words = {True: "CRC32C", False: "None"}
                connection.login(initiator.INITIATOR, name, HeaderDigest=words[header], DataDigest=words[data])
                self.session(header_digest=header, data_digest=data, authenticated=False, state="full feature")

    def test_an_initiator_that_proved_itself(self):
        name = self.array.target("disks", [self.array.portals[0]])
        secret = self.array.directory / "secret"
        secret.write_text("0123456789abcdef\n")
        secret.chmod(0o600)
        self.array.ctl("target", "chap", "disks", "--secret-file", secret)
        self.connect().login_chap(initiator.INITIATOR, name, b"0123456789abcdef")
        self.session(authenticated=True, header_digest=False, data_digest=False, state="full feature")

    def test_a_login_that_is_not_over_is_no_session(self):
        name = self.array.target("disks", [self.array.portals[0]])
        keys = {"InitiatorName": initiator.INITIATOR, "SessionType": "Normal", "AuthMethod": "None", "TargetName": name}
        self.connect()._login_step(b"\x80\0\0\0\0\1", 0, 1, keys)
        self.assertEqual(self.array.json("session", "list"), [])


if __name__ == "__main__":
    harness.main()
