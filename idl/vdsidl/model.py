# SPDX-License-Identifier: MIT
"""What an .idl file says, as data. parse.py builds it, check.py proves it consistent, every back end (emit_*.py) reads it.

Everything here is plain and in file order; nothing is generated text. Names are those of the .idl, untouched.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterator, Optional, Union

# The types of include/vds/vdsbase.h: name -> what travels (bits, signedness) for back ends that marshal.
BASE_TYPES: dict[str, str] = {
    "HRESULT": "i32", "LONG": "i32", "BOOL": "i32", "SHORT": "i16", "ULONG": "u32", "DWORD": "u32", "USHORT": "u16",
    "WCHAR": "u16", "UCHAR": "u8", "BYTE": "u8", "BOOLEAN": "u8", "char": "char", "ULONGLONG": "u64", "GUID": "guid",
    "CLSID": "guid", "IID": "guid", "REFIID": "iid", "LPWSTR": "wstr", "LPCWSTR": "wstr", "void": "void",
}


@dataclass(frozen=True)
class Location:
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class IdlError(Exception):
    """A fault of the input, at a place in it."""

    def __init__(self, where: Location, message: str) -> None:
        super().__init__(f"{where}: error: {message}")
        self.where = where
        self.message = message


@dataclass(frozen=True)
class Attrs:
    """The [..] in front of a declaration: name -> arguments. `[in, size_is(,*n)]` is {"in": (), "size_is": ("", "*n")}."""
    items: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.items

    def get(self, name: str) -> Optional[tuple[str, ...]]:
        return self.items.get(name)

    def one(self, name: str) -> Optional[str]:
        """The single argument of an attribute that takes one; None when the attribute is absent."""
        args = self.items.get(name)
        return args[0] if args else None


@dataclass(frozen=True)
class Type:
    """A base name and stars: `LPWSTR **` is ("LPWSTR", 2). LPWSTR itself counts as a value, not as a pointer."""
    name: str
    pointers: int = 0

    def __str__(self) -> str:
        return f"{self.name} {'*' * self.pointers}" if self.pointers else self.name


@dataclass(frozen=True)
class Param:
    """A parameter of a method."""
    name: str
    type: Type
    attrs: Attrs
    where: Location

    @property
    def ctype(self) -> str:
        return str(self.type)

    @property
    def direction(self) -> str:
        """"in", "out" or "inout"."""
        return "inout" if self.is_in and self.is_out else "out" if self.is_out else "in"

    @property
    def is_in(self) -> bool:
        return "in" in self.attrs

    @property
    def is_out(self) -> bool:
        return "out" in self.attrs

    @property
    def unique(self) -> bool:
        """NULL is allowed."""
        return "unique" in self.attrs

    @property
    def string(self) -> bool:
        return "string" in self.attrs

    @property
    def size_is(self) -> Optional[tuple[str, ...]]:
        """One expression per pointer level, outermost first, "" for a level without: ("", "*plCount") or ("lCount",)."""
        return self.attrs.get("size_is")

    @property
    def length_is(self) -> Optional[str]:
        """How much of an out array is filled on return."""
        return self.attrs.one("length_is")

    @property
    def max_is(self) -> Optional[str]:
        """Bound on a string: the highest index, a number or a constant's name, maybe "- 1"."""
        return self.attrs.one("max_is")

    @property
    def iid_is(self) -> Optional[str]:
        """Name of the parameter that holds the IID of the interface pointed to."""
        return self.attrs.one("iid_is")

    @property
    def range(self) -> Optional[tuple[int, int]]:
        args = self.attrs.get("range")
        return (int(args[0], 0), int(args[1], 0)) if args else None

    @property
    def enum_of(self) -> Optional[str]:
        """VDS_OT_ name of the members of an IEnumVdsObject."""
        return self.attrs.one("enum_of")

    @property
    def async_of(self) -> Optional[str]:
        """VDS_ASYNCOUT_ name of the output of an IVdsAsync."""
        return self.attrs.one("async_of")


@dataclass(frozen=True)
class Method:
    name: str
    slot: int                      # index in the vtable; IUnknown's three are 0..2
    returns: Type
    params: tuple[Param, ...]
    errors: tuple[str, ...]        # codes it names, those of its interface first
    doc: str
    where: Location

    def param(self, name: str) -> Optional[Param]:
        return next((p for p in self.params if p.name == name), None)


@dataclass
class Interface:
    name: str
    iid: str                       # lower case, without braces
    base: Optional["Interface"]    # None for IUnknown
    methods: tuple[Method, ...]    # its own; see all_methods()
    scope: str                     # "core", "extended", "extension" (ours, not in VDS), "host" (only named)
    platform: bool                 # Windows headers have it already
    doc: str
    header: str                    # "vdscmn.h": the installed header that declares it
    where: Location

    def all_methods(self) -> Iterator[Method]:
        """The whole vtable, in order."""
        if self.base:
            yield from self.base.all_methods()
        yield from self.methods


