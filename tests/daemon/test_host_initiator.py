#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The initiator of the host: vdsd with a stand-in for iscsiadm on its PATH, and without any."""
import os
import pathlib
import tempfile
from unittest import mock

import harness

STAND_IN = """#!/bin/sh
# Records are files as the real one has them: "-o new" begins one anew, "-o show" and "-o update" want one to be there.
here=$(dirname "$0")
echo "$*" >> "$here/log"
target= portal= iface=default value= name=
for word; do
    case "$last" in -T) target=$word ;; -p) portal=$(echo "$word" | sed 's/:\\([0-9]*\\)$/,\\1/') ;; -n) name=$word ;; -v) value=$word ;; esac
    last=$word
done
record="$VDS_OPEN_ISCSI/nodes/$target/$portal"
case "$*" in
    "-m iface") [ ! -f "$here/nobody" ] || {
                    printf 'iscsiadm: Maybe you are not root?\\niscsiadm: Could not lock discovery DB\\niscsiadm: Could not read iface . Error 6\\n' >&2
                    exit 6
                }
                echo "default tcp,<empty>,<empty>,<empty>,<empty>"
                echo "lan tcp,00:11:22:33:44:55,192.0.2.7,eth0,<empty>"
                echo "card qla4xxx,<empty>,<empty>,<empty>,<empty>" ;;
    *"-o new") mkdir -p "$VDS_OPEN_ISCSI/nodes/$target"
               (umask 077; printf '# BEGIN RECORD 2.1.8\\nnode.name = %s\\nnode.session.auth.authmethod = None\\n# END RECORD\\n' "$target" > "$record") ;;
    *"-o show") [ -f "$record" ] || { echo "iscsiadm: No records found" >&2; exit 21; } ;;
    *"-o update"*) [ -f "$record" ] || exit 21
                   sed -i '/^# [^BE]/d' "$record" ;; # rewritten from what it understands
    *--login) echo "login $(sed -n 's/^node.session.auth.\\(.*\\) = .*/\\1/p' "$VDS_OPEN_ISCSI/nodes/$target"/* | sort -u | tr '\\n' ' ')" >> "$here/used"
              echo "Logging in to [iface: default, target: $target]"
              [ $(cat "$here/login") = 0 ] || printf 'iscsiadm: initiator reported error (8 - timed out)\\niscsiadm: Could not log into all portals\\n' >&2
              exit $(cat "$here/login") ;;
    *--logout) exit $(cat "$here/logout") ;;
esac
"""


class HostInitiator(harness.ProgramTest):
    program = harness.BUILD / "tests/daemon/host_initiator"

    def run_with(self, path, word):
        with mock.patch.dict(os.environ, {"VDS_TEST_PATH": path, "VDS_OPEN_ISCSI": str(word)}):
            array = harness.Array(("127.0.0.1",))
        self.addCleanup(array.remove)
        self.run_program(word, VDS_SOCKET=array.socket)
        return array

    def test_without_open_iscsi(self):
        with tempfile.TemporaryDirectory() as empty:
            self.run_with(empty, "absent")

    def test_with_open_iscsi(self):
        with tempfile.TemporaryDirectory() as directory:
            stand_in = pathlib.Path(directory) / "iscsiadm"
            stand_in.write_text(STAND_IN)
            stand_in.chmod(0o755)
            (pathlib.Path(directory) / "initiatorname.iscsi").write_text("# our name\nInitiatorName=iqn.2026-01.org.example:host\n")
            array = self.run_with(f"{directory}:{os.environ['PATH']}", directory)
            log = (pathlib.Path(directory) / "log").read_text()
            self.assertIn(f"-p {array.portals[0]} --login", log)
            self.assertIn("-n node.conn[0].iscsi.HeaderDigest -v CRC32C", log)
            self.assertIn("-n node.session.auth.authmethod -v CHAP", log)
            self.assertIn("-n node.startup -v automatic", log)
            self.assertNotIn("0123456789ab", log)  # whoever looks at the list of processes sees the arguments
            record, = pathlib.Path(directory).glob("nodes/*/*")
            self.assertEqual(record.stat().st_mode & 0o777, 0o600)
            lines = record.read_text().splitlines()
            self.assertEqual(lines[-5:], ["node.session.auth.username = iqn.2026-01.org.example:host", "node.session.auth.password = ownownownown",
                                          f"node.session.auth.username_in = {record.parent.name}",
                                          "node.session.auth.password_in = ininininini!", "# END RECORD"])
            used = (pathlib.Path(directory) / "used").read_text().splitlines()
            one_way, mutual = "login authmethod password username ", "login authmethod password password_in username username_in "
            self.assertEqual(used[-4:], ["login authmethod ", one_way, "login authmethod ", mutual])
            self.assertEqual(set(used[:-4]), {one_way})
            self.assertEqual(log.count("-o new"), 1)  # a second one would have taken the secrets away
            self.assertEqual([f.name for f in pathlib.Path(directory).glob(".vds-*")], [])


if __name__ == "__main__":
    harness.main()
