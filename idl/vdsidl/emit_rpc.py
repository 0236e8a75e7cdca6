# SPDX-License-Identifier: MIT
"""The D-Bus back end: descriptions (rpc_desc.c), proxies (rpc_proxy_gen.c), skeletons with their sd-bus vtables (rpc_skel_gen.c), what
they share (rpc_gen.h), and the introspection data (org.vds.xml). The tables are those of src/rpc/desc.h; only the thunks that pass typed
arguments are code."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

from .model import CoClass, IdlError, Interface, Method, Model, Param, Type
from .rpc_types import Wire, Wires

NOT_SENT = {"IUnknown", "IEnumVdsObject", "IVdsAdviseSink", "IVdsServiceLoader"}  # they live in the client
KIND_WORDS = {"VDS_OT_INIT_ADAPTER": "initiator_adapter", "VDS_OT_INIT_PORTAL": "initiator_portal", "VDS_OT_SUB_SYSTEM": "subsystem",
              "VDS_OT_LUN_PLEX": "plex", "VDS_OT_PORTAL_GROUP": "group", "VDS_OT_STORAGE_POOL": "pool"}
READING = ("Get", "Query", "Is", "WaitForServiceReady", "Wait", "Advise", "Unadvise")

# What the messages of a method are wiped for.
SECRETS = ("VDS_ISCSI_SHARED_SECRET", "VDS_ISCSI_IPSEC_KEY")
MAX_PARAMS, MAX_FACES = 12, 12  # desc.h has the arrays


@dataclass(frozen=True)
class Arg:
    """A row of `struct rpc_param`."""
    name: str
    wire: Optional[Wire]
    mode: str
    count: int = 0
    may_be_null: bool = False

    @property
    def sig(self) -> str:
        if not self.wire or self.mode.endswith("_COUNT"):
            return ""
        return ("a" if self.mode in ("RPC_IN_UNIQUE", "RPC_IN_ARRAY", "RPC_OUT_ARRAY", "RPC_OUT_VECTOR") else "") + self.wire.sig

    @property
    def is_out(self) -> bool:
        return self.mode.startswith("RPC_OUT")


@dataclass
class Kind:
    name: str
    object_type: str
    interfaces: list[Interface]


class Rpc:
    """Everything the outputs are written from."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.kinds = [k for k in map(self.kind, model.coclasses) if k]
        self.interfaces = list({i.name: i for k in self.kinds for i in k.interfaces}.values())
        self.wires = Wires(model, {i.name for i in self.interfaces})
        self.args = {(i.name, m.name): self.arguments(i, m) for i in self.interfaces for m in i.methods}
        self.wires.value("VDS_NOTIFICATION", self.interfaces[0].where)

    def kind(self, c: CoClass) -> Optional[Kind]:
        interfaces = [e.interface for e in c.interfaces if not e.restricted and e.interface.name not in NOT_SENT]
        if not interfaces:
            return None
        if len(interfaces) > MAX_FACES:
            raise IdlError(c.where, f"{c.name} exposes more than {MAX_FACES} interfaces")
        name = KIND_WORDS.get(c.kind or "", (c.kind or "VDS_OT_SERVICE")[7:].lower())
        return Kind(name, c.kind or "0", interfaces)

    # ---- parameters -----------------------------------------------------------------------------------------------------

    def arguments(self, i: Interface, m: Method) -> list[Arg]:
        if (i.name, m.name) == ("IVdsService", "Advise"):  # the sink stays with the client; its events carry the token
            u32 = self.wires.add(Wire("type_u32", "RPC_U32", "4", "u"))
            return [Arg("token", u32, "RPC_IN"), Arg("pdwCookie", u32, "RPC_OUT")]
        if len(m.params) > MAX_PARAMS:
            raise IdlError(m.where, f"more than {MAX_PARAMS} parameters")
        return [self.argument(m, p) for p in m.params]

    def index(self, m: Method, p: Param, expression: str) -> int:
        names = [q.name for q in m.params]
        if expression.lstrip("*") not in names:
            raise IdlError(p.where, f"size_is({expression}) of {p.name} is more than the name of a parameter")
        return names.index(expression.lstrip("*"))

    def counts(self, m: Method, p: Param, mode: str) -> bool:
        """Does p only say how long another parameter of that direction is?"""
        for q in m.params:
            size = [e for e in q.size_is or () if e]
            if size and self.index(m, q, size[0]) == m.params.index(p) and q.direction == mode:
                return True
        return False

    def argument(self, m: Method, p: Param) -> Arg:
        if p.direction == "inout":
            raise IdlError(p.where, "[in, out] parameters are not sent")
        return self.input(m, p) if p.direction == "in" else self.output(m, p)

    def input(self, m: Method, p: Param) -> Arg:
        t = p.type
        if self.counts(m, p, "in"):
            return Arg(p.name, self.wires.scalar(t.name), "RPC_IN_COUNT")
        if t.pointers == 0 and t.name in ("LPWSTR", "LPCWSTR"):
            return Arg(p.name, self.wires.string(optional=p.unique), "RPC_IN")
        if t.pointers == 0:
            return Arg(p.name, self.wires.value(t.name, p.where), "RPC_IN")
        if t.pointers > 1 or isinstance(self.model.names.get(t.name), Interface):
            raise IdlError(p.where, f"no way to send a '{t}' in")
        wire = self.wires.value(t.name, p.where)
        if p.size_is:
            return Arg(p.name, wire, "RPC_IN_ARRAY", self.index(m, p, p.size_is[0]), p.unique)
        return Arg(p.name, wire, "RPC_IN_UNIQUE" if p.unique else "RPC_IN_REF")

    def output(self, m: Method, p: Param) -> Arg:
        t = p.type
        if self.counts(m, p, "out"):
            return Arg(p.name, self.wires.scalar(t.name), "RPC_OUT_COUNT")
        if isinstance(self.model.names.get(t.name), Interface):
            return Arg(p.name, self.wires.object(t.name, p.where), "RPC_OUT")
        wire = self.wires.value(t.name, p.where)
        if not p.size_is:
            return Arg(p.name, wire, "RPC_OUT")
        levels = [k for k, e in enumerate(p.size_is) if e]
        mode = "RPC_OUT_ARRAY" if levels == [0] else "RPC_OUT_VECTOR"
        return Arg(p.name, wire, mode, self.index(m, p, p.size_is[levels[0]]))

    # ---- what several outputs say ---------------------------------------------------------------------------------------

    def sig(self, i: Interface, m: Method, out: bool) -> str:
        return "".join(a.sig for a in self.args[i.name, m.name] if a.is_out == out)

    def sent(self, i: Interface, m: Method, out: bool) -> list[Arg]:
        return [a for a in self.args[i.name, m.name] if a.is_out == out and a.sig]

    def trailer(self, i: Interface) -> str:
        """The sentence that goes with an HRESULT that is an output."""
        return "s" if i.name == "IVdsAsync" else ""

    def flags(self, i: Interface, m: Method) -> str:
        flags = [f for f, on in (("RPC_READS", m.name.startswith(READING)),
                                 ("RPC_MAKES_ASYNC", any(p.is_out and p.type.name == "IVdsAsync" for p in m.params)),
                                 ("RPC_SECRET", self.is_secret(m))) if on]
        return " | ".join(flags) or "0"

    @staticmethod
    def is_secret(m: Method) -> bool:
        return any(p.type.name in SECRETS for p in m.params)


