"""Documents: JSON in JCS form (SPEC 3 and 4). `read` returns the parsed document."""

import hashlib

from . import Refused, sjson, text

PROFILE = "placet/0"
MAX_DOCUMENT = 128 << 10
KINDS = {  # kind: logs
    "genesis": {"main", "gov"}, "key": {"main", "gov"}, "policy": {"main", "gov"},
    "decision": {"main"}, "expiry": {"main"}, "cancel": {"main"}, "approval": {"main"},
    "denial": {"main"}, "execution": {"main"}, "outcome": {"main"},
    "erasure": {"main"}, "administration": {"main"},
    "enrolment": {"gov"}, "role": {"gov"}, "revocation": {"gov"}, "recovery": {"gov"},
}  # fmt: skip


def namespaces(document):
    """The namespaces that the assertions of a statement must have, ascending."""
    kind = document["kind"]
    if kind == "policy":
        return ["placet-policy-v1"] if "signer" in document else []
    if kind == "enrolment":
        authorise = ["placet-enrol-authorise-v1"] if "authoriser" in document else []
        return authorise + ["placet-enrol-possess-v1"]
    one = {
        "approval": "placet-approve-v1",
        "denial": "placet-deny-v1",
        "role": "placet-role-v1",
        "revocation": "placet-revoke-v1",
        "recovery": "placet-recover-v1",
        "erasure": "placet-erase-v1",
    }.get(kind)
    return [one] if one else []


# Value rules: each a function of the value that raises Refused.


def _fail(why):
    raise Refused("document.value", why)


def _typed(kind, value):
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Refused("document.type", f"{kind.__name__} expected")


def a_string(low, high):
    def rule(value):
        _typed(str, value)
        if not low <= len(value.encode()) <= high:
            _fail("length of a string")

    return rule


def a_form(test, name):
    def rule(value):
        _typed(str, value)
        if not test(value):
            _fail(name)

    return rule


def a_choice(*values):
    def rule(value):
        _typed(type(values[0]), value)
        if value not in values:
            _fail(f"one of {values}")

    return rule


def a_uint(low=0, high=(1 << 53) - 1):
    def rule(value):
        _typed(int, value)
        if not low <= value <= high:
            _fail("integer out of range")

    return rule


def a_b64u(high, exact=False):
    def rule(value):
        _typed(str, value)
        size = len(text.b64u_decode(value))
        if size > high or (exact and size != high):
            _fail("length of bytes")

    return rule


def a_bool(value):
    _typed(bool, value)


def a_list(rule, low=0, high=256):
    def check(value):
        _typed(list, value)
        if not low <= len(value) <= high:
            _fail("length of an array")
        for item in value:
            rule(item)

    return check


def a_map(rule, high=256):
    def check(value):
        _typed(dict, value)
        if len(value) > high:
            _fail("members")
        for name, item in value.items():
            ID(name)
            rule(item)

    return check


def an_object(**rules):
    """Names ending in `_optional` may be absent."""
    wanted = {name.removesuffix("_optional"): rule for name, rule in rules.items()}
    required = {name for name in rules if not name.endswith("_optional")}

    def check(value):
        _typed(dict, value)
        for name in value:
            if name not in wanted:
                raise Refused("document.unknown_member", name)
        for name in required:
            if name not in value:
                raise Refused("document.missing", name)
        for name, item in value.items():
            wanted[name](item)

    return check


ID, TEXT = a_string(1, 1024), a_string(0, 4096)
UUID, HEX32 = a_form(text.is_uuid, "uuid"), a_form(text.is_hex32, "hex32")
TIME = a_form(lambda value: text.parse_time(value) is not None, "time")
CREDENTIAL, COSE_KEY = a_b64u(1023), a_b64u(1024)
INITIATOR = an_object(type=ID, id=ID)
SIGNER = an_object(person=UUID, credential=CREDENTIAL)
POLICY_REF = an_object(index=a_uint(), manifest=HEX32)
RAW = an_object(media_type=ID, length=a_uint(), sha256=HEX32)
DIGEST_REF = an_object(index=a_uint(), document_sha256=HEX32)
NOTE_REF = an_object(origin=ID, size=a_uint(2), root=HEX32, note_sha256=HEX32)
AFTER = an_object(main=NOTE_REF, gov=NOTE_REF)
ROLE_NAME = a_choice("administrator", "approver", "auditor", "operator")


