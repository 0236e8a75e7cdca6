#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vdsctl and vdsd as people meet them: exit codes, sentences, stable text. (Their man pages: test_man.py.)"""
import contextlib
import fcntl
import os
import pty
import signal
import socket
import stat
import struct
import subprocess
import termios

import harness
import initiator


class Cli(harness.ArrayTest):
    portals = ("127.0.0.1", "::1")

    def refused(self, *words):
        with self.assertRaises(harness.Refused) as caught:
            self.array.ctl(*words)
        return caught.exception

    def test_wrong_usage_ends_with_2(self):
        for words in ([], ["nonsense"], ["group"], ["group", "nonsense"], ["group", "create"], ["show", "extra"], ["lun", "create", "x"],
                      ["lun", "create", "x", "--size", "abc"], ["lun", "create", "x", "--size"], ["group", "list", "--thick"],
                      ["group", "remove-portal", "a/1", "b", "--drain", "-1"], ["--timeout", "x", "show"], ["--nonsense", "show"]):
            self.assertEqual(self.refused(*words).code, 2, words)

    def test_help_is_of_what_stands_before_it(self):
        for words in (["lun", "create", "-h"], ["lun", "create", "x", "--help", "--size", "1M"], ["--json", "lun", "create", "--help"]):
            text = self.array.ctl(*words)
            self.assertEqual(text.splitlines()[0].split("[")[0].strip(), "usage: vdsctl lun create NAME --size SIZE")
            self.assertIn("  --physical-block BYTES   what hosts align to", text)
            self.assertNotIn("--iqn", text)
        self.assertIn("{--secret-file FILE | --clear} [--initiator IQN]", self.array.ctl("target", "chap", "--help"))
        self.assertIn("[--drain SECONDS | --now]", self.array.ctl("group", "set", "--help"))
        self.assertIn("  lun extend L SIZE  ", self.array.ctl("lun", "--help"))
        for words in (["nonsense", "--help"], ["lun", "nonsense", "-h"]):
            self.assertEqual(self.refused(*words).code, 2, words)
        self.assertEqual(self.array.json("lun", "list"), [])

    def test_what_looks_like_an_option_is_one_and_nothing_is_no_value(self):
        for words in (["target", "create", "-x"], ["target", "create", ""], ["target", "create", "box", "--iqn", ""], ["lun", "allow", "x", ""],
                      ["explain", "", "box"], ["--host", "", "status"], ["--socket=", "status"]):
            self.assertEqual(self.refused(*words).code, 2, words)
        self.array.ctl("target", "create", "--", "-x")
        self.array.ctl("target", "delete", "--", "-x")

    def test_options_that_exclude_each_other(self):
        for words in (["group", "set", "a/1", "b", "--now", "--drain", "1"], ["group", "set", "a/1", "b", "--drain=1", "--now"],
                      ["top", "--once", "--count", "2"], ["target", "chap", "a", "--clear", "--secret-file", "x"], ["target", "chap", "a"],
                      ["discovery", "chap"]):
            self.assertEqual(self.refused(*words).code, 2, words)

    def test_numbers_of_seconds_have_limits(self):
        for words in (["--timeout", "0", "status"], ["--timeout", "1e300", "status"], ["--timeout", "inf", "status"], ["--timeout", "0x9", "status"],
                      ["--timeout", "", "status"], ["group", "set", "a/1", "b", "--drain", "."], ["group", "set", "a/1", "b", "--drain", "nan"],
                      ["top", "--interval", "3601"]):
            self.assertEqual(self.refused(*words).code, 2, words)
        self.array.ctl("--timeout", "1.5", "status")

    def run_with(self, *words, program=harness.VDSCTL, **descriptors):
        environment = {**os.environ, "VDS_SOCKET": self.array.socket}
        return subprocess.run([program, *words], stderr=subprocess.PIPE, text=True, timeout=60, env=environment, **descriptors)

    def test_what_cannot_be_written_is_said(self):
        self.array.target("box")
        for i in range(30):  # more than one buffer of stdio
            self.array.ctl("target", "create", f"{i}" + "x" * 200)
        with open("/dev/full", "w") as full:
            for words in (["show"], ["--json", "show"], ["--help"], ["--version"], ["lun", "--help"], ["target", "create", "other"],
                          ["top", "--count", "5", "--interval", "0.1"], ["watch", "--since", "0"]):
                done = self.run_with(*words, stdout=full)
                self.assertEqual(done.returncode, 1, words)
                self.assertIn("vdsctl: cannot write to standard output", done.stderr, words)
            self.assertEqual(self.run_with("--help", program=harness.VDSD, stdout=full).returncode, 1)

    def test_a_closed_standard_output_is_not_taken_for_the_connection(self):
        self.array.target("box")
        for words in (["show"], ["group", "create", "box"], ["watch", "--since", "0"]):
            done = self.run_with(*words, preexec_fn=lambda: os.close(1))
            self.assertEqual(done.returncode, 1, words)
            self.assertIn("cannot write to standard output: Bad file descriptor", done.stderr, words)
        done = self.run_with("target", "delete", "box", preexec_fn=lambda: os.closerange(0, 2))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_watch_and_top_end_when_nobody_reads_along(self):
        for words in (["watch"], ["top", "--interval", "3600"]):
            following = self.array.ctl_start(*words)
            following.stdout.close()
            self.assertEqual(following.wait(60), 0, words)
            following.stderr.close()
            self.assertEqual(self.run_with(*words, preexec_fn=lambda: os.close(1)).returncode, 0, words)

    def drain(self, **options):
        """group remove-portal, which waits for an initiator that does not leave."""
        portal = self.array.portals[0]
        connection = initiator.login(portal, self.array.target("box", [portal]))
        self.addCleanup(connection.close)
        draining = subprocess.Popen([harness.VDSCTL, "--socket", self.array.socket, "group", "remove-portal", "box/1", portal, "--drain", "3600"],
                                    **options)
        self.addCleanup(draining.kill)
        while not connection.events:  # it has been asked to leave
            connection.inquiry()
        return draining

    def test_ctrl_c_cancels_and_says_what(self):
        draining = self.drain(stderr=subprocess.PIPE, text=True)
        draining.send_signal(signal.SIGINT)
        said = draining.communicate(timeout=60)[1].splitlines()
        self.assertEqual(draining.returncode, 1)
        self.assertEqual(said[0], "vdsctl: cancelling")
        self.assertIn(f"vdsctl: draining {self.array.portals[0]} of box/1: VDS_E_OPERATION_CANCELED", said[1])
        self.assertEqual(self.array.json("group", "list")[0]["portals"], [self.array.portals[0]])

    def progress(self, columns):
        """What a terminal with so many columns is shown first."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        draining = self.drain(stderr=slave)
        shown = b""
        while shown.count(b"\r") < 2:
            shown += os.read(master, 1024)
        draining.kill()
        draining.wait(60)
        os.close(slave)
        os.close(master)
        return shown.split(b"\r")[1].decode()

    def test_progress_is_one_line(self):
        label = f"draining {self.array.portals[0]} of box/1"
        self.assertEqual(self.progress(120), f"{label}  [{' ' * 40}]   0%")

    def test_progress_fits_a_narrow_terminal(self):
        self.assertEqual(self.progress(20), "  0%")

    @contextlib.contextmanager
    def silent_service(self):
        """The path of a socket at which somebody listens who never answers."""
        with socket.socket(socket.AF_UNIX) as listener:
            path = self.array.directory / "silent"
            listener.bind(str(path))
            listener.listen()
            yield listener, str(path)

    def test_ctrl_c_ends_the_wait_for_a_service_that_does_not_answer(self):
        with self.silent_service() as (listener, path):
            waiting = subprocess.Popen([harness.VDSCTL, "--socket", path, "status"])
            self.addCleanup(waiting.kill)
            connection, _ = listener.accept()
            self.addCleanup(connection.close)  # kept: its end would be an answer
            waiting.send_signal(signal.SIGINT)
            self.assertEqual(waiting.wait(60), -signal.SIGINT)

    def test_the_timeout_ends_the_wait_for_a_service_that_does_not_answer(self):
        with self.silent_service() as (_, path):
            done = subprocess.run([harness.VDSCTL, "--socket", path, "--timeout", "0.1", "status"], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (3, "vdsctl: no service: it has not answered within --timeout\n"))

    def test_the_far_end_of_a_host_says_why(self):
        done = subprocess.run([harness.VDSCTL, "bridge"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                              env={**os.environ, "VDS_SOCKET": "/nonexistent/s"})
        self.assertEqual(done.returncode, 3)
        self.assertIn("vdsctl: no service: no service listens at /nonexistent/s: start vdsd", done.stderr)

    def test_no_service_ends_with_3(self):
        done = subprocess.run([harness.VDSCTL, "--socket", "/nonexistent/s", "show"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 3)
        self.assertIn("/nonexistent/s", done.stderr)

    def test_a_refusal_names_the_code_and_the_object(self):
        self.array.target("box", [], [])
        p1, p2 = self.array.portals
        self.array.ctl("group", "add-portal", "box/1", p1)
        said = self.refused("group", "add-portal", "box/2", p1)
        self.assertEqual(said.code, 1)
        self.assertIn("VDS_E_INVALID_OPERATION", said.text)
        self.assertIn("box/1", said.text)  # design section 5: the message names the group
        self.assertIn("VDS_E_OBJECT_NOT_FOUND", self.refused("group", "remove-portal", "box/2", p2).text)
        self.assertIn("VDS_E_ASSOCIATED_PORTALS_EXIST", self.refused("group", "delete", "box/1").text)
        self.assertIn("VDS_E_NAME_NOT_UNIQUE", self.refused("target", "create", "again", "--iqn", self.array.json("target", "show", "box")
                                                            ["iscsi_name"]).text)
        self.assertEqual(self.refused("target", "delete", "nobody").code, 1)

    def test_adding_a_portal_twice_is_done_at_once(self):
        self.array.target("box", [self.array.portals[0]])
        self.array.ctl("group", "add-portal", "box/1", self.array.portals[0])
        self.assertEqual(self.array.json("group", "list")[0]["portals"], [self.array.portals[0]])

    def test_the_lists_are_text_and_json(self):
        p1, p2 = self.array.portals
        self.array.target("box", [p1], [p2], lun="disk")
        self.assertEqual(self.array.ctl("portal", "list").splitlines()[0].split(), ["PORTAL", "STATUS", "GROUPS"])
        self.assertIn(f"{p1}", self.array.ctl("group", "list"))
        shown = self.array.ctl("show")
        for part in (p1, p2, "box", "group 1", "group 2", "LUN 0  disk", "64M thin"):
            self.assertIn(part, shown)
        tree = self.array.json("show")
        self.assertEqual([t["name"] for t in tree["targets"]], ["box"])
        self.assertEqual(tree["luns"][0]["size"], 64 << 20)
        self.assertEqual(tree["luns"][0]["targets"], [{"target": "box", "number": 0}])
        self.assertEqual({p["status"] for p in tree["portals"]}, {"online"})

    def test_what_has_no_name_is_called_by_what_can_be_typed(self):
        iqn = self.array.target("box", [self.array.portals[0]], lun="disk")
        script = "select subsystem 0\nselect target 0\nname target\nselect lun 0\nname lun\n"
        subprocess.run([harness.BUILD / "src/cli/diskraid/diskraid", "--socket", self.array.socket], input=script, text=True, check=True,
                       stdout=subprocess.DEVNULL, timeout=60)
        show = self.array.json("show")
        self.assertEqual([(o["name"]) for o in show["targets"] + show["luns"]], ["", ""])
        self.assertEqual(show["portals"][0]["groups"], [f"{iqn}/1"])
        self.assertEqual(self.array.ctl("group", "list").split()[2], f"{iqn}/1")
        name = self.array.ctl("lun", "list").splitlines()[1].split()[0]
        self.assertEqual(name, show["luns"][0]["id"])
        self.array.ctl("lun", "detach", name, iqn)
        self.assertEqual(self.array.ctl("group", "create", iqn).strip(), f"{iqn}/2")

    def test_a_lun_of_many_targets_is_listed_with_all(self):
        self.array.ctl("lun", "create", "disk", "--size", "1M")
        names = [f"{'x' * 100}{i}" for i in range(8)]
        for name in names:
            self.array.ctl("target", "create", name)
        self.array.ctl("lun", "attach", "disk", *names)
        self.assertIn(", ".join(f"{name}:0" for name in names), self.array.ctl("lun", "list"))

    def shown_on_terminal(self, **environment):
        """What `show` draws there."""
        master, slave = pty.openpty()
        subprocess.run([harness.VDSCTL, "--socket", self.array.socket, "show"], stdout=slave, check=True, timeout=60,
                       env={**os.environ, **environment})
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # no more of it
            while True:
                shown += os.read(master, 65536)
        os.close(master)
        return shown.decode()

    def test_the_tree_is_drawn_with_what_the_terminal_has(self):
        self.assertIn("├─ portals", self.shown_on_terminal(LC_ALL="C.UTF-8"))
        plain = self.shown_on_terminal(LC_ALL="C")
        self.assertIn("|- portals\r\n|  |- 127.0.0.1", plain)
        self.assertIn("`- LUNs", plain)
        self.assertIn("├─ portals", self.array.ctl("show"))  # a pipe

    def test_a_thick_lun_takes_its_space_and_a_thin_one_does_not(self):
        self.array.ctl("lun", "create", "thick", "--size", "32M", "--thick")
        self.array.ctl("lun", "create", "thin", "--size", "1T")
        luns = {lun["name"]: lun for lun in self.array.json("lun", "list")}
        self.assertGreaterEqual(luns["thick"]["allocated"], 32 << 20)
        self.assertLess(luns["thin"]["allocated"], 1 << 20)

    def test_a_target_with_luns_is_not_deleted(self):
        self.array.target("box", [], lun="disk")
        self.assertIn("VDS_E_ASSOCIATED_LUNS_EXIST", self.refused("target", "delete", "box").text)
        self.array.ctl("lun", "detach", "disk", "box")
        self.array.ctl("target", "delete", "box")
        self.array.ctl("lun", "delete", "disk")
        self.assertEqual(self.array.json("lun", "list"), [])

    def test_watch_shows_events_in_order(self):
        watch = self.array.ctl_start("watch")
        self.addCleanup(watch.kill)
        lines = []
        while not lines:  # watch is heard from only once something happens: make something happen until it is
            self.array.ctl("target", "create", "probe")
            self.array.ctl("target", "delete", "probe")
            while watch.stdout in __import__("select").select([watch.stdout], [], [], 0.2)[0]:
                lines.append(watch.stdout.readline())
        self.array.target("box", [self.array.portals[0]])
        seen = []
        while len(seen) < 3:
            words = watch.stdout.readline().split()
            if "probe" not in words and (words[1] == "group" or (words[1], words[2]) == ("target", "created")):
                seen.append((words[1], words[2]))
                if seen[0] != ("target", "created"):
                    seen.clear()
        self.assertEqual(seen, [("target", "created"), ("group", "created"), ("group", "changed")])
        watch.terminate()
        watch.communicate(timeout=60)
        self.assertEqual(watch.returncode, 0)

    def test_a_second_vdsd_on_the_same_state_is_refused(self):
        done = subprocess.run([harness.VDSD, "--state", self.array.directory / "state", "--socket", self.array.directory / "s2"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.array.directory / "state"), done.stderr)

    def test_wrong_options_of_vdsd_end_with_2(self):
        for words in (["--nonsense"], ["--reactors", "x"], ["--reactors"], ["--epoll=1"], ["stray"], ["--log-level", "loud"], ["--state", ""], ["--state="],
                      ["--socket", ""], ["--drive", ""]):
            done = subprocess.run([harness.VDSD, *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, words)


    def test_the_folder_of_the_socket_lets_in_whom_the_socket_lets_in(self):
        self.array.stop()
        for options, mode in (([], 0o700), (["--readers"], 0o755)):
            folder = self.array.directory / f"sockets{len(options)}"
            self.array.options, self.array.socket = options, str(folder / "inner" / "s")
            self.array.start()
            self.assertEqual([stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "inner")], [mode, mode])
            self.array.stop()

    def test_a_file_where_the_socket_should_be_stays(self):
        file = self.array.directory / "file"
        file.write_text("precious")
        done = subprocess.run([harness.VDSD, "--state", self.array.directory / "other", "--socket", file, "--portal",
                               f"127.0.0.1:{harness.free_ports(1)[0]}"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"vdsd: {file}: what is there is no socket", done.stderr)
        self.assertEqual(file.read_text(), "precious")


if __name__ == "__main__":
    harness.main()
