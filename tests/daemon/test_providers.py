# SPDX-License-Identifier: MIT
"""Providers from shared objects beside the array's own: examples/provider, and some that crash or hang."""
import json
import select
import subprocess
import tempfile
import unittest

import harness

EXAMPLE = harness.BUILD / "examples/example_provider.so"
SUBSYSTEM = "/org/vds/subsystem/e5931b98_ea0e_40f2_a821_8ff8b5eb592a"
DISKRAID = harness.BUILD / "src/cli/diskraid/diskraid"


def bad(name):
    return harness.BUILD / f"tests/daemon/bad_provider_{name}.so"


def providers(*files):
    return [word for file in files for word in ("--provider", file)]


class Bus:
    """busctl on an array's private socket."""

    def __init__(self, array):
        self.array = array

    def call(self, path, method, *arguments):
        interface, _, member = method.rpartition(".")
        command = ["busctl", f"--address=unix:path={self.array.socket}", "--json=short", "call", "org.vds", path, f"org.vds.{interface}",
                   member, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise harness.Refused(done.returncode, done.stderr.strip())
        return json.loads(done.stdout)["data"]


class TwoProviders(harness.ArrayTest):
    portals = ("127.0.0.1",)
    options = providers(EXAMPLE)

    def diskraid(self, *lines):
        script = self.array.directory / "script"
        script.write_text("\n".join(lines) + "\n")
        done = subprocess.run([DISKRAID, "-s", script], capture_output=True, text=True, timeout=60, env={"VDS_SOCKET": self.array.socket})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_both_are_listed_the_arrays_own_first(self):
        _, paths = Bus(self.array).call("/org/vds/service", "IVdsService.QueryProviders", "u", 2)
        self.assertEqual(len(paths), 2)
        self.assertEqual(paths[1], "/org/vds/provider/69b34b87_a3e4_4aa5_8664_e274e336fb97")
        self.assertIn("vds example provider", self.diskraid("list providers"))

    def test_the_subsystem_of_the_second_shows_in_diskraid_and_the_array_in_vdsctl(self):
        self.assertRegex(self.diskraid("list subsystems"), r"Subsystem 1 +Online +Healthy +Example subsystem\n")
        self.array.target("box", self.array.portals)  # vdsctl goes on with the array
        self.assertEqual(len(self.array.json("target", "list")), 1)

    def test_its_objects_are_found_by_id_and_it_can_notify(self):
        watch = self.array.ctl_start("--json", "watch")
        self.addCleanup(watch.stderr.close)
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.terminate)
        bus = Bus(self.array)
        while True:  # until the watch is there: each change is told
            self.assertEqual(bus.call(SUBSYSTEM, "IVdsSubSystem.SetStatus", "u", 4), [0])
            if self.told_within(watch.stdout, 0.2):
                break
        event = json.loads(watch.stdout.readline())
        self.assertEqual((event["object"], event["id"]), ("array", "e5931b98-ea0e-40f2-a821-8ff8b5eb592a"))
        properties = bus.call(SUBSYSTEM, "IVdsSubSystem.GetProperties")
        self.assertEqual(properties[1][5], 4)
        for status, code in ((0, "E_INVALIDARG"), (3, "E_INVALIDARG"), (77, "E_INVALIDARG"), (5, "VDS_E_NOT_SUPPORTED")):
            done = subprocess.run(["dbus-send", f"--peer=unix:path={self.array.socket}", "--print-reply", SUBSYSTEM,
                                   "org.vds.IVdsSubSystem.SetStatus", f"uint32:{status}"], capture_output=True, text=True, timeout=60)
            self.assertIn(f"Error org.vds.Error.{code}", done.stderr)
            self.assertIn("is not valid" if code == "E_INVALIDARG" else "does not implement", done.stderr)  # it has no sentence of its own

    def told_within(self, stream, seconds):
        return bool(select.select([stream], [], [], seconds)[0])


class WindowsProvider(harness.ArrayTest):
    """One in C++ as people write it for Windows, compiled as it is."""
    portals = ("127.0.0.1",)
    options = providers(harness.BUILD / "tests/daemon/windows_provider.so")

    def test_it_is_loaded_and_its_dllmain_is_called(self):
        bus = Bus(self.array)
        _, paths = bus.call("/org/vds/service", "IVdsService.QueryProviders", "u", 2)
        self.assertEqual(paths[1], "/org/vds/provider/3f2504e0_4f89_11d3_9a0c_0305e82c3301", (self.array.directory / "vdsd.log").read_text())
        self.assertEqual(bus.call(paths[1], "IVdsProvider.GetProperties")[1][1], ["Sample provider in C++"])
        self.assertEqual(bus.call(paths[1], "IVdsHwProvider.QuerySubSystems"), [0, []])
        self.assertEqual(bus.call("/org/vds/service", "IVdsService.Refresh"), [0])