def banner(model: Model, what: str) -> str:
    return f"/* SPDX-License-Identifier: MIT */\n/* {what}\n * Generated by vdsgen from {model.file}; change it there. */\n"


# ---- rpc_gen.h --------------------------------------------------------------------------------------------------------------------

def emit_gen_header(rpc: Rpc) -> str:
    lines = [banner(rpc.model, "The interfaces that travel, by name."), "#ifndef VDS_RPC_GEN_H", "#define VDS_RPC_GEN_H", "",
             '#include "rpc/desc.h"', '#include <vds/vdsex.h>', "", "enum rpc_iface_number {"]
    lines += [f"    RPC_NUMBER_{i.name}," for i in rpc.interfaces]
    lines += ["    RPC_N_IFACES", "};", ""]
    lines += [f"extern const struct rpc_iface rpc_{i.name};" for i in rpc.interfaces]
    return "\n".join(lines + ["", "#endif", ""])


# ---- rpc_desc.c -------------------------------------------------------------------------------------------------------------------

def params_of(rpc: Rpc, i: Interface, m: Method) -> list[str]:
    rows = [f'    {{ "{a.name}", {"&" + a.wire.c if a.wire else "NULL"}, {a.mode}, {a.count}, {str(a.may_be_null).lower()} }},'
            for a in rpc.args[i.name, m.name]]
    return [f"static const struct rpc_param params_{i.name}_{m.name}[] = {{", *rows, "};"] if rows else []


def iface_of(rpc: Rpc, i: Interface) -> list[str]:
    lines = [line for m in i.methods for line in params_of(rpc, i, m)]
    lines.append(f"static const struct rpc_method methods_{i.name}[] = {{")
    for m in i.methods:
        n = len(rpc.args[i.name, m.name])
        params = f"params_{i.name}_{m.name}" if n else "NULL"
        lines.append(f'    {{ "{m.name}", &rpc_{i.name}, {params}, "{rpc.sig(i, m, False)}", "{rpc.sig(i, m, True)}", '
                     f"{n}, {m.slot}, {rpc.flags(i, m)} }},")
    lines += ["};", f'const struct rpc_iface rpc_{i.name} = {{ "{i.name}", "org.vds.{i.name}", &IID_{i.name}, methods_{i.name}, '
              f"{len(i.methods)}, RPC_NUMBER_{i.name} }};", ""]
    return lines


