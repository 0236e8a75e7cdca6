#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Portals that go while I/O runs: the initiator that honours the request loses nothing, the one that ignores it is cut off, others never notice."""
import subprocess
import threading
import time

import harness
import initiator


class Worker(threading.Thread):
    """Writes and verifies without pause until told to stop. Follows logout requests unless `stubborn`; `patient`: tries again when it is
    told that the service is not available now, as open-iscsi does."""

    def __init__(self, address, target, name, stubborn=False, lba=0, patient=False):
        super().__init__(daemon=True)
        self.target, self.name_, self.stubborn, self.lba, self.patient = target, name, stubborn, lba, patient
        self.connection = initiator.login(address, target, name)
        self.passes, self.error, self.moves = 0, None, 0
        self.progress = threading.Condition()
        self.stopping = False
        self.start()

    def run(self):
        try:
            while not self.stopping:
                self._one_pass()
        except Exception as error:  # noqa: BLE001 - handed to the test
            self.error = error
        with self.progress:
            self.progress.notify_all()

    def _one_pass(self):
        pattern = (self.passes % 251 + 1).to_bytes(1, "big") * 65536
        self.connection.write(self.lba + self.passes % 64 * 128, pattern)
        if self.connection.read(self.lba + self.passes % 64 * 128, 128) != pattern:
            raise AssertionError(f"pass {self.passes}: read is not what was written")
        with self.progress:
            self.passes += 1
            self.progress.notify_all()
        if self.connection.events and not self.stubborn and self.connection.events[0][0] == initiator.ASYNC_LOGOUT_REQUEST:
            self._follow()

    def _follow(self):
        address = self.connection.address
        self.connection.logout()
        self.connection.close()
        self.connection = initiator.login_following(address, self.target, self.name_, patient=self.patient)
        self.moves += 1

    def wait_for(self, n_more):
        with self.progress:
            goal = self.passes + n_more
            self.progress.wait_for(lambda: self.passes >= goal or self.error, 60)
        if self.error:
            raise self.error
        assert self.passes >= goal, "no progress"

    def wait_for_event(self):
        """Until the target has told it something."""
        with self.progress:
            self.progress.wait_for(lambda: self.connection.events or self.error, 60)
        assert self.connection.events, "was told nothing"

    def wait_for_end(self):
        self.join(60)
        assert not self.is_alive(), "still running"

    def stop(self):
        self.stopping = True
        self.wait_for_end()


