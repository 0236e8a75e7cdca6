# SPDX-License-Identifier: MIT
"""The public headers as other people's programs include them: each alone and all together, in C and in C++, without a warning.

    test_headers.py COMPILER LANGUAGE INCLUDE_DIR...        exit 77: that compiler is not installed
"""
from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import unittest

HEADERS = ["vdsbase.h", "vdserr.h", "vdstypes.h", "vdsunk.h", "vdscmn.h", "vdssw.h", "vds.h", "vdshwprv.h", "vdsex.h"]
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wundef"]
STANDARDS = {"c": ["-std=c11", "-std=gnu17"], "c++": ["-std=c++11", "-std=gnu++17"]}


class Headers(unittest.TestCase):
    compiler = "gcc"
    language = "c"
    include_dirs: list[str] = []

    def compile(self, source: str, *flags: str) -> None:
        includes = [f"-I{directory}" for directory in self.include_dirs]
        command = [self.compiler, "-x", self.language, "-fsyntax-only", *WARNINGS, *includes, *flags, "-"]
        done = subprocess.run(command, input=source, text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, f"{' '.join(command)}\n{source}\n{done.stderr}")

    def including(self, *headers: str) -> str:
        return "".join(f"#include <vds/{header}>\n" for header in headers)

    def test_each_header_stands_alone_in_every_standard(self) -> None:
        for header in HEADERS:
            for standard in STANDARDS[self.language]:
                self.compile(self.including(header), standard)

    def test_both_sides_of_the_service_can_be_included_in_either_order(self) -> None:
        self.compile(self.including("vds.h", "vdshwprv.h", "vdsex.h", "vds.h"))
        self.compile(self.including("vdsex.h", "vdshwprv.h", "vds.h"))

    def test_call_macros_may_be_asked_for(self) -> None:
        self.compile(self.including(*HEADERS), "-DCOBJMACROS")

    def test_identifiers_may_be_defined_by_the_includer(self) -> None:
        self.compile("#define INITGUID\n" + self.including(*HEADERS))

    def test_wide_literals_are_wchar_text(self) -> None:
        literal = "LPCWSTR name(void);\nLPCWSTR name(void) { return %s\"disk\"; }\n"
        self.compile(self.including("vdsbase.h") + literal % "u")
        self.compile(self.including("vdsbase.h") + literal % "L", "-fshort-wchar")

    def test_a_64_bit_field_is_aligned_to_8_on_i386_too(self) -> None:
        if self.language != "c" or not self.builds_for_i386():
            self.skipTest("needs a C compiler that builds for i386")
        check = "_Static_assert(offsetof(VDS_POOL_ATTRIBUTES, ullProvisionedSpace) == 32 && sizeof(VDS_HINTS) == 80, \"\");\n"
        self.compile(self.including("vdstypes.h") + check, "-m32")

    def builds_for_i386(self) -> bool:
        probe = subprocess.run([self.compiler, "-m32", "-fsyntax-only", "-x", "c", "-"], input="#include <stdint.h>\n", text=True,
                               capture_output=True, check=False)
        return probe.returncode == 0

    def test_a_source_for_windows_compiles_as_it_is(self) -> None:
        source = (pathlib.Path(__file__).parent / "windows_client.c").read_text()
        compat = [f"-I{directory}/vds/compat" for directory in self.include_dirs]
        self.compile(source, "-fshort-wchar", "-Wno-variadic-macros", *compat)

    def test_c_view_of_interfaces_is_available_to_cxx(self) -> None:
        if self.language == "c++":
            use = "ULONG release(IVdsLun *p);\nULONG release(IVdsLun *p) { return IVdsLun_Release(p); }\n"
            self.compile(self.including("vds.h") + use, "-DCINTERFACE", "-DCOBJMACROS")


if __name__ == "__main__":
    Headers.compiler, Headers.language, *Headers.include_dirs = sys.argv[1:]
    if not shutil.which(Headers.compiler):
        print(f"skipped: {Headers.compiler} is not installed")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
