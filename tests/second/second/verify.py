"""The steps of SPEC 9. `verify` returns (verdict, code, checks)."""

import re

from . import Refused, attestation, documents, keys, merkle, sjson, text
from .bundles import Bundle
from .governance import Governance, Problem, hexed
from .trust import Trust

WHOLE = (
    "bundle.parse", "trust.valid", "log.genesis", "trust.dev_log", "log.checkpoint", "log.root",
    "log.consistency", "log.inclusion", "statement.signature", "issuer.kind", "opening.commitment",
    "witness.independent",
)  # fmt: skip
EACH = (
    "body.present", "answer.present", "witness.quorum", "assertion", "order.after", "lineage.root",
    "policy.in_force", "time.interval", "roster.current", "credential.attestation", "quorum.met",
    "execution.bound", "outcome.bound", "not_after", "consumption.unique", "action.match", "passkey.match",
    "time.between", "answer.expected",
)  # fmt: skip
OPTIONAL = {"witness.independent", "consumption.unique", "action.match", "passkey.match",
            "time.between", "credential.attestation"}  # fmt: skip
ON_EXECUTION = {"execution.bound", "outcome.bound", "not_after"}


class NotChecked(Exception):
    def __init__(self, code=None):
        super().__init__(code)
        self.code = code


def undecided(code):
    return Problem(code, failed=False)


class Worst:
    """Several problems of one check: the first, but a failed one outweighs."""

    def __init__(self):
        self.first = None

    def note(self, problem):
        if self.first is None or (problem.failed and not self.first.failed):
            self.first = problem

    def run(self, function, *args):
        try:
            return function(*args)
        except Problem as problem:
            self.note(problem)
            return None

    def close(self):
        if self.first:
            raise self.first


class Demands:
    def __init__(self, action=None, passkey=None, between=None, denial=False):
        self.action, self.passkey, self.between, self.denial = action, passkey, between, denial


def verify(bundle_raw, trust_raw, as_of, demands=None):
    demands = demands or Demands()
    try:
        bundle = Bundle(bundle_raw)
        trust = Trust(trust_raw)
        if demands.action is not None:
            action = sjson.loads(demands.action)
            demands.digest = documents.action_digest(documents.read_action(action))
    except Refused as refused:
        return "malformed", refused.code, {}
    run = Verifier(bundle, trust, as_of, demands)
    run.all()
    return run.verdict()


