# SPDX-License-Identifier: MIT
"""One installed header: constants, types, and each interface three times over: C vtable, C call macros, C++ class."""
from __future__ import annotations

import itertools
import textwrap
from typing import Iterable, Union

from .model import (Alias, CoClass, Constant, Declaration, Enum, Enumerator, Error, Field, Header, Interface, Method, Model,
                    Struct, Type, Union_)

WIDTH = 110
INDENT = "    "


# ---- comments ----------------------------------------------------------------------------------------------------------------------

def comment(text: str, indent: str = "") -> list[str]:
    """Text as a block comment; each line of the text is a paragraph, wrapped."""
    if not text:
        return []
    width = WIDTH - len(indent) - 3
    lines = [line for paragraph in text.split("\n") for line in textwrap.wrap(paragraph, width, break_on_hyphens=False)]
    if len(lines) == 1 and len(lines[0]) <= width - 3:
        return [f"{indent}/* {lines[0]} */"]
    return [f"{indent}/* {lines[0]}", *(f"{indent} * {line}".rstrip() for line in lines[1:]), f"{indent} */"]


def trailing(text: str) -> str:
    return f" /* {text} */" if text else ""


def banner(title: str) -> str:
    return f"/* ---- {title} {'-' * max(0, WIDTH - 12 - len(title))} */"


# ---- constants ---------------------------------------------------------------------------------------------------------------------

def literal(constant: Constant) -> str:
    return f"{constant.text}ull" if constant.type.name == "ULONGLONG" else constant.text


def define(name: str, value: str, platform: bool, doc: str) -> list[str]:
    line = f"#define {name} {value}{trailing(doc)}"
    lines = [line] if len(line) <= WIDTH else [*comment(doc), f"#define {name} {value}"]
    return [f"#ifndef {name}", *lines, "#endif"] if platform else lines


def emit_constant(constant: Constant) -> list[str]:
    return define(constant.name, literal(constant), constant.platform, constant.doc)


def emit_error(error: Error) -> list[str]:
    return define(error.name, f"((HRESULT)0x{error.value:08X})", error.platform, error.doc)


def emit_error_list(errors: Iterable[Error]) -> list[str]:
    """All codes as data, for programs that show a code's name and sentence."""
    rows = [f'    X({e.name}, "{quoted(e.doc)}")' for e in errors]
    if not rows:
        return []
    return ["/* Every code above: X(name, \"what it means\"). */", "#define VDS_HRESULT_LIST(X) \\",
            *(f"{row} \\" for row in rows[:-1]), rows[-1], ""]


def quoted(text: str) -> str:
    return " ".join(text.split("\n")).replace("\\", "\\\\").replace('"', '\\"')


# ---- types -------------------------------------------------------------------------------------------------------------------------

def declarator(type_: Type, name: str) -> str:
    return f"{type_.name} {'*' * type_.pointers}{name}"


def emit_alias(alias: Alias) -> list[str]:
    return [*comment(alias.doc), f"typedef {declarator(alias.type, alias.name)};", ""]


def emit_enum(enum: Enum) -> list[str]:
    lines = [*comment(enum.doc), f"typedef enum {enum.tag} {{"]
    for value in enum.values:
        lines += enumerator(value)
    return [*lines, f"}} {enum.name};", ""]


def enumerator(value: Enumerator) -> list[str]:
    line = f"{INDENT}{value.name} = {value.text},{trailing(value.doc)}"
    return [line] if len(line) <= WIDTH else [*comment(value.doc, INDENT), f"{INDENT}{value.name} = {value.text},"]


def emit_struct(struct: Struct) -> list[str]:
    return [*comment(struct.doc), f"typedef struct {struct.tag} {{", *members(struct.members, INDENT), f"}} {struct.name};", ""]


def members(items: Iterable[Union[Field, Union_]], indent: str) -> list[str]:
    lines: list[str] = []
    for item in items:
        lines += union(item, indent) if isinstance(item, Union_) else field(item, indent)
    return lines


def union(item: Union_, indent: str) -> list[str]:
    return [f"{indent}union {{ /* by {item.switch} */", *members(item.arms, indent + INDENT), f"{indent}}};"]


def field(item: Field, indent: str) -> list[str]:
    note = trailing(item.doc or ", ".join(item.cases))
    if isinstance(item.type, Struct):
        return [f"{indent}struct {{{note}", *members(item.type.members, indent + INDENT), f"{indent}}} {item.name};"]
    bound = f"[{item.array}]" if item.array else ""
    line = f"{indent}{declarator(item.type, item.name)}{bound};{note}"
    if len(line) <= WIDTH:
        return [line]
    return [*comment(item.doc, indent), f"{indent}{declarator(item.type, item.name)}{bound};"]


# ---- interfaces --------------------------------------------------------------------------------------------------------------------

def guid_initializer(guid: str) -> str:
    a, b, c, d, e = guid.split("-")
    tail = ", ".join(f"0x{(d + e)[i:i + 2]}" for i in range(0, 16, 2))
    return f"0x{a}, 0x{b}, 0x{c}, {tail}"


def emit_guid(name: str, guid: str) -> str:
    return f"DEFINE_GUID({name}, {guid_initializer(guid)});"


def method_doc(method: Method) -> str:
    codes = f"Names: {', '.join(method.errors)}." if method.errors else ""
    return "\n".join(text for text in (method.doc, codes) if text)


