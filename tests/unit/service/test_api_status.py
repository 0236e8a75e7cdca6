# SPDX-License-Identifier: MIT
"""docs/api-status.md against the vtables: its rows are exactly the methods that answer E_NOTIMPL. And against the classes: the interfaces
of our own are those that it lists, with the objects that answer them.

    test_api_status.py SOURCE_ROOT LIST_NOT_BUILT

LIST_NOT_BUILT prints the slots that COM_NOT_BUILT marks, found by address. That nothing else answers E_NOTIMPL is held by the second
check: the word stands nowhere in the sources of com, array, provider and service but in that macro.
"""
import pathlib
import re
import subprocess
import sys

root, program = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, str(root / "idl"))
sys.dont_write_bytecode = True

from vdsidl.parse import parse_file  # noqa: E402

idl = parse_file(root / "idl" / "vds.idl")
interfaces = {i.iid: i for i in idl.interfaces}


def method_name(iid: str, slot: int) -> str:
    interface = interfaces[iid]
    return f"{interface.name}::{list(interface.all_methods())[slot].name}"


def really_not_built() -> set[str]:
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split("\n")
    return {method_name(iid, int(slot)) for _, iid, slot in (line.split() for line in lines if line)}


def rows(chapter: str) -> set[tuple[str, str]]:
    """The first two columns of the chapter's table."""
    text = (root / "docs" / "api-status.md").read_text(encoding="utf-8").split(f"\n## {chapter}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| (IVds\w+) \| (\w+) \|", text, re.M))


def documented() -> set[str]:
    return {f"{interface}::{method}" for interface, method in rows("Methods that answer E_NOTIMPL")}


def our_own() -> set[tuple[str, str]]:
    return {(e.interface.name, c.name) for c in idl.coclasses for e in c.interfaces if e.interface.scope == "extension"}


def spoken_elsewhere() -> list[str]:
    return [f"{path.relative_to(root)}:{number}: says E_NOTIMPL by itself; mark the method COM_NOT_BUILT"
            for layer in ("com", "array", "provider", "service") for path in sorted((root / "src" / layer).glob("*.[ch]"))
            for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
            if "E_NOTIMPL" in line and not line.startswith((" *", "/*", "#define COM_NOT_BUILT_RESULT"))]


really, listed = really_not_built(), documented()
faults = [f"docs/api-status.md lists {name}, but it is built" for name in sorted(listed - really)]
faults += [f"{name} answers E_NOTIMPL, but docs/api-status.md does not list it" for name in sorted(really - listed)]
faults += spoken_elsewhere()
faults += [f"docs/api-status.md, interfaces of our own: {name} of {owner} is listed or there, not both"
           for name, owner in sorted(our_own() ^ rows("Interfaces of our own"))]
print("\n".join(faults) or f"api status: {len(really)} methods are not built, and all of them are listed")
sys.exit(bool(faults))
