# SPDX-License-Identifier: MIT
"""vdsgen: picks the back end and writes its text. Everything it prints about the input is file:line: error: text."""
from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Callable, Optional, Sequence

from .emit_header import emit_header
from .emit_iids import emit_iids
from .model import IdlError, Model
from .parse import parse_file


def header_text(model: Model, name: str) -> str:
    header = model.header(name)
    if not header:
        raise SystemExit(f"vdsgen: {model.file} has no header '{name}'; it has {', '.join(h.name for h in model.headers)}")
    return emit_header(model, header)


def text_of(model: Model, output: str) -> str:
    """The contents of one output, which its name says: vds_iids.c, or a header."""
    return emit_iids(model) if output.endswith("_iids.c") else header_text(model, output)


def write(path: Optional[pathlib.Path], text: str) -> None:
    if path is None:
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")


def generate(options: argparse.Namespace) -> None:
    model = parse_file(options.idl)
    for output in options.outputs:
        write(options.outdir / output if options.outdir else None, text_of(model, output))


def listing(options: argparse.Namespace) -> None:
    print("\n".join(header.name for header in parse_file(options.idl).headers))


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="vdsgen", description="Writes C from an interface description.")
    commands = main.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], help_text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_text)
        sub.add_argument("idl", type=pathlib.Path, help="the .idl file")
        sub.set_defaults(run=run)
        return sub

    sub = command("c", generate, "write headers and the identifiers' definitions")
    sub.add_argument("outputs", nargs="+", help="names of headers of the .idl, or *_iids.c")
    sub.add_argument("--outdir", type=pathlib.Path, help="where to (default: standard output)")
    command("list", listing, "name the headers of the .idl")
    return main


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except (IdlError, OSError) as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0