class Verifier:
    def __init__(self, bundle, trust, as_of, demands):
        self.bundle, self.trust, self.as_of, self.demands = bundle, trust, as_of, demands
        self.results = {}  # (request or "", id): (state, code)
        self.good = {"main": [], "gov": []}

    # -- frame -----------------------------------------------------------------------------

    def check(self, name, function, *args, request=""):
        try:
            function(*args)
            result = ("passed", None)
        except NotChecked as skipped:
            result = ("not checked", skipped.code)
        except Problem as problem:
            result = ("failed" if problem.failed else "indeterminate", problem.code)
        self.results[request, name] = result
        return result[0] == "passed"

    def all(self):
        self.results["", "bundle.parse"] = ("passed", None)
        if not self.check("trust.valid", self.trust_valid):
            return
        if not self.check("log.genesis", self.genesis):
            return
        self.check("trust.dev_log", self.dev_log)
        notes_good = self.check("log.checkpoint", self.checkpoints)
        if notes_good:
            self.check("log.root", self.roots)
            self.check("log.consistency", self.consistency)
            self.check("log.inclusion", self.inclusion)
        self.check("statement.signature", self.signatures)
        self.check("issuer.kind", self.issuers)
        if not notes_good:
            return
        leaves = [merkle.leaf_hash(entry.entry) for entry in self.bundle.entries]
        self.gov = Governance(self.good["gov"], leaves, self.trust, self.t1_after)
        self.check("opening.commitment", self.openings)
        self.check("witness.independent", self.independent)
        for request in self.bundle.requests:
            Request(self, request).all()

    def verdict(self):
        order = [("", name) for name in WHOLE]
        order += [(request, name) for request in self.bundle.requests for name in EACH]
        rows = [(key, *self.results.get(key, ("not checked", None))) for key in order]
        for _, state, code in rows:
            if code == "log.equivocation":
                return "log_misbehaved", code, self.results
        for _, state, code in rows:
            if state == "failed":
                return "failed", code, self.results
        for key, state, code in rows:
            if state != "passed" and self.required(*key):
                return "indeterminate", code, self.results
        return "passed", None, self.results

    def required(self, request, name):
        if name in self.trust.require:
            return True
        if name in OPTIONAL:
            demands = self.demands
            return {
                "action.match": demands.action,
                "passkey.match": demands.passkey,
                "time.between": demands.between,
            }.get(name) is not None
        if name in ON_EXECUTION:
            kinds = ("execution", "outcome") if name == "execution.bound" else ("execution",)
            return any(one.is_a(*kinds) for one in self.of_request(request))
        if name in ("witness.quorum", "time.interval"):
            return not self.quorum_none
        if name == "quorum.met":
            answers = [one for one in self.of_request(request) if one.is_a("approval", "denial")]
            return bool(answers) and not any(one.is_a("denial") for one in answers)
        return True

    def of_request(self, request):
        return [one for one in self.good["main"] if one.sub == "urn:uuid:" + request]

    @property
    def quorum_none(self):
        return any(log and log.policy.none for log in (self.main_log, self.gov_log))

    # -- steps 2 to 12 ---------------------------------------------------------------------

    def both_logs(self):
        return (self.main_log, self.bundle.main_notes), (self.gov_log, self.bundle.gov_notes)

    def trust_valid(self):
        self.main_log = self.trust.log("main", self.bundle.main_origin)
        self.gov_log = self.trust.log("gov", self.bundle.gov_origin)
        if any(name not in WHOLE + EACH for name in self.trust.require):
            raise undecided("trust.require_unknown")
        if self.trust.expires is not None and self.trust.expires <= self.as_of:
            raise undecided("trust.expired")
        if not self.main_log or not self.gov_log:
            raise undecided("trust.log_unknown")

    def genesis(self):
        both = (self.bundle.statements[0], self.main_log), (self.bundle.entries[0], self.gov_log)
        documents_ = []
        for statement, log in both:
            if statement.entry.hex() != log.genesis or not statement.is_a("genesis"):
                raise Problem("log.genesis")
            documents_.append(statement.document)
        main, gov = documents_
        good = (
            (main["role"], gov["role"]) == ("main", "gov")
            and main["origin"] == gov["peer"] == self.main_log.origin
            and gov["origin"] == main["peer"] == self.gov_log.origin
            and all(main[n] == gov[n] for n in ("dev", "rp_id", "issuers", "policy_manifest"))
        )
        first = [entry.kind for entry in self.bundle.entries[1:3]]
        if not good or first != ["key", "policy"][: len(first)]:
            raise Problem("log.genesis")
        self.genesis_document = main

    def dev_log(self):
        if self.genesis_document["dev"] and not self.trust.allow_dev:
            raise Problem("trust.dev_log")

    def checkpoints(self):
        # Equivocation outweighs whatever else is wrong with notes, windows of keys included.
        for log, notes in self.both_logs():
            roots = {}
            for note in filter(lambda one: self.signed_by_log(log, one), notes):
                if roots.setdefault(note.size, note.root) != note.root:
                    raise Problem("log.equivocation")
        for log, notes in self.both_logs():
            for note in notes:
                self.checkpoint(log, note)

    @staticmethod
    def signed_by_log(log, note):
        return note.origin == log.origin and any(
            note.signature_ok(one.key.public, blob)
            for one in log.of("checkpoint")
            for blob in note.key_lines(note.origin, one.key.public)
        )

    def checkpoint(self, log, note):
        if note.origin != log.origin or note.size < 2:
            raise Problem("log.checkpoint")
        known = []
        for one in log.of("checkpoint"):
            for blob in note.key_lines(note.origin, one.key.public):
                if not note.signature_ok(one.key.public, blob):
                    raise Problem("log.checkpoint")
                known.append(one)
        if not known:
            raise Problem("log.checkpoint")
        if not any(one.valid(note.size) for one in known):
            raise Problem("key.window")
        note.stamps = {}
        for name, witness in log.policy.witnesses.items():
            stamp = note.stamp(witness)
            if stamp is False:
                raise Problem("log.checkpoint")
            own = name in log.own and "witness.independent" in self.trust.require
            if stamp and not own:  # 0 counts for nothing (R-9.4-1, R-9.4-5)
                note.stamps[name] = stamp

    def roots(self):
        leaves = [merkle.leaf_hash(entry.entry) for entry in self.bundle.entries]
        for note in self.bundle.gov_notes:
            if merkle.root_of(leaves[: note.size]) != note.root:
                raise Problem("log.root")

    def consistency(self):
        root = {note.size: note.root for note in self.bundle.main_notes}
        for low, high, path in self.bundle.consistency:
            if not merkle.consistency(low, high, root[low], root[high], path):
                raise Problem("log.consistency")

    def inclusion(self):
        root = {note.size: note.root for note in self.bundle.main_notes}
        worst = Worst()
        for statement in self.bundle.statements:
            for receipt in statement.receipts:
                worst.run(self.receipt, statement, receipt, root[receipt.tree_size])
        worst.close()

    def receipt(self, statement, receipt, root):
        origin = self.main_log.origin
        if (
            receipt.claimed_size != receipt.tree_size
            or receipt.iss != origin
            or receipt.claimed_origin != origin
            or receipt.leaf_index != statement.index
            or receipt.sub != statement.sub
        ):
            raise Problem("log.receipt_claims")
        leaf = merkle.leaf_hash(statement.entry)
        if not merkle.inclusion(statement.index, receipt.tree_size, leaf, receipt.path, root):
            raise Problem("log.inclusion")
        if receipt.alg not in (keys.EDDSA, keys.ES256):
            raise undecided("alg.unsupported")
        found = [k for k in self.main_log.of("receipt") if k.key.thumbprint == receipt.kid]
        if not found:
            raise Problem("log.inclusion")
        if not found[0].valid(receipt.tree_size):
            raise Problem("key.window")
        if found[0].key.alg != receipt.alg:
            raise undecided("alg.unsupported")
        if not found[0].key.verify_cose(receipt.sign1.signed(root), receipt.sign1.signature):
            raise Problem("log.inclusion")

    def everything(self):
        """Governance before main (9)."""
        for statement in self.bundle.entries:
            yield self.gov_log, statement
        for statement in self.bundle.statements:
            if statement not in self.bundle.erased:
                yield self.main_log, statement

    def signatures(self):
        worst, self.signed = Worst(), []
        for log, statement in self.everything():
            worst.run(self.signature, log, statement)
        worst.close()

    def signature(self, log, statement):
        issuer = log.issuer(statement.kid)
        if issuer is None:
            raise undecided("issuer.external")
        if not issuer.valid(statement.index):
            raise Problem("key.window")
        if issuer.key.alg != statement.alg:
            raise undecided("alg.unsupported")
        if not issuer.key.verify_cose(statement.signed, statement.signature):
            raise Problem("issuer.signature")
        self.signed.append((log, statement, issuer))
        if statement.problem:
            raise undecided(statement.problem)

    def issuers(self):
        worst = Worst()
        self.issuer_keys = {}
        for one in self.genesis_document["issuers"]:
            self.issuer_keys.setdefault(one["kid"], one)
        for log, statement, issuer in self.signed:
            worst.run(self.issuer_kind, log, statement, issuer)
        worst.close()

    def issuer_kind(self, log, statement, issuer):
        if statement.problem:
            return
        kind, stated = statement.kind, statement.document.get("audience")
        if log.role not in documents.KINDS[kind]:
            raise Problem("kind.wrong_log")
        said = self.issuer_keys.get(statement.kid.hex())
        if said is None or kind not in issuer.kinds or kind not in said.get("kinds", ()):
            raise Problem("issuer.kind")
        for audience in (issuer.audience, said.get("audience")):
            if audience is not None and audience != stated:
                raise Problem("issuer.kind")
        if log.role == "gov" and kind == "key":
            for one in statement.document["keys"]:
                if one["purpose"] == "issuer":
                    self.issuer_keys.setdefault(one["kid"], one)
        self.good[log.role].append(statement)

    def openings(self):
        for opening in self.bundle.openings:
            if not self.gov.opens(*opening):
                raise Problem("opening.mismatch")

    def independent(self):
        if self.quorum_none:
            raise NotChecked("witness.none_independent")
        for log, notes in self.both_logs():
            if not any(log.policy.satisfied(set(note.stamps)) for note in notes):
                raise NotChecked("witness.none_independent")
            for note in notes:
                others = set(note.stamps) - log.own
                if log.policy.satisfied(set(note.stamps)) and not log.policy.satisfied(others):
                    raise NotChecked("witness.none_independent")

    # -- times -----------------------------------------------------------------------------

    @staticmethod
    def t1_note(log, note):
        for stamp in sorted(set(note.stamps.values()), reverse=True):
            if log.policy.satisfied({n for n, t in note.stamps.items() if t >= stamp}):
                return stamp
        return None

    @staticmethod
    def t2(log, notes, index):
        found = []
        for note in notes:
            if note.size > index:
                for stamp in sorted(set(note.stamps.values())):
                    if log.policy.satisfied({n for n, t in note.stamps.items() if t <= stamp}):
                        found.append(stamp + 1)
                        break
        return min(found, default=None)

    def named(self, log, ref):
        """The note that an `after` names, if it is in the bundle and as the document says."""
        for note in self.bundle.main_notes if log == "main" else self.bundle.gov_notes:
            if note.sha256.hex() == ref["note_sha256"]:
                same = (note.origin, note.size, note.root.hex()) == (
                    ref["origin"], ref["size"], ref["root"])  # fmt: skip
                return note if same else None
        return None

    def t1_after(self, after):
        times = []
        for name, log in (("main", self.main_log), ("gov", self.gov_log)):
            note = self.named(name, after[name])
            times.append(self.t1_note(log, note) if note else None)
        return None if None in times else max(times)


