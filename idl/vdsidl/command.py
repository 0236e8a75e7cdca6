# SPDX-License-Identifier: MIT
"""vdsgen: picks the back end and writes its text. Everything it prints about the input is file:line: error: text."""
from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Callable, Optional, Sequence

from .emit_header import emit_header
from .emit_iids import emit_iids
from .emit_rpc import OUTPUTS as RPC_OUTPUTS
from .emit_table import emit_table
from .model import IdlError, Model
from .parse import parse_file


# Outputs by name, beside the headers that the .idl itself names. A back end is a row here.
OUTPUTS: dict[str, Callable[[Model], str]] = {
    "vds_iids.c": emit_iids,
    "vds_table.c": emit_table,
    **RPC_OUTPUTS,
}


class UsageError(Exception):
    """A fault of the command line."""


def text_of(model: Model, output: str) -> str:
    header = model.header(output)
    if header:
        return emit_header(model, header)
    if output not in OUTPUTS:
        known = [h.name for h in model.headers] + list(OUTPUTS)
        raise UsageError(f"no output '{output}'; there are {', '.join(known)}")
    return OUTPUTS[output](model)


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
    print("\n".join([header.name for header in parse_file(options.idl).headers] + list(OUTPUTS)))


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="vdsgen", description="Writes C from an interface description.")
    commands = main.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], help_text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_text)
        sub.add_argument("idl", type=pathlib.Path, help="the .idl file")
        sub.set_defaults(run=run)
        return sub

    sub = command("c", generate, "write the outputs named")
    sub.add_argument("outputs", nargs="+", help="see the command list")
    sub.add_argument("--outdir", type=pathlib.Path, help="where to (default: standard output)")
    command("list", listing, "name the outputs there are")
    return main


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except IdlError as fault:
        print(fault, file=sys.stderr)
        return 1
    except (UsageError, OSError) as fault:
        print(f"vdsgen: {fault}", file=sys.stderr)
        return 1
    return 0