def roles(low):
    def check(value):
        a_list(ROLE_NAME, low)(value)
        if any(a >= b for a, b in zip(value, value[1:])):
            _fail("roles ascend")

    return check


def people(value):
    a_list(UUID, 1, 64)(value)
    if any(a >= b for a, b in zip(value, value[1:])):
        _fail("people ascend")


def targets(value):
    a_list(an_object(index=a_uint(), entry=HEX32), 1, 256)(value)
    indexes = [one["index"] for one in value]
    if any(a >= b for a, b in zip(indexes, indexes[1:])):
        _fail("targets ascend")


def properties(value):
    _typed(dict, value)
    if len(sjson.jcs(value)) > 4096:
        _fail("length of properties")


def obligations(value):
    a_list(an_object(id=ID, type=ID, properties=properties), 1, 64)(value)
    if len({one["id"] for one in value}) != len(value):
        _fail("ids of obligations")


def seen(value):
    an_object(
        session_optional=an_object(window_s=a_uint(1), counts=a_map(a_uint(), 32)),
        remote_optional=an_object(pdp=ID, decision_optional=a_bool),
    )(value)
    if not value:
        _fail("seen is empty")


QUORUM = an_object(
    required=a_uint(1, 16), people_optional=people, roles_optional=roles(1),
    allow_self_optional=a_choice(True),
)  # fmt: skip


# Actions -----------------------------------------------------------------------------------
MAX_ACTION = 65536


def _entity(value, names):
    if not isinstance(value, dict):
        raise Refused("action.type")
    for name in names:
        if name not in value:
            raise Refused("action.missing", name)
    for name, item in value.items():
        if name in names:
            if not isinstance(item, str):
                raise Refused("action.type", name)
            if not 1 <= len(item.encode()) <= 1024:
                raise Refused("action.length", name)
        elif name == "properties":
            if not isinstance(item, dict):
                raise Refused("action.type", name)
        else:
            raise Refused("action.unknown_member", name)


def read_action(value, request=False):
    """The action of 3.1 without context.approval. `request`: an AuthZEN request."""
    if not isinstance(value, dict):
        raise Refused("action.type")
    four = ("subject", "action", "resource", "context")
    for name in value:
        if name not in four and not request:
            raise Refused("action.unknown_member", name)
    action = {name: value[name] for name in four if name in value}
    if request:
        action.setdefault("context", {})
    for name in four:
        if name not in action:
            raise Refused("action.missing", name)
    _entity(action["subject"], ("type", "id"))
    _entity(action["resource"], ("type", "id"))
    _entity(action["action"], ("name",))
    if not isinstance(action["context"], dict):
        raise Refused("action.type", "context")
    context = {name: item for name, item in action["context"].items() if name != "approval"}
    action = {**action, "context": context}
    if len(sjson.jcs(action)) > MAX_ACTION:
        raise Refused("action.limit")
    return action


def action_digest(action):
    return hashlib.sha256(sjson.jcs(action)).hexdigest()


def binding(action, members):
    """(canonical bytes, binding_hash) of ARAP (3.3)."""
    subject = dict(action["subject"])
    if "properties" in subject:
        subject["properties"] = {k: v for k, v in subject["properties"].items() if k != "act"}
    kept = set(members) - {"approval"}
    context = {k: v for k, v in action["context"].items() if k in kept}
    canonical = sjson.jcs({**action, "subject": subject, "context": context})
    return canonical, text.b64u(hashlib.sha256(canonical).digest())


def ACTION(value):
    read_action(value)
    if "approval" in value["context"]:
        raise Refused("action.unknown_member", "context.approval")


