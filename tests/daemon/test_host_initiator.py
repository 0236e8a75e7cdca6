#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The initiator of the host: vdsd with a stand-in for iscsiadm on its PATH, and without any."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import harness

PROGRAM = harness.BUILD / "tests/daemon/host_initiator"
STAND_IN = """#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/log"
case "$*" in
    "-m iface") echo "default tcp,<empty>,<empty>,<empty>,<empty>"
                echo "lan tcp,00:11:22:33:44:55,192.0.2.7,eth0,<empty>"
                echo "card qla4xxx,<empty>,<empty>,<empty>,<empty>" ;;
    *--login) exit $(cat "$here/login") ;;
    *--logout) exit $(cat "$here/logout") ;;
esac
"""


class HostInitiator(unittest.TestCase):
    def run_program(self, path, word):
        with mock.patch.dict(os.environ, {"VDS_TEST_PATH": path}):
            array = harness.Array(("127.0.0.1",))
        self.addCleanup(array.remove)
        done = subprocess.run([str(PROGRAM), str(word)], capture_output=True, text=True, timeout=300,
                              env={**os.environ, "VDS_SOCKET": array.socket})
        print(done.stderr, file=sys.stderr)
        self.assertEqual(done.returncode, 0)
        return array

    def test_without_open_iscsi(self):
        with tempfile.TemporaryDirectory() as empty:
            self.run_program(empty, "absent")

    def test_with_open_iscsi(self):
        with tempfile.TemporaryDirectory() as directory:
            stand_in = pathlib.Path(directory) / "iscsiadm"
            stand_in.write_text(STAND_IN)
            stand_in.chmod(0o755)
            array = self.run_program(f"{directory}:{os.environ['PATH']}", directory)
            log = (pathlib.Path(directory) / "log").read_text()
            self.assertIn(f"-p {array.portals[0]} --login", log)
            self.assertIn("-n node.conn[0].iscsi.HeaderDigest -v CRC32C", log)
            self.assertIn("-n node.session.auth.authmethod -v CHAP", log)
            self.assertIn("-n node.startup -v automatic", log)
            self.assertIn("-n node.session.auth.password -v 0123456789ab -T iqn.", log)
            self.assertIn("-n node.session.auth.password_in -v 0123456789ab\n", log)


if __name__ == "__main__":
    harness.main()
