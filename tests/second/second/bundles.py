"""Evidence bundles: the file, its order and its structure (SPEC 7)."""

import hashlib

from . import Refused, cbor, text
from .notes import MAX_NOTE, Note
from .statements import Receipt, Statement

MAX_BUNDLE = 16 << 20


def _map(value, *names):
    if not isinstance(value, dict):
        raise Refused("cbor.type", "map expected")
    if set(value) != set(names):
        raise Refused("bundle.format", f"members {names}")
    return [value[name] for name in names]


def _list(value, low, high):
    if not isinstance(value, list):
        raise Refused("cbor.type", "array expected")
    if not low <= len(value) <= high:
        raise Refused("cbor.count")
    return value


def _of(kind, value):
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Refused("cbor.type", f"{kind.__name__} expected")
    return value


def _size(value):
    if _of(int, value) < 0 or value >= 1 << 63:
        raise Refused("cbor.type", "uint expected")
    return value


def _ascending(items, why):
    if any(a >= b for a, b in zip(items, items[1:])):
        raise Refused("bundle.structure", why)


class Erased:
    """What is left of a statement whose body was erased."""

    problem, after, document, kind = None, None, None, "erased"

    def __init__(self, index, entry, receipts):
        self.index, self.entry, self.log, self.receipts = index, entry, "main", receipts
        self.sub = receipts[0].sub

    def is_a(self, *_):
        return False


