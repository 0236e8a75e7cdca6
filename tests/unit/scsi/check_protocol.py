#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the SCSI part of docs/protocol.md with src/scsi/opcode.c and with the tests: every row of the one is in the other, every test exists."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
source = (root / "src/scsi/opcode.c").read_text()
rows = re.findall(r'\{ 0x([0-9a-f]{2}), (SA_NONE|0x[0-9a-f]{2}), \d+, (?:IN|OUT|NONE),.*?"([^"]+)"', source, re.S)
code = {f"{op.upper()}h" + ("" if sa == "SA_NONE" else f"/{sa[2:].upper()}h"): name for op, sa, name in rows}
tests = set()
for path in (root / "tests/unit/scsi").glob("test_*.c"):
    tests |= set(re.findall(r"^static void (\w+)\(void \*\*state\)", path.read_text(), re.M))

faults = []
listed = {}
iscsi, mark, scsi = (root / "docs/protocol.md").read_text().partition("\n## SCSI: ")
scsi, _, _ = scsi.partition("\n## The whole program")
for number, line in enumerate((mark + scsi).splitlines(), iscsi.count("\n") + 1):
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    for name in re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`", cells[-1]) if cells[-1].startswith("`") else []:
        if name not in tests:
            faults.append(f"protocol.md:{number}: there is no test {name}")
    if re.fullmatch(r"[0-9A-F]{2}h(/[0-9A-F]{2}h)?", cells[0]) and len(cells) == 4 and cells[2] == "yes":
        listed[cells[0]] = cells[1]
faults += [f"opcode.c: {key} {name} is not in protocol.md" for key, name in code.items() if listed.get(key) != name]
faults += [f"protocol.md: {key} {name} is not in opcode.c" for key, name in listed.items() if code.get(key) != name]
print("\n".join(faults) or f"protocol: {len(code)} commands and {len(tests)} tests agree")
sys.exit(bool(faults))