def parameters(method: Method) -> list[str]:
    return [declarator(param.type, param.name) for param in method.params]


def wrapped(head: str, arguments: list[str], tail: str, indent: str) -> list[str]:
    """head(arguments)tail, broken between arguments where it would be too long."""
    pieces = [f"{argument}," for argument in arguments[:-1]] + [(arguments[-1] if arguments else "") + ")" + tail]
    lines = [f"{indent}{head}({pieces[0]}"]
    for piece in pieces[1:]:
        if len(lines[-1]) + 1 + len(piece) <= WIDTH:
            lines[-1] += f" {piece}"
        else:
            lines.append(f"{indent}{INDENT}{piece}")
    return lines


def vtable_slot(interface: Interface, method: Method) -> list[str]:
    arguments = [f"{interface.name} *This", *parameters(method)]
    return wrapped(f"{method.returns} (STDMETHODCALLTYPE *{method.name})", arguments, ";", INDENT)


def vtable_slots(interface: Interface) -> list[str]:
    """Inherited ones bare, its own with their documentation."""
    lines: list[str] = []
    for method in interface.all_methods():
        if method in interface.methods:
            lines += comment(method_doc(method), INDENT)
        lines += vtable_slot(interface, method)
    return lines


def emit_vtable(interface: Interface) -> list[str]:
    return [f"typedef struct {interface.name}Vtbl {{", *vtable_slots(interface), f"}} {interface.name}Vtbl;", "",
            f"struct {interface.name} {{", f"{INDENT}const struct {interface.name}Vtbl *lpVtbl;", "};", ""]


def emit_call_macros(interface: Interface) -> list[str]:
    lines = ["#ifdef COBJMACROS"]
    for method in interface.all_methods():
        arguments = ", ".join(["This", *(p.name for p in method.params)])
        lines.append(f"#define {interface.name}_{method.name}({arguments}) (This)->lpVtbl->{method.name}({arguments})")
    return [*lines, "#endif", ""]


# What the SDK's IUnknown has for C++ beside its slots; here and not in the language, as no other interface has it.
TYPED_QUERY = ["    template <class Q> HRESULT QueryInterface(Q **ppvObject)", "    {",
               "        return QueryInterface(vds_uuid<Q>::id(), reinterpret_cast<void **>(ppvObject));", "    }"]


def emit_class(interface: Interface) -> list[str]:
    base = f" : public {interface.base.name}" if interface.base else ""
    lines = [f"struct {interface.name}{base} {{"]
    for method in interface.methods:
        lines += wrapped(f"virtual {method.returns} STDMETHODCALLTYPE {method.name}", parameters(method), " = 0;", INDENT)
    if interface.name == "IUnknown":
        lines += TYPED_QUERY
    return [*lines, "};", f"VDS_DECLARE_UUID({interface.name}, {guid_initializer(interface.iid)})", ""]


def emit_interface(interface: Interface) -> list[str]:
    return [banner(interface.name), "", *comment(interface.doc), emit_guid(f"IID_{interface.name}", interface.iid), "",
            "#if defined(__cplusplus) && !defined(CINTERFACE)", "", *emit_class(interface), "#else", "",
            *emit_vtable(interface), *emit_call_macros(interface), "#endif", ""]


def emit_coclass(coclass: CoClass) -> list[str]:
    """Only those with a CLSID show in C."""
    return [*comment(coclass.doc), emit_guid(f"CLSID_{coclass.name}", coclass.clsid), ""] if coclass.clsid else []


# ---- the file ----------------------------------------------------------------------------------------------------------------------

def forward_declarations(interfaces: list[Interface]) -> list[str]:
    lines = [f"typedef struct {interface.name} {interface.name};" for interface in interfaces]
    return lines and [*lines, ""]


_EMITTERS = {Constant: emit_constant, Error: emit_error, Alias: emit_alias, Enum: emit_enum, Struct: emit_struct,
             Interface: emit_interface, CoClass: emit_coclass}


def left_to_windows(item: Declaration) -> bool:
    return isinstance(item, (Alias, Enum, Struct, Interface)) and item.platform


def declarations(items: list[Declaration]) -> list[str]:
    lines: list[str] = []
    for left, run in itertools.groupby(items, left_to_windows):
        body = run_of_declarations(list(run))
        lines += ["#ifndef _WIN32", *body, "#endif", ""] if left else body
    return lines


def run_of_declarations(items: list[Declaration]) -> list[str]:
    lines: list[str] = []
    previous: object = None
    for item in items:
        if isinstance(previous, (Constant, Error)) and type(previous) is not type(item):
            lines.append("")
        lines += _EMITTERS[type(item)](item)
        previous = item
    if isinstance(previous, (Constant, Error)):
        lines.append("")
    return lines


def emit_header(model: Model, header: Header) -> str:
    guard = f"VDS_{header.name.upper().replace('.', '_')}"
    lines = ["/* SPDX-License-Identifier: MIT */",
             *comment(f"{header.doc}\nGenerated by vdsgen from {header.file}; change it there.".strip()),
             f"#ifndef {guard}", f"#define {guard}", "",
             *(f"#include <vds/{name}>" for name in header.includes), "",
             *forward_declarations(header.of(Interface)),
             *declarations(header.items),
             *emit_error_list(header.of(Error)),
             "#endif"]
    return "\n".join(lines) + "\n"
