#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CHAP secrets set through vdsctl are what the wire asks for: our own initiator for every digest, libiscsi's for MD5."""
import os
import subprocess
import unittest

import harness
import initiator

HOST, OTHER = "iqn.2026-11.org.vds.test:host", "iqn.2026-11.org.vds.test:other"
SECRET, SECOND, MUTUAL = "twelve bytes", "another secret", "the other way"
AUTH_FAILED = 0x0201


class Chap(harness.ArrayTest):
    portals = ("127.0.0.1",)

    def setUp(self):
        super().setUp()
        self.address = self.array.portals[0]
        self.target = self.array.target("box", [self.address], lun="disk")

    def chap(self, secret, *words, noun=("target", "chap", "box")):
        """vdsctl with the secret on its standard input."""
        command = [str(harness.VDSCTL), "--socket", self.array.socket, *noun, "--secret-file", "-", *words]
        done = subprocess.run(command, input=secret, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise harness.Refused(done.returncode, done.stderr.strip())

    def login(self, secret, target=True, who=HOST, **more):
        connection = initiator.Connection(self.address)
        self.addCleanup(connection.close)
        return connection, *connection.login_chap(who, self.target if target else None, secret.encode(), **more)

    def refused(self, *arguments, **more):
        with self.assertRaises(initiator.LoginRefused) as caught:
            self.login(*arguments, **more)
        self.assertEqual(caught.exception.status, AUTH_FAILED)

    def test_every_digest_lets_in_who_knows_the_secret_and_nobody_else(self):
        self.chap(SECRET)
        for algorithm in initiator.CHAP_DIGESTS:
            with self.subTest(algorithm=algorithm):
                connection, *_ = self.login(SECRET, algorithm=algorithm)
                self.assertEqual(connection.report_luns(), [0])
                self.refused(SECOND, algorithm=algorithm)
                self.refused(SECRET, algorithm=algorithm, name=OTHER)
        with self.assertRaises(initiator.LoginRefused):
            initiator.login(self.address, self.target, HOST)  # without CHAP
        self.assertTrue(self.array.json("target", "show", "box")["chap"])

    def test_an_initiators_own_secret_wins_over_the_default(self):
        self.chap(SECRET)
        self.chap(SECOND, "--initiator", HOST)
        self.refused(SECRET)
        self.login(SECOND)
        self.login(SECRET, who=OTHER)
        self.array.ctl("target", "chap", "box", "--clear", "--initiator", HOST)
        self.login(SECRET)

    def test_the_target_proves_itself_to_who_asks(self):
        self.chap(SECRET)
        self.chap(MUTUAL, "--mutual", "--initiator", HOST)
        for algorithm, digest in initiator.CHAP_DIGESTS.items():
            challenge = os.urandom(16)
            _, _, proof = self.login(SECRET, algorithm=algorithm, challenge=challenge)
            self.assertEqual(proof, "0x" + digest(bytes([33]) + MUTUAL.encode() + challenge).hexdigest())
        with self.assertRaises(initiator.LoginRefused):
            self.login(SECRET, who=OTHER, challenge=os.urandom(16))  # to nobody else

    def test_secrets_survive_kill_9_and_are_told_to_nobody(self):
        self.chap(SECRET)
        self.array.restart()
        self.refused(SECOND)
        self.login(SECRET)
        for text in (self.array.ctl("show"), self.array.ctl("--json", "show"), self.array.log_tail()):
            self.assertNotIn(SECRET, text)
        self.assertEqual((self.array.directory / "state/array.db").stat().st_mode & 0o777, 0o600)

    def test_a_live_session_goes_on_when_the_secret_changes(self):
        self.chap(SECRET)
        connection, *_ = self.login(SECRET)
        self.chap(SECOND)
        self.assertEqual(connection.report_luns(), [0])
        self.refused(SECRET)
        self.array.ctl("target", "chap", "box", "--clear")
        open_session = initiator.login(self.address, self.target, HOST)
        self.addCleanup(open_session.close)
        self.assertEqual(open_session.report_luns(), [0])

    def test_discovery_asks_for_its_own_secret(self):
        noun = ("discovery", "chap")
        self.chap(SECRET, noun=noun)
        self.chap(MUTUAL, "--mutual", noun=noun)
        with self.assertRaises(initiator.LoginRefused):
            initiator.discover(self.address, HOST)
        self.refused(SECOND, target=False)
        challenge = os.urandom(16)
        connection, _, proof = self.login(SECRET, target=False, algorithm=7, challenge=challenge)
        self.assertEqual([name for name, _ in connection.send_targets()], [self.target])
        expected = initiator.CHAP_DIGESTS[7](bytes([33]) + MUTUAL.encode() + challenge).hexdigest()
        self.assertEqual(proof, "0x" + expected)
        initiator.login(self.address, self.target, HOST).close()  # normal sessions need none
        self.array.restart()
        self.refused(SECOND, target=False)
        self.array.ctl("discovery", "chap", "--clear")
        self.assertIn(self.target, initiator.discover(self.address, HOST))

    def test_libiscsi_logs_in_with_the_secret_and_not_without(self):
        self.chap(SECRET.replace(" ", "-"), "--initiator", HOST)

        def inq(user=""):
            url = f"iscsi://{user}{self.address}/{self.target}/0"
            return subprocess.run(["iscsi-inq", "-i", HOST, url], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(inq().returncode, 0)
        self.assertNotEqual(inq(f"{HOST}%wrong-secret-1@").returncode, 0)
        done = inq(f"{HOST}%{SECRET.replace(' ', '-')}@")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("VIRTUAL-DISK", done.stdout)

    def test_libiscsi_checks_the_targets_own_proof(self):
        self.chap("twelve-bytes", "--initiator", HOST)
        self.chap("the-other-way", "--mutual", "--initiator", HOST)

        def inq(mutual):
            query = f"?target_user={self.target}&target_password={mutual}"
            url = f"iscsi://{HOST}%twelve-bytes@{self.address}/{self.target}/0{query}"
            return subprocess.run(["iscsi-inq", "-i", HOST, url], capture_output=True, text=True, timeout=60)
        self.assertEqual(inq("the-other-way").returncode, 0, inq("the-other-way").stderr)
        self.assertNotEqual(inq("not-that-way!").returncode, 0)

    def test_secrets_of_another_length_and_reused_ones_are_refused(self):
        for secret in ("only eleven", "seventeen bytes !", ""):
            with self.assertRaises(harness.Refused):
                self.chap(secret)
        self.chap(SECRET)
        with self.assertRaises(harness.Refused) as caught:
            self.chap(SECRET, "--mutual", "--initiator", HOST)
        self.assertIn("both directions", caught.exception.text)
        with self.assertRaises(harness.Refused) as caught:
            self.array.ctl("target", "chap", "box", "--secret", "x")
        self.assertEqual(caught.exception.code, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
