"""The governance log: roster, lineage, roles, policies (SPEC 6.5, 9.1 to 9.3)."""

import hashlib

from . import Refused, Unsupported, keys, merkle, text, webauthn

UNDECIDED = {
    "alg.unsupported",
    "lineage.operator_asserted",
    "governance.unauthorised",
    "lineage.depth",
    "lineage.recovery",
    "time.lower_open",
}
MAX_LINEAGE = 32


def commitment(name, salt):
    return hashlib.sha256(b"placet-name/0" + salt + name.encode()).hexdigest()


def hexed(thumbprint):
    return thumbprint.hex() if isinstance(thumbprint, bytes) else thumbprint


class Problem(Exception):
    """A check does not pass: failed, or indeterminate."""

    def __init__(self, code, failed=None):
        super().__init__(code)
        self.code = code
        self.failed = code not in UNDECIDED if failed is None else failed


class Enrolment:
    def __init__(self, statement):
        document = statement.document
        self.statement, self.index, self.document = statement, statement.index, document
        self.credential, self.person = document["credential"], document["person"]
        self.public_key = text.b64u_decode(document["public_key"])
        try:
            self.thumbprint = keys.Key(self.public_key).thumbprint
        except (Refused, Unsupported):
            self.thumbprint = self.public_key
        self.backup_eligible, self.rp_id = document["backup_eligible"], document["rp_id"]

    def named(self, name, salt):
        return commitment(name, salt) == self.document["name_commitment"]


