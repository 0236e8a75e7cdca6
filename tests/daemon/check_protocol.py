#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each row of docs/protocol.md's table of the whole program names a test of this folder, and each link of that page leads somewhere."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
page = (root / "docs/protocol.md").read_text()
tests = {name for path in (root / "tests/daemon").glob("test_*.py") for name in re.findall(r"^    def (test_\w+)\(self\)", path.read_text(), re.M)}
rows = [line for line in page.partition("## The whole program")[2].splitlines() if line.startswith("|")][2:]
faults = [f"no test is named: {row}" for row in rows if not re.search(r"`test_\w+` \|$", row)]
faults += [f"there is no test {name}" for name in re.findall(r"`(test_\w+)`", page) if name not in tests]
faults += [f"there is no {path}" for path in re.findall(r"`(tests/[\w/.]+)`", page) if not (root / path).exists()]
faults += [f"a link leads nowhere: {link}" for link in re.findall(r"\]\(([^)#]+)", page) if not (root / "docs" / link).exists()]
faults += ["the table of the whole program is empty"] * (not rows)
print("\n".join(faults) or f"{len(rows)} rows, every one names a test that exists")
sys.exit(bool(faults))
