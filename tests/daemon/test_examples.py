#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One source, two places: the example runs against the service and with the array in its own process."""
import os
import pathlib
import subprocess
import tempfile
import unittest

import harness

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
EXAMPLE = harness.BUILD / "examples/portal_group"
STORY = ["not served before AddPortal: yes", "served when AddPortal is done: yes", "not served when RemovePortal is done: yes"]


def lines_until(stream, wanted):
    """The lines of `stream` up to the one that `wanted` accepts."""
    lines = []
    while not lines or not wanted(lines[-1]):
        line = stream.readline()
        if not line:
            raise AssertionError(f"it ended after {lines}")
        lines.append(line.strip())
    return lines


class Examples(unittest.TestCase):
    def told(self, command, **options):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.splitlines()[1:]

    def test_the_four_calls_against_the_service(self):
        array = harness.Array(("127.0.0.1",))
        self.addCleanup(array.remove)
        self.assertEqual(self.told([EXAMPLE], env={"VDS_SOCKET": array.socket, "PATH": "/usr/bin:/bin"}), STORY)
        self.assertEqual(array.json("target", "list"), [])

    def test_the_four_calls_in_process(self):
        with tempfile.TemporaryDirectory() as directory:
            port = harness.free_ports(1)[0]
            for _ in range(2):  # the second run finds the first one's state
                self.assertEqual(self.told([EXAMPLE, "--in-process", directory, f"127.0.0.1:{port}"]), STORY)

    def test_an_array_embedded_in_another_program_serves_an_initiator(self):
        with tempfile.TemporaryDirectory() as directory:
            portal = f"127.0.0.1:{harness.free_ports(1)[0]}"
            with subprocess.Popen([harness.BUILD / "examples/embed", directory + "/state", portal], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True) as program:
                lines_until(program.stdout, "serving".__eq__)
                seen = subprocess.run(["iscsi-ls", "-s", f"iscsi://{portal}/"], capture_output=True, text=True, timeout=60).stdout
                program.stdin.close()
                self.assertEqual(program.wait(60), 0)
        self.assertRegex(seen, rf"Target:iqn\.\S+ Portal:{portal},1")
        self.assertRegex(seen, r"Lun:0 .*\bDIRECT_ACCESS\b.*6[34]M")


class Installed(unittest.TestCase):
    def test_the_examples_are_built_from_what_is_installed_as_their_heads_say(self):
        with tempfile.TemporaryDirectory() as root:
            subprocess.run(["meson", "install", "-C", harness.BUILD, "--no-rebuild", "--quiet", "--destdir", root], check=True,
                           stdout=subprocess.DEVNULL)
            folder = next(pathlib.Path(root).rglob("vds-compat.pc")).parent
            env = {**os.environ, "PKG_CONFIG_PATH": str(folder), "PKG_CONFIG_SYSROOT_DIR": root}
            for source, package, more in (("windows/list.c", "vds-compat", ["-x", "c"]), ("windows/group.c", "vds-compat", ["-x", "c"]),
                                          ("portal_group.c", "vds", ["-x", "c"]), ("embed.c", "vds", ["-x", "c"]),
                                          ("provider/provider.c", "vds", ["-shared", "-fPIC", "-x", "c"])):
                flags = {what: subprocess.run(["pkg-config", what, package], env=env, check=True, capture_output=True,
                                              text=True).stdout.split() for what in ("--cflags", "--libs")}
                libs = [] if source.startswith("provider") else flags["--libs"] + ["-x", "none"]
                command = ["cc", "-Wall", "-Wextra", "-Werror", *flags["--cflags"], *more, str(EXAMPLES / source), "-x", "none", *libs,
                           "-Wl,--allow-shlib-undefined", "-o", f"{root}/out"]
                done = subprocess.run(command, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, f"{' '.join(command)}\n{done.stderr}")