class Governance:
    """`entries`: those that passed steps 9 and 10; `leaves`: leaf hashes of all."""

    def __init__(self, entries, leaves, trust, t1_after):
        self.entries, self.leaves, self.trust, self.t1_after = entries, leaves, trust, t1_after
        thumbprints = set()
        self.depths = {}  # credential: enrolments up to its root, of those that stand
        self.overtaken = set()  # indexes of `role` that only take away (R-9.3-3)
        self.roster = {}  # credential: its first enrolment
        for entry in entries:
            if entry.is_a("enrolment") and entry.document["credential"] not in self.roster:
                own = Enrolment(entry)
                if own.thumbprint not in thumbprints:  # R-6.5-1
                    thumbprints.add(own.thumbprint)
                    self.roster[own.credential] = own
        self._roots = {}
        self.problems = {}  # index: None, or the problem because of which it does not stand
        for entry in entries:  # ascending; each rests on entries before it only
            if entry.is_a("enrolment", "role", "revocation", "policy"):
                self.problems[entry.index] = self._judge(entry)

    def root(self, size):
        if size > len(self.leaves):
            return None
        if size not in self._roots:
            self._roots[size] = merkle.root_of(self.leaves[:size]).hex()
        return self._roots[size]

    def after_problem(self, entry):
        """R-9.2-5."""
        gov = entry.after["gov"]
        if entry.index < gov["size"] or self.root(gov["size"]) != gov["root"]:
            return Problem("order.governance")
        return None

    def stands(self, entry):
        return entry.index in self.problems and self.problems[entry.index] is None

    def is_root(self, enrolment):
        return enrolment.public_key in self.trust.roots

    def _judge(self, entry):
        try:
            if entry.after and (problem := self.after_problem(entry)):
                raise problem
            getattr(self, "_" + entry.kind)(entry)
        except Problem as problem:
            return problem
        return None

    def _enrolment(self, entry):
        own, document = Enrolment(entry), entry.document
        if document["class"] == "software" and not self.trust.allow_dev:
            raise Problem("trust.dev_log")
        self._lineage_assertion(entry, "placet-enrol-possess-v1", own, own.credential)
        if "recovery" in document:
            self._recovered(entry, own)
        if self.is_root(own):
            self.depths[own.credential] = 1
            return
        if "recovery" in document:
            raise Problem("lineage.recovery")
        if "authoriser" not in document:
            raise Problem("lineage.operator_asserted")
        signer = document["authoriser"]
        each = None
        if signer["person"] == own.person:
            each, first = document["roles"], self.roster.get(signer["credential"])
            if first is not None and first.index < entry.index:
                if first.document["name_commitment"] != document["name_commitment"]:
                    raise Problem("lineage.name")  # R-9.3-11
        self._signed(entry, signer, "placet-enrol-authorise-v1", each=each)  # R-9.3-6
        above = self.depths.get(document["authoriser"]["credential"], 0)
        if above >= MAX_LINEAGE:
            raise Problem("lineage.depth")
        self.depths[own.credential] = above + 1

    def _recovered(self, entry, own):
        """R-9.3-7 to R-9.3-9, of roots too."""
        at, size = entry.document["recovery"]["index"], entry.after["gov"]["size"]
        found = [one for one in self.entries if one.index == at and one.is_a("recovery")]
        if not found or at >= size or self.after_problem(found[0]):
            raise Problem("recovery.mismatch")
        said = found[0].document
        same = all(said[n] == entry.document[n] for n in ("person", "credential", "roles"))
        if not same or said["key"] != hexed(own.thumbprint):
            raise Problem("recovery.mismatch")
        self._lineage_assertion(found[0], "placet-recover-v1", own, own.credential)
        objections = [
            one
            for one in self.entries
            if one.is_a("revocation")
            and one.index < entry.index
            and one.document["key"] == hexed(own.thumbprint)
        ]
        if any(map(self.stands, objections)):
            raise Problem("recovery.objected")
        if any(map(self.open, objections)):
            raise Problem("governance.unauthorised")  # R-9.3-12
        t1 = self.t1_after(entry.after)
        if t1 is None:
            raise Problem("time.lower_open")
        if t1 < text.parse_time(said["effective_from"]):
            raise Problem("recovery.early")

    def _role(self, entry):
        self._signed(entry, entry.document["signer"], "placet-role-v1")
        if self._changed(entry.document["person"], entry.after["gov"]["size"], entry.index):
            self.overtaken.add(entry.index)

    def _changed(self, person, low, high):
        """Whether a standing enrolment or role of the person has an index from low to high."""
        return any(
            low <= one.index < high and one.document["person"] == person and self.counts(one)
            for one in self.entries
            if one.is_a("enrolment", "role")
        )

    def counts(self, entry):
        """It stands, and is not a second enrolment, which is ignored."""
        if entry.is_a("enrolment"):
            first = self.roster.get(entry.document["credential"])
            if first is None or first.index != entry.index:
                return False
        return self.stands(entry)

    def _policy(self, entry):
        if "signer" in entry.document:
            size = entry.after["gov"]["size"]
            if any(
                one.is_a("policy") and size <= one.index < entry.index and self.stands(one)
                for one in self.entries
            ):
                raise Problem("order.index")
            self._signed(entry, entry.document["signer"], "placet-policy-v1")
        elif entry.index != 2:
            raise Problem("governance.unauthorised")

    def _revocation(self, entry):
        signer, size = entry.document["signer"], entry.after["gov"]["size"]
        named = self.roster.get(entry.document["credential"])
        if named is not None and named.index >= entry.index:
            named = None
        announced = named is None and any(
            one.is_a("recovery")
            and one.index < size
            and not self.after_problem(one)
            and all(one.document[n] == entry.document[n] for n in ("credential", "key"))
            for one in self.entries
        )
        if not announced and (named is None or hexed(named.thumbprint) != entry.document["key"]):
            raise Problem("revocation.key")  # R-9.3-10
        try:
            self._signed(entry, signer, "placet-revoke-v1", objects=announced)
        except Problem:
            mine = self.roster.get(signer["credential"])
            revoked = named
            if not (
                mine
                and revoked
                and mine.person == revoked.person == signer["person"]
                and mine.index < size
                and (
                    self.problems.get(mine.index, True) is None
                    or signer["credential"] == entry.document["credential"]
                )
            ):
                raise
            self._lineage_assertion(entry, "placet-revoke-v1", mine, signer["credential"])

    def _signed(self, entry, signer, namespace, each=None, objects=False):
        """An administrator signed it (9.3), or who has `each` of these roles, or who objects."""
        size = entry.after["gov"]["size"]
        enrolment = self.authorised(signer["credential"], size, None)
        if enrolment.person != signer["person"]:
            raise Problem("lineage.person")
        if not self.is_root(enrolment):
            for at in (size, entry.index):
                self._may(enrolment, at, each, objects)
        for other in self.entries:
            if (
                other.is_a("revocation")
                and other.index < entry.index
                and other.document["credential"] == signer["credential"]
            ):
                if self.stands(other):
                    raise Problem("lineage.revoked")
                if self.open(other):
                    raise Problem("governance.unauthorised")  # R-9.3-12
        self._lineage_assertion(entry, namespace, enrolment, signer["credential"])

    def _may(self, enrolment, at, each, objects):
        def holds(role):
            if role not in self.roles(enrolment, at):
                return Problem("lineage.role")
            return None if self.settled(enrolment, at, {role}) else Problem("governance.unauthorised")

        problem = holds("administrator")
        if problem and objects and holds("approver") is None:
            return
        if problem and each is not None:
            problem = next(filter(None, map(holds, each)), None)
        if problem:
            raise problem

    def _lineage_assertion(self, entry, namespace, enrolment, credential):
        try:
            self.assertion(entry, namespace, enrolment, credential)
        except Problem as problem:
            raise Problem("lineage.assertion") if problem.failed else problem from None

    def assertion(self, statement, namespace, enrolment, credential):
        """9.1 in whole; `credential` is the one that the document names."""
        document, assertion = statement.document, statement.assertions[namespace]
        if enrolment is None:
            raise Problem("lineage.unknown_credential")
        if document.get("rp_id", enrolment.rp_id) != enrolment.rp_id:
            raise Problem("assertion.binding")
        if text.b64u(assertion["credential"]) != credential:
            raise Problem("assertion.binding")
        if enrolment.rp_id not in self.trust.rp_ids:
            raise Problem("assertion.rp_id")
        try:
            webauthn.check(
                assertion, namespace, statement.document_raw, enrolment.public_key,
                enrolment.rp_id, enrolment.backup_eligible, self.trust.origins,
            )  # fmt: skip
        except Refused as refused:
            raise Problem(refused.code) from None

    def authorised(self, credential, size, role):
        enrolment = self.roster.get(credential)
        if enrolment is None:
            raise Problem("lineage.unknown_credential")
        if enrolment.index >= size:
            raise Problem("order.enrolled_late")
        problem = self.problems.get(enrolment.index)
        if problem:
            raise problem
        if role and not self.is_root(enrolment):
            if role not in self.roles(enrolment, size):
                raise Problem("lineage.role")
            if not self.settled(enrolment, size, {role}):
                raise Problem("governance.unauthorised")
        return enrolment

    def open(self, entry):
        """Whether it stands is undecided."""
        problem = self.problems.get(entry.index)
        return problem is not None and not problem.failed

    def settled(self, enrolment, size, held):
        """R-9.3-12: no change of which it is undecided whether it counts takes one of these away."""
        low = enrolment.document["after"]["gov"]["size"]
        changes = [
            entry
            for entry in self.entries
            if entry.is_a("role")
            and low <= entry.index < size
            and entry.document["person"] == enrolment.person
        ]
        for change in changes:
            if not self.open(change) or not held - set(change.document["roles"]):
                continue
            if not any(
                change.index < later.after["gov"]["size"]
                and later.index > max(enrolment.index, change.index)
                and self.stands(later)
                and later.index not in self.overtaken
                for later in changes
            ):
                return False
        return True

    def counts_by(self, quorum, enrolment, size):
        """9.5: the roles by which an approval counts, if it counts by roles."""
        wanted = set(quorum.get("roles", ()))
        if enrolment is None or enrolment.index >= size:
            return set()
        if not wanted or enrolment.person in quorum.get("people", ()):
            return set()
        held, implied = self.roles(enrolment, size), set()
        if self.is_root(enrolment):
            implied = {"administrator", "approver"}
        if not self.settled(enrolment, size, (wanted & held) - implied):
            raise Problem("governance.unauthorised")
        return wanted & (held | implied)

    def counts_for(self, quorum, approver, size):
        """9.7, rule 4."""
        people, wanted = quorum.get("people", ()), set(quorum.get("roles", ()))
        if not people and not wanted:
            return True
        enrolment = self.roster.get(approver["credential"])
        if enrolment is None:
            return False
        held = set()
        if enrolment.index < size:
            held = self.roles(enrolment, size)
            if self.is_root(enrolment):
                held |= {"administrator", "approver"}
        return enrolment.person in people or bool(wanted & held)

    def order(self, entry):
        """9.8: whether an erasure is an order; what it stands for is for the caller."""
        size, signer = entry.after["gov"]["size"], entry.document["signer"]
        if self.root(size) != entry.after["gov"]["root"]:
            return False
        try:
            enrolment = self.authorised(signer["credential"], size, "administrator")
            self.assertion(entry, "placet-erase-v1", enrolment, signer["credential"])
        except Problem:
            return False
        revoked = any(
            one.is_a("revocation")
            and one.index < size
            and one.document["credential"] == signer["credential"]
            and self.stands(one)
            for one in self.entries
        )
        same = enrolment.person == signer["person"]
        return same and not revoked and entry.after["main"]["size"] <= entry.index

    def role_entries(self, enrolment, size):
        return [
            entry
            for entry in self.entries
            if entry.is_a("role")
            and enrolment.index < entry.index < size
            and entry.document["person"] == enrolment.person
            and self.stands(entry)
        ]

    def early_roles(self, enrolment):
        """Standing roles of the person that the authoriser of the enrolment could not know."""
        low = enrolment.document["after"]["gov"]["size"]
        return [
            entry
            for entry in self.entries
            if entry.is_a("role")
            and low <= entry.index < enrolment.index
            and entry.document["person"] == enrolment.person
            and self.stands(entry)
        ]

    def roles(self, enrolment, size):
        found = set(enrolment.document["roles"])
        for entry in self.early_roles(enrolment):
            found &= set(entry.document["roles"])
        for entry in self.role_entries(enrolment, size):
            said = set(entry.document["roles"])
            found = found & said if entry.index in self.overtaken else said
        return found

    def vouchers(self, credential, size, role):
        """(credential, index of the entry that it signed), of all on whose word it rests."""
        found, todo = set(), [(credential, size, role)]
        seen = set()
        while todo:
            one = todo.pop()
            enrolment = self.roster.get(one[0])
            if one in seen or enrolment is None or self.is_root(enrolment):
                continue
            seen.add(one)
            named = []
            if "authoriser" in enrolment.document:
                named.append((enrolment.document["authoriser"], enrolment.statement))
            given = [
                entry
                for entry in self.role_entries(enrolment, one[1])
                if entry.index not in self.overtaken
            ]
            if given and one[2] in given[-1].document["roles"]:
                named.append((given[-1].document["signer"], given[-1]))
            for signer, entry in named:
                found.add((signer["credential"], entry.index))
                size = entry.after["gov"]["size"]
                todo.append((signer["credential"], size, "administrator"))
                if signer["person"] == enrolment.person:  # a person's first key
                    todo.append((signer["credential"], size, one[2]))
            if len(found) > MAX_LINEAGE:
                raise Problem("lineage.depth")
        return sorted(found)

    def opens(self, person, name, salt):
        return any(
            entry.is_a("enrolment")
            and entry.document["person"] == person
            and entry.document["name_commitment"] == commitment(name, salt)
            for entry in self.entries
        )
