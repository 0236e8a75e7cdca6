#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every result of design section 5 and of the four pages, through the service and in process: one C program, run in both places."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import harness

RESULTS = harness.BUILD / "tests/daemon/results"
ABSENT = "198.51.100.7:3260"  # RFC 5737: on no host


class Results(unittest.TestCase):
    def run_results(self, *words, **environment):
        done = subprocess.run([str(RESULTS), *map(str, words)], capture_output=True, text=True, timeout=300,
                              env={**os.environ, **environment})
        print(done.stderr, file=sys.stderr)
        self.assertEqual(done.returncode, 0)

    def test_through_the_service(self):
        array = harness.Array(("127.0.0.1", "127.0.0.1"), ["--max-groups", "4", "--portal", ABSENT])
        self.addCleanup(array.remove)
        self.run_results("service", array.directory / "state", array.process.pid, *array.portals, ABSENT, VDS_SOCKET=array.socket)

    def test_in_process(self):
        with tempfile.TemporaryDirectory() as directory:
            ports = harness.free_ports(2)
            self.run_results("inproc", pathlib.Path(directory) / "state", 0, *(f"127.0.0.1:{p}" for p in ports), ABSENT)


if __name__ == "__main__":
    harness.main()
