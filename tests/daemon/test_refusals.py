#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/api-status.md, "Methods that answer VDS_E_NOT_SUPPORTED": each row has a test, and each test a row."""
import pathlib
import re
import tempfile

import harness

STATUS = pathlib.Path(__file__).resolve().parents[2] / "docs/api-status.md"


def documented():
    chapter = STATUS.read_text(encoding="utf-8").split("\n## Methods that answer VDS_E_NOT_SUPPORTED\n")[1].split("\n## ")[0]
    return [row for row in re.findall(r"^\| (.+?) \|", chapter, re.M) if row != "method"]


class Refusals(harness.ProgramTest):
    program = harness.BUILD / "tests/daemon/refusals"

    def test_every_row_of_the_document_has_a_test_and_every_test_a_row(self):
        self.assertEqual(self.run_program("--rows").splitlines(), documented())

    def test_through_the_service(self):
        array = harness.Array(("127.0.0.1",))
        self.addCleanup(array.remove)
        self.run_program("service", array.directory / "state", *array.portals, VDS_SOCKET=array.socket)

    def test_in_process(self):
        with tempfile.TemporaryDirectory() as directory:
            port, = harness.free_ports(1)
            self.run_program("inproc", pathlib.Path(directory), f"127.0.0.1:{port}", PATH="/nonexistent")


if __name__ == "__main__":
    harness.main()
