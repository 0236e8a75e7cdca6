# SPDX-License-Identifier: MIT
"""The same facts, asked of the same headers by a compiler for 64-bit Windows: what both agree on is one binary interface.

Nothing is run: each expression becomes a constant in the assembler output, where its value is read.

    test_mingw.py COMPILER facts.tsv INCLUDE_DIR...         exit 77: the compiler is not installed
"""
from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys

from facts import Number, numbers

# A quad of zeros is written as space; everything else as .quad. Signs and bases are the assembler's.
VALUE = re.compile(r"^fact_(\d+):\s*\n\s*\.(quad|space)\s+(-?\w+)", re.MULTILINE)


def source(facts: list[Number]) -> str:
    head = "#include <stddef.h>\n#include <stdint.h>\n#include <vds/vdsex.h>\n#include <vds/vdshwprv.h>\n"
    return head + "".join(f"const unsigned long long fact_{i} = {fact.expression};\n" for i, fact in enumerate(facts))


def assembler(compiler: str, include_dirs: list[str], text: str) -> str:
    command = [compiler, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-S", "-x", "c", "-o", "-",
               *(f"-I{directory}" for directory in include_dirs), "-"]
    done = subprocess.run(command, input=text, text=True, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return done.stdout


def client(compiler: str, include_dirs: list[str]) -> None:
    """A client for Windows compiles there with our headers."""
    assembler(compiler, include_dirs, (pathlib.Path(__file__).parent / "windows_client.c").read_text())


def values(text: str) -> dict[int, int]:
    return {int(index): 0 if directive == "space" else int(value, 0) for index, directive, value in VALUE.findall(text)}


def differences(facts: list[Number], got: dict[int, int]) -> list[str]:
    return [f"{fact.what} is {got.get(i)}, not {fact.want}" for i, fact in enumerate(facts) if got.get(i) != fact.want]


def main(compiler: str, table: str, *include_dirs: str) -> int:
    if not shutil.which(compiler):
        print(f"skipped: {compiler} is not installed")
        return 77
    facts = list(numbers(pathlib.Path(table)))
    wrong = differences(facts, values(assembler(compiler, list(include_dirs), source(facts))))
    client(compiler, list(include_dirs))
    print("\n".join(wrong) or f"{len(facts)} facts hold under {compiler}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
