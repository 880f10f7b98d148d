"""C2SP signed notes, checkpoints, cosignatures, witness policies (SPEC 6.3, 6.4, 8)."""

import hashlib
import re

from . import Refused, keys, text

MAX_NOTE = 65536
MAX_LINES = 64
LOG_KEY, WITNESS_KEY = 1, 4


def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def _name_ok(name):
    return (
        0 < len(name.encode()) <= 255
        and "+" not in name
        and not any(char.isspace() or ord(char) < 0x20 or ord(char) == 0x7F for char in name)
    )


class SignedNote:
    """A note with its signature lines, read strictly; nothing verified yet."""

    def __init__(self, raw):
        self.raw = bytes(raw)
        self.sha256 = hashlib.sha256(self.raw).digest()
        if not 0 < len(raw) <= MAX_NOTE:
            raise Refused("bundle.structure", "size of a note")
        try:
            whole = self.raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("note.utf8") from None
        if any((ord(char) < 0x20 and char != "\n") or 0x7F <= ord(char) < 0xA0 for char in whole):
            raise Refused("note.control")
        body, blank, tail = whole.rpartition("\n\n")
        if not blank or not body or not tail.endswith("\n"):
            raise Refused("note.structure")
        self.text = body + "\n"
        self.lines = []  # (name, key id, signature)
        seen = set()
        lines = tail[:-1].split("\n")
        if len(lines) > MAX_LINES:
            raise Refused("note.too_large")
        for line in lines:
            match = re.fullmatch("\u2014 ([^ ]+) ([^ ]+)", line)
            if not match:
                raise Refused("note.signature_line")
            name, blob = match.group(1), text.b64_decode(match.group(2), "note.signature_line")
            if not _name_ok(name):
                raise Refused("note.key_name")
            if len(blob) < 5:
                raise Refused("note.signature_line")
            if (name, blob[:4]) in seen:
                raise Refused("note.duplicate")
            seen.add((name, blob[:4]))
            self.lines.append((name, blob[:4], blob[4:]))

    def key_lines(self, name, public):
        """Signatures on lines of this Ed25519 key (type 0x01)."""
        wanted = (name, key_id(name, LOG_KEY, public))
        return [blob for name, kid, blob in self.lines if (name, kid) == wanted]

    def signature_ok(self, public, blob):
        return keys.ed25519_verify(public, self.text.encode(), blob)

    def stamp(self, witness):
        """None without a line of the witness, False where it does not verify, else its time."""
        for name, kid, blob in self.lines:
            if (name, kid) == (witness.key_name, witness.key_id):
                if len(blob) != 72:
                    return False
                seconds = int.from_bytes(blob[:8], "big")
                signed = f"cosignature/v1\ntime {seconds}\n{self.text}".encode()
                return seconds if keys.ed25519_verify(witness.public, signed, blob[8:]) else False
        return None


class Note(SignedNote):
    """A checkpoint without extension lines."""

    def __init__(self, raw):
        super().__init__(raw)
        parts = self.text.split("\n")
        if len(parts) != 4 or parts[3]:
            raise Refused("checkpoint.structure")
        self.origin = parts[0]
        if not 0 < len(self.origin.encode()) <= 255:
            raise Refused("checkpoint.origin")
        self.size = text.decimal(parts[1], "checkpoint.size")
        self.root = text.b64_decode(parts[2], "checkpoint.root")
        if len(self.root) != 32:
            raise Refused("checkpoint.root")


class Witness:
    def __init__(self, name, vkey):
        parts = vkey.split("+", 2)
        if len(parts) != 3 or not _name_ok(parts[0]) or not re.fullmatch("[0-9a-f]{8}", parts[1]):
            raise Refused("policy.vkey")
        blob = text.b64_decode(parts[2], "policy.vkey")
        if len(blob) != 33 or blob[0] != WITNESS_KEY:
            raise Refused("policy.vkey")
        self.name, self.key_name, self.public = name, parts[0], blob[1:]
        self.key_id = key_id(self.key_name, WITNESS_KEY, self.public)
        if self.key_id.hex() != parts[1] or not keys.ed25519_key_valid(self.public):
            raise Refused("policy.vkey")


class Policy:
    """A C2SP tlog-policy without `log` lines."""

    def __init__(self, source):
        self.witnesses, self.groups, self.quorum = {}, {}, None
        used = set()
        for line in source.split("\n"):
            words = re.split("[ \t]+", line.strip(" \t\r"))
            if words == [""] or words[0].startswith("#"):
                continue
            keyword, args = words[0], words[1:]
            if keyword == "witness" and len(args) in (2, 3):
                self._fresh(args[0])
                witness = Witness(*args[:2])
                if any(witness.public == other.public for other in self.witnesses.values()):
                    raise Refused("policy.duplicate")
                self.witnesses[args[0]] = witness
            elif keyword == "group" and len(args) >= 3:
                self._fresh(args[0])
                members = args[2:]
                if any(name not in self.witnesses and name not in self.groups for name in members):
                    raise Refused("policy.unknown_name")
                if len(set(members)) != len(members) or used & set(members):
                    raise Refused("policy.duplicate")
                used |= set(members)
                named = {"any": 1, "all": len(members)}
                threshold = named.get(args[1]) or text.decimal(args[1], "policy.threshold")
                if not 1 <= threshold <= len(members):
                    raise Refused("policy.threshold")
                self.groups[args[0]] = (threshold, members)
            elif keyword == "quorum" and len(args) == 1 and self.quorum is None:
                if args[0] != "none" and args[0] not in {**self.witnesses, **self.groups}:
                    raise Refused("policy.unknown_name")
                self.quorum = args[0]
            else:
                raise Refused("policy.syntax", line[:60])
            if len(self.witnesses) > 64 or len(self.groups) > 64:
                raise Refused("policy.too_large")
        if self.quorum is None:
            raise Refused("policy.quorum")

    def _fresh(self, name):
        if name == "none" or name in self.witnesses or name in self.groups:
            raise Refused("policy.duplicate")

    @property
    def none(self):
        return self.quorum == "none"

    def satisfied(self, names, what=None):
        what = self.quorum if what is None else what
        if what == "none":
            return True
        if what in self.witnesses:
            return what in names
        threshold, members = self.groups[what]
        return sum(self.satisfied(names, member) for member in members) >= threshold