class Drain(harness.ArrayTest):
    portals = ("127.0.0.1", "127.0.0.1", "127.0.0.1")

    def sessions(self):
        return [s for s in self.array.json("session", "list") if not s["discovery"]]

    def test_an_honouring_initiator_follows_and_loses_no_io(self):
        p1, p2, _ = self.array.portals
        box = self.array.target("box", [p1], lun="disk")
        worker = Worker(p1, box, "iqn.2026-11.org.vds.test:honest")
        worker.wait_for(20)
        self.array.ctl("group", "add-portal", "box/1", p2)
        worker.wait_for(20)
        self.array.ctl("group", "remove-portal", "box/1", p1)
        self.assertEqual([s["portal"] for s in self.sessions() if s["portal"] == p1], [])
        worker.wait_for(50)
        worker.stop()
        self.assertIsNone(worker.error)
        self.assertEqual(worker.moves, 1)
        self.assertEqual([(s["portal"], s["tag"]) for s in self.sessions()], [(p2, 1)])

    def test_one_that_ignores_the_request_is_cut_off_at_the_limit(self):
        p1, p2, _ = self.array.portals
        box = self.array.target("box", [p1, p2], lun="disk")
        worker = Worker(p1, box, "iqn.2026-11.org.vds.test:stubborn", stubborn=True)
        worker.wait_for(10)
        began = time.monotonic()
        self.array.ctl("group", "remove-portal", "box/1", p1, "--drain", "2")
        took = time.monotonic() - began
        worker.wait_for_end()
        self.assertIsInstance(worker.error, initiator.Closed)
        self.assertGreater(took, 1.9)
        self.assertLess(took, 10)  # a hang guard, not a measurement
        self.assertIn(initiator.ASYNC_LOGOUT_REQUEST, [e for e, _ in worker.connection.events])
        self.assertEqual(worker.connection.events[0][1], 2)  # Parameter3: the seconds it had
        self.assertEqual(self.sessions(), [])

    def test_now_cuts_at_once(self):
        p1, p2, _ = self.array.portals
        box = self.array.target("box", [p1, p2], lun="disk")
        worker = Worker(p1, box, "iqn.2026-11.org.vds.test:stubborn", stubborn=True)
        worker.wait_for(5)
        self.array.ctl("group", "remove-portal", "box/1", p1, "--now")
        worker.wait_for_end()
        self.assertIn(initiator.ASYNC_CONNECTION_DROPPED, [e for e, _ in worker.connection.events] + [initiator.ASYNC_CONNECTION_DROPPED]
                      * isinstance(worker.error, initiator.Closed))

    def test_sessions_of_another_target_on_the_same_portal_never_notice(self):
        p1, p2, _ = self.array.portals
        box = self.array.target("box", [p1, p2], lun="disk")
        db = self.array.target("db", [p1], lun="data")
        bystander = Worker(p1, db, "iqn.2026-11.org.vds.test:bystander")
        stubborn = Worker(p1, box, "iqn.2026-11.org.vds.test:stubborn", stubborn=True)
        bystander.wait_for(5)
        stubborn.wait_for(5)
        self.array.ctl("group", "remove-portal", "box/1", p1, "--drain", "1")
        bystander.wait_for(50)
        bystander.stop()
        self.assertIsNone(bystander.error)
        self.assertEqual(bystander.connection.events, [])

    def test_new_logins_are_redirected_while_the_portal_drains_and_refused_without_a_twin(self):
        p1, p2, p3 = self.array.portals
        box = self.array.target("box", [p1, p2], [p3], lun="disk")
        Worker(p1, box, "iqn.2026-11.org.vds.test:stubborn", stubborn=True).wait_for(1)
        lonely = Worker(p3, box, "iqn.2026-11.org.vds.test:stubborn2", stubborn=True)
        lonely.wait_for(1)
        removal = self.array.ctl_start("group", "remove-portal", "box/1", p1, "--drain", "60")
        removal2 = self.array.ctl_start("group", "remove-portal", "box/2", p3, "--drain", "60")
        self.assertEqual(self.refusal(p1, box), (0x0101, p2))
        self.assertEqual(self.refusal(p3, box), (0x0301, None))
        self.assertNotIn((p1, 1), initiator.discover(p1)[box])
        for process in (removal, removal2):
            process.terminate()  # vdsctl cancels on a signal
            _, said = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 1)
            self.assertIn("VDS_E_OPERATION_CANCELED", said)

    def refusal(self, address, target):
        """What a login gets as soon as the drain has begun: tries until it is not let in."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                initiator.login(address, target, "iqn.2026-11.org.vds.test:late").close()
            except initiator.LoginRefused as refused:
                return refused.status, refused.keys.get("TargetAddress")
            except initiator.Closed:  # let in a moment before the drain took the portal out, then cut off
                pass
        raise AssertionError("still let in")

    def test_cancel_during_the_drain_puts_everything_back(self):
        p1, p2, _ = self.array.portals
        box = self.array.target("box", [p1, p2], lun="disk")
        worker = Worker(p1, box, "iqn.2026-11.org.vds.test:stubborn", stubborn=True)
        worker.wait_for(5)
        before = self.array.json("target", "show", "box")
        removal = self.array.ctl_start("group", "remove-portal", "box/1", p1, "--drain", "60")
        self.refusal(p1, box)
        removal.terminate()
        removal.communicate(timeout=60)
        self.assertEqual(self.array.json("target", "show", "box")["groups"], before["groups"])
        self.assertEqual(initiator.login(p1, box, "iqn.2026-11.org.vds.test:again").tag_of_group, 1)
        self.assertIn((p1, 1), initiator.discover(p1)[box])
        worker.wait_for(20)
        worker.stop()
        self.assertIsNone(worker.error)

    def test_qemu_follows_with_io_running(self):
        p1, p2, _ = self.array.portals
        box = self.array.target("box", [p1], lun="disk")
        qemu = subprocess.Popen(["stdbuf", "-oL", "qemu-io", "-f", "raw", f"iscsi://{p1}/{box}/0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)
        said = []

        def command(words, answer):  # one at a time: qemu-io looks at its input only when more of it arrives
            qemu.stdin.write(words + "\n")
            qemu.stdin.flush()
            while True:
                said.append(qemu.stdout.readline())
                self.assertTrue(said[-1], "qemu-io ended: " + "".join(said[-5:]))
                if answer in said[-1] or "error" in said[-1].lower():
                    return

        def passes(n):
            for i in range(n):
                command(f"write -P {i % 250 + 1} {i % 32}M 1M", "wrote 1048576/1048576")
                command(f"read -P {i % 250 + 1} {i % 32}M 1M", "read 1048576/1048576")

        passes(20)
        self.array.ctl("group", "add-portal", "box/1", p2)
        removal = self.array.ctl_start("group", "remove-portal", "box/1", p1)
        passes(60)
        removal.communicate(timeout=60)
        self.assertEqual(removal.returncode, 0)
        passes(20)
        qemu.communicate("quit\n", timeout=60)
        text = "".join(said).lower()
        self.assertNotIn("error", text)
        self.assertNotIn("failed", text)

    def test_deleting_a_target_drains_its_sessions(self):
        p1, p2, _ = self.array.portals
        box = self.array.target("box", [p1, p2])
        session = initiator.login(p1, box)
        deletion = self.array.ctl_start("target", "delete", "box")
        session.socket.settimeout(60)
        with self.assertRaises(initiator.Closed):
            session.receive()
        deletion.communicate(timeout=60)
        self.assertEqual(deletion.returncode, 0)
        self.assertEqual(self.array.json("target", "list"), [])


if __name__ == "__main__":
    harness.main()
