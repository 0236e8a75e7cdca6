#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 at random moments of random changes: the array comes back as before or after, and the wire agrees with what it says."""
import os
import random
import subprocess
import threading
import time

import harness
import initiator

ROUNDS = int(os.environ.get("VDS_CRASH_ROUNDS", "12"))


class Crash(harness.ArrayTest):
    portals = ("127.0.0.1",) * 3

    def dump(self):
        """{target: {tag: [portals]}} as vdsctl shows it."""
        return {t["name"]: {g["tag"]: sorted(g["portals"]) for g in t["groups"]} for t in self.array.json("target", "list")}

    def wire(self):
        """The same from discovery through any portal that listens: only what is served."""
        for portal in self.array.portals:
            try:
                found = initiator.discover(portal)
            except ConnectionRefusedError:
                continue
            return {target: sorted(addresses) for target, addresses in found.items() if addresses}
        return {}

    def wait_until_online(self):
        """The kernel takes its time to free the ports of a killed process: the service tries again until it has them."""
        deadline = time.monotonic() + 60
        while any(p["groups"] and p["status"] != "online" for p in self.array.json("portal", "list")):
            self.assertLess(time.monotonic(), deadline, "portals stay offline")

    def served(self):
        names = {t["name"]: t["iscsi_name"] for t in self.array.json("target", "list")}
        result = {}
        for name, groups in self.dump().items():
            addresses = sorted((p, tag) for tag, portals in groups.items() for p in portals)
            if addresses:
                result[names[name]] = addresses
        return result

    def random_change(self, rng, model):
        """(words, the model after it), or None when the dice name nothing possible."""
        after = {t: {tag: list(p) for tag, p in g.items()} for t, g in model.items()}
        kind = rng.choice(["create", "group", "group", "add", "add", "add", "remove", "remove", "drop-group", "delete"])
        if kind == "create":
            name = f"t{rng.randrange(10**9)}"
            after[name] = {}
            return ("target", "create", name), after
        if not model:
            return None
        name = rng.choice(sorted(model))
        groups = model[name]
        if kind == "delete":
            del after[name]
            return ("target", "delete", name), after
        if kind == "group":
            return ("group", "create", name), after  # the tag is learnt from the answer
        if not groups:
            return None
        tag = rng.choice(sorted(groups))
        free = [p for p in self.array.portals if not any(p in g for g in groups.values())]
        if kind == "add" and free:
            portal = rng.choice(free)
            after[name][tag] = sorted(after[name][tag] + [portal])
            return ("group", "add-portal", f"{name}/{tag}", portal), after
        if kind == "remove" and groups[tag]:
            portal = rng.choice(groups[tag])
            after[name][tag].remove(portal)
            return ("group", "remove-portal", f"{name}/{tag}", portal, "--now"), after
        if kind == "drop-group" and not groups[tag]:
            del after[name][tag]
            return ("group", "delete", f"{name}/{tag}"), after
        return None

    def test_after_a_kill_the_state_is_the_one_before_or_after(self):
        seed = int(os.environ.get("VDS_SEED", random.randrange(2**32)))
        print(f"seed {seed}")
        rng = random.Random(seed)
        model = {}
        for _ in range(ROUNDS):
            killer = threading.Timer(rng.uniform(0.05, 0.6), self.array.process.kill)
            killer.start()
            pending = None
            while pending is None:
                change = self.random_change(rng, model)
                if not change:
                    continue
                words, after = change
                done = subprocess.run([str(harness.VDSCTL), "--socket", self.array.socket, *words], capture_output=True, text=True,
                                      timeout=60)
                if done.returncode:  # the service is gone: this one may have happened or not
                    self.assertIn(done.returncode, (1, 3), done.stderr)
                    pending = (words, after)
                elif words[:2] == ("group", "create"):
                    model[words[2]][int(done.stdout.strip().rsplit("/", 1)[1])] = []
                else:
                    model = after
            killer.join()
            self.array.process.wait()
            self.array.start()
            self.wait_until_online()
            now = self.dump()
            words, after = pending
            if words[:2] == ("group", "create") and now != model:
                extra = set(now[words[2]]) - set(model[words[2]])
                self.assertEqual(len(extra), 1, (words, model, now))
                after[words[2]][extra.pop()] = []
            self.assertIn(now, (model, after), words)
            self.assertEqual(self.wire(), self.served())
            model = now


if __name__ == "__main__":
    harness.main()