class Bundle:
    def __init__(self, raw):
        if not 0 < len(raw) <= MAX_BUNDLE:
            raise Refused("bundle.size")
        if len(raw) < 32:
            raise Refused("bundle.format")
        if not self._sealed(raw):
            raise Refused("bundle.seal")
        outer = cbor.loads(raw)
        if not isinstance(outer, list) or len(outer) != 3 or outer[0] != "placet-bundle/0":
            raise Refused("bundle.format")
        if not isinstance(outer[2], bytes) or len(outer[2]) != 32:
            raise Refused("bundle.format", "seal")
        self._members(outer[1])
        self._order()
        self._items()
        self._structure()

    @staticmethod
    def _sealed(raw):
        return hashlib.sha256(raw[:-32]).digest() == raw[-32:]

    def _members(self, content):
        requests, main, gov, openings = _map(content, "requests", "main", "gov", "openings")
        self.requests = _list(requests, 1, 1024)
        for request in self.requests:
            if not text.is_uuid(_of(str, request)):
                raise Refused("bundle.format", "request")
        names = ("origin", "notes", "statements", "consistency")
        self.main_origin, notes, statements, consistency = _map(main, *names)
        _of(str, self.main_origin)
        self.raw_main_notes = [_of(bytes, note) for note in _list(notes, 1, 1024)]
        self.raw_statements = []
        for one in _list(statements, 1, 65536):
            content = "erased" if isinstance(one, dict) and "erased" in one else "statement"
            index, statement, receipts = _map(one, "index", content, "receipts")
            receipts = [_of(bytes, receipt) for receipt in _list(receipts, 1, 16)]
            if content == "erased" and len(_of(bytes, statement)) != 32:
                raise Refused("cbor.type", "32 bytes")
            self.raw_statements.append((_size(index), _of(bytes, statement), receipts, content))
        self.consistency = []
        for one in _list(consistency, 0, 1024):
            low, high, path = _map(one, "from", "to", "path")
            if any(len(_of(bytes, step)) != 32 for step in _list(path, 0, 63)):
                raise Refused("bundle.format", "path")
            self.consistency.append((_size(low), _size(high), path))
        self.gov_origin, notes, entries = _map(gov, "origin", "notes", "entries")
        _of(str, self.gov_origin)
        self.raw_gov_notes = [_of(bytes, note) for note in _list(notes, 1, 1024)]
        self.raw_entries = [_of(bytes, entry) for entry in _list(entries, 1, 65536)]
        self.openings = []
        for one in _list(openings, 0, 65536):
            person, name, salt = _map(one, "person", "name", "salt")
            if not text.is_uuid(_of(str, person)) or len(_of(str, name).encode()) > 1024:
                raise Refused("bundle.format", "opening")
            if len(_of(bytes, salt)) != 16:
                raise Refused("bundle.format", "salt")
            self.openings.append((person, name, salt))

    def _order(self):
        _ascending(self.requests, "requests")
        _ascending([person for person, _, _ in self.openings], "openings")
        _ascending([one[0] for one in self.raw_statements], "statements")
        for note in self.raw_main_notes + self.raw_gov_notes:
            if not 0 < len(note) <= MAX_NOTE:
                raise Refused("bundle.structure", "size of a note")

    def _items(self):
        self.statements = []
        for index, raw, receipts, content in self.raw_statements:
            if content == "erased":
                receipts = [Receipt(receipt) for receipt in receipts]
                self.statements.append(Erased(index, raw, receipts))
                continue
            statement = Statement(raw)
            statement.index, statement.log = index, "main"
            statement.receipts = [Receipt(receipt) for receipt in receipts]
            self.statements.append(statement)
        self.main_notes = self._notes(self.raw_main_notes)
        self.gov_notes = self._notes(self.raw_gov_notes)
        self.entries = []
        for index, raw in enumerate(self.raw_entries):
            statement = Statement(raw)
            statement.index, statement.log = index, "gov"
            self.entries.append(statement)

    @staticmethod
    def _notes(raws):
        notes = [Note(raw) for raw in raws]
        _ascending([(note.size, note.raw) for note in notes], "notes")
        return notes

    def _structure(self):
        def need(condition, why):
            if not condition:
                raise Refused("bundle.structure", why)

        first = self.statements[0]
        need(first.index == 0 and not isinstance(first, Erased), "rule 2: genesis")
        self.erased = [one for one in self.statements if isinstance(one, Erased)]
        gone = {one.index for one in self.erased}
        for one in self.erased:
            need(len({receipt.sub for receipt in one.receipts}) == 1, "rule 2: one sub")
        found = set()
        for statement in self.statements[1:]:
            if statement.is_a("erasure"):
                named = {target["index"] for target in statement.document["targets"]}
                need(named & gone, "rule 2: an erasure of nothing here")
                continue
            need(statement.sub.startswith("urn:uuid:"), "rule 2")
            need(statement.sub[9:] in self.requests, "rule 2: a statement of no request")
            found.add(statement.sub[9:])
        need(found == set(self.requests), "rule 2: a request without statement")
        sizes = sorted({note.size for note in self.main_notes})
        for statement in self.statements:
            need(all(one.tree_size in sizes for one in statement.receipts), "rule 3")
        pairs = [(low, high) for low, high, _ in self.consistency]
        need(pairs == list(zip(sizes, sizes[1:])), "rule 4")
        need(len(self.entries) == max(note.size for note in self.gov_notes), "rule 5")
        enrolled = {one.document["person"] for one in self.entries if one.is_a("enrolment")}
        need(all(person in enrolled for person, _, _ in self.openings), "rule 7")
        self._named(need)

    def _named(self, need):
        """Rule 6, and which notes carry claims."""
        speaking = [one for one in self.statements if one.after and not one.is_a("erasure")]
        by_main = [one.after for one in speaking]
        changes = [
            one for one in self.entries
            if one.is_a("revocation", "role")
            or (one.is_a("enrolment") and "recovery" in one.document)
        ]  # fmt: skip
        self.carrying = {}
        for log, notes in (("main", self.main_notes), ("gov", self.gov_notes)):
            direct = {after[log]["note_sha256"] for after in by_main}
            indirect = {one.after[log]["note_sha256"] for one in changes}
            if log == "main":
                floor = 1 + min(one.index for one in self.statements[1:])
            else:
                floor = max((after["gov"]["size"] for after in by_main), default=0)
            carrying = []
            for note in notes:
                if note.sha256.hex() in direct or note.size >= floor:
                    carrying.append(note)
                else:
                    need(note.sha256.hex() in indirect, "rule 6: nothing refers to a note")
            self.carrying[log] = carrying
