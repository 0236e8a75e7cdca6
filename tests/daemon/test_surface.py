#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SetStatus, pools and the second faces, API against wire, through the service and in process."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import harness

SURFACE = harness.BUILD / "tests/daemon/surface"


class Surface(unittest.TestCase):
    def run_surface(self, *words, **environment):
        done = subprocess.run([str(SURFACE), *map(str, words)], capture_output=True, text=True, timeout=300,
                              env={**os.environ, **environment})
        print(done.stderr, file=sys.stderr)
        self.assertEqual(done.returncode, 0)

    def test_through_the_service(self):
        with tempfile.TemporaryDirectory() as drives:
            array = harness.Array(("127.0.0.1",), ["--drive", f"{drives}/a", "--drive", f"{drives}/b"])
            self.addCleanup(array.remove)
            self.run_surface("service", array.directory / "state", *array.portals, VDS_SOCKET=array.socket)

    def test_in_process(self):
        with tempfile.TemporaryDirectory() as directory:
            port, = harness.free_ports(1)
            self.run_surface("inproc", pathlib.Path(directory), f"127.0.0.1:{port}")


if __name__ == "__main__":
    harness.main()
