#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LUNs through the service, with real CDBs: size under live sessions, features, reservations over restarts, space that comes back,
durability that is asked for."""
import os
import pathlib
import struct
import subprocess
import threading
import unittest

import harness
import initiator

MIB = 1 << 20
HOST, OTHER = "iqn.2026-11.org.vds.test:host", "iqn.2026-11.org.vds.test:other"
CAPACITY_CHANGED, OUT_OF_RANGE = 0x2A09, 0x2100


class LunTest(harness.ArrayTest):
    portals = ("127.0.0.1", "127.0.0.1")

    def setUp(self):
        super().setUp()
        self.target = self.array.target("box", self.array.portals)

    def make(self, size="64M", *options):
        self.array.lun("disk", "box", size=size, options=options)
        return self.login()

    def login(self, who=HOST, isid=b"\x80\x00\x00\x00\x00\x01", portal=0):
        session = initiator.login(self.array.portals[portal], self.target, who, isid)
        self.addCleanup(session.close)
        return session

    def file(self):
        [path] = pathlib.Path(self.array.directory, "state/drive0").glob("lun-*.img")
        return path

    def lun(self):
        [lun] = [lun for lun in self.array.json("lun", "list") if lun["name"] == "disk"]
        return lun

    def fails(self, asc, call, *arguments, **more):
        with self.assertRaises(initiator.CheckCondition) as caught:
            call(*arguments, **more)
        self.assertEqual(caught.exception.asc, asc)


def capacity(session):
    return (struct.unpack(">I", session.command(bytes([0x25] + [0] * 9), read=8)[:4])[0] + 1) * 512


def write_same(session, lba, n, unmap, byte=0):
    cdb = struct.pack(">BBQIBB", 0x93, 8 if unmap else 0, lba, n, 0, 0)
    session.command(cdb, write=bytes([byte]) * 512)


def unmap(session, lba, n):
    session.command(struct.pack(">BBIBHB", 0x42, 0, 0, 0, 24, 0), write=struct.pack(">HHIQII", 22, 16, 0, lba, n, 0))


def lba_status(session, lba):
    """(first block, how many, is it mapped) of the first descriptor."""
    data = session.command(struct.pack(">BBQIBB", 0x9E, 0x12, lba, 24, 0, 0), read=24)
    start, n, state = struct.unpack(">QIB", data[8:21])
    return start, n, state & 0xF == 0


class Size(LunTest):
    def test_extending_is_told_to_every_session_and_keeps_the_data(self):
        sessions = [self.make(), self.login(OTHER, portal=1)]
        sessions[0].write(131071, b"\x5a" * 512)
        self.array.ctl("lun", "extend", "disk", "100M")
        for session in sessions:
            self.fails(CAPACITY_CHANGED, session.read, 0, 1)
            self.assertEqual(capacity(session), 100 * MIB)
            self.assertEqual(session.read(131071, 2), b"\x5a" * 512 + bytes(512))
        sessions[1].write(204799, b"\x77" * 512)
        self.array.restart()
        self.assertEqual(self.login().read(204799, 1), b"\x77" * 512)
        self.assertEqual((self.lun()["size"], self.file().stat().st_size), (100 * MIB, 100 * MIB))

    def test_a_thick_lun_has_its_new_space_at_once(self):
        self.make("8M", "--thick")
        self.array.ctl("lun", "extend", "disk", "24M")
        self.assertGreaterEqual(self.file().stat().st_blocks * 512, 24 * MIB)

    def test_shrinking_over_data_is_refused_until_forced_and_then_told(self):
        session = self.make()
        session.write(100000, b"\x5a" * 512)
        with self.assertRaises(harness.Refused) as caught:
            self.array.ctl("lun", "shrink", "disk", "32M")
        self.assertIn("VDS_E_SHRINK_OVER_DATA", caught.exception.text)
        self.assertEqual(session.read(100000, 1), b"\x5a" * 512)  # and nobody was told of anything
        self.array.ctl("lun", "shrink", "disk", "50M")
        self.fails(CAPACITY_CHANGED, session.read, 0, 1)
        self.assertEqual(capacity(session), 50 * MIB)
        self.assertEqual(session.read(100000, 1), b"\x5a" * 512)
        self.array.ctl("lun", "shrink", "disk", "32M", "--force")
        self.fails(CAPACITY_CHANGED, session.read, 0, 1)
        self.fails(OUT_OF_RANGE, session.read, 100000, 1)
        self.array.ctl("lun", "extend", "disk", "64M")
        self.fails(CAPACITY_CHANGED, session.read, 0, 1)
        self.assertEqual(session.read(100000, 1), bytes(512))  # what was cut does not come back
        self.assertEqual(self.file().stat().st_size, 64 * MIB)

    def test_sizes_change_under_running_commands(self):
        """No command may fail but for the notice and for being beyond the end; none may write behind a cut."""
        self.make("32M")
        end, trouble = threading.Event(), []

        def hammer(number):
            session, n = self.login(isid=bytes([0x80, 0, 0, 0, 1, number]), portal=number % 2), 0
            while not end.is_set():
                lba = (n * 4099 + number * 9973) % 65536
                try:
                    session.write(lba & ~7, b"\x5a" * 4096) if n % 2 else session.read(lba & ~7, 8)
                except initiator.CheckCondition as error:
                    if error.asc not in (CAPACITY_CHANGED, OUT_OF_RANGE):
                        trouble.append(str(error))
                n += 1
        threads = [threading.Thread(target=hammer, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(8):
                self.array.ctl("lun", "shrink", "disk", "8M", "--force")
                self.assertEqual(self.file().stat().st_size, 8 * MIB)
                self.array.ctl("lun", "extend", "disk", "32M")
        finally:
            end.set()
            for thread in threads:
                thread.join()
        self.assertEqual(trouble, [])

    def test_a_lun_in_memory_does_not_outgrow_the_limit(self):
        self.make("8M", "--memory")
        with self.assertRaises(harness.Refused) as caught:
            self.array.ctl("lun", "extend", "disk", "2T")
        self.assertIn("VDS_E_NOT_ENOUGH_SPACE", caught.exception.text)
        self.assertEqual(self.lun()["size"], 8 * MIB)


class Features(LunTest):
    def test_a_read_only_lun_is_write_protected_after_a_restart_too(self):
        self.make("8M", "--read-only")
        self.array.restart()
        session = self.login()
        self.assertEqual(session.read(0, 1), bytes(512))
        self.fails(0x2700, session.write, 0, bytes(512))
        self.assertTrue(self.lun()["read_only"])

    def test_a_removable_lun_says_so(self):
        self.assertEqual(self.make("8M", "--removable").inquiry()[1] & 0x80, 0x80)

    def test_physical_blocks_are_told_and_odd_sizes_refused(self):
        session = self.make("8M", "--physical-block", "4096")
        data = session.command(struct.pack(">BBQIBB", 0x9E, 0x10, 0, 32, 0, 0), read=32)
        self.assertEqual(data[13] & 0xF, 3)
        self.assertEqual((self.lun()["block_size"], self.lun()["physical_block_size"]), (512, 4096))
        for words in (("--block-size", "1024"), ("--physical-block", "100"), ("--memory", "--thick")):
            with self.assertRaises(harness.Refused):
                self.array.ctl("lun", "create", "other", "--size", "1M", *words)

    def test_a_lun_in_memory_is_empty_after_a_restart_and_leaves_no_file(self):
        session = self.make("8M", "--memory")
        session.write(5, b"\x5a" * 512)
        self.assertEqual(session.read(5, 1), b"\x5a" * 512)
        self.assertEqual(list(pathlib.Path(self.array.directory, "state/drive0").iterdir()), [])
        self.array.restart()
        self.assertEqual(self.login().read(5, 1), bytes(512))
        self.array.ctl("lun", "detach", "disk", "box")
        self.array.ctl("lun", "delete", "disk")


class Reservations(LunTest):
    KEY = 0x1122334455667788

    def pr_out(self, session, action, key=0, new_key=0, kind=0, aptpl=False):
        data = struct.pack(">QQIBBH", key, new_key, 0, int(aptpl), 0, 0)
        session.command(struct.pack(">BBBHIB", 0x5F, action, kind, 0, 24, 0), write=data)

    def keys(self, session):
        data = session.command(struct.pack(">BBBIHB", 0x5E, 0, 0, 0, 256, 0), read=256)
        return [struct.unpack(">Q", data[i:i + 8])[0] for i in range(8, 8 + struct.unpack(">I", data[4:8])[0], 8)]

    def reserve(self, aptpl):
        session = self.make()
        self.pr_out(session, 0, new_key=self.KEY, aptpl=aptpl)
        self.pr_out(session, 1, key=self.KEY, kind=1)  # write exclusive
        with self.assertRaises(initiator.CheckCondition) as caught:
            self.login(OTHER).write(0, bytes(512))
        self.assertEqual(caught.exception.status, 0x18)

    def test_with_aptpl_it_survives_kill_9(self):
        self.reserve(aptpl=True)
        self.array.restart()
        with self.assertRaises(initiator.CheckCondition) as caught:
            self.login(OTHER).write(0, bytes(512))
        self.assertEqual(caught.exception.status, 0x18)
        session = self.login()
        self.assertEqual(self.keys(session), [self.KEY])
        session.write(0, b"\x5a" * 512)
        self.pr_out(session, 2, key=self.KEY, kind=1)
        self.login(OTHER).write(0, bytes(512))
        self.pr_out(session, 0, key=self.KEY)
        self.array.restart()
        self.assertEqual(self.keys(self.login()), [])

    def test_without_aptpl_it_ends_with_the_service(self):
        for end in (self.array.kill, self.array.stop):
            with self.subTest(end=end.__name__):
                self.reserve(aptpl=False)
                end()
                self.array.start()
                session = self.login(OTHER)
                session.write(0, bytes(512))
                self.assertEqual(self.keys(session), [])
                self.array.ctl("lun", "detach", "disk", "box")
                self.array.ctl("lun", "delete", "disk")


class Space(LunTest):
    def used(self):
        os.sync()
        return self.file().stat().st_blocks * 512

    def test_unmap_and_write_same_give_space_back_and_lba_status_is_true(self):
        for free in (unmap, lambda session, lba, n: write_same(session, lba, n, unmap=True)):
            session = self.make("64M")
            self.assertEqual(lba_status(session, 0), (0, 131072, False))
            for lba in range(0, 32768, 2048):
                session.write(lba, b"\x5a" * MIB)
            self.assertGreaterEqual(self.used(), 16 * MIB)
            self.assertEqual(lba_status(session, 0), (0, 32768, True))
            free(session, 2048, 2048 * 8)
            self.assertLess(self.used(), 9 * MIB)
            self.assertEqual(lba_status(session, 0), (0, 2048, True))
            self.assertEqual(lba_status(session, 2048), (2048, 16384, False))
            self.assertEqual(session.read(2048, 8), bytes(4096))
            self.assertEqual(session.read(0, 8), b"\x5a" * 4096)
            self.assertEqual(self.lun()["allocated"], self.used())
            session.close()
            self.array.ctl("lun", "detach", "disk", "box")
            self.array.ctl("lun", "delete", "disk")

    def test_a_thick_lun_keeps_its_space(self):
        session = self.make("16M", "--thick")
        write_same(session, 0, 2048, unmap=False)
        self.fails(0x2000, unmap, session, 0, 2048)
        self.fails(0x2400, write_same, session, 0, 2048, unmap=True)
        self.assertGreaterEqual(self.used(), 16 * MIB)


class Durability(LunTest):
    def setUp(self):
        self.counter = pathlib.Path(f"/var/tmp/vds-syncs-{os.getpid()}")
        self.counter.write_bytes(bytes(8))
        self.addCleanup(self.counter.unlink)
        os.environ.update(COUNT_SYNCS=str(self.counter), LD_PRELOAD=str(harness.BUILD / "tests/tools/count_syncs.so"),
                          ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
        try:
            self.array = harness.Array(self.portals, directory=None)
        finally:
            for name in ("COUNT_SYNCS", "LD_PRELOAD", "ASAN_OPTIONS"):
                os.environ.pop(name)
        self.addCleanup(self._finish)
        self.target = self.array.target("box", self.array.portals)

    def syncs(self):
        return struct.unpack("@L", self.counter.read_bytes())[0]

    def test_what_asks_for_the_medium_reaches_fdatasync_and_the_rest_does_not(self):
        session = self.make()
        if subprocess.run(["stat", "-f", "-c", "%T", self.array.directory], capture_output=True, text=True).stdout.strip() == "tmpfs":
            self.skipTest("a file system in memory has no medium")
        before = self.syncs()
        session.write(0, b"\x5a" * 4096)
        self.assertEqual(self.syncs(), before)
        for number, (cdb, data) in enumerate((
                (struct.pack(">BBIBHB", 0x35, 0, 0, 0, 0, 0), b""),          # SYNCHRONIZE CACHE(10)
                (struct.pack(">BBQIBB", 0x91, 0, 0, 0, 0, 0), b""),          # SYNCHRONIZE CACHE(16)
                (struct.pack(">BBIBHB", 0x2A, 8, 0, 0, 8, 0), bytes(4096)),  # WRITE(10) with FUA
                (struct.pack(">BBQIBB", 0x8A, 8, 0, 8, 0, 0), bytes(4096)),  # WRITE(16) with FUA
                (struct.pack(">BBIBHB", 0x2E, 0, 0, 0, 8, 0), bytes(4096)),  # WRITE AND VERIFY(10)
        ), 1):
            session.command(cdb, write=data)
            self.assertEqual(self.syncs(), before + number, cdb.hex())
        page = bytes([0, 0, 0, 0, 0x08, 0x12]) + bytes(18)  # caching page: write cache off
        session.command(struct.pack(">BBHBB", 0x15, 0x10, 0, 24, 0), write=page)
        before = self.syncs()
        session.write(0, b"\x5a" * 4096)
        self.assertEqual(self.syncs(), before + 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
