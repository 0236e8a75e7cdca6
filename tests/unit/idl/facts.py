# SPDX-License-Identifier: MIT
"""facts.tsv as C: every row becomes an expression that our headers must give the value of.

    python3 facts.py facts.tsv          rows for test_facts.c, on standard output
"""
from __future__ import annotations

import pathlib
import sys
import uuid
from dataclasses import dataclass
from typing import Iterator


@dataclass(frozen=True)
class Number:
    """A C expression and what it must be."""
    group: str                     # "layout", "value", "result", "slot"
    what: str
    expression: str
    want: int


@dataclass(frozen=True)
class Guid:
    name: str
    want: bytes                    # in memory


def rows(path: pathlib.Path) -> Iterator[list[str]]:
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def signature(interface: str, method: str, returns: str, types: str) -> str:
    """1 when the slot has exactly this type."""
    parameters = "".join(f", {t}" for t in types.split("; ")) if types != "void" else ""
    slot = f"((const {interface}Vtbl *)0)->{method}"
    return f"__builtin_types_compatible_p(__typeof__({slot}), {returns} (STDMETHODCALLTYPE *)({interface} *{parameters}))"


def table_sizes(path: pathlib.Path) -> Iterator[Number]:
    """No vtable goes on behind its last known method."""
    last = {interface: int(slot) for kind, interface, _, slot, *_ in rows(path) if kind == "slot"}
    for interface, slot in last.items():
        yield Number("slot", f"methods of {interface}", f"sizeof({interface}Vtbl) / sizeof(void *)", slot + 1)


def numbers(path: pathlib.Path) -> Iterator[Number]:
    expressions = {
        "size": ("layout", "sizeof({0})"), "align": ("layout", "_Alignof({0})"), "offset": ("layout", "offsetof({0}, {1})"),
        "width": ("layout", "sizeof((({0} *)0)->{1})"), "value": ("value", "(uint32_t)({1})"),
        "result": ("result", "(uint32_t)({1})"), "slot": ("slot", "offsetof({0}Vtbl, {1}) / sizeof(void *)"),
    }
    for kind, owner, member, want, *types in rows(path):
        if kind == "guid":
            continue
        group, expression = expressions[kind]
        what = " ".join(word for word in (kind, owner, member) if word != "-")
        yield Number(group, what, expression.format(owner, member), int(want, 0))
        if kind == "slot":
            yield Number(group, f"type {owner} {member}", signature(owner, member, *types), 1)
    yield from table_sizes(path)


def guids(path: pathlib.Path) -> Iterator[Guid]:
    for kind, _, name, text in (row for row in rows(path) if row[0] == "guid"):
        yield Guid(name, uuid.UUID(text).bytes_le)


def as_c(path: pathlib.Path) -> Iterator[str]:
    all_numbers = list(numbers(path))
    for group in dict.fromkeys(n.group for n in all_numbers):
        yield f"static const struct number {group}_rows[] = {{"
        yield from (f'    {{ "{n.what}", {n.expression}, {n.want}u }},' for n in all_numbers if n.group == group)
        yield "};"
    yield "static const struct identifier guid_rows[] = {"
    for guid in guids(path):
        yield f'    {{ "{guid.name}", &{guid.name}, {{ {", ".join(map(str, guid.want))} }} }},'
    yield "};"


if __name__ == "__main__":
    print("\n".join(as_c(pathlib.Path(sys.argv[1]))))
