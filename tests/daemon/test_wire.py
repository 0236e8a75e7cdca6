#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What vdsctl says and what the wire does are one: discovery, tags, refusals."""
import re
import subprocess

import harness
import initiator


def iscsi_ls(address):
    """{target: {(address, tag)}} as libiscsi's iscsi-ls prints it: somebody else's initiator."""
    done = subprocess.run(["iscsi-ls", f"iscsi://{address}/"], capture_output=True, text=True, timeout=60)
    found = {}
    for target, portal, tag in re.findall(r"Target:(\S+) Portal:(\S+),(\d+)", done.stdout):
        found.setdefault(target, set()).add((portal, int(tag)))
    return found


class Wire(harness.ArrayTest):
    portals = ("127.0.0.1", "127.0.0.1", "::1")

    def test_an_empty_group_is_not_served(self):
        p1, *_ = self.array.portals
        name = self.array.target("box", [])
        self.array.target("other", [p1])
        self.assertNotIn(name, {t for t, a in initiator.discover(p1).items() if a})
        with self.assertRaises(initiator.LoginRefused):
            initiator.login(p1, name)

    def test_discovery_lists_each_target_with_its_own_tags(self):
        p1, p2, p3 = self.array.portals
        box = self.array.target("box", [p1], [p2])
        db = self.array.target("db", [], [p1, p3])  # its group 1 stays empty: group 2 carries p1
        expected = {box: {(p1, 1), (p2, 2)}, db: {(p1, 2), (p3, 2)}}
        self.assertEqual({t: set(a) for t, a in initiator.discover(p1).items()}, expected)
        self.assertEqual(iscsi_ls(p1), expected)

    def test_login_answers_the_tag_that_discovery_said(self):
        p1, p2, p3 = self.array.portals
        box = self.array.target("box", [p1], [p2, p3], lun="disk")
        for address, tag in ((p1, 1), (p2, 2), (p3, 2)):
            session = initiator.login(address, box)
            self.assertEqual(session.tag_of_group, tag)
            self.assertEqual(session.report_luns(), [0])
            session.logout()
            session.close()

    def test_a_shared_portal_carries_each_targets_own_tag(self):
        p1, p2, _ = self.array.portals
        box = self.array.target("box", [p1])
        db = self.array.target("db", [p2], [p1])
        self.assertEqual(initiator.login(p1, box).tag_of_group, 1)
        self.assertEqual(initiator.login(p1, db).tag_of_group, 2)

    def test_a_portal_in_no_group_of_a_target_refuses_it(self):
        p1, p2, _ = self.array.portals
        box = self.array.target("box", [p1])
        self.array.target("other", [p2])
        with self.assertRaises(initiator.LoginRefused) as caught:
            initiator.login(p2, box)
        self.assertEqual(caught.exception.status, 0x0203)
        self.assertNotIn((p2, 1), initiator.discover(p2).get(box, []))

    def test_a_portal_without_groups_does_not_listen(self):
        p1, p2, _ = self.array.portals
        self.array.target("box", [p1])
        with self.assertRaises(ConnectionRefusedError):
            initiator.Connection(p2)
        self.array.ctl("group", "remove-portal", "box/1", p1)
        with self.assertRaises(ConnectionRefusedError):
            initiator.Connection(p1)

    def test_tags_are_never_used_again(self):
        self.array.ctl("target", "create", "box")
        self.assertEqual([self.array.ctl("group", "create", "box").strip() for _ in range(3)], ["box/1", "box/2", "box/3"])
        self.array.ctl("group", "delete", "box/3")
        self.array.ctl("group", "delete", "box/2")
        self.array.restart()
        self.assertEqual(self.array.ctl("group", "create", "box").strip(), "box/4")

    def test_a_masked_lun_is_not_seen_and_allowing_it_reaches_live_sessions(self):
        p1, *_ = self.array.portals
        box = self.array.target("box", [p1])
        self.array.ctl("lun", "create", "disk", "--size", "16M")
        self.array.ctl("lun", "attach", "disk", "box")
        session = initiator.login(p1, box)
        self.assertEqual(session.report_luns(), [])
        self.array.ctl("lun", "allow", "disk", initiator.INITIATOR)
        self.assertEqual(session.report_luns(), [0])
        try:
            session.read(0, 1)
        except initiator.CheckCondition as condition:  # REPORTED LUNS DATA HAS CHANGED, or POWER ON for a new unit
            self.assertEqual(condition.key, 6)
        session.write(8, b"x" * 512)
        self.assertEqual(session.read(8, 1), b"x" * 512)
        self.array.ctl("lun", "deny", "disk", initiator.INITIATOR)
        self.assertEqual(session.report_luns(), [])

    def test_a_cold_reset_ends_every_session_of_its_target_and_no_other(self):
        p1, p2 = self.array.portals[:2]
        box, other = self.array.target("box", [p1], [p2], lun="disk"), self.array.target("other", [p1])
        mine, theirs = (initiator.login(p, box, name) for p, name in ((p1, "iqn.2026-11.org.vds.test:a"), (p2, "iqn.2026-11.org.vds.test:b")))
        bystander = initiator.login(p1, other, "iqn.2026-11.org.vds.test:c")
        self.addCleanup(lambda: [c.close() for c in (mine, theirs, bystander)])
        self.assertEqual(mine.task_management(initiator.TMF_TARGET_COLD_RESET), 0)
        for connection in (mine, theirs):
            with self.assertRaises((initiator.Closed, ConnectionError)):
                connection.receive()
            self.assertEqual([event for event, _ in connection.events], [initiator.ASYNC_CONNECTION_DROPPED])
        self.assertEqual(bystander.report_luns(), [])
        initiator.login(p1, box).close()

    def test_data_survives_a_restart(self):
        p1, *_ = self.array.portals
        box = self.array.target("box", [p1], lun="disk")
        data = bytes(range(256)) * 256
        session = initiator.login(p1, box)
        session.write(100, data)
        session.command(bytes([0x35]) + bytes(9))  # SYNCHRONIZE CACHE
        self.array.restart()
        self.assertEqual(initiator.login(p1, box).read(100, len(data) // 512), data)

    def test_a_large_write_needs_r2ts_and_arrives_whole(self):
        p1, *_ = self.array.portals
        box = self.array.target("box", [p1], lun="disk")
        data = b"".join(i.to_bytes(4, "big") for i in range(1 << 20))  # 4 MiB
        session = initiator.login(p1, box, ImmediateData="No", InitialR2T="Yes", FirstBurstLength="65536", MaxBurstLength="262144")
        for i in range(4):
            session.write(i * 2048, data[i << 20:(i + 1) << 20])
        self.assertEqual(b"".join(session.read(i * 2048, 2048) for i in range(4)), data)


if __name__ == "__main__":
    harness.main()
