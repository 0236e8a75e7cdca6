# SPDX-License-Identifier: MIT
"""A thousand targets with two groups of two portals each: made through the API, listed, discovered, and the same after a crash."""
import json
import os
import subprocess
import unittest

import harness
import initiator

MANY = harness.BUILD / "tests/tools/many_targets"
N = int(os.environ.get("VDS_SCALE", "1000"))


class Scale(harness.ArrayTest):
    portals = ("127.0.0.1",) * 4
    options = ("--log-level", "error")

    def many(self, *words):
        done = subprocess.run([str(MANY), *map(str, words)], capture_output=True, text=True, timeout=300,
                              env={**os.environ, "VDS_SOCKET": self.array.socket})
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def listed(self):
        """{target: {tag: portals}} as vdsctl shows it."""
        return {target["iscsi_name"]: {group["tag"]: set(group["portals"]) for group in target["groups"]}
                for target in self.array.json("show")["targets"]}

    def discovered(self, portal):
        """The same as an initiator sees it; what it is told must not depend on the portal it asks."""
        connection = initiator.Connection(portal)
        connection.login("iqn.2026-11.org.vds.test:scale")
        found = {}
        for target, addresses in connection.send_targets():
            for address, tag in addresses:
                found.setdefault(target, {}).setdefault(tag, set()).add(address)
        connection.logout()
        connection.close()
        return found

    def check(self):
        listed = self.listed()
        self.assertEqual(len(listed), N)
        for name, groups in listed.items():
            self.assertEqual(sorted(groups), [1, 2], name)
            self.assertEqual(set.union(*groups.values()), set(self.array.portals), name)
        for portal in (self.array.portals[0], self.array.portals[3]):
            self.assertEqual(self.discovered(portal), listed)
        return listed

    def test_a_thousand_targets_are_listed_discovered_and_survive_a_crash(self):
        self.many("make", 0, 10, 8, 0)
        at_ten = self.many("probe", 30)
        made = self.many("make", 10, N - 10, 8, 0)
        at_all = self.many("probe", 30)
        print(f"AddPortal, median: {at_ten['add_portal_ms']:.3f} ms with 10 targets, {at_all['add_portal_ms']:.3f} ms with {N}; "
              f"{N - 10} targets made in {made['total_ms'] / 1e3:.1f} s")
        before = self.check()
        self.array.restart()
        self.assertEqual(self.check(), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
