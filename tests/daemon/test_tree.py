#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The array in one call: the same as object by object, and as few calls for many targets as for one."""
import json
import os
import select
import socket
import subprocess

import harness

READ_MODEL = harness.BUILD / "tests/daemon/read_model"
MANY = harness.BUILD / "tests/tools/many_targets"


def relay(client, service):
    """Copies until either ends. How often the client spoke after the service had."""
    turns, last = 0, service
    while True:
        for one in select.select([client, service], [], [])[0]:
            data = one.recv(1 << 16)
            if not data:
                return turns
            (service if one is client else client).sendall(data)
            turns += one is client and last is service
            last = one


class Tree(harness.ArrayTest):
    portals = ("127.0.0.1",) * 4

    def environment(self, **more):
        return {**os.environ, "VDS_SOCKET": str(self.array.socket), **more}

    def read_model(self):
        return subprocess.run([READ_MODEL], env=self.environment(), capture_output=True, text=True, timeout=300)

    def test_both_ways_to_read_tell_the_same(self):
        p = self.array.portals
        self.array.target("box", [p[0], p[1]], [p[2]], lun="disk")
        self.array.target("empty")
        self.array.target("other", [p[0]])
        self.array.ctl("lun", "attach", "disk", "other")
        self.array.ctl("lun", "create", "loose", "--size", "1M", "--thick", "--read-only")
        self.array.ctl("lun", "allow", "loose", "iqn.2026-01.example:a")
        self.array.ctl("portal", "offline", p[3])
        done = self.read_model()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.split(), ["4", "3", "3", "2"])

    def test_an_empty_array_is_read_both_ways(self):
        done = self.read_model()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.split(), ["4", "0", "0", "0"])

    def calls(self, *words):
        """How often a command asks the service for something and waits for the answer: changes of direction on its way there."""
        near = self.array.directory / "relay"
        near.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(near))
            door.listen(1)
            command = subprocess.Popen([harness.VDSCTL, *words], env=self.environment(VDS_SOCKET=str(near)), stdout=subprocess.DEVNULL)
            client, _ = door.accept()
        with client, socket.socket(socket.AF_UNIX) as service:
            service.connect(str(self.array.socket))
            n = relay(client, service)
        self.assertEqual(command.wait(60), 0)
        return n

    def test_reading_a_lot_of_targets_takes_no_more_calls_than_one(self):
        p = self.array.portals
        self.array.target("box", [p[0]], lun="disk")
        commands = (["show"], ["target", "list"], ["group", "add-portal", "box/1", p[0]], ["lun", "list"])
        few = [self.calls(*words) for words in commands]
        made = subprocess.run([MANY, "make", "0", "300", "8", "0"], env=self.environment(), capture_output=True, text=True, timeout=300)
        self.assertEqual(json.loads(made.stdout)["targets"], 300)
        for words, n in zip(commands, few):
            self.assertLessEqual(self.calls(*words), n + 1)  # one message without an answer may fall on either side of another's
        self.assertLess(max(few), 20)
        shown = self.array.json("show")
        self.assertEqual(len(shown["targets"]), 301)
        self.assertEqual([len(t["groups"]) for t in shown["targets"][1:]], [2] * 300)


if __name__ == "__main__":
    harness.main()