def properties_of(kind: Kind) -> str:
    identity = kind.interfaces[0]
    for n, m in enumerate(identity.methods):
        if m.name == "GetProperties" and kind.object_type != "0":
            return f"&methods_{identity.name}[{n}]"
    return "NULL"


def kinds_of(rpc: Rpc) -> list[str]:
    lines = []
    for k in rpc.kinds:
        lines.append(f"static const struct rpc_iface *const kind_{k.name}[] = {{ {', '.join('&rpc_' + i.name for i in k.interfaces)} }};")
    lines.append("const struct rpc_kind rpc_kinds[] = {")
    for n, k in enumerate(rpc.kinds):
        lines.append(f'    {{ "{k.name}", {k.object_type}, kind_{k.name}, {len(k.interfaces)}, {n}, {properties_of(k)} }},')
    lines += ["};", f"const size_t rpc_n_kinds = {len(rpc.kinds)};"]
    for name in ("service", "async"):
        number = next(n for n, k in enumerate(rpc.kinds) if k.name == name)
        lines.append(f"const struct rpc_kind *const rpc_kind_{name} = &rpc_kinds[{number}];")
    return lines


def emit_desc(rpc: Rpc) -> str:
    lines = [banner(rpc.model, "How every method travels: the tables of src/rpc/desc.h."), '#include "rpc_gen.h"', "",
             rpc.wires.emit(), ""]
    lines += [line for i in rpc.interfaces for line in iface_of(rpc, i)]
    lines += ["const struct rpc_iface *const rpc_ifaces[] = {", *(f"    &rpc_{i.name}," for i in rpc.interfaces), "};",
              "const size_t rpc_n_ifaces = RPC_N_IFACES;", *kinds_of(rpc),
              "const struct rpc_type *const rpc_type_notification = &type_VDS_NOTIFICATION;", "",
              "const struct rpc_error_name rpc_error_names[] = {"]
    lines += [f'    {{ 0x{e.value:08x}u, "{e.name}" }},' for e in rpc.model.errors]
    return "\n".join(lines + ["};", f"const size_t rpc_n_error_names = {len(rpc.model.errors)};", ""])


# ---- rpc_proxy_gen.c --------------------------------------------------------------------------------------------------------------

def c_params(m: Method) -> str:
    return "".join(f", {p.ctype}{'' if p.ctype.endswith('*') else ' '}{p.name}" for p in m.params)


def proxy_of(rpc: Rpc, i: Interface, n: int, m: Method) -> list[str]:
    head = f"static HRESULT STDMETHODCALLTYPE proxy_{i.name}_{m.name}({i.name} *self{c_params(m)})"
    if i.name == "IVdsService" and m.name in ("Advise", "Unadvise"):
        names = ", ".join(p.name for p in m.params)
        return [head, "{", f"    return rpc_proxy_{m.name.lower()}((struct rpc_face *)self, {names});", "}", ""]
    args = f"(void *const[]){{ {', '.join('&' + p.name for p in m.params)} }}" if m.params else "NULL"
    return [head, "{", f"    return rpc_proxy_call((struct rpc_face *)self, &rpc_{i.name}.methods[{n}], {args});", "}", ""]


def emit_proxies(rpc: Rpc) -> str:
    lines = [banner(rpc.model, "Proxies: typed arguments in, one call of rpc_proxy_call() out."), '#include "rpc_gen.h"', "",
             '#include "rpc/proxy.h"', ""]
    for i in rpc.interfaces:
        lines.append(f"RPC_PROXY_UNKNOWN({i.name})\n")
        for n, m in enumerate(i.methods):
            lines += proxy_of(rpc, i, n, m)
        lines += [f"static const {i.name}Vtbl vtbl_{i.name} = {{", f"    RPC_PROXY_UNKNOWN_SLOTS({i.name}),",
                  *(f"    .{m.name} = proxy_{i.name}_{m.name}," for m in i.methods), "};", ""]
    lines.append("const struct rpc_proxy_vtbl rpc_proxy_vtbls[] = {")
    lines += [f"    {{ &vtbl_{i.name}, {3 + len(i.methods)} }}," for i in rpc.interfaces]
    return "\n".join(lines + ["};", ""])


# ---- rpc_skel_gen.c ---------------------------------------------------------------------------------------------------------------

