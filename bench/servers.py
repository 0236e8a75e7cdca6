# SPDX-License-Identifier: MIT
"""The servers that bench/run and bench/scale measure, each started, pinned, filled, stopped (SIGSTOP) and ended the same way."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("BUILD", HERE.parent / "build")).resolve()
LOAD, MANY = BUILD / "bench/load", BUILD / "tests/tools/many_targets"
VDSD, VDSCTL = BUILD / "src/daemon/vdsd", BUILD / "src/cli/vdsctl"
SERVER_CPU, CLIENT_CPU = {0}, {1}
LUN_MIB = 256  # as much as the load client touches
NAME = "iqn.2026-11.org.vds.bench:disk"
TUNED = {"MaxRecvDataSegmentLength": 262144, "MaxXmitDataSegmentLength": 262144, "FirstBurstLength": 262144, "MaxBurstLength": 1048576,
         "InitialR2T": "No"}

sys.path.insert(0, str(HERE.parent / "tests/daemon"))
import initiator  # noqa: E402  the tests' initiator, for the first login through a new portal


def free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


REALTIME = 0  # bench/run --rt: priority under SCHED_FIFO of servers and clients alike


def on(cpus):
    def place():
        os.sched_setaffinity(0, cpus)
        if REALTIME:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REALTIME))
    return place


def run(*words, cpus=CLIENT_CPU, env=None, timeout=300):
    """Standard output of a program on the client's core."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=timeout, preexec_fn=on(cpus), env=env)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


class Server:
    """One process on the server's core."""

    def __init__(self, directory, name):
        self.directory, self.name = directory / name.replace(" ", "-"), name
        self.directory.mkdir(parents=True)
        self.process = None

    def spawn(self, *words):
        log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen([str(w) for w in words], stdout=log, stderr=log, preexec_fn=on(SERVER_CPU))
        log.close()

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def end(self):
        if self.process:
            self.process.kill()  # tgtd ignores SIGTERM
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def cpu_seconds(self):
        """Of all its threads, those that ended too: the process's CPU clock."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def status(self, key):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
        return 0

    def load(self, mode, *options, target=NAME, parallel=1):
        """What the load client prints; with `parallel`, the sum of so many at once. CPU seconds of the server come with it."""
        command = [str(w) for w in (LOAD, mode, self.address, target, f"lun={self.lun}", *options)]
        before = self.cpu_seconds()
        clients = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=on(CLIENT_CPU))
                   for _ in range(parallel)]
        results = []
        for client in clients:
            out, err = client.communicate(timeout=120)
            if client.returncode:
                raise RuntimeError(f"{self.name}: load {mode} {' '.join(options)}: {err.strip()}")
            results.append(json.loads(out) if out.strip() else {})
        total = results[0]
        for other in results[1:]:
            for key in ("iops", "mib_s", "per_s"):
                if key in total:
                    total[key] += other[key]
        total["cpu_s"] = self.cpu_seconds() - before
        return total

    def fill(self, file):
        """Every page of the LUN's file is there and holds data, and has been read through the server once."""
        with open(file, "r+b") as f:
            for offset in range(0, LUN_MIB << 20, 1 << 20):
                data = os.pread(f.fileno(), 1 << 20, offset)
                os.pwrite(f.fileno(), data, offset)
        self.load("seqread", "size=1048576", "qd=4", "seconds=1")

    def first_login(self, address, target):
        """Waits until a login at the address is done: what an initiator sees of a new portal."""
        for _ in range(1000):
            try:
                connection = initiator.Connection(address)
                connection.login("iqn.2026-11.org.vds.bench:first", target)
                connection.close()
                return
            except (ConnectionError, initiator.Closed, initiator.LoginRefused):
                time.sleep(0.0002)
        raise RuntimeError(f"{self.name}: no login at {address}")


