# SPDX-License-Identifier: MIT
"""examples/windows compiles unchanged with compilers for Linux and for Windows, from the same headers; for Windows it links, too, as there
the platform has the rest (CoCreateInstance in ole32). Nothing is run here: tests/daemon/test_examples.py runs those for Linux.

    test_windows_examples.py COMPILER LANGUAGE INCLUDE_DIR...        exit 77: that compiler is not installed
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples/windows"
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


class WindowsExamples(unittest.TestCase):
    compiler, language = "gcc", "c"
    include_dirs: list = []

    def sources(self):
        return sorted(EXAMPLES.glob("*.c" if self.language == "c" else "*.cpp"))

    def build(self, source, *flags):
        includes = [f"-I{d}{sub}" for d in self.include_dirs for sub in ("", "/vds/compat")]
        with tempfile.TemporaryDirectory() as directory:
            command = [self.compiler, *WARNINGS, *includes, str(source), "-o", f"{directory}/out", *flags]
            done = subprocess.run(command, text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, f"{' '.join(command)}\n{done.stderr}")

    def test_each_compiles_as_it_is(self):
        self.assertTrue(self.sources())
        for source in self.sources():
            with self.subTest(source.name):
                if "mingw" in self.compiler:
                    self.build(source, "-lole32", "-luuid")
                else:
                    self.build(source, "-fshort-wchar", "-c")

    def test_programs_in_the_style_of_the_sdk_newer_ones_and_a_provider_compile_as_they_are(self):
        unicode = ["-DUNICODE", "-D_UNICODE"]
        sources = {"c": (("sink.c", []), ("sink.c", unicode)),
                   "c++": (("program.cpp", []), ("program.cpp", unicode), ("modern.cpp", unicode),
                           ("volumes.cpp", []), ("volumes.cpp", unicode), ("provider.cpp", []), ("provider.cpp", unicode))}
        for name, text in sources[self.language]:
            source = pathlib.Path(__file__).parent / f"windows_{name}"
            library = ["-shared"] if "provider" in name else []
            with self.subTest(f"{name} {text}"):
                if "mingw" in self.compiler:
                    self.build(source, *text, *(library or ["-municode"]), "-Wno-format", "-Wno-unknown-pragmas", "-lole32", "-luuid", "-lrpcrt4")
                else:
                    self.build(source, *text, "-fshort-wchar", "-fPIC", *(library or ["-c"]))

    def test_headers_of_windows_may_come_in_any_order(self):
        if "mingw" in self.compiler:
            self.skipTest("for Linux only")
        names = ["windows.h", "initguid.h", "wchar.h", "stdio.h", "wctype.h", "stdlib.h", "string.h", "vds.h", "vdserr.h", "objbase.h", "tchar.h",
                 "strsafe.h", "rpc.h", "combaseapi.h", "guiddef.h", "process.h", "winerror.h"]
        for turn in range(len(names)):
            order = names[turn:] + names[:turn]
            with self.subTest(order[0]), tempfile.NamedTemporaryFile("w", suffix=".c" if self.language == "c" else ".cpp") as source:
                source.write("".join(f"#include <{name}>\n" for name in order))
                source.write('DEFINE_GUID(CLSID_Ours, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);\nint main(void) { WCHAR s[8] = L""; return swprintf(s, 8, '
                             'L"%s", L"x") + (int)wcslen(s) + (int)wcstoul(L"1", NULL, 0) + CLSID_Ours.Data1; }\n')
                source.flush()
                self.build(source.name, "-fshort-wchar", "-c")

    def test_standard_headers_in_any_order_keep_the_wide_functions(self):
        if self.language == "c" or "mingw" in self.compiler:
            self.skipTest("C++ for Linux only")
        body = ("int main() { std::wstring s(L\"abc\"); std::printf(\"%ls\", s.c_str());\n"
                "    return wprintf(L\"%s\", s.c_str()) + (int)std::wcslen(s.c_str()) + (int)wcslen(L\"x\"); }\n")
        first = ["#include <cstdio>\n#include <cwchar>\n#include <string>\n", "#include <windows.h>\n", "#include <stdio.h>\n"]
        for head in first:
            with tempfile.NamedTemporaryFile("w", suffix=".cpp") as source:
                source.write(head + "#include <windows.h>\n#include <cstdio>\n#include <cwchar>\n#include <string>\n" + body)
                source.flush()
                self.build(source.name, "-fshort-wchar", "-c")


if __name__ == "__main__":
    WindowsExamples.compiler, WindowsExamples.language, *WindowsExamples.include_dirs = sys.argv[1:]
    if not shutil.which(WindowsExamples.compiler):
        print(f"skipped: {WindowsExamples.compiler} is not installed")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
