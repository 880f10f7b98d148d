"""Where a key lives, by its registration (SPEC 9.9). Of the formats with certificates this verifier
has `packed`; the vectors of WebAuthn Level 3 check the others in `verifier/`."""

import hashlib

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID

from . import Refused, Unsupported, cbor, keys, sjson, text
from .governance import Problem

UP, UV, BE, AT, ED = 0x01, 0x04, 0x08, 0x40, 0x80
AAGUID = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
LOCAL = ("attested-hardware", "claimed-device-bound")


class Nothing(Exception):
    """What nobody looked at: not checked, with this code."""


class Wrong(Exception):
    """The statement does not hold."""


def check(enrolment, roots, origins, upper):
    """`upper` is T2 of the enrolment by the governance notes, or None."""
    document, made = enrolment.document, enrolment.statement.attestation
    try:
        key = keys.Key(enrolment.public_key)
    except Unsupported:
        raise Problem("alg.unsupported", failed=False) from None
    except Refused as refused:
        raise Problem(refused.code, failed=False) from None
    _client_data(made["client_data_json"], origins)
    fmt, statement, raw = _object(made["object"])
    data = _auth_data(raw)
    same = (
        fmt == document["attestation"]["fmt"]
        and data["key"].thumbprint == key.thumbprint
        and text.b64u(data["credential"]) == document["credential"]
        and raw[:32] == hashlib.sha256(document["rp_id"].encode()).digest()
        and bool(raw[32] & BE) == document["backup_eligible"]
        and raw[32] & UP
        and raw[32] & UV
    )
    if not same:
        raise Problem("attestation.mismatch")
    claim = document["class"]
    if claim in LOCAL and document["backup_eligible"]:
        raise Problem("attestation.class")
    signed = raw + hashlib.sha256(made["client_data_json"]).digest()
    try:
        shown = _statement(fmt, statement, signed, key, data["aaguid"], roots)
    except Wrong:
        shown = "wrong"
    if isinstance(shown, tuple) and not document["backup_eligible"]:
        if upper is not None and upper <= shown[0]:
            raise Problem("attestation.time")
        return
    if claim == "attested-hardware":
        if shown == "unjudged":
            raise Problem("attestation.unsupported", failed=False)
        if shown == "elsewhere":
            raise Problem("attestation.root", failed=False)
        raise Problem("attestation.class")
    raise Nothing("attestation.absent" if roots else "attestation.not_pinned")


def _client_data(raw, origins):
    try:
        data = sjson.loads(raw) if raw[:1] + raw[-1:] == b"{}" and len(raw) <= 8192 else {}
        good = (
            data.get("type") == "webauthn.create"
            and isinstance(data.get("challenge"), str)
            and text.b64u_decode(data["challenge"]) is not None
            and data.get("origin") in origins
            and data.get("crossOrigin", False) is False
            and "topOrigin" not in data
        )
    except Refused:
        good = False
    if not good:
        raise Problem("attestation.mismatch")


def _object(raw):
    try:
        item = cbor.loads(raw)
    except Refused:
        item = None
    if (
        len(raw) > 32 << 10
        or not isinstance(item, dict)
        or set(item) != {"fmt", "attStmt", "authData"}
        or not isinstance(item["fmt"], str)
        or not 1 <= len(item["fmt"].encode()) <= 32
        or not isinstance(item["attStmt"], dict)
        or not isinstance(item["authData"], bytes)
    ):
        raise Problem("attestation.mismatch")
    return item["fmt"], item["attStmt"], item["authData"]


def _auth_data(raw):
    if not 55 <= len(raw) <= 4096 or not raw[32] & AT or raw[32] & ED:
        raise Problem("attestation.mismatch")
    length = int.from_bytes(raw[53:55], "big")
    credential, key = raw[55 : 55 + length], raw[55 + length :]
    if len(credential) != length or not 1 <= length <= 1023:
        raise Problem("attestation.mismatch")
    try:
        key = keys.Key(key)
    except (Refused, Unsupported):
        raise Problem("attestation.mismatch") from None
    return {"aaguid": raw[37:53], "credential": credential, "key": key}


def _statement(fmt, statement, signed, key, aaguid, roots):
    """The span of validity under a pinned root, or a word."""
    if fmt == "none":
        return "nothing"
    if fmt != "packed":
        return "unjudged"
    chain = statement.get("x5c")
    if set(statement) - {"x5c"} != {"alg", "sig"}:
        raise Wrong
    if chain is None:
        if keys.SAME.get(statement["alg"]) != key.alg:
            raise Wrong
        if not key.verify_webauthn(signed, statement["sig"]):
            raise Wrong
        return "nothing"
    if not isinstance(chain, list) or not 1 <= len(chain) <= 8:
        raise Wrong
    try:
        chain = [x509.load_der_x509_certificate(one) for one in chain]
    except ValueError:
        raise Wrong from None
    leaf = chain[0]
    _signature(leaf.public_key(), statement["alg"], statement["sig"], signed)
    _leaf(leaf, aaguid)
    span = (
        max(int(one.not_valid_before_utc.timestamp()) for one in chain),
        min(int(one.not_valid_after_utc.timestamp()) for one in chain),
    )
    if span[0] > span[1]:
        raise Wrong
    # These vectors have chains of a leaf and its issuer, no longer ones.
    for root in roots:
        if leaf == root:
            return span
        if leaf.issuer == root.subject:
            try:
                leaf.verify_directly_issued_by(root)
            except (ValueError, TypeError, exceptions.InvalidSignature):
                raise Wrong from None
            return span
    return "elsewhere"


def _signature(public, alg, signature, signed):
    if alg != -7 or not isinstance(public, ec.EllipticCurvePublicKey):
        raise Wrong
    try:
        public.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except exceptions.InvalidSignature:
        raise Wrong from None


def _leaf(leaf, aaguid):
    def of(oid):
        return [one.value for one in leaf.subject.get_attributes_for_oid(oid)]

    country = any(len(c) == 2 and c.isascii() and c.isupper() for c in of(NameOID.COUNTRY_NAME))
    named = any(of(NameOID.ORGANIZATION_NAME)) and any(of(NameOID.COMMON_NAME))
    unit = "Authenticator Attestation" in of(NameOID.ORGANIZATIONAL_UNIT_NAME)
    try:
        basic = leaf.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS)
    except x509.ExtensionNotFound:
        raise Wrong from None
    if not (country and named and unit) or basic.value.ca or leaf.version != x509.Version.v3:
        raise Wrong
    for one in leaf.extensions:
        if one.oid == AAGUID and (one.critical or one.value.value != b"\x04\x10" + aaguid):
            raise Wrong
