#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One source, two places: the example runs against the service and with the array in its own process."""
import subprocess
import tempfile
import unittest

import harness

EXAMPLE = harness.BUILD / "examples/portal_group"
STORY = ["not served before AddPortal: yes", "served when AddPortal is done: yes", "not served when RemovePortal is done: yes"]


class Examples(unittest.TestCase):
    def told(self, command, **options):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.splitlines()[1:]

    def test_the_four_calls_against_the_service(self):
        array = harness.Array(("127.0.0.1",))
        self.addCleanup(array.remove)
        self.assertEqual(self.told([EXAMPLE], env={"VDS_SOCKET": array.socket, "PATH": "/usr/bin:/bin"}), STORY)
        self.assertEqual(array.json("target", "list"), [])

    def test_the_four_calls_in_process(self):
        with tempfile.TemporaryDirectory() as directory:
            port = harness.free_ports(1)[0]
            for _ in range(2):  # the second run finds the first one's state
                self.assertEqual(self.told([EXAMPLE, "--in-process", directory, f"127.0.0.1:{port}"]), STORY)


if __name__ == "__main__":
    harness.main()
