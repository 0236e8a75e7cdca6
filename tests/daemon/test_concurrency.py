#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many clients at once: different groups all succeed, the same group is one after the other or refused, a dead client leaves nothing behind."""
import concurrent.futures
import os
import signal

import harness
import initiator


class Concurrency(harness.ArrayTest):
    portals = ("127.0.0.1",) * 4

    def test_20_clients_changing_different_groups_all_succeed(self):
        names = [f"t{i}" for i in range(20)]

        def build(name):
            iscsi_name = self.array.target(name, [self.array.portals[0]], [self.array.portals[1]])
            self.array.ctl("group", "remove-portal", f"{name}/2", self.array.portals[1])
            self.array.ctl("group", "add-portal", f"{name}/1", self.array.portals[2])
            return iscsi_name

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            made = list(pool.map(build, names))
        found = initiator.discover(self.array.portals[0])
        expected = {(self.array.portals[0], 1), (self.array.portals[2], 1)}
        self.assertEqual({t: set(a) for t, a in found.items()}, {iscsi_name: expected for iscsi_name in made})

    def test_two_changing_one_group_succeed_in_turn_or_are_told_that_another_call_runs(self):
        self.array.target("box", [])

        def change(portal):
            try:
                self.array.ctl("group", "add-portal", "box/1", portal)
                return "done"
            except harness.Refused as refused:
                return refused.text

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for _ in range(10):
                results = list(pool.map(change, self.array.portals))
                self.assertIn("done", results)
                for said in results:
                    if said != "done":
                        self.assertIn("VDS_E_ANOTHER_CALL_IN_PROGRESS", said)
                held = self.array.json("group", "list")[0]["portals"]
                self.assertEqual(len(held), results.count("done"))
                for portal in held:
                    self.array.ctl("group", "remove-portal", "box/1", portal)

    def test_a_client_that_dies_leaves_its_operation_running(self):
        p1, p2, *_ = self.array.portals
        box = self.array.target("box", [p1, p2])
        session = initiator.login(p1, box)
        client = self.array.ctl_start("group", "remove-portal", "box/1", p1, "--drain", "2")
        while not session.events:  # the drain has begun: its logout request has come
            try:
                session.receive()
            except initiator.Closed:
                break
            client.poll() is None and os.kill(client.pid, signal.SIGKILL)
        client.kill()
        client.communicate()
        # the group is busy until the drain has ended, then free again and without the portal
        while True:
            try:
                self.array.ctl("group", "add-portal", "box/1", self.array.portals[2])
                break
            except harness.Refused as refused:
                self.assertIn("VDS_E_ANOTHER_CALL_IN_PROGRESS", refused.text)
        self.assertEqual(sorted(self.array.json("group", "list")[0]["portals"]), sorted([p2, self.array.portals[2]]))

    def test_500_short_lived_clients_leave_no_descriptor_behind(self):
        fds = f"/proc/{self.array.process.pid}/fd"
        self.array.ctl("show")
        before = len(os.listdir(fds))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: self.array.ctl("portal", "list"), range(500)))
        self.array.ctl("show")
        self.assertLessEqual(len(os.listdir(fds)), before + 8)


if __name__ == "__main__":
    harness.main()
