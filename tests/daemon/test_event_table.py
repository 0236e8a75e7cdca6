#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table of notifications at clients of the service, outside and in process; clients that sleep or die while they are told."""
import pathlib
import signal
import tempfile

import harness
from test_events import follow, record, stop


class Table(harness.ProgramTest):
    program = harness.BUILD / "tests/events/events"

    def test_through_the_service(self):
        with tempfile.TemporaryDirectory() as drives:
            drive, late = pathlib.Path(drives) / "drive", pathlib.Path(drives) / "late"
            late.touch()  # no directory yet
            array = harness.Array(("127.0.0.1", "127.0.0.1"),
                                  ["--max-groups", "2", "--portal", harness.ABSENT, "--drive", drive, "--drive", late])
            self.addCleanup(array.remove)
            self.run_program("service", array.directory / "state", array.process.pid, late, *array.portals,
                             harness.ABSENT, drive, VDS_SOCKET=array.socket)

    def test_in_process(self):
        with tempfile.TemporaryDirectory() as directory:
            late = pathlib.Path(directory) / "late"
            late.touch()
            ports = harness.free_ports(2)
            self.run_program("inproc", pathlib.Path(directory) / "state", 0, late,
                             *(f"127.0.0.1:{p}" for p in ports), harness.ABSENT, pathlib.Path(directory) / "drive")


class BadClients(harness.ArrayTest):
    def test_a_client_that_sleeps_and_one_that_is_killed_hold_up_neither_the_array_nor_the_others(self):
        asleep, killed, awake = (follow(self.array, 0) for _ in range(3))
        self.array.ctl("target", "create", "first")
        number = {watch: record(watch)["number"] for watch in (asleep, killed, awake)}
        asleep.send_signal(signal.SIGSTOP)
        killed.send_signal(signal.SIGSTOP)  # so that it is sure to have something on its way
        last = number[awake]
        for i in range(50):
            self.array.ctl("target", "create", "t")
            if i == 25:
                killed.kill()
            line = record(awake)
            last += 1
            self.assertEqual((line["what"], line["number"]), ("created", last))
        killed.communicate(timeout=60)
        asleep.send_signal(signal.SIGCONT)
        for i in range(50):
            self.assertEqual(record(asleep)["number"], number[asleep] + 1 + i)
        stop(asleep)
        stop(awake)


if __name__ == "__main__":
    harness.main()