class BadProviders(unittest.TestCase):
    def array(self, *options):
        array = harness.Array(("127.0.0.1",), options)
        self.addCleanup(array.remove)
        return array

    def log(self, array):
        return (array.directory / "vdsd.log").read_text()

    def test_one_that_crashes_or_leaves_is_reported_and_left_out(self):
        array = self.array(*providers(bad("constructor"), bad("class_object"), bad("onload"), bad("exit"), EXAMPLE))
        _, paths = Bus(array).call("/org/vds/service", "IVdsService.QueryProviders", "u", 2)
        self.assertEqual(len(paths), 2, self.log(array))
        for name, why in (("constructor", "crashes while it is loaded: Segmentation fault"),
                          ("class_object", "crashes while it is loaded: Segmentation fault"),
                          ("onload", "crashes while it is loaded: Segmentation fault"),
                          ("exit", "ends the process while it is loaded, with status 7")):
            self.assertRegex(self.log(array), rf"{bad(name)} is left out .*{why}")

    def test_one_that_hangs_is_ended_and_left_out(self):
        array = self.array(*providers(bad("hang"), bad("hang_early")), "--provider-seconds", "1")
        for name in ("hang", "hang_early"):
            self.assertRegex(self.log(array), rf"{bad(name)} is left out .*has not loaded within 1000 ms")
        _, paths = Bus(array).call("/org/vds/service", "IVdsService.QueryProviders", "u", 2)
        self.assertEqual(len(paths), 1)

    def test_what_is_no_provider_or_has_no_such_class_is_left_out(self):
        other = "12345678-1234-1234-1234-123456789abc"
        array = self.array(*providers("/nonexistent.so", f"{EXAMPLE},{other}"))
        self.assertRegex(self.log(array), r"/nonexistent.so is left out .*No such file")
        self.assertRegex(self.log(array), rf"{EXAMPLE},{other} is left out \(0x80040111\)")

    def test_one_that_gives_the_wrong_things_is_left_out_and_the_log_says_which(self):
        with tempfile.NamedTemporaryFile("w", suffix=".so") as text:
            text.write("not a library")
            text.flush()
            array = self.array(*providers(bad("no_factory"), bad("no_provider"), bad("no_face"), bad("no_export"), text.name))
            for file, why in ((bad("no_factory"), r"\(0x8000ffff\): its DllGetClassObject gives no class factory"),
                              (bad("no_provider"), r"\(0x8000ffff\): its class factory makes no IVdsProviderPrivate"),
                              (bad("no_face"), r"\(0x80004002\): it does not answer IVdsProvider"),
                              (bad("no_export"), r"\(0x8004241c\): .*undefined symbol: DllGetClassObject"),
                              (text.name, r"\(0x8004241c\): .*(file too short|invalid ELF header)")):
                self.assertRegex(self.log(array), rf"{file} is left out {why}")
        _, paths = Bus(array).call("/org/vds/service", "IVdsService.QueryProviders", "u", 2)
        self.assertEqual(len(paths), 1)

    def test_one_whose_id_is_there_already_is_left_out(self):
        array = self.array(*providers(EXAMPLE, EXAMPLE))
        _, paths = Bus(array).call("/org/vds/service", "IVdsService.QueryProviders", "u", 2)
        self.assertEqual(len(paths), 2, self.log(array))
        self.assertRegex(self.log(array), rf"{EXAMPLE} is left out \(0x80042403\): a provider with its id is loaded already")
        _, paths = Bus(array).call(paths[1], "IVdsHwProvider.QuerySubSystems")
        self.assertEqual(len(paths), 1)
        self.assertEqual(Bus(array).call(SUBSYSTEM, "IVdsSubSystem.SetStatus", "u", 4), [0])  # the first has not lost its sink to the second
        with array.ctl_start("--json", "watch", "--since", "0") as watch:
            self.assertIn("e5931b98-ea0e-40f2-a821-8ff8b5eb592a", watch.stdout.readline())
            watch.terminate()

    def test_a_class_may_be_named_behind_the_file(self):
        array = self.array(*providers(f"{EXAMPLE},f0dfa499-5a2c-43af-83c5-ca1c5c1fea43"))
        _, paths = Bus(array).call("/org/vds/service", "IVdsService.QueryProviders", "u", 2)
        self.assertEqual(len(paths), 2, self.log(array))


if __name__ == "__main__":
    harness.main()
