# SPDX-License-Identifier: MIT
"""Who may look and who may change: on the private socket by user and group, on a message bus by polkit too. Needs root, to be others."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOBODY, GROUP = 65534, ("daemon", 1)
POLKIT = harness.BUILD / "tests/daemon/fake_polkit"


def as_user(array, *words, groups=()):
    """vdsctl as a user of no importance; its exit code and what it said."""
    done = subprocess.run([harness.VDSCTL, "--socket", array.socket, *words], user=NOBODY, group=NOBODY, extra_groups=list(groups),
                          capture_output=True, text=True, timeout=120, cwd="/")
    return done.returncode, done.stderr


@unittest.skipIf(os.geteuid() != 0, "needs root")
class PrivateSocket(unittest.TestCase):
    def array(self, *options):
        array = harness.Array(("127.0.0.1",), options)
        self.addCleanup(array.remove)
        array.directory.chmod(0o755)
        return array

    def test_without_readers_the_socket_is_not_for_others(self):
        code, said = as_user(self.array(), "target", "list")
        self.assertEqual(code, 3)
        self.assertIn("E_ACCESSDENIED", said)

    def test_readers_may_look_but_not_change(self):
        array = self.array("--readers")
        array.target("box", array.portals)
        for words in (("status",), ("show",), ("target", "list"), ("portal", "list"), ("session", "list")):
            self.assertEqual(as_user(array, *words), (0, ""), words)
        before = array.json("target", "list")
        for words in (("target", "create", "x"), ("target", "delete", "box"), ("group", "create", "box"), ("portal", "offline", array.portals[0]),
                      ("group", "remove-portal", "box/1", array.portals[0]), ("lun", "create", "x", "--size", "1M")):
            code, said = as_user(array, *words)
            self.assertEqual((code, "E_ACCESSDENIED" in said), (1, True), said)
        self.assertEqual(array.json("target", "list"), before)

    def test_members_of_the_group_may_change_beside_readers(self):
        array = self.array("--readers", "--socket-group", GROUP[0])
        self.assertEqual(as_user(array, "target", "create", "x", groups=[GROUP[1]])[0], 0)
        self.assertEqual(as_user(array, "target", "create", "y")[0], 1)


BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={directory}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root">
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
  </policy>
  <include>{policy}</include>
</busconfig>
"""