class Request:
    """The checks of one request."""

    def __init__(self, whole, request):
        self.whole, self.gov, self.bundle, self.request = whole, whole.gov, whole.bundle, request
        mine = whole.of_request(request)
        self.given = [one for one in mine if one.is_a("approval", "denial")]
        # A denial ends its request: approvals before it are no part of the evidence.
        denials = [one for one in self.given if one.is_a("denial")]
        self.answers = denials or self.given
        self.approvals = [one for one in self.answers if one.is_a("approval")]
        self.executions = [one for one in mine if one.is_a("execution")]
        self.outcomes = [one for one in mine if one.is_a("outcome")]
        self.decisions = [
            one for one in mine
            if one.is_a("decision") and one.document["decision"] == "requestable"
        ]  # fmt: skip
        self.erased = [one for one in whole.bundle.erased if one.sub == "urn:uuid:" + request]

    def body_present(self):
        """9.8."""
        for gone in self.erased:
            orders = (
                order
                for order in self.whole.good["main"]
                if order.is_a("erasure")
                and gone.index < order.after["main"]["size"]
                and {"index": gone.index, "entry": gone.entry.hex()} in order.document["targets"]
                and self.gov.order(order)
            )
            if next(orders, None) is None:
                raise Problem("body.missing")
        if self.erased:
            raise undecided("body.erased")

    def _missed(self, code):
        return undecided("body.erased") if self.erased else Problem(code)

    def _enough(self, approvals):
        """9.7, rule 4."""
        quorum = self.approvals[0].document["quorum"]
        persons, counted = set(), set()
        for one in approvals:
            approver = one.document["approver"]
            persons.add(approver["person"])
            if self.gov.counts_for(quorum, approver, one.after["gov"]["size"]):
                counted.add(approver["person"])
        if len(counted) < quorum["required"]:
            enough = len(persons) >= quorum["required"]
            raise self._missed("quorum.eligible" if enough else "quorum.unmet")

    def all(self):
        for name in EACH:
            step = getattr(self, name.replace(".", "_"))
            self.whole.check(name, step, request=self.request)

    def each_answer(self, function):
        if not self.answers:
            raise NotChecked("answer.absent")
        worst = Worst()
        for answer in self.answers:
            worst.run(function, answer)
        worst.close()

    def answer_present(self):
        if not self.answers:
            raise undecided("answer.absent")
        mine = self.whole.of_request(self.request)
        ends = [one.index for one in mine if one.is_a("denial", "expiry", "cancel")]
        goes_on = [one.index for one in mine if one.is_a("approval", "denial", "execution")]
        if ends and any(index > min(ends) for index in goes_on):
            raise Problem("answer.conflict")
        spent = [one.index for one in mine if one.is_a("execution")]
        denied = [one.index for one in self.given if one.is_a("denial")]
        if spent and any(index > min(spent) for index in denied):
            raise Problem("answer.conflict")
        persons = [one.document["approver"]["person"] for one in self.given]
        if len(set(persons)) < len(persons):
            raise Problem("answer.conflict")

    def answer_expected(self):
        if not self.answers:
            raise NotChecked("answer.absent")
        denials = len(self.approvals) < len(self.answers)
        if self.whole.demands.denial:
            if not denials:
                raise Problem("answer.approved")
        elif not self.approvals:
            raise Problem("answer.denied")

    def witness_quorum(self):
        whole = self.whole
        if whole.quorum_none:
            raise NotChecked("time.not_checked")
        main, gov = whole.main_log.policy, whole.gov_log.policy
        for answer in self.answers:
            later = [note for note in self.bundle.main_notes if note.size > answer.index]
            if not any(main.satisfied(set(note.stamps)) for note in later):
                raise undecided("time.upper_open")
        for policy, name in ((main, "main"), (gov, "gov")):
            for note in self.bundle.carrying[name]:
                if not policy.satisfied(set(note.stamps)):
                    raise undecided("witness.quorum")

    def assertion(self):
        self.each_answer(self._assertion)

    def _assertion(self, answer):
        namespace = "placet-approve-v1" if answer.is_a("approval") else "placet-deny-v1"
        credential = answer.document["approver"]["credential"]
        self.gov.assertion(answer, namespace, self.gov.roster.get(credential), credential)

    def order_after(self):
        self.each_answer(self._order_answer)

    def _notes_named(self, statement):
        for name in ("main", "gov"):
            if self.whole.named(name, statement.after[name]) is None:
                raise Problem("order.after")

    def _order_answer(self, answer):
        self._notes_named(answer)
        if answer.index < answer.after["main"]["size"]:
            raise Problem("order.index")
        enrolment = self.gov.roster.get(answer.document["approver"]["credential"])
        if enrolment and enrolment.index >= answer.after["gov"]["size"]:
            raise Problem("order.enrolled_late")
        for entry in self.gov.entries:
            if entry.after and (problem := self.gov.after_problem(entry)):
                raise problem

    def lineage_root(self):
        self.each_answer(self._lineage)

    def _lineage(self, answer):
        approver = answer.document["approver"]
        size = answer.after["gov"]["size"]
        enrolment = self.gov.authorised(approver["credential"], size, "approver")
        if enrolment.person != approver["person"]:
            raise Problem("lineage.person")

    def policy_in_force(self):
        self.each_answer(self._policy)

    def _policy(self, answer):
        policies = [one for one in self.gov.entries if one.is_a("policy")]
        before = [one for one in policies if one.index < answer.after["gov"]["size"]]
        named = answer.document["policy"]
        if not before or (before[-1].index, before[-1].document["manifest_sha256"]) != (
            named["index"], named["manifest"]):  # fmt: skip
            raise Problem("policy.not_in_force")
        first = [one for one in policies if one.index == 2]
        wanted = self.whole.genesis_document["policy_manifest"]
        if not first or first[0].document["manifest_sha256"] != wanted:
            raise Problem("policy.not_in_force")
        if not self.gov.stands(before[-1]):
            raise undecided("governance.unauthorised")

    def interval(self, answer):
        """[T1, T2) of an answer."""
        whole = self.whole
        if whole.quorum_none:
            raise NotChecked("time.not_checked")
        t1 = whole.t1_after(answer.after)
        if t1 is None:
            raise undecided("time.lower_open")
        t2 = whole.t2(whole.main_log, self.bundle.main_notes, answer.index)
        if t2 is None:
            raise undecided("time.upper_open")
        if t1 >= t2:
            raise undecided("time.clock_skew")
        return t1, t2

    def time_interval(self):
        self.each_answer(self.interval)

    def credential_attestation(self):
        self.each_answer(self._attestation)

    def _attestation(self, answer):
        whole = self.whole
        enrolment = self.gov.roster.get(answer.document["approver"]["credential"])
        if enrolment is None:
            raise Problem("lineage.unknown_credential")
        upper = whole.t2(whole.gov_log, self.bundle.gov_notes, enrolment.index)
        trust = whole.trust
        try:
            attestation.check(enrolment, trust.attestation_roots, trust.origins, upper)
        except attestation.Nothing as nothing:
            raise NotChecked(*nothing.args) from None

    def roster_current(self):
        if self.whole.quorum_none:
            raise undecided("time.not_checked")
        self.each_answer(self._current)

    def _current(self, answer):
        whole, gov = self.whole, self.gov
        t1, t2 = self.interval(answer)
        size = answer.after["gov"]["size"]
        candidates = []
        for note in self.bundle.gov_notes:
            stamp = whole.t1_note(whole.gov_log, note)
            if stamp is not None and stamp >= t2 and note.size >= size:
                candidates.append((note.size, stamp))
        if not candidates:
            raise undecided("time.upper_open")
        end = min(candidates)[0]
        credential = answer.document["approver"]["credential"]
        worst = Worst()
        seen = [entry for entry in gov.entries if entry.index < end]
        enrolment = gov.roster.get(credential)
        by = set()
        if answer.kind == "approval":
            by = gov.counts_by(answer.document["quorum"], enrolment, size)
        for entry in seen:
            if entry.is_a("revocation") and entry.document["credential"] == credential:
                problem = self._revoked(entry, size, t1, t2)
            elif (
                entry.is_a("role")
                and entry.index >= size
                and enrolment
                and entry.document["person"] == enrolment.person
            ):
                left = set(entry.document["roles"])
                if "approver" in left and (not by or by & left):  # R-9.5-4
                    continue
                since = whole.t1_after(entry.after)
                problem = None
                if since is None or since < t2:
                    problem = undecided("roster.disputed")
            else:
                continue
            if problem:
                worst.note(problem if gov.stands(entry) else undecided("governance.unauthorised"))
        for above, index in gov.vouchers(credential, size, "approver"):
            until = whole.t2(whole.gov_log, self.bundle.gov_notes, index)
            for entry in seen:
                if entry.is_a("revocation") and entry.document["credential"] == above:
                    since = text.parse_time(entry.document["effective_from"])
                    if until is None or since < until:
                        stands = gov.stands(entry)
                        code = "roster.disputed" if stands else "governance.unauthorised"
                        worst.note(undecided(code))
        worst.close()

    def _revoked(self, entry, size, t1, t2):
        since = text.parse_time(entry.document["effective_from"])
        if entry.index < size:
            if since >= t2:
                return None
            return Problem("roster.revoked") if since <= t1 else undecided("roster.disputed")
        known = self.whole.t1_after(entry.after)
        if known is not None and known >= t2 and since >= t2:
            return None
        return undecided("roster.disputed")

    def quorum_met(self):
        if not self.approvals:
            raise NotChecked("answer.denied")

        def terms(one):
            document = one.document
            return sjson.jcs([
                documents.action_digest(document["action"]), document["audience"],
                document["policy"], document.get("raw"), document["initiator"],
                document["quorum"]])  # fmt: skip

        for one in self.approvals:
            document = one.document
            initiators = (document["initiator"]["id"], document["action"]["subject"]["id"])
            own = document["approver"]["person"] in [
                re.sub("^urn:uuid:", "", each, flags=re.I).lower() for each in initiators
            ]
            if own and "allow_self" not in document["quorum"]:
                raise Problem("approval.self")
        if len(set(map(terms, self.approvals))) > 1:
            raise Problem("quorum.unmet")
        for one in self.approvals:
            before = [decision for decision in self.decisions if decision.index < one.index]
            asked = before[-1].document.get("quorum") if before else None
            if asked is not None and asked != one.document["quorum"]:
                raise Problem("quorum.decision")
        self._enough(self.approvals)

    def _execution(self):
        if not self.executions:
            raise undecided("execution.absent") if self.outcomes else NotChecked("execution.absent")
        return self.executions[0]

    def execution_bound(self):
        execution = self._execution()
        document = execution.document
        spent = []
        for ref in document["approvals"]:
            found = [
                one for one in self.approvals
                if (one.index, one.document_sha256.hex()) == (ref["index"], ref["document_sha256"])
            ]  # fmt: skip
            if ref["index"] in {one.index for one in self.erased}:
                raise undecided("body.erased")
            if not found:
                raise Problem("execution.approval")
            spent += found
        for one in spent:
            approved = one.document
            for name, code in (("audience", "audience"), ("initiator", "initiator")):
                if document[name] != approved[name]:
                    raise Problem("execution." + code)
            if document["action_digest"] != documents.action_digest(approved["action"]):
                raise Problem("execution.action")
            if document.get("raw") != approved.get("raw"):
                raise Problem("execution.raw")
        self._order_later(execution, [one.index for one in spent])
        self._enough(spent)

    def _order_later(self, statement, indexes):
        self._notes_named(statement)
        size = statement.after["main"]["size"]
        if any(statement.index <= index or size <= index for index in indexes):
            raise Problem("order.index")
        if statement.index < size:
            raise Problem("order.index")

    def outcome_bound(self):
        execution = self._execution()
        if len(self.outcomes) > 1:
            raise Problem("outcome.mismatch")
        if not self.outcomes:
            raise undecided("outcome.absent")
        outcome = self.outcomes[0]
        document, ran = outcome.document, execution.document
        named = {"index": execution.index, "document_sha256": execution.document_sha256.hex()}
        if document["execution"] != named or document["audience"] != ran["audience"]:
            raise Problem("outcome.mismatch")
        self._order_later(outcome, [execution.index])
        if any(document.get(name) != ran.get(name) for name in ("action_digest", "raw")):
            raise Problem("outcome.mismatch")
        if document["result"] == "unknown":
            raise undecided("outcome.unknown")

    def not_after(self):
        execution, whole = self._execution(), self.whole
        if whole.quorum_none:
            raise NotChecked("time.not_checked")
        ends = [text.parse_time(one.document["not_after"]) for one in self.approvals]
        if not ends:
            raise NotChecked("answer.absent")
        starts = [whole.t1_after(one.after) for one in (execution, *self.approvals)]
        if None not in starts and max(starts) >= min(ends):
            raise Problem("not_after.expired")
        t2 = whole.t2(whole.main_log, self.bundle.main_notes, execution.index)
        if None in starts or t2 is None or t2 > min(ends):
            raise undecided("not_after.undecided")

    def consumption_unique(self):
        if len(self.executions) > 1:
            raise Problem("consumption.double")
        raise NotChecked("consumption.not_checked")

    def action_match(self):
        if self.whole.demands.action is None:
            raise NotChecked()
        for one in self.answers:
            if documents.action_digest(one.document["action"]) != self.whole.demands.digest:
                raise Problem("action.mismatch")

    def passkey_match(self):
        wanted = self.whole.demands.passkey
        if wanted is None:
            raise NotChecked()
        gov, trust = self.gov, self.whole.trust
        approvers = [one.document["approver"] for one in self.answers]
        enrolled = [gov.roster.get(one["credential"]) for one in approvers]
        if re.fullmatch("[A-Za-z0-9_-]{22,}", wanted):
            found = any(x["credential"] == wanted for x in approvers)
            found = found or any(x and hexed(x.thumbprint) == wanted for x in enrolled)
        elif wanted in trust.named:
            persons = {
                one.person
                for one in gov.roster.values()
                if one.public_key in trust.named[wanted] and gov.stands(one.statement)
            }
            found = any(x["person"] in persons for x in approvers)
        else:
            found = any(
                x and x.person == person and name == wanted and x.named(name, salt)
                for x in enrolled
                for person, name, salt in self.bundle.openings
            )
        if not found:
            raise Problem("passkey.mismatch")

    def time_between(self):
        if self.whole.demands.between is None:
            raise NotChecked()
        self.each_answer(self._between)

    def _between(self, answer):
        low, high = self.whole.demands.between
        t1, t2 = self.interval(answer)
        if low <= t1 and t2 <= high:
            return
        raise Problem("time.outside") if t2 <= low or high <= t1 else undecided("time.overlap")
