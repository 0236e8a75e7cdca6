# SPDX-License-Identifier: MIT
"""The .idl parser: recursive descent over the tokens of lexer.py into the dataclasses of model.py.

The language is the part of MIDL that vds.idl needs, with these additions of ours:
  import "z.idl";                what the file beside this one says, here
  #pragma header("x.h", "y.h")   what follows goes into x.h, which includes y.h
  /// text, ///< text            documentation, kept
  [errors(..)]                   result codes a method names; on an interface: codes that all its methods name
  [enum_of(VDS_OT_X)]            kind of the members of the IEnumVdsObject handed out
  [async_of(VDS_ASYNCOUT_X)]     output type of the IVdsAsync handed out
  [scope(extended)]              core when absent; `extension` marks interfaces that VDS does not have, `host` those of the host's own
                                 disks, which are only named: no coclass has them, nothing but headers comes of them
  [platform]                     Windows headers declare it: leave it to them there
  [flags] typedef enum           the enumerators are bits
  [kind(VDS_OT_X)] coclass       what an object of that kind answers; [restricted]: only between service and provider
Names are not looked up here, except bases of interfaces and members of coclasses; check.py does the rest.
"""
from __future__ import annotations

import pathlib
import re
from typing import Callable, Optional, TypeVar, Union

from .check import check
from .lexer import Token, tokenize
from .model import (Alias, Attrs, CoClass, Constant, Declaration, Enum, Enumerator, Error, Exposed, Field, Header, IdlError,
                    Interface, Location, Method, Model, Param, Struct, Type, Union_)

# Attributes by what they stand in front of; anything else is a spelling mistake.
ATTRIBUTES: dict[str, frozenset[str]] = {what: frozenset(names.split()) for what, names in {
    "interface": "object uuid pointer_default local scope platform errors",
    "method": "errors",
    "parameter": "in out size_is length_is max_is unique ref string iid_is range enum_of async_of",
    "typedef": "flags scope platform",
    "const": "platform",
    "field": "string size_is unique",
    "union": "switch_is",
    "arm": "case string size_is unique default",
    "coclass": "uuid kind",
    "coclass member": "default restricted",
}.items()}
SCOPES = ("core", "extended", "extension", "host")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_Item = TypeVar("_Item")