@unittest.skipIf(os.geteuid() != 0, "needs root")
class SystemBus(unittest.TestCase):
    """A dbus-daemon of the test's own, with the rules of a system bus and the policy file that is installed."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="vds-bus-")
        self.addCleanup(directory.cleanup)
        os.chmod(directory.name, 0o755)
        config = pathlib.Path(directory.name, "bus.conf")
        config.write_text(BUS_CONFIG.format(directory=directory.name, policy=ROOT / "packaging/org.vds.conf"))
        self.address = f"unix:path={directory.name}/bus"
        self.start(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address"], "unix:")
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.address
        self.addCleanup(os.environ.pop, "DBUS_SYSTEM_BUS_ADDRESS")

    def start(self, command, ready):
        """In the background, once it has said that it is ready."""
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

        def end():
            process.kill()
            process.communicate()
        self.addCleanup(end)
        self.assertIn(ready, process.stdout.readline())
        return process

    def array(self, *options):
        array = harness.Array(("127.0.0.1",), ("--system-bus", *options))
        self.addCleanup(array.remove)
        return array

    def busctl(self, *words, user=None, groups=()):
        who = {} if user is None else {"user": user, "group": user, "extra_groups": list(groups)}
        return subprocess.run(["busctl", "--system", *words], capture_output=True, text=True, timeout=60, cwd="/", **who)

    def call(self, method, *arguments, user=None, groups=()):
        """What it said, error included."""
        done = self.busctl("call", "org.vds", "/org/vds/service", "org.vds.IVdsService", method, *arguments, user=user, groups=groups)
        return done.stdout.strip() or done.stderr.strip()

    def test_the_objects_can_be_introspected(self):
        array = self.array()
        array.target("box", [])
        told = self.busctl("introspect", "org.vds", "/org/vds/service").stdout
        self.assertRegex(told, r"org\.vds\.IVdsService +interface")
        self.assertRegex(told, r"\.QueryProviders +method +u +iao")
        path = re.search(r'"(/org/vds/provider/[^"]+)"', self.call("QueryProviders", "u", "2", user=NOBODY))[1]
        self.assertIn(".QuerySubSystems", self.busctl("introspect", "org.vds", path, user=NOBODY).stdout)

    def test_without_polkit_root_and_the_group_may_change_and_others_look(self):
        self.array("--socket-group", GROUP[0])
        self.assertRegex(self.call("QueryProviders", "u", "2", user=NOBODY), r'^iao 0 1 "/org/vds/provider/')
        self.assertEqual(self.call("Refresh"), "i 0")
        self.assertEqual(self.call("Refresh", user=NOBODY, groups=[GROUP[1]]), "i 0")
        self.assertIn("may look, but not change", self.call("Refresh", user=NOBODY))

    def test_polkit_is_asked_about_changes_of_others_and_its_yes_counts(self):
        polkit = self.start([POLKIT, "yes"], "ready")
        self.array()
        self.assertRegex(self.call("QueryProviders", "u", "2", user=NOBODY), r"^iao 0 1")
        self.assertEqual(self.call("Refresh"), "i 0")  # root: nobody is asked
        self.assertEqual(self.call("Refresh", user=NOBODY), "i 0")
        self.assertRegex(polkit.stdout.readline(), r"^system-bus-name name=:1\.\d+ org\.vds\.manage [01]$")

    def test_polkits_no_counts(self):
        self.start([POLKIT, "no"], "ready")
        self.array()
        self.assertIn("may look, but not change", self.call("Refresh", user=NOBODY))
        self.assertEqual(self.call("Refresh"), "i 0")

    def test_the_policy_lets_nobody_else_be_the_service(self):
        done = self.busctl("call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName", "su", "org.vds", "0", user=NOBODY)
        self.assertIn("Access denied", done.stderr)

    def test_the_files_that_are_installed_are_xml_and_name_the_action(self):
        action = xml.parse(ROOT / "packaging/org.vds.policy").find("action")
        self.assertEqual(action.get("id"), "org.vds.manage")
        self.assertIn('.polkit_action = "org.vds.manage"', (ROOT / "src/daemon/vdsd.c").read_text())


def system_calls(name):
    """The members of a set of systemd's, or the call itself."""
    if not name.startswith("@"):
        return {name}
    lines = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout.splitlines()
    return {call for line in lines[1:] if line.strip() and not line.strip().startswith("#") for call in system_calls(line.strip())}


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("strace") and shutil.which("systemd-analyze"), "needs root, strace and systemd-analyze")
class Unit(unittest.TestCase):
    def allowed(self):
        """What SystemCallFilter= leaves of the calls: each line adds to the set or takes away from it (systemd.exec(5))."""
        left = system_calls("@default")
        for line in (ROOT / "packaging/vdsd.service").read_text().splitlines():
            if line.startswith("SystemCallFilter="):
                words = line.partition("=")[2]
                calls = set().union(*(system_calls(word) for word in words.lstrip("~").split()))
                left = left - calls if words.startswith("~") else left | calls
        return left

    def test_the_service_calls_nothing_that_its_unit_forbids(self):
        if b"libasan" in harness.VDSD.read_bytes():
            self.skipTest("a sanitizer does not go with strace")
        with tempfile.TemporaryDirectory(prefix="vds-unit-") as directory:
            os.chown(directory, NOBODY, NOBODY)
            trace, address = f"{directory}/trace", f"127.0.0.1:{harness.free_ports(1)[0]}"
            command = ["strace", "-f", "-qq", "-o", trace, harness.VDSD, "--state", f"{directory}/state", "--socket", f"{directory}/s",
                       "--socket-group", GROUP[0], "--portal", address, "--provider", harness.BUILD / "examples/example_provider.so"]
            with subprocess.Popen(list(map(str, command)), user=NOBODY, group=NOBODY, extra_groups=[GROUP[1]], stderr=subprocess.PIPE, text=True,
                                  cwd="/") as service:
                said = []
                while not said or "is ready" not in said[-1]:
                    said.append(service.stderr.readline())
                    self.assertTrue(said[-1], said)
                for words in (["target", "create", "box"], ["group", "create", "box"], ["group", "add-portal", "box/1", address],
                              ["lun", "create", "disk", "--size", "1M"], ["lun", "attach", "disk", "box"], ["target", "list"]):
                    subprocess.run([harness.VDSCTL, "--socket", f"{directory}/s", *words], check=True, capture_output=True, timeout=120)
                subprocess.run(["iscsi-ls", "-s", f"iscsi://{address}/"], capture_output=True, timeout=60)
                children = pathlib.Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
                os.kill(int(children[0]), signal.SIGTERM)
                service.stderr.read()
            used = set(re.findall(r"^\d+ +(\w+)\(", pathlib.Path(trace).read_text(), re.M))
        self.assertGreater(len(used), 30)
        self.assertEqual(used - self.allowed(), set())


if __name__ == "__main__":
    harness.main()