# The documents -----------------------------------------------------------------------------
_answer = dict(
    request=UUID, action=ACTION, audience=ID, initiator=INITIATOR, approver=SIGNER, rp_id=ID,
    surface=a_choice("browser", "cli", "ssh"), quorum=QUORUM, max_uses=a_uint(1, 1),
    raw_optional=RAW, policy=POLICY_REF, after=AFTER, not_after=TIME,
    shown=an_object(template_sha256=HEX32, locale=ID, text_sha256=HEX32),
)  # fmt: skip
_kinds = a_list(ID)
_members = {
    "approval": _answer,
    "denial": dict(_answer, reason_optional=TEXT),
    "decision": dict(
        request=UUID, action=ACTION, audience=ID, initiator=INITIATOR, policy=POLICY_REF,
        decision=a_choice("permit", "deny", "requestable"), determining=a_list(ID), reason=TEXT,
        approvals=a_list(DIGEST_REF, 0, 16), at=TIME, not_after_optional=TIME,
        quorum_optional=QUORUM, obligations_optional=obligations, seen_optional=seen),
    "expiry": dict(request=UUID, at=TIME),
    "cancel": dict(request=UUID, at=TIME, reason=TEXT),
    "execution": dict(
        request=UUID, audience=ID, initiator=INITIATOR, raw_optional=RAW, action_digest=HEX32,
        approvals=a_list(DIGEST_REF, 1, 16), idempotency=HEX32, after=AFTER, at=TIME),
    "outcome": dict(
        request=UUID, audience=ID, raw_optional=RAW, after=AFTER, at=TIME, execution=DIGEST_REF,
        result=a_choice("success", "failure", "unknown"), action_digest=HEX32, detail=TEXT),
    "genesis": dict(
        role=a_choice("main", "gov"), origin=ID, peer=ID, dev=a_bool, rp_id=ID,
        registration_policy=an_object(order=a_choice("meaningful"), external_issuers=a_list(HEX32)),
        issuers=a_list(an_object(kid=HEX32, kinds=_kinds, audience_optional=ID)),
        first_key=HEX32, policy_manifest=HEX32, at=TIME),
    "key": dict(
        keys=a_list(an_object(
            purpose=a_choice("checkpoint", "receipt", "issuer"), kid=HEX32, public_key=COSE_KEY,
            kinds_optional=_kinds, audience_optional=ID)),
        at=TIME),
    "policy": dict(
        manifest=an_object(files=a_map(HEX32)), manifest_sha256=HEX32, at=TIME,
        signer_optional=SIGNER, after_optional=AFTER),
    "enrolment": dict(
        person=UUID, name_commitment=HEX32, credential=CREDENTIAL, public_key=COSE_KEY, rp_id=ID,
        backup_eligible=a_bool, attestation=an_object(
            fmt=ID, object_sha256=HEX32, client_data_sha256=HEX32),
        **{"class": a_choice("software", "synced-or-unknown", "claimed-device-bound",
                             "attested-hardware")},
        roles=roles(1), authoriser_optional=SIGNER, recovery_optional=an_object(index=a_uint()),
        after=AFTER),
    "role": dict(person=UUID, roles=roles(0), signer=SIGNER, after=AFTER),
    "revocation": dict(credential=CREDENTIAL, key=HEX32, effective_from=TIME, reason=TEXT,
                       signer=SIGNER, after=AFTER),
    "recovery": dict(person=UUID, key=HEX32, credential=CREDENTIAL, roles=roles(1),
                     effective_from=TIME, reason=TEXT, after=AFTER),
    "erasure": dict(targets=targets, reason=TEXT, signer=SIGNER, after=AFTER),
    "administration": dict(act=ID, target=ID, person_optional=UUID, at=TIME, detail=TEXT),
}  # fmt: skip
_common = dict(profile=a_choice(PROFILE), kind=ID, nonce=a_b64u(16, exact=True))
SCHEMAS = {kind: an_object(**_common, **members) for kind, members in _members.items()}


def read(data):
    """(document, problem): problem is `profile.unknown`, `kind.unknown` or None."""
    if not 0 < len(data) <= MAX_DOCUMENT:
        raise Refused("document.limit")
    document = sjson.loads(data)
    if sjson.jcs(document) != data:
        raise Refused("jcs.not_canonical")
    if not isinstance(document, dict):
        raise Refused("document.type")
    for name in ("profile", "kind"):
        _typed(str, document.get(name, ""))
    # 7.6 puts an unknown kind before missing members; 4.2 can be read otherwise.
    if document.get("profile", PROFILE) != PROFILE:
        return document, "profile.unknown"
    if "kind" not in document:
        raise Refused("document.missing", "kind")
    if document["kind"] not in SCHEMAS:
        return document, "kind.unknown"
    SCHEMAS[document["kind"]](document)
    if document["kind"] == "enrolment" and {"authoriser", "recovery"} <= set(document):
        _fail("authoriser and recovery")
    if document["kind"] == "policy":
        if (
            hashlib.sha256(sjson.jcs(document["manifest"])).hexdigest()
            != document["manifest_sha256"]
        ):
            _fail("manifest_sha256")
        if ("signer" in document) != ("after" in document):
            raise Refused("document.missing", "signer and after")
    return document, None
