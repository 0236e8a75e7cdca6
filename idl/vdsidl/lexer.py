# SPDX-License-Identifier: MIT
"""Text to tokens. Ordinary comments vanish; `///` lines stay, because they are the documentation of what follows."""
from __future__ import annotations

import re
from dataclasses import dataclass

from .model import IdlError, Location

_TOKEN = re.compile(r"""
      (?P<space>   [ \t\r]+ | \\\n )
    | (?P<newline> \n )
    | (?P<after>   ///<[^\n]* )                 # documents what stands before it on the line
    | (?P<doc>     ///[^\n]* )
    | (?P<comment> //[^\n]* | /\*.*?\*/ )
    | (?P<string>  "[^"\n]*" )
    | (?P<number>  [0-9][0-9A-Za-z_]* )         # the parts of a uuid as well; Parser.number() checks
    | (?P<name>    [A-Za-z_][A-Za-z0-9_]* )
    | (?P<punct>   [][(){}<>;:,*=#&|+-] )
""", re.VERBOSE | re.DOTALL)


@dataclass(frozen=True)
class Token:
    kind: str                      # "doc", "after", "string", "number", "name", "punct", "end"
    text: str
    where: Location

    def __str__(self) -> str:
        return "end of file" if self.kind == "end" else f"'{self.text}'"


def _doc_text(kind: str, text: str) -> str:
    return text[4 if kind == "after" else 3:].strip()


def tokenize(text: str, file: str) -> list[Token]:
    """All tokens, an "end" token last."""
    tokens: list[Token] = []
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        where = Location(file, line)
        if not match:
            raise IdlError(where, f"unexpected character {text[position]!r}")
        kind, lexeme = match.lastgroup or "", match.group()
        if kind in ("doc", "after"):
            tokens.append(Token(kind, _doc_text(kind, lexeme), where))
        elif kind not in ("space", "newline", "comment"):
            tokens.append(Token(kind, lexeme, where))
        position, line = match.end(), line + lexeme.count("\n")
    tokens.append(Token("end", "", Location(file, line)))
    return tokens