def skeleton_of(i: Interface, m: Method) -> list[str]:
    if (i.name, m.name) == ("IVdsService", "Advise"):
        return []
    args = "".join(f", *({p.ctype}{'' if p.ctype.endswith('*') else ' '}*)args[{n}]" for n, p in enumerate(m.params))
    unused = [] if m.params else ["    (void)args;"]
    return [f"static HRESULT skel_{i.name}_{m.name}(void *object, void *const args[])", "{", f"    {i.name} *self = object;", "",
            *unused, f"    return self->lpVtbl->{m.name}(self{args});", "}", ""]


def vtable_row(rpc: Rpc, i: Interface, m: Method) -> str:
    def names(args: list[Arg], first: str = "", last: str = "") -> str:
        words = [w for w in (first, *(a.name for a in args), last) if w]
        return " ".join(f"SD_BUS_PARAM({w})" for w in words) or "SD_BUS_NO_PARAM"
    trailer = rpc.trailer(i) if rpc.sig(i, m, True) else ""
    return (f'    SD_BUS_METHOD_WITH_NAMES("{m.name}", "{rpc.sig(i, m, False)}", {names(rpc.sent(i, m, False))},\n'
            f'                             "i{rpc.sig(i, m, True)}{trailer}", '
            f'{names(rpc.sent(i, m, True), "hresult", "text" if trailer else "")},\n'
            f"                             rpc_server_on_call, SD_BUS_VTABLE_UNPRIVILEGED{' | SD_BUS_VTABLE_SENSITIVE' * rpc.is_secret(m)}),")


def emit_skeletons(rpc: Rpc) -> str:
    lines = [banner(rpc.model, "Skeletons: an argument array in, one call of a vtable slot out; and what sd-bus is told about them."),
             '#include "rpc_gen.h"', "", '#include "rpc/skeleton.h"', "", "#define SD_BUS_NO_PARAM", ""]
    for i in rpc.interfaces:
        for m in i.methods:
            lines += skeleton_of(i, m)
        thunks = ["NULL" if not skeleton_of(i, m) else f"skel_{i.name}_{m.name}" for m in i.methods]
        lines += [f"static rpc_thunk *const thunks_{i.name}[] = {{ {', '.join(thunks)} }};",
                  f"static const sd_bus_vtable vtable_{i.name}[] = {{", "    SD_BUS_VTABLE_START(0),",
                  *(vtable_row(rpc, i, m) for m in i.methods), "    SD_BUS_VTABLE_END", "};", ""]
    lines += ["rpc_thunk *const *const rpc_thunks[] = {", *(f"    thunks_{i.name}," for i in rpc.interfaces), "};",
              "const sd_bus_vtable *const rpc_vtables[] = {", *(f"    vtable_{i.name}," for i in rpc.interfaces), "};", ""]
    return "\n".join(lines)


# ---- org.vds.xml ------------------------------------------------------------------------------------------------------------------

def complete_types(sig: str) -> list[str]:
    """A signature cut into its single complete types."""
    out, start, depth = [], 0, 0
    for n, c in enumerate(sig):
        depth += {"(": 1, ")": -1}.get(c, 0)
        if depth == 0 and c != "a":
            out.append(sig[start:n + 1])
            start = n + 1
    return out


def emit_xml(rpc: Rpc) -> str:
    lines = ['<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"',
             ' "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">',
             f"<!-- Generated by vdsgen from {rpc.model.file}; change it there. Words: docs/dbus.md. -->", "<node>"]
    for i in rpc.interfaces:
        lines.append(f' <interface name="org.vds.{i.name}">')
        for m in i.methods:
            trailer = rpc.trailer(i) if rpc.sig(i, m, True) else ""
            rows = [("in", a.name, a.sig) for a in rpc.sent(i, m, False)] + [("out", "hresult", "i")]
            rows += [("out", a.name, a.sig) for a in rpc.sent(i, m, True)] + ([("out", "text", "s")] if trailer else [])
            lines.append(f'  <method name="{m.name}">')
            lines += [f'   <arg type="{sig}" name="{name}" direction="{way}"/>' for way, name, sig in rows]
            lines.append("  </method>")
        lines.append(" </interface>")
    return "\n".join(lines + ["</node>", ""])


def output(emit: Callable[[Rpc], str]) -> Callable[[Model], str]:
    return lambda model: emit(Rpc(model))


OUTPUTS: dict[str, Callable[[Model], str]] = {
    "rpc_gen.h": output(emit_gen_header), "rpc_desc.c": output(emit_desc), "rpc_proxy_gen.c": output(emit_proxies),
    "rpc_skel_gen.c": output(emit_skeletons), "org.vds.xml": output(emit_xml),
}
