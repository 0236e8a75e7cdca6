# SPDX-License-Identifier: MIT
"""The array of another host over SSH. `ssh` here is a script that runs the command on this one and notes how it was called."""
import os
import signal
import subprocess
import unittest

import harness
import initiator


class Remote(harness.ArrayTest):
    def setUp(self):
        super().setUp()
        self.bin = self.array.directory / "bin"
        self.bin.mkdir()
        (self.bin / "vdsctl").symlink_to(harness.VDSCTL)
        self.called = self.array.directory / "called"
        self.fake("ssh", f'printf "%s\\n" "$*" >> {self.called}\nexport VDS_SOCKET={self.array.socket}\nshift 3\nexec "$@"\n')

    def fake(self, name, body):
        script = self.bin / name
        script.write_text("#!/bin/sh\n" + body)
        script.chmod(0o755)
        return script

    def ctl(self, *words, **environment):
        """vdsctl with no service of its own in reach."""
        env = {"PATH": f"{self.bin}:{os.environ['PATH']}", "VDS_SOCKET": "/nonexistent", **environment}
        return subprocess.run([harness.VDSCTL, *words], capture_output=True, text=True, timeout=120, env=env)

    def test_the_array_of_another_host_is_managed_as_ones_own(self):
        done = self.ctl("--host", "root@box.example.com", "target", "create", "there")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(done.stdout.strip(), self.array.ctl("target", "list"))
        self.assertEqual(self.called.read_text(), "-T -- root@box.example.com vdsctl bridge\n")

    def test_a_port_and_an_address_in_brackets_go_to_ssh_as_it_takes_them(self):
        self.fake("ssh", f'printf "%s\\n" "$*" >> {self.called}\nexport VDS_SOCKET={self.array.socket}\n'
                         'while [ "$1" != -- ]; do shift; done\nshift 2\nexec "$@"\n')
        for host, told in (("root@box:2222", "-T -p 2222 -- root@box"), ("[::1]:2222", "-T -p 2222 -- ::1"), ("me@[fe80::1]", "-T -- me@fe80::1"),
                           ("fe80::1", "-T -- fe80::1"), ("box:", "-T -- box:"), ("box:x", "-T -- box:x")):
            self.called.unlink(missing_ok=True)
            self.assertEqual(self.ctl("--host", host, "status").returncode, 0)
            self.assertEqual(self.called.read_text(), f"{told} vdsctl bridge\n")

    def test_another_program_may_stand_for_ssh(self):
        rsh = self.fake("rsh", f'export VDS_SOCKET={self.array.socket}\nshift\nexec "$@"\n')
        self.assertEqual(self.ctl("--host", "box", "status", VDS_RSH=str(rsh)).returncode, 0)
        self.assertFalse(self.called.exists())

    def test_hostile_names_never_reach_ssh(self):
        for host in ("-oProxyCommand=touch /tmp/x", "-l", "root@-oProxyCommand=x", "box;reboot", "box reboot", "$(reboot)", "`reboot`",
                     "a|b", "@box", "root@", "a'b", "box\nx", "-", "ro ot@box", "[-oProxyCommand=x]", "me@[-x]:22", "[-x]", "["):
            done = self.ctl("--host", host, "status")
            self.assertEqual(done.returncode, 3 if host.isprintable() else 2, host)
            self.assertIn("is not a host" if host.isprintable() else "control characters", done.stderr, host)
        self.assertFalse(self.called.exists())

    def test_a_way_that_fails_is_said_at_once(self):
        self.fake("ssh", "echo 'ssh: connect to host: No route to host' >&2; exit 255\n")
        done = self.ctl("--host", "box", "status")
        self.assertEqual(done.returncode, 3)
        self.assertIn("No route to host", done.stderr)

    def test_an_end_of_the_way_ends_the_wait(self):
        pid = self.array.directory / "pid"
        self.fake("ssh", f'echo $$ > {pid}.new && mv {pid}.new {pid}\nexport VDS_SOCKET={self.array.socket}\nshift 3\nexec "$@"\n')
        with subprocess.Popen([harness.VDSCTL, "--host", "box", "--json", "watch", "--since", "0"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env={"PATH": f"{self.bin}:{os.environ['PATH']}"}) as watch:
            self.array.ctl("target", "create", "there")
            self.assertIn("created", watch.stdout.readline())
            os.kill(int(pid.read_text()), 9)
            _, said = watch.communicate(timeout=120)
        self.assertEqual(watch.returncode, 3)
        self.assertIn("RPC_E_DISCONNECTED", said)

    def test_ctrl_c_of_a_terminal_cancels_over_the_connection(self):
        """It goes to ssh, too."""
        portal = self.array.portals[0]
        connection = initiator.login(portal, self.array.target("box", [portal]))  # ignores the request to leave
        self.addCleanup(connection.close)
        env = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "VDS_SOCKET": "/nonexistent"}
        draining = subprocess.Popen([harness.VDSCTL, "--host", "there", "group", "remove-portal", "box/1", portal, "--drain", "3600"], env=env,
                                    stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(draining.kill)
        while not connection.events:
            connection.inquiry()
        os.killpg(draining.pid, signal.SIGINT)
        said = draining.communicate(timeout=60)[1]
        self.assertEqual(draining.returncode, 1, said)
        self.assertIn("VDS_E_OPERATION_CANCELED", said)
        self.assertEqual(self.array.json("group", "list")[0]["portals"], [portal])


if __name__ == "__main__":
    harness.main()
