# SPDX-License-Identifier: MIT
"""A small iSCSI initiator for tests: raw sockets, one connection, no retries of its own. Shows what the target does, hides nothing."""
import hashlib
import socket
import struct
import time

OP_NOP_OUT, OP_SCSI, OP_TMF, OP_LOGIN, OP_TEXT, OP_DATA_OUT, OP_LOGOUT = 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
OP_NOP_IN, OP_RESPONSE, OP_TMF_RESPONSE, OP_LOGIN_RESPONSE, OP_TEXT_RESPONSE = 0x20, 0x21, 0x22, 0x23, 0x24
OP_DATA_IN, OP_LOGOUT_RESPONSE, OP_R2T, OP_ASYNC, OP_REJECT = 0x25, 0x26, 0x31, 0x32, 0x3F
NO_TAG = 0xFFFFFFFF
CHAP_DIGESTS = {5: hashlib.md5, 6: hashlib.sha1, 7: hashlib.sha256, 8: hashlib.sha3_256}
TMF_TARGET_COLD_RESET = 7
ASYNC_LOGOUT_REQUEST, ASYNC_CONNECTION_DROPPED = 1, 2


class Closed(Exception):
    """The target closed the connection."""


class LoginRefused(Exception):
    def __init__(self, status, keys):
        super().__init__(f"login refused: 0x{status:04x} {keys}")
        self.status, self.keys = status, keys


class CheckCondition(Exception):
    def __init__(self, status, sense):
        key, asc = (sense[2] & 0xF, struct.unpack(">H", sense[12:14])[0]) if len(sense) >= 14 else (0, 0)
        super().__init__(f"status 0x{status:02x} key {key:x} asc {asc:04x}")
        self.status, self.key, self.asc = status, key, asc


