# SPDX-License-Identifier: MIT
"""What a parsed file must satisfy before a back end may trust it: every name means something, every pointer can be followed."""
from __future__ import annotations

import re
from typing import Iterable, Optional, Union

from .model import (Alias, Attrs, CoClass, Enum, Error, Field, IdlError, Interface, Location, Method, Model, Param, Struct, Type,
                    Union_)


def check(model: Model) -> None:
    """Raises IdlError at the first fault, in file order."""
    Checker(model).file()


class Checker:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.complete: set[str] = set()        # structs declared so far: only these may be held by value
        self.iids: dict[str, str] = {}

    def file(self) -> None:
        for header in self.model.headers:
            for item in header.items:
                self.item(item)

    def item(self, item: object) -> None:
        if isinstance(item, Struct):
            self.struct(item)
        elif isinstance(item, Enum):
            self.enum(item)
        elif isinstance(item, Alias):
            self.type(item.type, item.where)
        elif isinstance(item, Interface):
            self.interface(item)
        elif isinstance(item, CoClass):
            self.coclass(item)

    # ---- types -----------------------------------------------------------------------------------------------------------

    def type(self, type_: Type, where: Location) -> None:
        kind = self.model.kind_of_type(type_.name)
        if not kind:
            raise IdlError(where, f"unknown type '{type_.name}'")
        if kind == "interface" and not type_.pointers:
            raise IdlError(where, f"interface '{type_.name}' can only be used through a pointer")

    def enum(self, enum: Enum) -> None:
        for value in enum.values:
            if not 0 <= value.value <= 0xFFFFFFFF:
                raise IdlError(enum.where, f"'{value.name}' does not fit in 32 bits")

    def struct(self, struct: Struct) -> None:
        self.members(struct.members, struct.where)
        self.complete.add(struct.name)

    def members(self, members: Iterable[Union[Field, Union_]], where: Location) -> None:
        seen: dict[str, Field] = {}
        for member in members:
            if isinstance(member, Union_):
                self.union(member, seen)
            else:
                self.field(member, seen)

    def union(self, union: Union_, seen: dict[str, Field]) -> None:
        switch = seen.get(union.switch)
        if not switch or not isinstance(switch.type, Type):
            raise IdlError(union.where, f"switch_is names no field before the union: '{union.switch}'")
        enum = self.model.names.get(switch.type.name)
        known = {value.name for value in enum.values} if isinstance(enum, Enum) else set()
        for arm in union.arms:
            for case in arm.cases:
                if case not in known:
                    raise IdlError(arm.where, f"case '{case}' is no value of {switch.type.name}")
            self.field(arm, seen)

    def field(self, field: Field, seen: dict[str, Field]) -> None:
        if field.name in seen:
            raise IdlError(field.where, f"field '{field.name}' given twice")
        seen[field.name] = field
        if isinstance(field.type, Struct):
            self.members(field.type.members, field.where)
            return
        self.type(field.type, field.where)
        self.held_by_value(field.type, field.where)
        if field.array is not None and self.model.number(field.array) is None:
            raise IdlError(field.where, f"array bound '{field.array}' is not a constant")
        if field.size_is is not None and field.size_is not in seen and not self.has_field_later(field):
            raise IdlError(field.where, f"size_is names no field: '{field.size_is}'")

    def has_field_later(self, field: Field) -> bool:
        """The count may stand behind the pointer it counts for."""
        return any(f.name == field.size_is for s in self.model.structs if field in s.members for f in s.fields())

    def held_by_value(self, type_: Type, where: Location) -> None:
        if self.model.kind_of_type(type_.name) == "struct" and not type_.pointers and type_.name not in self.complete:
            raise IdlError(where, f"struct '{type_.name}' is used before it is complete")

    # ---- interfaces ------------------------------------------------------------------------------------------------------

    def interface(self, interface: Interface) -> None:
        if interface.iid in self.iids:
            raise IdlError(interface.where, f"'{interface.name}' has the uuid of '{self.iids[interface.iid]}'")
        self.iids[interface.iid] = interface.name
        seen = {method.name for method in interface.base.all_methods()} if interface.base else set()
        for method in interface.methods:
            if method.name in seen:
                raise IdlError(method.where, f"method '{method.name}' of '{interface.name}' declared twice")
            seen.add(method.name)
            self.method(method)

    def method(self, method: Method) -> None:
        self.type(method.returns, method.where)
        for code in method.errors:
            if not isinstance(self.model.names.get(code), Error):
                raise IdlError(method.where, f"unknown result code '{code}'")
        names: set[str] = set()
        for param in method.params:
            if param.name in names:
                raise IdlError(param.where, f"parameter '{param.name}' given twice")
            names.add(param.name)
            self.param(method, param)

    def param(self, method: Method, param: Param) -> None:
        self.type(param.type, param.where)
        if not param.is_in and not param.is_out:
            raise IdlError(param.where, f"parameter '{param.name}' is neither [in] nor [out]")
        if param.is_out and not param.type.pointers:
            raise IdlError(param.where, f"[out] parameter '{param.name}' is not a pointer")
        self.referred(method, param)
        self.enumerator(param.attrs, "enum_of", "VDS_OBJECT_TYPE", param.where)
        self.enumerator(param.attrs, "async_of", "VDS_ASYNC_OUTPUT_TYPE", param.where)

    def referred(self, method: Method, param: Param) -> None:
        """size_is, length_is and iid_is name parameters of the same method."""
        for attribute in ("size_is", "length_is", "iid_is"):
            for expression in param.attrs.get(attribute) or ():
                for name in re.findall(r"[A-Za-z_]\w*", expression):
                    if not method.param(name):
                        raise IdlError(param.where, f"{attribute} names no parameter: '{name}'")

    def enumerator(self, attrs: Attrs, attribute: str, enum_name: str, where: Location) -> None:
        name: Optional[str] = attrs.one(attribute)
        enum = self.model.names.get(enum_name)
        if name and not (isinstance(enum, Enum) and any(value.name == name for value in enum.values)):
            raise IdlError(where, f"{attribute} names no {enum_name}: '{name}'")

    def coclass(self, coclass: CoClass) -> None:
        if coclass.kind:
            self.enumerator(Attrs({"kind": (coclass.kind,)}), "kind", "VDS_OBJECT_TYPE", coclass.where)
        if not coclass.interfaces:
            raise IdlError(coclass.where, f"coclass '{coclass.name}' exposes nothing")
        names = [exposed.interface.name for exposed in coclass.interfaces]
        for exposed in coclass.interfaces:
            if exposed.interface.scope == "host":
                raise IdlError(coclass.where, f"coclass '{coclass.name}' exposes '{exposed.interface.name}', which is the host's")
        for name in names:
            if names.count(name) > 1:
                raise IdlError(coclass.where, f"coclass '{coclass.name}' exposes '{name}' twice")
