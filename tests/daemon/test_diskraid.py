#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""diskraid against a running vdsd: a transcript for each command (tests/golden/diskraid), exit codes, the terminal, Ctrl-C.

A transcript is what `diskraid /v` says; its commands are the lines behind the prompt. "[exit N]" ends a run, and all runs of a file see one
array. "[not run]" stands before commands that a failure kept from being run. What differs from host to host is put into one form
(normalise). After a wanted change, DISKRAID_UPDATE=1 writes the transcripts anew: read the diff, each line of it, before you commit it.
"""
import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time
import unittest

import harness
import initiator

DISKRAID = harness.BUILD / "src/cli/diskraid/diskraid"
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden/diskraid"
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs/man"
PROMPT, NOT_RUN = "DISKRAID> ", "[not run] "  # of one length


def normalise(text, array):
    """One form for what hosts and runs do not share; widths stay, so that columns do."""
    for i, portal in enumerate(array.portals):
        host, _, port = portal.rpartition(":")
        text = text.replace(portal, f"{host}:{str(i + 1) * len(port)}")
    text = text.replace(str(array.directory), "DIR")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", text)
    text = re.sub(r"iqn\.\d{4}-\d\d\.org\.vds:[0-9a-f]{12}:[0-9a-f]{8}-[0-9a-f]{4}", "iqn.yyyy-mm.org.vds:xxxxxxxxxxxx:xxxxxxxx-xxxx", text)
    text = re.sub(r"LUN [0-9a-f]{8}(?![0-9a-f])", "LUN xxxxxxxx", text)
    text = re.sub(rf"\b{re.escape(socket.gethostname())}$", "HOST", text, flags=re.M)
    text = re.sub(r"(?<![\d.])\d+\.\d+\.\d+(?![\d.])", "0.0.0", text)
    text = re.sub(r"VIRTUAL-DISK \S+", "VIRTUAL-DISK 0.0", text)
    text = re.sub(r"^([* ] Drive \d.{28})  .{8}  .{8}", r"\1      SIZE      FREE", text, flags=re.M)  # the host's file system
    text = re.sub(r"^(  (?:Size|Free) +: )\d+ [GTP]B \(\d+ bytes\)$", r"\1SIZE (n bytes)", text, flags=re.M)
    return re.sub(r"^(  Free  +)\d+ [GTP]B$", r"\1SIZE", text, flags=re.M)


def runs_of(transcript):
    """The commands of each run."""
    runs, commands = [], []
    for line in transcript.splitlines():
        if line.startswith((PROMPT, NOT_RUN)):
            secret = "yzabcdefghij" if " remember " in line else "abcdefghijkl"  # the two directions must not share one
            commands.append(line[len(PROMPT):].replace("secret=...", f"secret={secret}"))
        elif line.startswith("[exit "):
            runs.append(commands)
            commands = []
    assert not commands, "the last run has no [exit N]"
    return runs


class DiskraidTest(harness.ArrayTest):
    def run_script(self, commands, *options):
        """(what it said, its exit code)"""
        done = subprocess.run([DISKRAID, "--socket", self.array.socket, *options], input="\n".join(commands) + "\n", text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        return done.stdout, done.returncode

    def done(self, *commands):
        """The output of commands that all succeed."""
        text, code = self.run_script(commands)
        self.assertEqual(code, 0, text)
        return text


class Transcripts(DiskraidTest):
    def replay(self, path):
        golden = path.read_text()
        said = []
        for commands in runs_of(golden):
            text, code = self.run_script(commands, "/v")
            self.assertNotIn(code, (-signal.SIGSEGV, -signal.SIGABRT), text)
            n_run = sum(line.startswith(PROMPT) for line in text.splitlines())
            text += "".join(f"{NOT_RUN}{command}\n" for command in commands[n_run:])
            said.append(normalise(text, self.array) + f"[exit {code}]\n")
        said = "\n".join(said)
        if os.environ.get("DISKRAID_UPDATE"):
            path.write_text(said)
        self.maxDiff = None
        self.assertEqual(golden if not os.environ.get("DISKRAID_UPDATE") else said, said)


def _transcript_test(path):
    return lambda self: self.replay(path)


for _path in sorted(GOLDEN.glob("*.txt")):
    setattr(Transcripts, f"test_{_path.stem}", _transcript_test(_path))


class Codes(unittest.TestCase):
    def run_alone(self, *options, stdin=""):
        return subprocess.run([DISKRAID, *options], input=stdin, text=True, capture_output=True, timeout=60,
                              env=dict(os.environ, VDS_SOCKET="/nonexistent/s"))

    def test_each_command_has_a_transcript(self):
        listed = re.findall(r"^  ([A-Z]+) ", self.run_alone(stdin="help\n").stdout, re.M)
        self.assertEqual(len(listed), 36)
        self.assertEqual([c for c in listed if not (GOLDEN / f"{c.lower()}.txt").exists()], [])

    def test_wrong_options_end_with_2(self):
        for options in (["nonsense"], ["/s"], ["/x"], ["--socket"], ["--socket", "a", "--host", "b"], ["/s", "a", "-s", "b"], [""], ["/"],
                        ["--socket="], ["--host", ""], ["/s", ""], ["--hostname", "x"], ["--socket=a", "--socket=b"]):
            self.assertEqual(self.run_alone(*options).returncode, 2, options)

    def test_a_script_that_cannot_be_opened_ends_with_3(self):
        self.assertEqual(self.run_alone("/s", "/nonexistent/script").returncode, 3)
        self.assertEqual(self.run_alone("-S", "/").returncode, 3)
        self.assertEqual(self.run_alone("/o", "/nonexistent/output").returncode, 3)

    def test_a_value_may_stand_behind_an_equals_sign(self):
        self.assertIn("no service listens at /elsewhere/s", self.run_alone("--socket=/elsewhere/s", stdin="list subsystems\n").stderr)

    def test_no_service_ends_with_4(self):
        done = self.run_alone(stdin="list subsystems\n")
        self.assertEqual(done.returncode, 4)
        self.assertIn("/nonexistent/s", done.stderr)

    def test_a_syntax_error_ends_with_5_and_names_the_line(self):
        done = self.run_alone(stdin="rem one\n\nfrobnicate\nhelp\n")
        self.assertEqual(done.returncode, 5)
        self.assertIn("line 3", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_noerr_does_not_excuse_a_syntax_error(self):
        self.assertEqual(self.run_alone(stdin="delete lun sideways noerr\n").returncode, 5)

    def test_bad_bytes_end_with_5(self):
        for script in (b"list\0luns\n", b"name lun \"open\n", b"name lun caf\xe9\n", b"list " + b"x" * 100000 + b"\n", b" " * 4000 + b"list " + b"x" * 200,
                       b"x " * 3000, b"\xff\xfel\0i\0s\0t\0"):
            done = subprocess.run([DISKRAID], input=script, capture_output=True, timeout=60, env=dict(os.environ, VDS_SOCKET="/nonexistent/s"))
            self.assertEqual(done.returncode, 5, script[:40])

    def test_scripts_from_windows_are_read(self):
        done = subprocess.run([DISKRAID], input=b"\xef\xbb\xbfREM a script\r\n\r\nHELP EXIT\r\nEXIT\r\nfrobnicate\r\n", capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"  EXIT\n", done.stdout)

    def test_scripts_in_utf_16_are_read(self):
        for encoding, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
            script = mark + "REM Gr\u00fc\u00dfe \U0001f600\r\n\r\nHELP EXIT\r\nname lun \u00e4 \U0001f600=b\r\n".encode(encoding)
            done = subprocess.run([DISKRAID], input=script, capture_output=True, timeout=60)
            self.assertIn(b"  EXIT\n", done.stdout)
            self.assertIn("'\U0001f600' does not belong here", done.stderr.decode())
            self.assertIn(b"line 4 ", done.stderr)
            for bad in ("name lun ".encode(encoding) + b"\xd8\xd8a", "name lun x".encode(encoding) + b"\0", "name lun \0".encode(encoding)):
                done = subprocess.run([DISKRAID], input=mark + bad, capture_output=True, timeout=60)
                self.assertEqual((done.returncode, b"UTF-8" in done.stderr or b"control" in done.stderr), (5, True), done.stderr)
            self.assertEqual(subprocess.run([DISKRAID], input=mark, capture_output=True, timeout=60).returncode, 0)

    def test_the_last_line_needs_no_newline(self):
        self.assertEqual(self.run_alone(stdin="frobnicate").returncode, 5)

    def test_secrets_are_not_echoed(self):
        done = self.run_alone("/v", stdin="chap target set secret=topsecret1234\n")
        self.assertNotIn("topsecret", done.stdout + done.stderr)
        for line in ("chap target set \"secret=topsecret1234 open", "\"CHA\"p target set secret=topsecret1234" + " " * 5000,
                     "\"chap target set secret=topsecret1234"):
            done = self.run_alone("/v", stdin=line + "\n")
            self.assertEqual(done.returncode, 5)
            self.assertNotIn("topsecret", done.stdout + done.stderr, line[:40])

    def test_a_line_that_is_too_long_is_echoed_as_far_as_it_was_read(self):
        for n in (4095, 4096, 4097, 5000):
            done = self.run_alone("/v", stdin="help ".ljust(n, "x") + "\n")
            self.assertEqual(done.returncode, 5, done.stderr)
            self.assertEqual(done.stdout.splitlines()[0], "DISKRAID> " + "help ".ljust(min(n, 4097), "x"))

    def test_the_man_page_tells_every_command_and_option(self):
        page = (DOCS / "diskraid.1").read_text()
        for command in re.findall(r"^  ([A-Z]+) ", self.run_alone(stdin="help\n").stdout, re.M):
            self.assertRegex(page, rf"(?m)^\.It (Ic|Cm) {command.lower()}\b", command)
        for option in re.findall(r"--([a-z]+)", self.run_alone("/?").stdout):
            self.assertRegex(page, rf"Fl -{option}\b")


class Sessions(DiskraidTest):
    def test_output_goes_to_a_file(self):
        output = self.array.directory / "output"
        text, code = self.run_script(["list subsystems"], "/o", str(output))
        self.assertEqual((text, code), ("", 0))
        self.assertIn("Subsystem 0", output.read_text())

    def test_a_script_ends_where_nothing_can_be_written(self):
        done = subprocess.run([DISKRAID, "--socket", self.array.socket, "/o", "/dev/full"], input="select subsystem 0\ncreate target name=never\n",
                              text=True, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("diskraid: cannot write to standard output: No space left on device", done.stderr)
        self.assertEqual(self.array.json("target", "list"), [])
        done = subprocess.run([DISKRAID, "--socket", self.array.socket], input="list subsystems\n", text=True, stderr=subprocess.PIPE, timeout=60,
                              preexec_fn=lambda: os.close(1))
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_what_diskraid_makes_vdsctl_sees(self):
        self.done("select subsystem 0", "create target name=box iscsiname=iqn.2026-01.org.example:box", "create tpgroup", "add tpgroup tportal=1",
                  "create lun simple size=32", "name lun disk", "associate targets 0", "unmask lun initiator=iqn.2026-01.org.example:host")
        self.assertEqual(self.array.json("group", "list")[0]["portals"], [self.array.portals[1]])
        lun = self.array.json("lun", "list")[0]
        self.assertEqual((lun["name"], lun["size"]), ("disk", 32 << 20))
        connection = initiator.login(self.array.portals[1], "iqn.2026-01.org.example:box", "iqn.2026-01.org.example:host")
        connection.write(0, b"x" * 512)
        self.assertEqual(connection.read(0, 1), b"x" * 512)
        self.assertIn("iqn.2026-01.org.example:host", self.done("select subsystem 0", "select target 0", "detail target"))
        connection.close()

    def test_a_number_keeps_its_object_while_others_come_and_go(self):
        shell = subprocess.Popen([DISKRAID, "--socket", self.array.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.addCleanup(shell.kill)
        shell.stdin.write("select subsystem 0\ncreate target name=a\ncreate target name=b\nlist targets\n")
        shell.stdin.flush()
        while "b " not in shell.stdout.readline():
            pass
        self.array.ctl("target", "delete", "a")
        self.array.ctl("target", "create", "c")
        out, _ = shell.communicate("select target 0\nselect target 1\ndetail target\nselect target 2\ndetail target\n", timeout=60)
        self.assertEqual(shell.returncode, 0)
        self.assertIn("There is no target selected", out)
        self.assertEqual(re.findall(r"Name  +: (\w+)", out), ["b", "c"])

    def test_two_scripts_at_once_do_not_meet(self):
        scripts = [["select subsystem 0", *[f"create target name={name}{i}" for i in range(20)], *["delete target noerr"] * 20] for name in "ab"]
        shells = [subprocess.Popen([DISKRAID, "--socket", self.array.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True) for _ in scripts]
        for shell, script in zip(shells, scripts):
            shell.stdin.write("\n".join(script) + "\n")
            shell.stdin.close()
        for shell in shells:
            out = shell.stdout.read()
            shell.stdout.close()
            self.assertEqual(shell.wait(60), 0, out)

    def test_a_dying_service_ends_a_script_with_4(self):
        shell = subprocess.Popen([DISKRAID, "--socket", self.array.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 text=True, bufsize=1)
        self.addCleanup(shell.kill)
        shell.stdin.write("list subsystems\n")
        shell.stdin.flush()
        while "Subsystem 0" not in shell.stdout.readline():
            pass
        self.array.kill()
        out, _ = shell.communicate("list subsystems\n", timeout=60)
        self.assertEqual(shell.returncode, 4, out)

    def test_ctrl_c_cancels_what_runs_and_stops_the_script(self):
        name = self.array.target("box", [self.array.portals[0]])
        connection = initiator.login(self.array.portals[0], name, "iqn.2026-01.org.example:host")  # ignores the request to leave
        self.addCleanup(connection.close)
        shell = subprocess.Popen([DISKRAID, "--socket", self.array.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(shell.kill)
        shell.stdin.write("select subsystem 0\nselect target 0\nselect tpgroup 0\nremove tpgroup tportal=0 noerr\ncreate target name=never\n")
        shell.stdin.close()
        while not connection.events:  # the drain has begun
            connection.inquiry()
        shell.send_signal(signal.SIGINT)
        err = shell.stderr.read()
        self.assertEqual(shell.wait(60), 4, err)
        self.assertIn("VDS_E_OPERATION_CANCELED", err)
        self.assertEqual(self.array.json("group", "list")[0]["portals"], [self.array.portals[0]])
        self.assertEqual([t["name"] for t in self.array.json("target", "list")], ["box"])
        shell.stdout.close()
        shell.stderr.close()


class Terminal(DiskraidTest):
    """On a pseudo-terminal."""

    def start(self, **environment):
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update(environment, TERM="vt100")
            os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # libedit keeps the name of an added function
            os.execv(DISKRAID, [str(DISKRAID), "--socket", self.array.socket])
        self.pid, self.fd, self.seen = pid, fd, ""
        self.addCleanup(self.end)
        self.expect(PROMPT)

    def end(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def expect(self, text):
        deadline = time.monotonic() + 60
        while text not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                self.fail(f"no {text!r} in {self.seen!r}")
            try:
                self.seen += os.read(self.fd, 4096).decode()
            except OSError:
                self.fail(f"ended without {text!r}: {self.seen!r}")
        before, _, self.seen = self.seen.partition(text)
        if text == PROMPT:
            self.wait_for_line_editing(deadline)
        return before

    def wait_for_line_editing(self, deadline):
        """The prompt is printed a moment before the terminal is handed over; what is typed in between is the terminal's own business."""
        while termios.tcgetattr(self.fd)[3] & termios.ICANON:
            self.assertLess(time.monotonic(), deadline, "the terminal is never edited")
            select.select([], [], [], 0.005)

    def type(self, text):
        os.write(self.fd, text.encode())

    def exit_code(self):
        while True:
            try:
                if not os.read(self.fd, 4096):
                    break
            except OSError:
                break
        pid, self.pid = self.pid, 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_banner_prompt_and_exit(self):
        self.start()
        self.type("select subsystem 0\r")
        self.expect("Subsystem 0 is now the selected subsystem.")
        self.expect(PROMPT)
        self.type("EXIT\r")
        self.assertEqual(self.exit_code(), 0)

    def test_an_error_does_not_end_it_and_ctrl_d_does(self):
        self.start()
        self.type("frobnicate\r")
        self.expect("'frobnicate' is not a command")
        self.expect(PROMPT)
        self.type("delete lun\r")
        self.expect("There is no LUN selected")
        self.expect(PROMPT)
        self.type("\x04")
        self.assertEqual(self.exit_code(), 0)

    def test_tab_completes_words(self):
        self.start()
        self.type("sel\tsub\t0\r")
        self.expect("Subsystem 0 is now the selected subsystem.")
        self.expect(PROMPT)
        self.type("cre\tlun si\tsiz\t8\r")
        self.expect("LUN 0 was created")

    def test_the_arrow_brings_back_a_command_but_no_secret(self):
        self.start()
        self.type("help exit\r")
        self.expect("Leave DiskRAID")
        self.expect(PROMPT)
        self.type("chap target set secret=topsecret1234\r")
        self.expect("There is no target selected")
        self.expect(PROMPT)
        self.type("\x10\r")  # Ctrl-P, the previous line
        self.expect("Leave DiskRAID")

    def test_ctrl_c_drops_the_line(self):
        self.start()
        self.type("delete lu\x03")
        self.expect(PROMPT)
        self.type("help exit\r")
        self.expect("Leave DiskRAID")

    def test_letters_are_utf_8_in_any_locale(self):
        self.start(LC_ALL="C")
        self.type("select subsystem 0\r")
        self.expect(PROMPT)
        self.type("name subsystem Größe😀\r")
        self.expect("was named")
        self.assertEqual(self.array.json("show")["name"], "Größe😀")

    def test_a_byte_that_is_no_letter_is_seen(self):
        self.start()
        os.write(self.fd, b"frob\xffnicate\r")
        self.expect("'frob\ufffdnicate' is not a command")

    def test_a_window_of_another_size_is_noticed(self):
        self.start()
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
        shown = ""
        while "tar \bget" not in shown:  # longer than the line is now: it wraps
            self.type("\x15create target name=x")
            shown = self.expect("=x")

    def test_it_goes_on_when_the_service_is_back(self):
        self.start()
        self.type("select subsystem 0\r")
        self.expect("now the selected")
        self.array.restart()
        self.type("list luns\r")
        self.expect("Virtual Disk Service error")
        self.expect(PROMPT)
        self.type("select subsystem 0\r")
        self.expect("Subsystem 0 is now the selected subsystem.")


if __name__ == "__main__":
    harness.main()
