#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each test that the iSCSI part of docs/protocol.md names exists, and each row but the honest gaps names one."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
tests = set()
for path in (root / "tests/unit/iscsi").glob("test_*.c"):
    tests |= set(re.findall(r"^static void (\w+)\(void \*\*state\)", path.read_text(), re.M))
faults = []
part, _, _ = (root / "docs/protocol.md").read_text().partition("\n## SCSI: ")
for number, line in enumerate(part.splitlines(), 1):
    if not line.startswith("|") or line.startswith(("|---", "| feature", "| property")):
        continue
    named = re.findall(r"`(\w+)`", line.rsplit("|", 2)[1])
    faults += [f"line {number}: there is no test {name}" for name in named if name not in tests]
    if not named and not line.endswith("| - |"):
        faults.append(f"line {number}: no test is named")
print("\n".join(faults) or f"{len(tests)} tests, every row names one that exists")
sys.exit(bool(faults))
