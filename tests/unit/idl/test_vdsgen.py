# SPDX-License-Identifier: MIT
"""The generator: golden output for golden/small.idl, every fault of bad/*.idl reported at its place, and what vds.idl promises its
readers.

    test_vdsgen.py                      VDSGEN_UPDATE=1 in the environment rewrites the golden files instead
"""
from __future__ import annotations

import contextlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
IDL = HERE.parents[2] / "idl"
sys.path.insert(0, str(IDL))

from vdsidl.command import main, text_of  # noqa: E402
from vdsidl.model import Model, Struct  # noqa: E402
from vdsidl.parse import parse_file, parse_text  # noqa: E402

Output = tuple[int, str, str]      # exit status, standard output, standard error
NOT_OF_THE_ARRAY = {"IUnknown", "IClassFactory", "IVdsAdviseSink"}  # everybody's, a module's, the client's
GOLDEN = ["smallerr.h", "small.h", "smallest.h", "vds_iids.c", "vds_table.c"]


def vdsgen(*arguments: object) -> Output:
    """The command, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(argument) for argument in arguments])
    return status, out.getvalue(), err.getvalue()


def vdsgen_process(hash_seed: int, *arguments: object) -> Output:
    done = subprocess.run([sys.executable, IDL / "vdsgen", *arguments], text=True, capture_output=True, check=False,
                          env={**os.environ, "PYTHONHASHSEED": str(hash_seed)})
    return done.returncode, done.stdout, done.stderr


class Golden(unittest.TestCase):
    maxDiff = None

    def test_each_output_is_the_committed_one(self) -> None:
        for name in GOLDEN:
            with self.subTest(output=name):
                status, text, errors = vdsgen("c", HERE / "golden/small.idl", name)
                self.assertEqual((status, errors), (0, ""))
                if os.environ.get("VDSGEN_UPDATE"):
                    (HERE / "golden" / name).write_text(text)
                self.assertEqual(text, (HERE / "golden" / name).read_text())

    def test_files_and_standard_output_get_the_same_text(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            vdsgen("c", HERE / "golden/small.idl", "--outdir", folder, *GOLDEN)
            for name in GOLDEN:
                self.assertEqual((pathlib.Path(folder) / name).read_text(), (HERE / "golden" / name).read_text())

    def test_output_does_not_depend_on_hash_order(self) -> None:
        outputs = ["vds.h", "vdstypes.h", "vdscmn.h", "vds_iids.c"]
        results = {vdsgen_process(seed, "c", IDL / "vds.idl", *outputs) for seed in (1, 2, 3)}
        self.assertEqual([(status, errors) for status, _, errors in results], [(0, "")])

    def test_golden_headers_compile(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            include = pathlib.Path(folder) / "vds"
            include.mkdir()
            vdsgen("c", HERE / "golden/small.idl", "--outdir", include, *GOLDEN)
            public = HERE.parents[2] / "include"
            done = subprocess.run([os.environ.get("CC", "cc"), "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{folder}",
                                   f"-I{public}", str(include / "vds_iids.c")], text=True, capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_an_output_that_does_not_exist_is_named_with_those_that_do(self) -> None:
        self.assertEqual(vdsgen("c", HERE / "golden/small.idl", "large.h")[0], 1)
        self.assertRegex(vdsgen("c", HERE / "golden/small.idl", "large.h")[2],
                         r"^vdsgen: no output 'large.h'; there are smallerr.h, small.h, smallest.h, vds_iids.c, vds_table.c")


class Bad(unittest.TestCase):
    def test_each_fault_is_reported_on_its_line_and_nothing_is_written(self) -> None:
        files = sorted((HERE / "bad").glob("*.idl"))
        self.assertGreater(len(files), 30)
        for path in files:
            with self.subTest(file=path.name):
                line, message = re.search(r"^// expect (\d+): (.*)$", path.read_text(), re.MULTILINE).groups()
                self.assertEqual(vdsgen("c", path, "x.h"), (1, "", f"{path.name}:{line}: error: {message}\n"))

    def test_a_file_that_is_not_there_is_an_error_without_a_traceback(self) -> None:
        status, _, errors = vdsgen_process(0, "c", HERE / "none.idl", "x.h")
        self.assertEqual(status, 1)
        self.assertIn("none.idl", errors)
        self.assertNotIn("Traceback", errors)


    def test_a_fault_of_an_imported_file_is_reported_in_that_file(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "a.idl").write_text('#pragma header("x.h")\nimport "b.idl";\n')
            (pathlib.Path(folder) / "b.idl").write_text("typedef NOTHING THING;\n")
            self.assertEqual(vdsgen("c", f"{folder}/a.idl", "x.h"), (1, "", "b.idl:1: error: unknown type 'NOTHING'\n"))


class Language(unittest.TestCase):
    def model(self) -> Model:
        return parse_file(HERE / "golden/small.idl")

    def test_slots_count_from_the_root_of_the_inheritance(self) -> None:
        small = self.model().names["ISmall"]
        self.assertEqual([m.slot for m in small.all_methods()], list(range(6)))
        self.assertEqual([m.name for m in small.methods], ["GetProperties", "Rename", "Query"])

    def test_attributes_of_parameters_are_kept_as_written(self) -> None:
        _, rename, query = self.model().names["ISmall"].methods
        self.assertEqual(rename.param("pIds").size_is, ("lCount",))
        self.assertEqual(rename.param("lCount").range, (1, 100))
        self.assertEqual(rename.param("pwszName").max_is, "SMALL_MAX-1")
        self.assertEqual((query.param("pppwsz").size_is, query.param("pppwsz").ctype), (("", "*pn"), "LPWSTR **"))
        self.assertEqual((query.param("ppEnum").enum_of, query.param("ppEnum").direction), ("VDS_OT_A", "out"))

    def test_codes_of_the_interface_come_before_those_of_the_method(self) -> None:
        self.assertEqual(self.model().names["ISmall"].methods[1].errors, ("SMALL_E_GONE", "S_OK"))

    def test_an_arm_knows_its_cases(self) -> None:
        struct = self.model().names["SMALL_PROP"]
        arms = struct.members[-1].arms
        self.assertEqual([(a.name, a.cases) for a in arms], [("ulA", ("VDS_OT_A",)), ("b", ("VDS_OT_B",))])
        self.assertIsInstance(arms[1].type, Struct)

    def test_documentation_lines_are_joined_into_paragraphs(self) -> None:
        model = parse_text('/// one\n/// two\n///\n/// three\n#pragma header("x.h")\n')
        self.assertEqual(model.headers[0].doc, "one two\nthree")

    def test_what_is_imported_is_there_and_says_where_it_stands(self) -> None:
        model = self.model()
        self.assertEqual([(h.name, h.file) for h in model.headers],
                         [("smallerr.h", "small.idl"), ("small.h", "small.idl"), ("smallest.h", "smallest.idl")])
        self.assertEqual([t.name for t in model.headers[2].items if getattr(t, "platform", False)], ["HIS_TYPE", "PHIS_TYPE", "HIS_FLAG"])

    def test_a_restricted_interface_of_a_class_is_marked(self) -> None:
        exposed = self.model().names["SmallA"].interfaces
        self.assertEqual([(e.interface.name, e.restricted) for e in exposed], [("ISmall", False), ("IEnumSmall", True)])


class Vds(unittest.TestCase):
    """What back ends may rely on in vds.idl."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.model = parse_file(IDL / "vds.idl")

    def parameters(self):
        return ((i, m, p) for i in self.model.interfaces for m in i.methods for p in m.params)

    def test_every_interface_and_method_is_documented(self) -> None:
        for interface in self.model.interfaces:
            self.assertTrue(interface.doc, interface.name)
            for method in interface.methods:
                self.assertTrue(method.doc, f"{interface.name}::{method.name}")

    def test_every_enumeration_says_the_kind_of_its_members(self) -> None:
        for interface, method, param in self.parameters():
            if param.ctype == "IEnumVdsObject **" and interface.name != "IEnumVdsObject":
                self.assertTrue(param.enum_of, f"{interface.name}::{method.name}")

    def test_every_operation_says_its_output(self) -> None:
        for interface, method, param in self.parameters():
            if param.ctype == "IVdsAsync **":
                self.assertTrue(param.async_of, f"{interface.name}::{method.name}")

    def test_every_interface_but_the_roots_derives_from_iunknown(self) -> None:
        for interface in self.model.interfaces:
            self.assertEqual(interface.base.name if interface.base else "", "" if interface.name == "IUnknown" else "IUnknown")

    def test_every_extension_interface_belongs_to_a_kind_of_object(self) -> None:
        for interface in (i for i in self.model.interfaces if i.scope == "extension"):
            self.assertTrue(self.model.kinds_exposing(interface.name), interface.name)
            self.assertEqual(interface.header, "vdsex.h")

    def test_interfaces_that_no_object_answers_are_the_documented_ones(self) -> None:
        answered = {face.interface.name for coclass in self.model.coclasses for face in coclass.interfaces}
        unanswered = [i.name for i in self.model.interfaces if i.name not in answered | NOT_OF_THE_ARRAY]
        documented = re.findall(r"^\| (IVds\w+) \| nobody", (IDL.parent / "docs/api-status.md").read_text(), re.MULTILINE)
        self.assertEqual(sorted(documented), sorted(unanswered))

    def test_nothing_but_headers_and_identifiers_comes_of_what_is_the_hosts(self) -> None:
        of_the_host = [i.name for i in self.model.interfaces if i.scope == "host"]
        self.assertEqual(len(of_the_host), 30)
        for output in ("rpc_gen.h", "rpc_desc.c", "rpc_proxy_gen.c", "rpc_skel_gen.c", "org.vds.xml"):
            words = set(re.findall(r"\w+", text_of(self.model, output)))
            self.assertFalse([name for name in of_the_host if any(name in word for word in words)], output)

    def test_no_two_kinds_share_an_identity_or_a_name(self) -> None:
        identities = [c.interfaces[0].interface.name for c in self.model.coclasses]
        kinds = [c.kind for c in self.model.coclasses if c.kind]
        self.assertEqual(len(set(identities)), len(identities))
        self.assertEqual(len(set(kinds)), len(kinds))


if __name__ == "__main__":
    unittest.main(verbosity=2)
