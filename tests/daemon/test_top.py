#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vdsctl top: counts that are exactly what an initiator did, text that stays the same, a terminal that is given back."""
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

import harness
import initiator

HEAD = "IOPS READ MB/s WRITE MB/s MEAN us 99% us QUEUE ERRORS"
TAKE, GIVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Top(harness.ArrayTest):
    def setUp(self):
        super().setUp()
        self.iqn = self.array.target("box", [self.array.portals[0]], lun="disk")

    def login(self):
        connection = initiator.login(self.array.portals[0], self.iqn)
        self.addCleanup(connection.close)
        return connection

    def look(self):
        return self.array.json("top", "--once", "--interval", "0.1")

    # ---- counts

    def test_counts_are_exactly_what_the_initiator_did(self):
        one = self.login()
        one.report_luns()  # neither a read nor a write
        before = self.look()["sessions"][0]["total"]
        for i in range(7):
            one.read(8 * i, 8)
        for i in range(5):
            one.write(i, b"x" * 512)
        with self.assertRaises(initiator.CheckCondition):
            one.read(1 << 30, 1)
        for look in (self.look()["sessions"][0], self.look()["luns"][0]):
            total = {key: n - (before[key] if "initiator" in look else 0) for key, n in look["total"].items()}
            self.assertEqual((total["reads"], total["writes"], total["errors"]), (8, 5, 1))
            self.assertEqual((total["bytes_read"], total["bytes_written"]), (7 * 8 * 512, 5 * 512))
            self.assertGreater(total["latency_ns"], 0)

    def test_what_a_session_did_stays_with_the_lun(self):
        one = self.login()
        one.read(0, 8)
        one.logout()
        self.login().read(0, 8)
        look = self.look()
        self.assertEqual([s["total"]["reads"] for s in look["sessions"]], [1])
        self.assertEqual([(lun["name"], lun["total"]["reads"], lun["total"]["bytes_read"]) for lun in look["luns"]], [("disk", 2, 8192)])

    def test_json_is_one_object_a_line(self):
        lines = subprocess.run([harness.VDSCTL, "--socket", self.array.socket, "--json", "top", "--interval", "0.1", "--count", "3"],
                               capture_output=True, text=True, timeout=60).stdout.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertTrue(all(line.startswith('{"interval_ms":') and line.endswith("}") for line in lines))

    # ---- text

    def test_once_is_stable_text(self):
        self.array.ctl("lun", "create", "other", "--size", "1M")
        self.login()
        text = self.array.ctl("top", "--once", "--interval", "0.1")
        lines = [" ".join(line.split()) for line in text.splitlines()]
        session = self.array.json("session", "list")[0]
        self.assertEqual(lines, [f"{HEAD} SESSION TARGET INITIATOR", f"0 0.0 0.0 0.0 0.0 0 0 {session['id']} box {session['initiator']}", "",
                                 f"{HEAD} LUN", "0 0.0 0.0 0.0 0.0 - 0 disk", "0 0.0 0.0 0.0 0.0 - 0 other"])
        self.assertNotIn("\x1b", text)

    def test_without_a_terminal_it_prints_blocks(self):
        text = self.array.ctl("top", "--count", "2", "--interval", "0.1")
        self.assertEqual(len(re.findall(r" SESSION  TARGET  INITIATOR\n", text)), 2)
        self.assertEqual(text.count("\n\n"), 3)
        self.assertNotIn("\x1b", text)

    def test_wrong_options_are_usage(self):
        for words in (["--interval", "0"], ["--interval", "x"], ["--count", "0"], ["--count", "-1"], ["--count", "2x"], ["--interval", "nan"]):
            with self.assertRaises(harness.Refused) as caught:
                self.array.ctl("top", *words)
            self.assertEqual(caught.exception.code, 2, words)

    # ---- the terminal

    @contextlib.contextmanager
    def on_terminal(self, lines=12, columns=100, kind="xterm", drawn=b"LUN\x1b[K", interval="0.1"):
        """top on a terminal of its own; it has shown something when the body begins."""
        self.master, slave = pty.openpty()
        try:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            self.modes = termios.tcgetattr(slave)
            self.screen = b""
            command = [harness.VDSCTL, "--socket", self.array.socket, "top", "--interval", interval]
            self.top = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=subprocess.PIPE, text=True, start_new_session=True,
                                        env={**os.environ, "TERM": kind})
            self.until(drawn)
            yield slave
        finally:
            self.top.kill()
            self.top.communicate()
            os.close(slave)
            os.close(self.master)

    def until(self, what):
        while what not in self.screen:
            ready = select.select([self.master], [], [], 60)[0]
            self.assertTrue(ready, self.screen)
            self.screen += os.read(self.master, 65536)

    def given_back(self, slave, code, said=""):
        self.until(GIVE)
        self.assertIn(said, self.top.communicate(timeout=60)[1])
        self.assertEqual(self.top.returncode, code)
        self.assertEqual(termios.tcgetattr(slave), self.modes)
        self.assertEqual((self.screen.count(TAKE), self.screen.count(GIVE)), (1, 1))
        self.assertTrue(self.screen.endswith(GIVE))

    def test_q_ends_it_and_gives_the_terminal_back(self):
        with self.on_terminal() as slave:
            self.assertFalse(termios.tcgetattr(slave)[3] & termios.ECHO)
            os.write(self.master, b"xq")
            self.given_back(slave, 0)

    def test_signals_end_it_and_give_the_terminal_back(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with self.on_terminal() as slave:
                self.top.send_signal(number)
                self.given_back(slave, 0)

    def test_a_window_of_another_size_is_drawn_at_once_and_the_first_screen_soon(self):
        with self.on_terminal(columns=40, drawn=b"MEAN us\x1b[K", interval="3600") as slave:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 100, 0, 0))
            self.top.send_signal(signal.SIGWINCH)  # it is in a session of its own: the terminal does not send it
            self.until(b"LUN\x1b[K")
            os.write(self.master, b"q")
            self.given_back(slave, 0)

    def test_a_service_that_goes_is_said_on_a_terminal_that_is_given_back(self):
        with self.on_terminal() as slave:
            self.array.kill()
            self.given_back(slave, 3, "top: RPC_E_DISCONNECTED")

    def test_a_terminal_that_cannot_be_drawn_on_gets_blocks(self):
        with self.on_terminal(kind="dumb", drawn=b" LUN\r\n"):
            self.top.terminate()
            self.top.communicate(timeout=60)
            self.assertEqual(self.top.returncode, 0)
            self.assertNotIn(b"\x1b", self.screen)

    def test_the_table_fits_the_terminal(self):
        for i in range(20):
            self.array.ctl("lun", "create", f"lun{i}", "--size", "1M")
        with self.on_terminal(lines=12, columns=70) as slave:
            self.until(b"more")
            frame = self.screen[self.screen.rindex(b"\x1b[H"):].split(b"\r\n")
            self.assertLessEqual(len(frame), 12)
            for line in frame:
                self.assertLessEqual(len(re.sub(rb"\x1b\[\??[0-9]*[A-Za-z]", b"", line)), 70)
            os.write(self.master, b"q")
            self.given_back(slave, 0)


if __name__ == "__main__":
    harness.main()
