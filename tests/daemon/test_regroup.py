#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""group set and group move on the wire: added before drained, one operation, undone as a whole."""
import harness
import initiator
from test_drain import Worker


class Regroup(harness.ArrayTest):
    portals = ("127.0.0.1", "127.0.0.1", "127.0.0.1")

    def places(self):
        return sorted((s["portal"], s["tag"]) for s in self.array.json("session", "list") if not s["discovery"])

    def groups(self, name="box"):
        return {g["tag"]: sorted(g["portals"]) for g in self.array.json("group", "list", name)}

    def refused(self, *words):
        with self.assertRaises(harness.Refused) as caught:
            self.array.ctl(*words)
        return caught.exception.text

    def test_set_exchanges_all_portals_under_io_and_nothing_is_lost(self):
        p1, p2, p3 = self.array.portals
        box = self.array.target("box", [p1], lun="disk")
        workers = [Worker(p1, box, f"iqn.2026-11.org.vds.test:w{i}", lba=i * 8192) for i in range(3)]
        for worker in workers:
            worker.wait_for(10)
        self.array.ctl("group", "set", "box/1", p3, p2)
        self.assertEqual(self.groups(), {1: sorted([p2, p3])})
        for worker in workers:
            worker.wait_for(20)
            worker.stop()
            self.assertIsNone(worker.error)
            self.assertEqual(worker.moves, 1)  # the portal that had just come was there to go to: nobody was sent on twice
        self.assertTrue({p for p, _ in self.places()} <= {p2, p3})
        self.assertEqual(sorted(initiator.discover(p2)[box]), sorted([(p2, 1), (p3, 1)]))
        self.array.restart()
        self.assertEqual(self.groups(), {1: sorted([p2, p3])})

    def test_two_portals_that_leave_together_send_nobody_to_each_other(self):
        p1, p2, p3 = self.array.portals
        box = self.array.target("box", [p1, p2], lun="disk")
        one, two = Worker(p1, box, "iqn.2026-11.org.vds.test:one"), Worker(p2, box, "iqn.2026-11.org.vds.test:two", lba=8192)
        one.wait_for(10)
        two.wait_for(10)
        self.array.ctl("group", "set", "box/1", p3)
        for worker in (one, two):
            worker.wait_for(20)
            worker.stop()
            self.assertIsNone(worker.error)
            self.assertEqual(worker.moves, 1)
        self.assertEqual(self.places(), [(p3, 1), (p3, 1)])

    def test_set_of_what_is_there_changes_nothing_and_says_so(self):
        p1, p2, _ = self.array.portals
        self.array.target("box", [p1, p2])
        _, said = self.array.ctl_start("group", "set", "box/1", p2, p1).communicate(timeout=60)
        self.assertIn("nothing to change", said)
        self.assertEqual(self.groups(), {1: sorted([p1, p2])})

    def test_move_gives_the_session_another_tag(self):
        p1, p2, _ = self.array.portals
        box = self.array.target("box", [p1], [p2], lun="disk")
        worker = Worker(p1, box, "iqn.2026-11.org.vds.test:honest", patient=True)
        worker.wait_for(10)
        self.array.ctl("group", "move", "box/1", p1, "box/2")
        self.assertEqual(self.groups(), {1: [], 2: sorted([p1, p2])})
        worker.wait_for(20)
        worker.stop()
        self.assertIsNone(worker.error)
        self.assertEqual(self.places(), [(p1, 2)])
        self.assertEqual(sorted(initiator.discover(p2)[box]), sorted([(p1, 2), (p2, 2)]))

    def test_move_to_another_target_leaves_the_bystanders_there_alone(self):
        p1, p2, _ = self.array.portals
        box, db = self.array.target("box", [p1, p2], lun="disk"), self.array.target("db", [p2], lun="data")
        bystander = Worker(p2, db, "iqn.2026-11.org.vds.test:bystander")
        worker = Worker(p1, box, "iqn.2026-11.org.vds.test:honest")
        worker.wait_for(5)
        self.array.ctl("group", "move", "box/1", p1, "db/1")
        for w in (worker, bystander):
            w.wait_for(20)
            w.stop()
            self.assertIsNone(w.error)
        self.assertEqual(bystander.moves, 0)
        self.assertEqual((self.groups("box"), self.groups("db")), ({1: [p2]}, {1: sorted([p1, p2])}))
        self.assertEqual(initiator.login(p1, db, "iqn.2026-11.org.vds.test:late").tag_of_group, 1)

    def test_interrupted_it_leaves_the_group_as_it_was(self):
        p1, p2, p3 = self.array.portals
        box = self.array.target("box", [p1], lun="disk")
        worker = Worker(p1, box, "iqn.2026-11.org.vds.test:stubborn", stubborn=True)
        worker.wait_for(5)
        change = self.array.ctl_start("group", "set", "box/1", p2, p3, "--drain", "60")
        worker.wait_for_event()  # it has been asked to leave: the new portals are there
        moved = Worker(p2, box, "iqn.2026-11.org.vds.test:early", lba=8192)
        moved.wait_for(5)
        change.terminate()
        _, said = change.communicate(timeout=60)
        self.assertEqual(change.returncode, 1)
        self.assertIn("VDS_E_OPERATION_CANCELED", said)
        self.assertEqual(self.groups(), {1: [p1]})
        for w in (worker, moved):  # the one was never cut off, the other was asked to come back
            w.wait_for(20)
            w.stop()
            self.assertIsNone(w.error)
        self.assertEqual(self.places(), [(p1, 1), (p1, 1)])

    def test_killed_in_the_middle_it_comes_up_with_the_old_group(self):
        p1, p2, p3 = self.array.portals
        box = self.array.target("box", [p1], lun="disk")
        worker = Worker(p1, box, "iqn.2026-11.org.vds.test:stubborn", stubborn=True)
        change = self.array.ctl_start("group", "set", "box/1", p2, p3, "--drain", "60")
        worker.wait_for_event()
        self.array.kill()
        change.communicate(timeout=60)
        self.array.start()
        self.assertEqual(self.groups(), {1: [p1]})
        self.assertEqual(initiator.discover(p1)[box], [(p1, 1)])

    def test_refusals_name_the_object_and_change_nothing(self):
        p1, p2, p3 = self.array.portals
        self.array.target("box", [p1], [p2])
        self.assertIn("VDS_E_INVALID_OPERATION", self.refused("group", "set", "box/1", p3, p2))
        self.assertIn(p2, self.refused("group", "set", "box/1", p3, p2))
        self.assertIn("VDS_E_OBJECT_NOT_FOUND", self.refused("group", "move", "box/1", p3, "box/2"))
        self.assertIn("127.0.0.9", self.refused("group", "set", "box/1", "127.0.0.9:3260"))
        self.assertIn("box/7", self.refused("group", "move", "box/1", p1, "box/7"))
        self.assertEqual(self.groups(), {1: [p1], 2: [p2]})


if __name__ == "__main__":
    harness.main()
