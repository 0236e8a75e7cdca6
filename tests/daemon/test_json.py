#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each command of the table in docs/json.md prints what the schema there says, no key more and no key less."""
import json
import pathlib
import re

import harness
import initiator

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs/json.md").read_text()
SCHEMA = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.S)[1])
COMMANDS = dict(re.findall(r"^\| `([a-z -]+)` \| (.*) \|$", PAGE, re.M))
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}


def faults(value, schema, where):
    """What of JSON Schema the page uses: type, enum, pattern, properties, required, additionalProperties, items, $ref."""
    if "$ref" in schema:
        yield from faults(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], where)
        return
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(type(value) is TYPES[kind] for kind in kinds):
        yield f"{where}: {value!r} is not of type {kinds}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    elif "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} does not match"
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from faults(item, schema["items"], f"{where}[{i}]")
    elif isinstance(value, dict):
        yield from (f"{where}: {key} is missing" for key in schema["required"] if key not in value)
        for key, item in value.items():
            if key in schema["properties"]:
                yield from faults(item, schema["properties"][key], f"{where}.{key}")
            else:
                yield f"{where}: {key} is not in the schema"


class Json(harness.ArrayTest):
    def setUp(self):
        super().setUp()
        first, second = self.array.portals
        iqn = self.array.target("box", [first], [second], lun="disk")
        connection = initiator.login(first, iqn)
        self.addCleanup(connection.close)
        self.seen = set()

    def holds(self, command, *arguments):
        self.against(command, self.array.ctl(*command.split(), *arguments, json_output=True, check=False))

    def against(self, command, said):
        prints = COMMANDS[command]
        name = re.search(r"`(\w+)`", prints)[1]
        schema = {"type": "array", "items": {"$ref": name}} if prints.startswith("array of") else {"$ref": name}
        self.assertEqual(list(faults(said, schema, command)), [])
        self.assertNotIn(said, ([], {}), f"{command}: nothing was there to be held against the schema")
        self.seen.add(command)

    def watched(self):
        """One line of watch, which is heard from only once something happens."""
        watch = self.array.ctl_start("watch", "--json", "--since", "0")
        try:
            return json.loads(watch.stdout.readline())
        finally:
            watch.terminate()
            watch.communicate(timeout=60)

    def test_every_command_prints_what_the_schema_says(self):
        self.holds("show")
        self.holds("status")
        self.holds("explain", "iqn.2026-11.org.vds.test:x", "box", "disk")
        self.holds("explain", "iqn.2026-11.org.vds.test:x", "box")
        for kind in ("portal", "target", "group", "lun", "session"):
            self.holds(f"{kind} list")
        self.holds("target show", "box")
        self.holds("target create", "other")
        self.holds("group create", "other")
        self.holds("lun create", "second", "--size", "16M")
        self.holds("top", "--once", "--interval", "0.1")
        self.against("watch", self.watched())
        self.assertEqual(self.seen, set(COMMANDS))

    def test_the_validator_finds_what_is_wrong(self):
        good = self.array.json("status")
        for change in ({"reactors": "2"}, {"status": "sleeping"}, {"more": 1}, {"reason": None}):
            self.assertTrue(list(faults({**good, **change}, {"$ref": "array_status"}, "")), change)
        self.assertTrue(list(faults({k: v for k, v in good.items() if k != "free"}, {"$ref": "array_status"}, "")))

    def test_commands_outside_of_the_table_print_nothing(self):
        for words in (("lun", "deny", "disk"), ("group", "remove-portal", "box/2", self.array.portals[1])):
            done = self.array.ctl("--json", *words)
            self.assertEqual(done, "")


if __name__ == "__main__":
    harness.main()
