# SPDX-License-Identifier: MIT
"""How the types of an .idl travel over D-Bus: each becomes one row of src/rpc/desc.h's `struct rpc_type`. docs/dbus.md says it in words."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from .model import BASE_TYPES, Alias, Enum, Field, IdlError, Interface, Location, Model, Struct, Type, Union_

# base type of the model -> tag, D-Bus signature
SCALARS = {"i32": ("RPC_I32", "i"), "i16": ("RPC_I16", "n"), "u32": ("RPC_U32", "u"), "u16": ("RPC_U16", "q"),
           "u8": ("RPC_U8", "y"), "char": ("RPC_U8", "y"), "u64": ("RPC_U64", "t"), "guid": ("RPC_GUID", "s")}


@dataclass(frozen=True)
class Wire:
    """A type on the wire: `c` names its row, `rows` is what the row says."""
    c: str
    tag: str
    size: str
    sig: str
    rest: str = ""                      # further initialisers
    before: str = ""                    # a table that the row points to


@dataclass
class Wires:
    """All rows made so far, in an order in which each one's parts come first."""
    model: Model
    remoted: set[str]                   # interfaces that have a description
    rows: dict[str, Wire] = field(default_factory=dict)

    def add(self, wire: Wire) -> Wire:
        return self.rows.setdefault(wire.c, wire)

    # ---- plain values ---------------------------------------------------------------------------------------------------

    def base_name(self, name: str) -> str:
        declaration = self.model.names.get(name)
        while isinstance(declaration, Alias):
            name = declaration.type.name
            declaration = self.model.names.get(name)
        return name

    def scalar(self, name: str) -> Optional[Wire]:
        base = self.base_name(name)
        if base == "BOOL":
            return self.add(Wire("type_BOOL", "RPC_BOOL", "sizeof(BOOL)", "b"))
        if isinstance(self.model.names.get(base), Enum):
            return self.add(Wire("type_u32", "RPC_U32", "4", "u"))
        tag, sig = SCALARS.get(BASE_TYPES.get(base, ""), ("", ""))
        return self.add(Wire("type_" + tag[4:].lower(), tag, f"sizeof({base})", sig)) if tag else None

    def string(self, optional: bool) -> Wire:
        if optional:
            return self.add(Wire("type_wstr0", "RPC_WSTR0", "sizeof(LPWSTR)", "as"))
        return self.add(Wire("type_wstr", "RPC_WSTR", "sizeof(LPWSTR)", "s"))

    def value(self, name: str, where: Location) -> Wire:
        """A type without a pointer."""
        if self.base_name(name) in ("LPWSTR", "LPCWSTR"):
            return self.string(optional=True)
        wire = self.scalar(name)
        if wire:
            return wire
        declaration = self.model.names.get(self.base_name(name))
        if isinstance(declaration, Struct):
            return self.struct(declaration)
        raise IdlError(where, f"no way to send a '{name}'")

    def object(self, name: str, where: Location) -> Wire:
        """An interface pointer that is handed out."""
        if name == "IEnumVdsObject":
            return self.add(Wire("type_enum", "RPC_ENUM", "sizeof(void *)", "ao"))
        if name == "IUnknown":
            return self.add(Wire("type_object", "RPC_OBJECT", "sizeof(void *)", "o"))
        if name not in self.remoted:
            raise IdlError(where, f"{name} is handed out, but no coclass exposes it")
        return self.add(Wire(f"type_{name}", "RPC_OBJECT", "sizeof(void *)", "o", f".iface = &rpc_{name}"))

    # ---- parts of structs -----------------------------------------------------------------------------------------------

    def fixed(self, f: Field, elem: Wire, c_type: str) -> Wire:
        n = self.model.number(f.array or "")
        if f.type.name == "WCHAR":
            return self.add(Wire(f"type_wchars_{n}", "RPC_WCHARS", f"{n} * sizeof(WCHAR)", "s", f".n = {n}"))
        return self.add(Wire(f"type_{n}_{elem.c[5:]}", "RPC_FIXED", f"{n} * sizeof({c_type})", "a" + elem.sig,
                             f".n = {n}, .elem = &{elem.c}"))

    def pointer(self, f: Field) -> Wire:
        name = f.type.name
        if name == "char" and f.string:
            return self.add(Wire("type_str0", "RPC_STR0", "sizeof(char *)", "as"))
        if isinstance(self.model.names.get(name), Interface):
            return self.object(name, f.where)
        elem = self.value(name, f.where)
        tag, kind = ("RPC_VECTOR", "many") if f.size_is else ("RPC_PTR0", "maybe")
        return self.add(Wire(f"type_{kind}_{elem.c[5:]}", tag, "sizeof(void *)", "a" + elem.sig, f".elem = &{elem.c}"))

    def member(self, f: Field, path: str) -> Wire:
        """A member of a struct; `path` is how C reaches it from the outermost one."""
        if isinstance(f.type, Struct):
            return self.struct(f.type, path)
        if f.type.pointers:
            return self.pointer(f)
        if f.array:
            return self.fixed(f, self.value(f.type.name, f.where), f.type.name)
        return self.value(f.type.name, f.where)

    def union(self, outer: str, u: Union_, number: int) -> Wire:
        rows = []
        for arm in u.arms:
            wire = self.member(arm, f"{outer}, {arm.name}")
            rows += [f"    {{ {case}, &{wire.c} }}," for case in arm.cases]
        c = f"type_{outer}_union{number}"
        table = f"static const struct rpc_arm arms_{c[5:]}[] = {{\n" + "\n".join(rows) + "\n};\n"
        return self.add(Wire(c, "RPC_UNION", "0", "v", f".n = {len(rows)}, .arms = arms_{c[5:]}", table))

    def struct(self, s: Struct, path: str = "") -> Wire:
        """`path` of a struct without a name: "OUTER, member"."""
        c = "type_" + (s.name or path.replace(", ", "_").replace(".", "_"))
        if c in self.rows:
            return self.rows[c]
        outer, _, inner = path.partition(", ")

        def offset(name: str) -> str:
            if s.name:
                return f"offsetof({s.name}, {name})"
            return f"offsetof({outer}, {inner}.{name}) - offsetof({outer}, {inner})"

        counts = {f.size_is for f in s.fields() if f.size_is}
        rows, sig = [], ""
        for number, m in enumerate(s.members):
            if isinstance(m, Union_):
                wire, name, place, other = self.union(s.name, m, number), "", m.arms[0].name, m.switch
            elif m.name in counts:
                continue
            else:
                wire, name, place, other = self.member(m, f"{s.name}, {m.name}"), m.name, m.name, m.size_is
            sig += wire.sig
            rows.append(f'    {{ "{name}", &{wire.c}, {offset(place)}, {offset(other) if other else 0} }},')
        table = f"static const struct rpc_field fields_{c[5:]}[] = {{\n" + "\n".join(rows) + "\n};\n"
        size = f"sizeof({s.name})" if s.name else f"sizeof((({outer} *)0)->{inner})"
        return self.add(Wire(c, "RPC_STRUCT", size, f"({sig})", f".n = {len(rows)}, .fields = fields_{c[5:]}", table))

    # ---- text -----------------------------------------------------------------------------------------------------------

    def emit(self) -> str:
        out = []
        for w in self.rows.values():
            rest = f", {w.rest}" if w.rest else ""
            out.append(f'{w.before}static const struct rpc_type {w.c} = {{ {w.tag}, {w.size}, "{w.sig}"{rest} }};')
        return "\n".join(out)