@dataclass(frozen=True)
class Field:
    """A member of a struct. Of an arm of a union, `cases` says when it is there."""
    name: str
    type: Union[Type, "Struct"]    # Struct: declared in place, without a name of its own
    attrs: Attrs
    array: Optional[str]           # "8", "MAX_FS_NAME_SIZE"; None: not an array
    doc: str
    where: Location

    @property
    def ctype(self) -> str:
        return str(self.type)

    @property
    def cases(self) -> tuple[str, ...]:
        return self.attrs.get("case") or ()

    @property
    def string(self) -> bool:
        return "string" in self.attrs

    @property
    def size_is(self) -> Optional[str]:
        """Name of the field that counts what this one points to."""
        return self.attrs.one("size_is")


@dataclass(frozen=True)
class Union_:
    """A union without a name; `switch` names the field before it that says which arm is there. No arm may fit: it is empty then."""
    switch: str
    arms: tuple[Field, ...]
    where: Location


@dataclass(frozen=True)
class Struct:
    name: str                      # "" for one declared in place
    tag: str
    members: tuple[Union[Field, Union_], ...]
    scope: str
    platform: bool                 # Windows headers have it already
    doc: str
    header: str
    where: Location

    def fields(self) -> Iterator[Field]:
        """The members that are no union."""
        return (m for m in self.members if isinstance(m, Field))


@dataclass(frozen=True)
class Enumerator:
    name: str
    value: int
    text: str                      # as written: "0x10", "3"
    doc: str


@dataclass(frozen=True)
class Enum:
    name: str
    tag: str
    values: tuple[Enumerator, ...]
    flags: bool                    # a set of bits
    platform: bool                 # Windows headers have it already
    doc: str
    header: str
    where: Location


@dataclass(frozen=True)
class Alias:
    """typedef GUID VDS_OBJECT_ID"""
    name: str
    type: Type
    platform: bool                 # Windows headers have it already
    doc: str
    header: str
    where: Location


@dataclass(frozen=True)
class Constant:
    name: str
    type: Type
    value: int
    text: str
    platform: bool                 # Windows headers may have it already
    doc: str
    header: str
    where: Location


@dataclass(frozen=True)
class Error:
    """const HRESULT NAME = value; the doc is the sentence that goes with it."""
    name: str
    value: int                     # unsigned: 0x80042400
    platform: bool
    doc: str
    header: str
    where: Location

    @property
    def failure(self) -> bool:
        return bool(self.value & 0x80000000)


@dataclass(frozen=True)
class Exposed:
    """One interface of a class. `restricted`: between service and provider only, clients never see it."""
    interface: Interface
    restricted: bool


@dataclass(frozen=True)
class CoClass:
    """A kind of object and the interfaces it answers, the identity (the one its IUnknown is) first."""
    name: str
    clsid: Optional[str]           # of the classes that CoCreateInstance makes
    kind: Optional[str]            # VDS_OT_ name; None for loader and service
    interfaces: list[Exposed]      # looked up when the file has been read: they may come later in it
    doc: str
    header: str
    where: Location


Declaration = Union[Interface, Struct, Enum, Alias, Constant, Error, CoClass]


@dataclass
class Header:
    """One installed header: #pragma header("name", includes...)"""
    name: str
    includes: tuple[str, ...]
    doc: str
    file: str                      # the .idl that has it
    items: list[Declaration] = field(default_factory=list)

    def of(self, kind: type) -> list:
        return [item for item in self.items if isinstance(item, kind)]


@dataclass
class Model:
    """The whole file, with what it imports. `names` finds any declaration, `headers` keeps their order."""
    file: str
    headers: list[Header] = field(default_factory=list)
    names: dict[str, Declaration] = field(default_factory=dict)
    enumerators: dict[str, int] = field(default_factory=dict)

    def of(self, kind: type) -> list:
        return [item for header in self.headers for item in header.of(kind)]

    @property
    def interfaces(self) -> list[Interface]:
        return self.of(Interface)

    @property
    def structs(self) -> list[Struct]:
        return self.of(Struct)

    @property
    def coclasses(self) -> list[CoClass]:
        return self.of(CoClass)

    @property
    def errors(self) -> list[Error]:
        return self.of(Error)

    def header(self, name: str) -> Optional[Header]:
        return next((h for h in self.headers if h.name == name), None)

    def kind_of_type(self, name: str) -> str:
        """"base", "alias", "enum", "struct", "interface", or "" when the file does not say."""
        if name in BASE_TYPES:
            return "base"
        kinds = {Alias: "alias", Enum: "enum", Struct: "struct", Interface: "interface"}
        return kinds.get(type(self.names.get(name)), "")

    def number(self, text: str) -> Optional[int]:
        """The value of a literal, constant or enumerator."""
        if text[:1].isdigit():
            return int(text, 0)
        named = self.names.get(text)
        return named.value if isinstance(named, Constant) else self.enumerators.get(text)

    def kinds_exposing(self, interface: str) -> list[CoClass]:
        """The classes that answer an interface."""
        return [c for c in self.coclasses if any(e.interface.name == interface for e in c.interfaces)]
