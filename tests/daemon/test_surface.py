#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SetStatus, pools and the second faces, API against wire, through the service and in process."""
import pathlib
import tempfile

import harness


class Surface(harness.ProgramTest):
    program = harness.BUILD / "tests/daemon/surface"

    def test_through_the_service(self):
        with tempfile.TemporaryDirectory() as drives:
            array = harness.Array(("127.0.0.1",), ["--drive", f"{drives}/a", "--drive", f"{drives}/b"])
            self.addCleanup(array.remove)
            self.run_program("service", array.directory / "state", *array.portals, VDS_SOCKET=array.socket)

    def test_in_process(self):
        with tempfile.TemporaryDirectory() as directory:
            port, = harness.free_ports(1)
            self.run_program("inproc", pathlib.Path(directory), f"127.0.0.1:{port}")


if __name__ == "__main__":
    harness.main()