def split_address(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class Connection:
    """One TCP connection that speaks PDUs."""

    def __init__(self, address, timeout=30):
        self.address = address
        self.socket = socket.create_connection(split_address(address), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.cmd_sn, self.exp_stat_sn, self.next_tag, self.immediate = 1, 0, 1, 0
        self.events = []  # asynchronous messages: (event, parameter3)

    def close(self):
        self.socket.close()

    def _receive_exactly(self, n):
        data = bytearray()
        while len(data) < n:
            try:
                piece = self.socket.recv(n - len(data))
            except ConnectionError as error:
                raise Closed(str(error)) from error
            if not piece:
                raise Closed(f"{self.address} closed the connection")
            data += piece
        return bytes(data)

    def send(self, header, data=b""):
        header = bytearray(header)
        header[5:8] = len(data).to_bytes(3, "big")
        try:
            self.socket.sendall(bytes(header) + data + bytes(-len(data) % 4))
        except ConnectionError as error:
            raise Closed(str(error)) from error

    def receive(self):
        """The next PDU: (header, data). Async messages and NOP-Ins are noted or answered on the way."""
        while True:
            header = self._receive_exactly(48)
            length = int.from_bytes(header[5:8], "big")
            data = self._receive_exactly((length + 3) // 4 * 4)[:length]
            opcode = header[0] & 0x3F
            if opcode != OP_R2T and not (opcode == OP_DATA_IN and not header[1] & 1) and opcode != OP_NOP_IN:
                self.exp_stat_sn = struct.unpack(">I", header[24:28])[0] + 1
            if opcode == OP_ASYNC:
                self.events.append((header[36], struct.unpack(">H", header[42:44])[0]))
                self.on_event(self.events[-1])
            elif opcode == OP_NOP_IN and header[20:24] != b"\xff\xff\xff\xff":
                self.exp_stat_sn = struct.unpack(">I", header[24:28])[0] + (header[16:20] != b"\xff\xff\xff\xff")
                self._answer_ping(header, data)
            else:
                return header, data

    def on_event(self, event):
        """For subclasses."""

    def _answer_ping(self, header, data):
        answer = bytearray(48)
        answer[0], answer[1] = OP_NOP_OUT | 0x40, 0x80
        answer[8:16], answer[16:20], answer[20:24] = header[8:16], b"\xff\xff\xff\xff", header[20:24]
        answer[24:32] = struct.pack(">II", self.cmd_sn, self.exp_stat_sn)
        self.send(answer, data)

    def tag(self):
        self.next_tag += 1
        return self.next_tag

    # ---- login and text

    def login(self, initiator, target=None, isid=b"\x80\x00\x00\x00\x00\x01", **keys):
        """Straight to full feature phase without authentication. Returns the target's keys; LoginRefused for anything else."""
        wanted = {"InitiatorName": initiator, "SessionType": "Normal" if target else "Discovery", "AuthMethod": "None"}
        if target:
            wanted["TargetName"] = target
        operational = {"HeaderDigest": "None", "DataDigest": "None", "MaxRecvDataSegmentLength": "262144", "InitialR2T": "No",
                       "ImmediateData": "Yes", "MaxBurstLength": "1048576", "FirstBurstLength": "262144", **keys}
        answers = self._login_step(isid, 0, 1, wanted)
        answers.update(self._login_step(isid, 1, 3, operational))
        self.immediate = 262144 if answers.get("ImmediateData", "Yes") == "Yes" else 0
        return answers

    def login_chap(self, initiator, target, secret, algorithm=5, name=None, challenge=None):
        """As login(), with CHAP (RFC 7143 section 12.1.3). A challenge asks the target to prove itself: returns its CHAP_R beside the keys."""
        wanted = {"InitiatorName": initiator, "SessionType": "Normal" if target else "Discovery", "AuthMethod": "CHAP,None"}
        if target:
            wanted["TargetName"] = target
        isid, digest = b"\x80\x00\x00\x00\x00\x07", CHAP_DIGESTS[algorithm]
        if self._login_step(isid, 0, None, wanted).get("AuthMethod") != "CHAP":
            raise AssertionError("the target does not ask for CHAP")
        asked = self._login_step(isid, 0, None, {"CHAP_A": str(algorithm)})
        if asked.get("CHAP_A") != str(algorithm):
            raise AssertionError(f"CHAP_A={asked.get('CHAP_A')}")
        value = bytes([int(asked["CHAP_I"])]) + secret + bytes.fromhex(asked["CHAP_C"][2:])
        proof = {"CHAP_N": name or initiator, "CHAP_R": "0x" + digest(value).hexdigest()}
        if challenge:
            proof.update(CHAP_I="33", CHAP_C="0x" + challenge.hex())
        answer = self._login_step(isid, 0, 1, proof)
        keys = self._login_step(isid, 1, 3, {"HeaderDigest": "None", "DataDigest": "None"})
        return keys, answer.get("CHAP_R")

    def _login_step(self, isid, stage, next_stage, keys):
        header = bytearray(48)
        header[0], header[1] = OP_LOGIN | 0x40, stage << 2 | (0 if next_stage is None else 0x80 | next_stage)
        header[8:14] = isid
        header[16:20] = struct.pack(">I", 1)
        header[24:32] = struct.pack(">II", self.cmd_sn, self.exp_stat_sn)
        self.send(header, b"".join(f"{k}={v}\0".encode() for k, v in keys.items()))
        header, data = self.receive()
        if header[0] & 0x3F != OP_LOGIN_RESPONSE:
            raise Closed(f"opcode 0x{header[0]:02x} instead of a login response")
        answers = dict(pair.split("=", 1) for pair in data.decode().split("\0") if pair)
        status = struct.unpack(">H", header[36:38])[0]
        if status:
            raise LoginRefused(status, answers)
        return answers

    def send_targets(self, what="All"):
        """[(target, [(address, tag)])] in the order of the answer."""
        header, found, more, ttt = bytearray(48), [], f"SendTargets={what}\0".encode(), NO_TAG
        text, itt = b"", self.tag()
        while True:
            header[0], header[1] = OP_TEXT | 0x40, 0x80
            header[16:32] = struct.pack(">IIII", itt, ttt, self.cmd_sn, self.exp_stat_sn)
            self.send(header, more)
            answer, data = self.receive()
            text, more, ttt = text + data, b"", struct.unpack(">I", answer[20:24])[0]
            if answer[1] & 0x80:
                break
        for pair in text.decode().split("\0"):
            key, _, value = pair.partition("=")
            if key == "TargetName":
                found.append((value, []))
            elif key == "TargetAddress":
                address, _, tag = value.rpartition(",")
                found[-1][1].append((address, int(tag)))
        return found

    def logout(self):
        header = bytearray(48)
        header[0], header[1] = OP_LOGOUT | 0x40, 0x80
        header[16:20] = struct.pack(">I", self.tag())
        header[24:32] = struct.pack(">II", self.cmd_sn, self.exp_stat_sn)
        self.send(header)
        while True:
            header, _ = self.receive()
            if header[0] & 0x3F == OP_LOGOUT_RESPONSE:
                return header[2]

    def task_management(self, function, lun=0, referenced=NO_TAG):
        """The response (RFC 7143 section 11.6.1)."""
        header = bytearray(48)
        header[0], header[1] = OP_TMF | 0x40, 0x80 | function
        header[8:10] = struct.pack(">H", lun)
        header[16:32] = struct.pack(">IIII", self.tag(), referenced, self.cmd_sn, self.exp_stat_sn)
        header[32:36] = struct.pack(">I", self.cmd_sn)
        self.send(header)
        while True:
            header, _ = self.receive()
            if header[0] & 0x3F == OP_TMF_RESPONSE:
                return header[2]

    # ---- SCSI

    def command(self, cdb, lun=0, write=b"", read=0):
        """Data that came in; CheckCondition for any status but GOOD."""
        header, tag = bytearray(48), self.tag()
        header[0] = OP_SCSI
        header[1] = 0x80 | (0x40 if read else 0) | (0x20 if write else 0) | 1
        header[8:10] = struct.pack(">H", lun)
        header[16:32] = struct.pack(">IIII", tag, read or len(write), self.cmd_sn, self.exp_stat_sn)
        header[32:32 + len(cdb)] = cdb
        self.cmd_sn += 1
        self.send(header, write[:self.immediate])  # F is set: the rest waits for R2Ts
        data = bytearray()
        while True:
            answer, piece = self.receive()
            opcode = answer[0] & 0x3F
            if opcode == OP_DATA_IN:
                offset = struct.unpack(">I", answer[40:44])[0]
                data[offset:offset + len(piece)] = piece
                if answer[1] & 1:
                    return self._check(answer[3], b"", data)
            elif opcode == OP_R2T:
                self._send_data(answer, tag, write)
            elif opcode == OP_RESPONSE:
                return self._check(answer[3], piece[2:], data)
            else:
                raise Closed(f"unexpected opcode 0x{opcode:02x}")

    @staticmethod
    def _check(status, sense, data):
        if status:
            raise CheckCondition(status, sense)
        return bytes(data)

    def _send_data(self, r2t, tag, write):
        offset, length = struct.unpack(">II", r2t[40:48])
        sn = 0
        while length:
            n = min(length, 262144)
            header = bytearray(48)
            header[0], header[1] = OP_DATA_OUT, 0x80 if n == length else 0
            header[8:16], header[16:20], header[20:24] = r2t[8:16], struct.pack(">I", tag), r2t[20:24]
            header[28:32], header[36:44] = struct.pack(">I", self.exp_stat_sn), struct.pack(">II", sn, offset)
            self.send(header, write[offset:offset + n])
            offset, length, sn = offset + n, length - n, sn + 1

    def read(self, lba, n_blocks, lun=0):
        return self.command(struct.pack(">BBIBHB", 0x28, 0, lba, 0, n_blocks, 0), lun, read=n_blocks * 512)

    def write(self, lba, data, lun=0):
        self.command(struct.pack(">BBIBHB", 0x2A, 0, lba, 0, len(data) // 512, 0), lun, write=data)

    def inquiry(self, lun=0):
        return self.command(struct.pack(">BBBHB", 0x12, 0, 0, 96, 0), lun, read=96)

    def report_luns(self):
        data = self.command(struct.pack(">BBBBBBIBB", 0xA0, 0, 0, 0, 0, 0, 4096, 0, 0), read=4096)
        n = struct.unpack(">I", data[:4])[0] // 8
        return [struct.unpack(">H", data[8 + 8 * i:10 + 8 * i])[0] for i in range(n)]


INITIATOR = "iqn.2026-11.org.vds.test:initiator"


def discover(address, initiator=INITIATOR):
    """{target: [(address, tag)]} as SendTargets=All gives it."""
    connection = Connection(address)
    try:
        connection.login(initiator)
        return dict(connection.send_targets())
    finally:
        connection.close()


def login(address, target, initiator=INITIATOR, isid=b"\x80\x00\x00\x00\x00\x01", **keys):
    """A connection in full feature phase; its .tag_of_group says the TargetPortalGroupTag that the target answered."""
    connection = Connection(address)
    try:
        answers = connection.login(initiator, target, isid, **keys)
    except BaseException:
        connection.close()
        raise
    connection.tag_of_group = int(answers["TargetPortalGroupTag"])
    return connection


def login_following(address, target, initiator=INITIATOR, isid=b"\x80\x00\x00\x00\x00\x01", patient=False):
    """As login(), going where a redirection points (RFC 7143 section 11.13.5, status class 1); patient: 0x0301 (service unavailable) is
    tried again for up to a minute."""
    hops, deadline = 0, time.monotonic() + 60
    while hops < 4:
        try:
            return login(address, target, initiator, isid)
        except LoginRefused as refused:
            if refused.status in (0x0101, 0x0102):
                address, hops = refused.keys["TargetAddress"], hops + 1
            elif not (patient and refused.status == 0x0301 and time.monotonic() < deadline):
                raise
    raise AssertionError("redirected in a circle")
