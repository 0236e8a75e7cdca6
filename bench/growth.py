# SPDX-License-Identifier: MIT
"""What bench/run measures beside pairs of vdsd and tgtd: the cost of sessions and targets that do nothing, new portals through the API, and a
check of bench/load against libiscsi's own client. Figures of vdsd alone; ratios are to the same server with nothing else on it."""
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from servers import BUILD, CLIENT_CPU, LOAD, NAME, Vds, on

IDLE_SECONDS = 3


class IdleSessions:
    """So many sessions that are logged in and do nothing, held by another process."""

    def __init__(self, server, n, seconds=60):
        before = sessions(server)
        self.client = subprocess.Popen([str(w) for w in (LOAD, "idle", server.address, NAME, f"conns={n}", f"seconds={seconds}",
                                                         "initiator=iqn.2026-11.org.vds.bench:idle")], preexec_fn=on(CLIENT_CPU))
        while sessions(server) < before + n:
            if self.client.poll() is not None:
                raise RuntimeError(f"{n} idle sessions: the client failed")
            time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.kill()
        self.client.wait()


def sessions(server):
    """Sockets of the server that are connected to its first portal, the server's side."""
    out = subprocess.run(["ss", "-Htn", "state", "established", f"sport = :{server.address.rpartition(':')[2]}"], capture_output=True, text=True)
    return len(out.stdout.splitlines())


def iops(server, seconds):
    return server.load("randread", "size=4096", "qd=32", f"seconds={seconds}")["iops"]


def against_alone(server, others, runs, seconds, alone=None):
    """Median of the ratios of IOPS beside `others` idle sessions to IOPS of `alone` (the same server without them) just before."""
    ratios = []
    for _ in range(runs):
        base = iops(alone or server, seconds)
        if others:
            with IdleSessions(server, others):
                ratios.append(iops(server, seconds) / base)
        else:
            ratios.append(iops(server, seconds) / base)
    return statistics.median(ratios)


def idle_cpu(server, n):
    """Seconds of CPU that n idle sessions cost in a second."""
    with IdleSessions(server, n):
        time.sleep(1)
        before = server.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        return (server.cpu_seconds() - before) / IDLE_SECONDS


def iscsi_perf(server):
    """The same load by libiscsi's client, which takes a whole core at about 140,000 IOPS."""
    words = ["timeout", "10", "iscsi-perf", "-m", "32", "-b", "8", "-r", "-t", "2", f"iscsi://{server.address}/{NAME}/{server.lun}"]
    done = subprocess.run(words, capture_output=True, text=True, preexec_fn=on(CLIENT_CPU))
    found = re.findall(r"iops average (\d+)", done.stdout)
    return int(found[-1]) if found else 0


def durable(directory, n):
    """Seconds for n targets with the state file on a disk (the build folder's)."""
    state = tempfile.mkdtemp(prefix="bench-state-", dir=BUILD)
    server = Vds(directory, "vds-durable", state=state + "/s")
    try:
        return server.make_targets(n)
    finally:
        server.end()
        shutil.rmtree(state, ignore_errors=True)


def measure(directory, runs, seconds, n_targets):
    """[(what, figure, unit)] for the report."""
    few, found = Vds(directory, "vds-few"), []
    many = Vds(directory, "vds-many")
    try:
        few.make_disk()
        many.make_disk()
        found.append(("API call of a new portal to first login, median", statistics.median(few.call_new_portal(9)) * 1e3, "ms"))
        for others in (1, 10, 100, 1000):
            found.append((f"4K read QD 32 beside {others:,} idle sessions, to none", against_alone(few, others, runs, seconds), "x"))
        found.append(("CPU with 1,000 idle sessions", idle_cpu(few, 1000) * 100, "% of a core"))
        found.append(("iscsi-perf (libiscsi), 4K random read, 32 at a time", iscsi_perf(few), "IOPS"))
        if n_targets:
            found.append((f"create {n_targets:,} targets, state on a disk", durable(directory, n_targets), "s"))
            many.make_targets(n_targets)
            found.append((f"4K read QD 32 with {n_targets:,} targets, to one target", against_alone(many, 0, runs, seconds, few), "x"))
            found.append(("the same beside 1,000 idle sessions", against_alone(many, 1000, runs, seconds, few), "x"))
            found.append((f"CPU with {n_targets:,} targets and 1,000 idle sessions", idle_cpu(many, 1000) * 100, "% of a core"))
    finally:
        few.end()
        many.end()
    return found