class InstalledForCpp(harness.ArrayTest):
    """Programs built from what is installed, with the flags that pkg-config says."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.root.cleanup)
        subprocess.run(["meson", "install", "-C", harness.BUILD, "--no-rebuild", "--quiet", "--destdir", cls.root.name], check=True,
                       stdout=subprocess.DEVNULL)
        folder = next(pathlib.Path(cls.root.name).rglob("vds-compat.pc")).parent
        env = {**os.environ, "PKG_CONFIG_PATH": str(folder), "PKG_CONFIG_SYSROOT_DIR": cls.root.name}
        cls.flags = subprocess.run(["pkg-config", "--cflags", "--libs", "vds-compat"], env=env, check=True, capture_output=True,
                                   text=True).stdout.split()
        cls.library = next(pathlib.Path(cls.root.name).rglob("libvds.so")).parent
        needed = (cls.library / "libvds.so").read_bytes()
        for sanitizer, library in (("address", b"libasan"), ("undefined", b"libubsan")):
            cls.flags += [f"-fsanitize={sanitizer}", "-fno-sanitize=vptr"] if library in needed else []  # objects made in C have no C++ type

    def told(self, name, argument, *options, language="cpp"):
        source = pathlib.Path(__file__).resolve().parents[1] / f"unit/idl/windows_{name}.{language}"
        program = f"{self.root.name}/{name}"
        subprocess.run(["cc" if language == "c" else "c++", "-Wall", "-Wextra", "-Werror", "-DUNICODE", "-D_UNICODE", *options, str(source), *self.flags,
                        "-Wl,--allow-shlib-undefined", "-o", program], check=True)
        done = subprocess.run([program, argument], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "VDS_SOCKET": self.array.socket, "LD_LIBRARY_PATH": str(self.library)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_a_program_in_the_style_of_the_sdk_runs(self):
        told = self.told("program", "Gr\u00fcn")
        self.assertEqual(told.splitlines()[0], "program Gr\u00fcn")
        self.assertRegex(told, r"(?m)^lun event 108 \{[0-9A-F-]{36}\}$")
        self.assertRegex(told, r"(?m)^vendor VDS product VIRTUAL-DISK serial [0-9a-f-]{36} bus 9 ids 2$")
        for line in ("event seen", "asked by its type", "nothing found, 4294967296"):
            self.assertRegex(told, rf"(?m)^{line}$")
        self.assertEqual(self.array.json("lun", "list"), [])

    def test_a_program_that_waits_for_a_thread_and_its_sink_runs(self):
        done = subprocess.run([harness.BUILD / "tests/daemon/windows_sink"], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "VDS_SOCKET": self.array.socket})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.splitlines(), ["an identifier has 36 characters", "waited 0, thread 0x00000000, 1 gone"])

    def test_a_program_with_smart_pointers_wide_strings_and_streams_runs_optimised_or_not(self):
        for options in (["-O0"], ["-O2"], ["-O0", "-std=gnu++20"]):  # what is inlined, and what the C++ library has built for 32 bits, differs
            with self.subTest(" ".join(options)):
                told = self.told("modern", "Gr\u00fcn", *options)
                self.assertEqual(told.splitlines(), ["target Gr\u00fcn iqn.", "> GR\u00fcN!??? has 10 units, 0x0047", "42 !??? 0", "found", "gone"])
                self.assertEqual(self.array.json("target", "list"), [])

    def test_headers_are_found_by_the_names_that_the_documentation_of_windows_writes(self):
        folder = next(pathlib.Path(self.root.name).rglob("vds/compat"))
        names = sorted(link.name for link in folder.iterdir() if link.is_symlink())
        self.assertIn("Windows.h", names)
        source = "".join(f"#include <{name}>\n" for name in names) + "IVdsSwProvider *provider;\n"
        subprocess.run(["c++", "-Wall", "-Wextra", "-Werror", *self.flags, "-x", "c++", "-fsyntax-only", "-"], input=source, text=True,
                       check=True)

    def test_programs_that_walk_the_disks_and_volumes_of_a_host_run_and_find_none(self):
        self.assertEqual(self.told("volumes", "").splitlines(), ["0 software providers", "0 virtual disk providers",
                                                                 "SAN policy 0, nothing of the host", "no such volume"])
        self.assertEqual(self.told("clean", "", language="c").splitlines(), ["0x00000000, 0 disks"])


class WindowsStyle(harness.ArrayTest):
    """Sources for Windows, compiled as they are."""

    def run_example(self, name):
        done = subprocess.run([harness.BUILD / f"examples/windows_{name}"], capture_output=True, text=True, timeout=120,
                              env={"VDS_SOCKET": self.array.socket})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.splitlines()

    def test_list_shows_subsystem_portals_targets_and_groups(self):
        name = self.array.target("Gr\u00fcn", [self.array.portals[0]])
        lines = self.run_example("list")
        self.assertRegex(lines[0], r"^provider \S.* \d+\.\d+")
        self.assertRegex(lines[1], r"^subsystem .+: .+$")
        shown = [line for line in lines if line.startswith("  portal ")]
        self.assertEqual([line.split()[1] for line in shown], self.array.portals)
        self.assertIn(" {", shown[0])
        self.assertEqual(lines[-2:], [f'  target "Gr\u00fcn" {name[:16]}... {len(name)} characters', "    group with tag 1"])

    def test_group_goes_through_the_life_of_a_portal_group(self):
        expected = ["CreateTarget", "CreatePortalGroup", "AddPortal", "RemovePortal", "Delete"]
        self.assertEqual(self.run_example("group"), [f"{what:18} 0x00000000" for what in expected])
        self.assertEqual(self.array.json("target", "list"), [])

    def test_events_tells_what_happens_until_enter_is_pressed(self):
        with subprocess.Popen([harness.BUILD / "examples/windows_events"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env={"VDS_SOCKET": self.array.socket}) as program:
            lines_until(program.stdout, "watching".__eq__)
            self.array.target("box", [])
            lines = lines_until(program.stdout, lambda line: line.startswith("portal group "))
            self.assertRegex(lines[0], r"^target \{[0-9A-F-]{36}\}: event 126$")
            self.assertRegex(lines[-1], r"^portal group \{[0-9A-F-]{36}\}: event 129$")
            program.stdin.write("\n")
            program.stdin.flush()
            self.assertEqual(program.stdout.read().splitlines()[-1], "0x00000000")
            self.assertEqual(program.wait(60), 0)


if __name__ == "__main__":
    harness.main()