class Parser:
    """One pass over one file and what it imports. Each method reads what it is named after and leaves the position behind it."""

    def __init__(self, text: str, path: pathlib.Path) -> None:
        self.tokens = tokenize(text, path.name)
        self.position = 0
        self.folder = path.parent
        self.read = {path.name}
        self.model = Model(path.name)
        self.exposures: list[tuple[CoClass, Token, bool]] = []  # of coclasses, to be looked up at the end

    # ---- tokens ----------------------------------------------------------------------------------------------------------

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.next
        self.position += token.kind != "end"
        return token

    def at(self, text: str) -> bool:
        return self.next.text == text and self.next.kind in ("punct", "name")

    def accept(self, text: str) -> bool:
        if not self.at(text):
            return False
        self.take()
        return True

    def expect(self, text: str) -> Token:
        if not self.at(text):
            raise IdlError(self.next.where, f"expected '{text}' before {self.next}")
        return self.take()

    def name(self, what: str) -> Token:
        if self.next.kind != "name":
            raise IdlError(self.next.where, f"expected {what} before {self.next}")
        return self.take()

    def string(self) -> str:
        if self.next.kind != "string":
            raise IdlError(self.next.where, f"expected a string before {self.next}")
        return self.take().text[1:-1]

    def number(self) -> tuple[int, str]:
        """Value, and the text as written."""
        token = self.take()
        try:
            return int(token.text, 0), token.text
        except ValueError:
            raise IdlError(token.where, f"expected a number before {token}") from None

    def doc(self) -> str:
        """The /// lines here: one line of text per paragraph; an empty /// parts paragraphs."""
        paragraphs = [""]
        while self.next.kind == "doc":
            text = self.take().text
            paragraphs[-1:] = [f"{paragraphs[-1]} {text}".strip()] if text else [paragraphs[-1], ""]
        return "\n".join(paragraphs).strip()

    def doc_after(self) -> str:
        return self.take().text if self.next.kind == "after" else ""

    def list_of(self, item: Callable[[], _Item], closing: str) -> list[_Item]:
        """Comma-separated items up to the closing token, which is taken too."""
        items: list[_Item] = []
        if not self.accept(closing):
            items.append(item())
            while self.accept(","):
                items.append(item())
            self.expect(closing)
        return items

    # ---- attributes and types --------------------------------------------------------------------------------------------

    def attributes(self, what: str) -> Attrs:
        items: dict[str, tuple[str, ...]] = {}
        if not self.accept("["):
            return Attrs(items)

        def attribute() -> None:
            token = self.name("an attribute")
            if token.text not in ATTRIBUTES[what]:
                raise IdlError(token.where, f"unknown attribute '{token.text}' of a {what}")
            if token.text in items:
                raise IdlError(token.where, f"attribute '{token.text}' given twice")
            items[token.text] = self.arguments() if self.accept("(") else ()

        self.list_of(attribute, "]")
        return Attrs(items)

    def arguments(self) -> tuple[str, ...]:
        """Up to the closing parenthesis; an argument is kept as text, and may be empty as in size_is(,*n)."""
        arguments, depth = [""], 0
        while depth or not self.at(")"):
            token = self.take()
            if token.kind == "end" or token.text in "[]{};":
                raise IdlError(token.where, f"expected ')' before {token}")
            depth += (token.text == "(") - (token.text == ")")
            if token.text == "," and not depth:
                arguments.append("")
            else:
                arguments[-1] += token.text
        self.expect(")")
        return tuple(arguments)

    def type(self) -> Type:
        self.accept("const")
        name = self.name("a type").text
        stars = 0
        while self.accept("*"):
            stars += 1
        return Type(name, stars)

    # ---- declarations ----------------------------------------------------------------------------------------------------

    def file(self) -> Model:
        while True:
            doc = self.doc()
            if self.next.kind == "end":
                self.look_up_members()
                return self.model
            if self.at("import"):
                self.import_()
            elif self.at("#"):
                self.pragma(doc)
            else:
                self.declaration(doc)

    def import_(self) -> None:
        """Its tokens take the place of the statement."""
        where = self.expect("import").where
        name = self.string()
        self.expect(";")
        if name in self.read:
            raise IdlError(where, f"'{name}' imported twice")
        self.read.add(name)
        try:
            text = (self.folder / name).read_text(encoding="utf-8")
        except OSError as fault:
            raise IdlError(where, f"cannot read '{name}'") from fault
        self.tokens[self.position:self.position] = tokenize(text, name)[:-1]

    def pragma(self, doc: str) -> None:
        self.expect("#")
        where = self.expect("pragma").where
        self.expect("header")
        self.expect("(")
        name, *includes = self.list_of(self.string, ")")
        if self.model.header(name):
            raise IdlError(where, f"header '{name}' begun twice")
        self.model.headers.append(Header(name, tuple(includes), doc, where.file))

    def declaration(self, doc: str) -> None:
        readers: dict[str, Callable[[str], Optional[Declaration]]] = {
            "const": self.constant, "typedef": self.typedef, "interface": self.interface, "coclass": self.coclass}
        start = self.position
        self.skip_attributes()
        if self.next.text not in readers or self.next.kind != "name":
            raise IdlError(self.next.where, f"expected a declaration before {self.next}")
        reader = readers[self.next.text]
        self.position = start
        if not self.model.headers:
            raise IdlError(self.next.where, "declaration before the first #pragma header")
        self.declare(reader(doc))

    def skip_attributes(self) -> None:
        """Past a leading [..], whose meaning depends on the keyword behind it."""
        depth = 0
        while self.at("[") or (depth and self.next.kind != "end"):
            depth += self.at("[") - self.at("]")
            self.take()

    def declare(self, item: Optional[Declaration]) -> None:
        if item is None:
            return
        if item.name in self.model.names:
            raise IdlError(item.where, f"'{item.name}' already declared at {self.model.names[item.name].where}")
        self.model.names[item.name] = item
        self.model.headers[-1].items.append(item)
        if isinstance(item, Enum):
            self.declare_enumerators(item)

    def declare_enumerators(self, enum: Enum) -> None:
        for value in enum.values:
            if value.name in self.model.enumerators or value.name in self.model.names:
                raise IdlError(enum.where, f"enumerator '{value.name}' of '{enum.name}' already declared")
            self.model.enumerators[value.name] = value.value

    @property
    def header(self) -> str:
        return self.model.headers[-1].name

    def constant(self, doc: str) -> Union[Constant, Error]:
        platform = "platform" in self.attributes("const")
        self.expect("const")
        type_ = self.type()
        name = self.name("the name of a constant")
        self.expect("=")
        value, text = self.number()
        self.expect(";")
        doc = doc or self.doc_after()
        if type_.name == "HRESULT":
            return Error(name.text, value, platform, doc, self.header, name.where)
        return Constant(name.text, type_, value, text, platform, doc, self.header, name.where)

    # ---- types -----------------------------------------------------------------------------------------------------------

    def typedef(self, doc: str) -> Declaration:
        attrs = self.attributes("typedef")
        self.expect("typedef")
        if self.accept("enum"):
            return self.enum(doc, attrs)
        if self.accept("struct"):
            return self.struct(doc, attrs)
        type_ = self.type()
        name = self.name("the name of a type")
        self.expect(";")
        return Alias(name.text, type_, "platform" in attrs, doc, self.header, name.where)

    def enum(self, doc: str, attrs: Attrs) -> Enum:
        tag = self.name("the tag of an enum").text
        self.expect("{")
        values: list[Enumerator] = []
        while not self.accept("}"):
            values.append(self.enumerator())
        name = self.name("the name of an enum")
        self.expect(";")
        return Enum(name.text, tag, tuple(values), "flags" in attrs, "platform" in attrs, doc, self.header, name.where)

    def enumerator(self) -> Enumerator:
        doc = self.doc()
        name = self.name("an enumerator").text
        self.expect("=")
        value, text = self.number()
        if not self.accept(",") and not self.at("}") and self.next.kind != "after":
            self.expect(",")
        return Enumerator(name, value, text, doc or self.doc_after())

    def struct(self, doc: str, attrs: Attrs) -> Struct:
        tag = self.name("the tag of a struct").text
        members = self.members()
        name = self.name("the name of a struct")
        self.expect(";")
        return Struct(name.text, tag, members, self.scope(attrs, name.where), "platform" in attrs, doc, self.header, name.where)

    def members(self) -> tuple[Union[Field, Union_], ...]:
        self.expect("{")
        members: list[Union[Field, Union_]] = []
        while not self.accept("}"):
            members.append(self.member())
        return tuple(members)

    def member(self) -> Union[Field, Union_]:
        start = self.position
        self.doc()
        self.skip_attributes()
        is_union = self.at("union")
        self.position = start
        return self.union() if is_union else self.field("field")

    def union(self) -> Union_:
        self.doc()
        where = self.next.where
        switch = self.attributes("union").one("switch_is")
        if not switch:
            raise IdlError(where, "a union needs [switch_is(field)]")
        self.expect("union")
        self.expect("{")
        arms: list[Field] = []
        while not self.accept("}"):
            if not self.empty_arm():
                arms.append(self.field("arm"))
        self.expect(";")
        return Union_(switch, tuple(arms), where)

    def empty_arm(self) -> bool:
        """[default] ; says nothing that a model without it would not."""
        start = self.position
        if "default" in self.attributes("arm") and self.accept(";"):
            return True
        self.position = start
        return False

    def field(self, what: str) -> Field:
        doc = self.doc()
        where = self.next.where
        attrs = self.attributes(what)
        if what == "arm" and not attrs.get("case"):
            raise IdlError(where, "an arm of a union needs [case(..)] or [default]")
        type_ = self.nested_struct() if self.at("struct") else self.type()
        name = self.name("the name of a field")
        array = self.array_bound()
        self.expect(";")
        return Field(name.text, type_, attrs, array, doc or self.doc_after(), name.where)

    def nested_struct(self) -> Struct:
        where = self.expect("struct").where
        return Struct("", "", self.members(), "core", False, "", self.header, where)

    def array_bound(self) -> Optional[str]:
        if not self.accept("["):
            return None
        bound = self.take()
        if bound.kind not in ("name", "number"):
            raise IdlError(bound.where, f"expected an array bound before {bound}")
        self.expect("]")
        return bound.text

    # ---- interfaces ------------------------------------------------------------------------------------------------------

    def scope(self, attrs: Attrs, where: Location) -> str:
        scope = attrs.one("scope") or "core"
        if scope not in SCOPES:
            raise IdlError(where, f"scope is one of {', '.join(SCOPES)}, not '{scope}'")
        return scope

    def uuid(self, attrs: Attrs, where: Location) -> Optional[str]:
        text = attrs.one("uuid")
        if text is not None and not _UUID.fullmatch(text.lower()):
            raise IdlError(where, f"'{text}' is not a uuid")
        return text.lower() if text else None

    def interface(self, doc: str) -> Optional[Interface]:
        attrs = self.attributes("interface")
        self.expect("interface")
        name = self.name("the name of an interface")
        if self.accept(";"):
            return None            # a forward declaration: MIDL needs it, we do not
        iid = self.uuid(attrs, name.where)
        if not iid:
            raise IdlError(name.where, f"interface '{name.text}' needs a uuid")
        base = self.base() if self.accept(":") else None
        common = attrs.get("errors") or ()
        methods = self.methods(base, common)
        return Interface(name.text, iid, base, methods, self.scope(attrs, name.where), "platform" in attrs, doc, self.header,
                         name.where)

    def base(self) -> Interface:
        token = self.name("the base of an interface")
        base = self.model.names.get(token.text)
        if not isinstance(base, Interface):
            raise IdlError(token.where, f"base '{token.text}' is not an interface declared before")
        return base

    def methods(self, base: Optional[Interface], errors: tuple[str, ...]) -> tuple[Method, ...]:
        slot = sum(1 for _ in base.all_methods()) if base else 0
        methods: list[Method] = []
        self.expect("{")
        while not self.accept("}"):
            methods.append(self.method(slot + len(methods), errors))
        self.accept(";")
        return tuple(methods)

    def method(self, slot: int, common_errors: tuple[str, ...]) -> Method:
        doc = self.doc()
        own_errors = self.attributes("method").get("errors") or ()
        returns = self.type()
        name = self.name("the name of a method")
        self.expect("(")
        params = () if self.no_parameters() else tuple(self.list_of(self.param, ")"))
        self.expect(";")
        return Method(name.text, slot, returns, params, common_errors + own_errors, doc or self.doc_after(), name.where)

    def no_parameters(self) -> bool:
        """(void); a void * parameter is something else."""
        if not (self.at("void") and self.tokens[self.position + 1].text == ")"):
            return False
        self.take()
        self.expect(")")
        return True

    def param(self) -> Param:
        attrs = self.attributes("parameter")
        type_ = self.type()
        name = self.name("the name of a parameter")
        return Param(name.text, type_, attrs, name.where)

    def coclass(self, doc: str) -> CoClass:
        attrs = self.attributes("coclass")
        self.expect("coclass")
        name = self.name("the name of a coclass")
        self.expect("{")
        coclass = CoClass(name.text, self.uuid(attrs, name.where), attrs.one("kind"), [], doc, self.header, name.where)
        while not self.accept("}"):
            self.exposed(coclass)
        self.expect(";")
        return coclass

    def exposed(self, coclass: CoClass) -> None:
        attrs = self.attributes("coclass member")
        self.expect("interface")
        self.exposures.append((coclass, self.name("an interface"), "restricted" in attrs))
        self.expect(";")

    def look_up_members(self) -> None:
        for coclass, token, restricted in self.exposures:
            interface = self.model.names.get(token.text)
            if not isinstance(interface, Interface):
                raise IdlError(token.where, f"'{token.text}' is not an interface")
            coclass.interfaces.append(Exposed(interface, restricted))


def parse_text(text: str, file: str = "<text>") -> Model:
    return _parse(text, pathlib.Path(file))


def parse_file(path: Union[str, pathlib.Path]) -> Model:
    """The checked model of a file; IdlError at the first fault, OSError when it cannot be read."""
    path = pathlib.Path(path)
    return _parse(path.read_text(encoding="utf-8"), path)


def _parse(text: str, path: pathlib.Path) -> Model:
    model = Parser(text, path).file()
    check(model)
    return model
