"""The governance log: roster, lineage, roles, policies (SPEC 6.5, 9.1 to 9.3)."""

import hashlib

from . import Refused, merkle, text, webauthn

UNDECIDED = {
    "alg.unsupported",
    "lineage.operator_asserted",
    "governance.unauthorised",
}


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
        self.backup_eligible, self.rp_id = document["backup_eligible"], document["rp_id"]


class Governance:
    """`entries`: those that passed steps 9 and 10; `leaves`: leaf hashes of all."""

    def __init__(self, entries, leaves, trust):
        self.entries, self.leaves, self.trust = entries, leaves, trust
        self.roster = {}  # credential: its first enrolment
        for entry in entries:
            if entry.is_a("enrolment"):
                self.roster.setdefault(entry.document["credential"], Enrolment(entry))
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
        if self.is_root(own):
            return
        if "authoriser" not in document:
            raise Problem("lineage.operator_asserted")
        self._signed(entry, document["authoriser"], "placet-enrol-authorise-v1")

    def _role(self, entry):
        self._signed(entry, entry.document["signer"], "placet-role-v1")

    def _policy(self, entry):
        if "signer" in entry.document:
            self._signed(entry, entry.document["signer"], "placet-policy-v1")
        elif entry.index != 2:
            raise Problem("governance.unauthorised")

    def _revocation(self, entry):
        signer, size = entry.document["signer"], entry.after["gov"]["size"]
        try:
            self._signed(entry, signer, "placet-revoke-v1")
        except Problem:
            mine = self.roster.get(signer["credential"])
            revoked = self.roster.get(entry.document["credential"])
            if not (
                mine
                and revoked
                and mine.person == revoked.person == signer["person"]
                and mine.index < size
                and self.problems.get(mine.index, True) is None
            ):
                raise
            self._lineage_assertion(entry, "placet-revoke-v1", mine, signer["credential"])

    def _signed(self, entry, signer, namespace):
        """An administrator signed it (9.3)."""
        size = entry.after["gov"]["size"]
        enrolment = self.authorised(signer["credential"], size, "administrator")
        if enrolment.person != signer["person"]:
            raise Problem("lineage.person")
        for other in self.entries:
            if (
                other.is_a("revocation")
                and other.index < size
                and other.document["credential"] == signer["credential"]
                and self.stands(other)
            ):
                raise Problem("lineage.revoked")
        self._lineage_assertion(entry, namespace, enrolment, signer["credential"])

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
        if not self.is_root(enrolment) and role not in self.roles(enrolment, size):
            raise Problem("lineage.role")
        return enrolment

    def roles(self, enrolment, size):
        found = enrolment.document["roles"]
        for entry in self.entries:
            if (
                entry.is_a("role")
                and enrolment.index < entry.index < size
                and entry.document["person"] == enrolment.person
                and self.stands(entry)
            ):
                found = entry.document["roles"]
        return found

    def lineage(self, enrolment):
        """(enrolment authorised, credential that authorised it), upwards to a root."""
        while not self.is_root(enrolment) and "authoriser" in enrolment.document:
            above = enrolment.document["authoriser"]["credential"]
            yield enrolment, above
            higher = self.roster.get(above)
            if higher is None or higher.index >= enrolment.index:
                return
            enrolment = higher

    def opens(self, person, name, salt):
        commitment = hashlib.sha256(b"placet-name/0" + salt + name.encode()).hexdigest()
        return any(
            entry.is_a("enrolment")
            and entry.document["person"] == person
            and entry.document["name_commitment"] == commitment
            for entry in self.entries
        )
