# SPDX-License-Identifier: MIT
"""What the daemon tests share: a vdsd of their own on a directory of their own, vdsctl, free ports."""
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(os.environ.get("VDS_BUILD", "build")).resolve()
VDSD, VDSCTL = BUILD / "src/daemon/vdsd", BUILD / "src/cli/vdsctl"
ABSENT = "198.51.100.7:3260"  # a portal on no host (RFC 5737)


def free_ports(n, host="127.0.0.1"):
    """Ports nobody uses now, below those that the kernel gives to clients: one that is let go for a while comes back."""
    first_of_clients = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found = []
    while len(found) < n:
        port = random.randrange(10000, max(first_of_clients, 20000))
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s, contextlib.suppress(OSError):
            s.bind((host, port))
            if port not in found:
                found.append(port)
    return found


class Refused(Exception):
    """vdsctl said no: .code is its exit code, .text what it said."""

    def __init__(self, code, text):
        super().__init__(f"exit {code}: {text}")
        self.code, self.text = code, text


class Array:
    """A running vdsd."""

    def __init__(self, portals=("127.0.0.1", "127.0.0.1"), options=(), directory=None):
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="vds-test-"))
        self.owns_directory = directory is None
        ports = free_ports(len(portals))
        self.portals = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in zip(portals, ports)]
        self.options = list(options)
        self.socket = str(self.directory / "s")
        self.log = open(self.directory / "vdsd.log", "ab")
        self.process = None
        self.start()

    def start(self):
        command = [VDSD, "--state", self.directory / "state", "--socket", self.socket, "--reactors", "2", *self.options]
        for portal in self.portals:
            command += ["--portal", portal]
        # No programs of the host: what vdsd says must not depend on whether open-iscsi is installed here.
        environment = {**os.environ, "PATH": os.environ.get("VDS_TEST_PATH", "/nonexistent")}
        self.process = subprocess.Popen([str(c) for c in command], stderr=self.log, stdout=self.log, env=environment)
        self.ctl("--timeout", "60", "status")

    def ctl(self, *words, json_output=False, check=True):
        """Standard output of vdsctl (parsed with json_output); Refused for a nonzero exit code."""
        command = [str(VDSCTL), "--socket", self.socket, *(["--json"] if json_output else []), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if check and done.returncode:
            raise Refused(done.returncode, done.stderr.strip())
        return json.loads(done.stdout) if json_output else done.stdout

    def json(self, *words):
        return self.ctl(*words, json_output=True)

    def ctl_start(self, *words):
        """vdsctl in the background."""
        return subprocess.Popen([str(VDSCTL), "--socket", self.socket, *map(str, words)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.kill()
        self.start()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("vdsd does not end on SIGTERM\n" + self.log_tail())
        status = self.process.returncode
        if status not in (0, -signal.SIGKILL):
            raise AssertionError(f"vdsd ended with {status}\n" + self.log_tail())

    def log_tail(self):
        return "\n".join((self.directory / "vdsd.log").read_text(errors="replace").splitlines()[-60:])

    def remove(self):
        try:
            self.stop()
        finally:
            self.log.close()
            if self.owns_directory:
                shutil.rmtree(self.directory, ignore_errors=True)

    # ---- shorthands

    def target(self, name, *groups, lun=None):
        """Makes a target with one group for each list of portals; ties a LUN, open to all. Returns the iSCSI name."""
        iscsi_name = self.ctl("target", "create", name).strip()
        for portals in groups:
            group = self.ctl("group", "create", name).strip()
            for portal in portals:
                self.ctl("group", "add-portal", group, portal)
        if lun:
            self.lun(lun, name)
        return iscsi_name

    def lun(self, lun, *targets, size="64M", options=()):
        self.ctl("lun", "create", lun, "--size", size, *options)
        self.ctl("lun", "allow", lun, "*")
        if targets:
            self.ctl("lun", "attach", lun, *targets)


class ArrayTest(unittest.TestCase):
    """One array per test, gone afterwards; a failing test shows the end of its log."""
    portals = ("127.0.0.1", "127.0.0.1")
    options = ()

    def setUp(self):
        self.array = Array(self.portals, self.options)
        self.addCleanup(self._finish)

    def _finish(self):
        outcome = self._outcome.result
        if any(test is self for test, _ in [*outcome.errors, *outcome.failures]):
            print(f"---- log of {self.id()}\n{self.array.log_tail()}", file=sys.stderr)
        self.array.remove()


class ProgramTest(unittest.TestCase):
    """The tests of a C program, which must all pass; returns what it wrote."""
    program = None

    def run_program(self, *words, **environment):
        done = subprocess.run([str(self.program), *map(str, words)], capture_output=True, text=True, timeout=300,
                              env={**os.environ, **environment})
        print(done.stderr, file=sys.stderr)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout


def main():
    unittest.main(verbosity=2)
