#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libvds.so shows what the installed headers declare, and nothing else. usage: test_exports.py LIBRARY HEADER..."""
import pathlib
import re
import subprocess
import sys

library, *headers = sys.argv[1:]
PROVIDERS_OWN = {"DllGetClassObject", "DllCanUnloadNow"}  # a provider library defines these
declared = {"GUID_NULL", "CoInitialize", "CoTaskMemRealloc"}  # the last two: COM has them, com/com.h declares them
for header in headers:
    text = pathlib.Path(header).read_text()
    declared |= set(re.findall(r"^VDS_API [^;(]*?\b(\w+)\(", text, re.M))
    declared |= set(re.findall(r"^DEFINE_GUID\((\w+),", text, re.M))
declared -= PROVIDERS_OWN
symbols = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
exported = {line.split()[2].split("@")[0] for line in symbols.splitlines()} - {"LIBVDS_0"}
faults = [f"exported but not declared: {name}" for name in sorted(exported - declared)]
faults += [f"declared but not exported: {name}" for name in sorted(declared - exported)]
soname = subprocess.run(["objdump", "-p", library], check=True, capture_output=True, text=True).stdout
if "SONAME               libvds.so.0" not in soname:
    faults.append("the soname is not libvds.so.0")
print("\n".join(faults) or f"{len(exported)} symbols, as declared")
sys.exit(bool(faults))
