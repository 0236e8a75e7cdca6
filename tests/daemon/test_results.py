#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every result of design section 5 and of the four pages, through the service and in process: one C program, run in both places."""
import pathlib
import tempfile

import harness


class Results(harness.ProgramTest):
    program = harness.BUILD / "tests/daemon/results"

    def test_through_the_service(self):
        array = harness.Array(("127.0.0.1", "127.0.0.1"), ["--max-groups", "4", "--portal", harness.ABSENT])
        self.addCleanup(array.remove)
        self.run_program("service", array.directory / "state", array.process.pid, *array.portals, harness.ABSENT,
                         VDS_SOCKET=array.socket)

    def test_in_process(self):
        with tempfile.TemporaryDirectory() as directory:
            ports = harness.free_ports(2)
            self.run_program("inproc", pathlib.Path(directory) / "state", 0, *(f"127.0.0.1:{p}" for p in ports),
                             harness.ABSENT)


if __name__ == "__main__":
    harness.main()