class Vds(Server):
    """vdsd with one reactor."""
    lun = 0

    def __init__(self, directory, name="vds", spin_us=0, state=None):
        super().__init__(directory, name)
        self.portals = [f"127.0.0.1:{port}" for port in free_ports(5)]
        self.address, self.socket = self.portals[0], self.directory / "s"
        self.state = pathlib.Path(state) if state else self.directory / "state"
        self.env = {**os.environ, "VDS_SOCKET": str(self.socket)}
        self.command = [VDSD, "--state", self.state, "--socket", self.socket, "--reactors", 1, "--log-level", "error",
                        "--spin-us", spin_us, *(w for p in self.portals for w in ("--portal", p))]
        self.start()

    def start(self):
        self.spawn(*self.command)
        self.ctl("--timeout", 60, "status")

    def restart(self):
        self.process.kill()
        self.process.wait()
        began = time.monotonic()
        self.start()
        return time.monotonic() - began

    def ctl(self, *words):
        return run(VDSCTL, *words, env=self.env)

    def many(self, *words):
        return json.loads(run(MANY, *words, env=self.env, timeout=600))

    def make_disk(self):
        self.ctl("lun", "create", "disk", "--size", f"{LUN_MIB}M", "--thick")
        self.ctl("lun", "allow", "disk", "*")
        self.ctl("target", "create", "disk", "--iqn", NAME)
        self.ctl("group", "create", "disk")
        self.ctl("group", "add-portal", "disk/1", self.address)
        self.ctl("lun", "attach", "disk", "disk")
        self.fill(max((f for f in (self.state / "drive0").rglob("*") if f.is_file()), key=lambda f: f.stat().st_size))

    def make_targets(self, n):
        """Seconds for n targets with LUN, two groups and four portals each."""
        return self.many("make", 0, n, 8, 1)["total_ms"] / 1e3

    def call_new_portal(self, rounds):
        """Seconds from AddPortal, called by a client that runs already, to the first login that is done; several times."""
        address, took = self.portals[4], []
        client = subprocess.Popen([str(MANY), "portal", address.rpartition(":")[2]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  bufsize=1, env=self.env, preexec_fn=on(CLIENT_CPU))
        with client:
            target = json.loads(client.stdout.readline())["target"]
            for _ in range(rounds):
                began = time.monotonic()
                client.stdin.write("add\n")
                self.first_login(address, target)
                took.append(time.monotonic() - began)
                client.stdin.write("remove\n")
                client.stdout.readline()
            client.stdin.close()
        return took

    def new_portal(self, i):
        address = self.portals[1]
        began = time.monotonic()
        self.ctl("group", "add-portal", "disk/1", address)
        self.first_login(address, NAME)
        took = time.monotonic() - began
        self.ctl("group", "remove-portal", "disk/1", address, "--now")
        return took


class Tgt(Server):
    """Debian's tgtd with a control port of its own."""
    lun = 1

    def __init__(self, directory, name, store="aio", tuned=False):
        super().__init__(directory, name)
        self.port, self.store, self.tuned = free_ports(1)[0], store, tuned
        self.address = f"127.0.0.1:{self.port}"
        self.control = self.port % 30000 + 100  # names a Unix socket only
        self.spawn("tgtd", "-f", "-C", self.control, "--iscsi", f"portal={self.address}")
        for _ in range(500):
            with contextlib.suppress(RuntimeError):
                self.admin("show", "sys")
                return
            time.sleep(0.02)
        raise RuntimeError("tgtd does not start: " + (self.directory / "log").read_text()[-400:])

    def admin(self, op, mode, *words):
        return run("tgtadm", "-C", self.control, "--lld", "iscsi", "--op", op, "--mode", mode, *words)

    def make_target(self, tid, name, file):
        self.admin("new", "target", "--tid", tid, "-T", name)
        for key, value in TUNED.items() if self.tuned else ():
            self.admin("update", "target", "--tid", tid, "-n", key, "-v", value)
        self.admin("new", "logicalunit", "--tid", tid, "--lun", 1, "-b", file, "--bstype", self.store)
        self.admin("bind", "target", "--tid", tid, "-I", "ALL")

    def make_disk(self):
        file = self.directory / "disk"
        with open(file, "wb") as f:
            f.truncate(LUN_MIB << 20)
        self.make_target(1, NAME, file)
        self.fill(file)

    def make_targets(self, n):
        file = self.directory / "small"
        with open(file, "wb") as f:
            f.truncate(1 << 20)
        began = time.monotonic()
        for i in range(n):
            self.make_target(i + 1, f"iqn.2026-11.org.vds.bench:many-{i}", file)
        return time.monotonic() - began

    def new_portal(self, i):
        address = f"127.0.0.1:{free_ports(1)[0]}"
        began = time.monotonic()
        self.admin("new", "portal", "--param", f"portal={address}")
        self.first_login(address, NAME)
        took = time.monotonic() - began
        self.admin("delete", "portal", "--param", f"portal={address}")
        return took
