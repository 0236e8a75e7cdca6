# SPDX-License-Identifier: MIT
"""Notifications, as a client sees them that comes late: which events each operation has, and what is kept of them."""
import json
import unittest

import harness


def follow(array, since, *options):
    return array.ctl_start("--json", "watch", "--since", since, *options)


def stop(watch):
    watch.terminate()
    watch.communicate(timeout=60)


def record(watch):
    """The next event. Portals that the array finds at its start may arrive a little after the service is ready."""
    while True:
        line = json.loads(watch.stdout.readline())
        if (line["object"], line["what"]) != ("portal", "arrived"):
            return line


def events(array, since, n):
    """The n records after `since`."""
    watch = follow(array, since)
    try:
        lines = [record(watch) for _ in range(n)]
    finally:
        stop(watch)
    return lines


def told(lines):
    return [f"{line['object']} {line['what']}" for line in lines]


class Replay(harness.ArrayTest):
    def test_a_late_client_gets_what_it_missed_once_and_in_order(self):
        self.array.target("box", [self.array.portals[0]])
        lines = events(self.array, 0, 3)
        self.assertEqual(told(lines), ["target created", "group created", "group changed"])
        first = lines[0]["number"]
        self.assertEqual([line["number"] for line in lines], [first, first + 1, first + 2])
        self.array.ctl("target", "create", "crate")
        self.assertEqual(told(events(self.array, first + 1, 2)), ["group changed", "target created"])

    def test_events_call_their_objects_by_name(self):
        watch = follow(self.array, 0)
        self.addCleanup(stop, watch)
        self.array.target("box", [self.array.portals[0]])
        lines = [record(watch) for _ in range(3)]
        self.assertEqual([line["name"] for line in lines], ["box", "box/1", "box/1"])
        self.array.ctl("lun", "create", 'a "b" ü', "--size", "1M")
        while (line := record(watch))["object"] != "lun":
            pass
        self.assertEqual(line["name"], 'a "b" ü')
        self.array.ctl("lun", "delete", 'a "b" ü')  # what has gone is still known
        while (line := record(watch))["what"] != "deleted":
            pass
        self.assertEqual(line["name"], 'a "b" ü')

    def test_what_comes_while_it_watches_follows_what_was_kept(self):
        self.array.ctl("target", "create", "one")
        watch = follow(self.array, 0)
        self.assertEqual(record(watch)["what"], "created")
        self.array.ctl("target", "create", "two")
        second = record(watch)
        self.array.ctl("target", "delete", "two")
        third = record(watch)
        stop(watch)
        self.assertEqual((second["what"], third["what"], third["id"]), ("created", "deleted", second["id"]))
        self.assertEqual(third["number"], second["number"] + 1)

    def test_numbers_of_an_earlier_run_are_known_to_be_gone(self):
        self.array.target("box", [self.array.portals[0]])
        last = events(self.array, 0, 3)[-1]["number"]
        self.array.restart()
        self.array.ctl("target", "create", "crate")
        lines = events(self.array, last, 2)
        self.assertEqual(told(lines), ["service out of sync", "target created"])
        self.assertGreater(lines[1]["number"], last)

    def test_a_service_that_goes_ends_it_at_once(self):
        watch = follow(self.array, 0)
        self.array.ctl("target", "create", "one")
        self.assertEqual(record(watch)["what"], "created")
        self.array.kill()
        said = watch.communicate(timeout=60)[1]
        self.assertEqual((watch.returncode, "RPC_E_DISCONNECTED" in said), (3, True), said)

    def test_since_takes_a_number(self):
        for word in ("", "x", "-1", "1x"):
            with self.assertRaises(harness.Refused) as refused:
                self.array.ctl("watch", f"--since={word}")
            self.assertEqual(refused.exception.code, 2, word)


class ShortMemory(harness.ArrayTest):
    options = ("--replay", "4")

    def test_a_client_is_told_that_what_it_asked_for_is_gone(self):
        self.array.ctl("target", "create", "first")
        first = events(self.array, 0, 1)[0]["number"]
        for name in "abcdef":
            self.array.ctl("target", "create", name)
        lines = events(self.array, first, 5)
        self.assertEqual(told(lines), ["service out of sync"] + 4 * ["target created"])
        self.assertEqual([line["number"] for line in lines[1:]], [first + n for n in (3, 4, 5, 6)])


class Operations(harness.ArrayTest):
    """The table of semantics.md 1.9, for what can happen here."""

    def setUp(self):
        super().setUp()
        self.last = 0

    def expect(self, expected, *words):
        """Does it, then a marker whose event says that there is nothing else before."""
        self.array.ctl(*words)
        self.array.ctl("target", "create", "marker")
        self.array.ctl("target", "delete", "marker")
        lines = events(self.array, self.last, len(expected) + 2)
        self.last = lines[-1]["number"]
        self.assertEqual(told(lines), [*expected, "target created", "target deleted"], words)
        return lines

    def test_each_operation_has_its_events(self):
        portal = self.array.portals[0]
        self.expect(["target created"], "target", "create", "box")
        self.expect(["group created"], "group", "create", "box")
        self.expect(["group changed"], "group", "add-portal", "box/1", portal)
        self.expect(["lun created", "drive changed"], "lun", "create", "disk", "--size", "16M", "--thick")
        self.expect(["lun changed"], "lun", "attach", "disk", "box")
        self.expect(["lun changed"], "lun", "allow", "disk", "*")
        self.expect(["lun changed"], "lun", "detach", "disk", "box")
        self.expect(["lun deleted", "drive changed"], "lun", "delete", "disk")
        self.expect(["portal changed"], "portal", "offline", portal)
        self.expect(["portal changed"], "portal", "online", portal)
        self.expect(["target changed", "group changed"], "group", "remove-portal", "box/1", portal)  # it cannot be reached any more
        self.expect(["group deleted"], "group", "delete", "box/1")
        self.expect(["group created"], "group", "create", "box")
        self.expect(["group deleted", "target deleted"], "target", "delete", "box")


if __name__ == "__main__":
    harness.main()
