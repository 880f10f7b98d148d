"""One assertion of a passkey (SPEC 4.3 and 9.1)."""

import hashlib

from . import Refused, Unsupported, cbor, keys, sjson, text

UP, UV, BE, BS, AT, ED, RESERVED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80, 0x22


def challenge(namespace, document):
    def string(data):
        return len(data).to_bytes(4, "big") + data

    digest = hashlib.sha256(document).digest()
    parts = (namespace.encode(), b"", b"sha256", digest)
    return text.b64u(b"SSHSIG" + b"".join(map(string, parts)))


def passkey(public_key):
    key = keys.Key(public_key)
    if key.stated_alg not in (keys.ES256, keys.RS256, keys.EDDSA):
        raise Unsupported(str(key.stated_alg))
    return key


def check(assertion, namespace, document, public_key, rp_id, backup_eligible, origins):
    """R-9.1-4 to R-9.1-16; raises the code of the first rule that does not hold."""
    key = passkey(public_key)
    _client_data(assertion["client_data_json"], challenge(namespace, document), origins)
    _authenticator_data(assertion["authenticator_data"], rp_id, backup_eligible)
    signed = (
        assertion["authenticator_data"] + hashlib.sha256(assertion["client_data_json"]).digest()
    )
    if not key.verify_webauthn(signed, assertion["signature"]):
        raise Refused("assertion.signature")


def _client_data(raw, wanted, origins):
    malformed = Refused("assertion.client_data")
    if len(raw) > 8192 or raw[:1] != b"{" or raw[-1:] != b"}":
        raise malformed
    try:
        data = sjson.loads(raw)
    except Refused:
        raise malformed from None
    if not all(isinstance(data.get(name), str) for name in ("type", "challenge", "origin")):
        raise malformed
    if data["type"] != "webauthn.get":
        raise Refused("assertion.type")
    if data["challenge"] != wanted:
        raise Refused("assertion.challenge")
    if data["origin"] not in origins:
        raise Refused("assertion.origin")
    if not isinstance(data.get("crossOrigin", False), bool):
        raise malformed
    if data.get("crossOrigin", False):
        raise Refused("assertion.cross_origin")
    if "topOrigin" in data:
        raise Refused("assertion.top_origin") if isinstance(data["topOrigin"], str) else malformed


def _authenticator_data(raw, rp_id, backup_eligible):
    malformed = Refused("assertion.authenticator_data")
    if len(raw) < 37:
        raise malformed
    flags = raw[32]
    if flags & AT:
        raise Refused("assertion.flags")
    if len(raw) > 4096 or (len(raw) > 37) != bool(flags & ED):
        raise malformed
    if flags & ED:
        try:
            extensions = cbor.loads(raw[37:])
        except Refused:
            raise malformed from None
        if not isinstance(extensions, dict):
            raise malformed
    if raw[:32] != hashlib.sha256(rp_id.encode()).digest():
        raise Refused("assertion.rp_id")
    if not flags & UP:
        raise Refused("assertion.up")
    if not flags & UV:
        raise Refused("assertion.uv")
    if (flags & BS and not flags & BE) or flags & RESERVED:
        raise Refused("assertion.flags")
    if bool(flags & BE) != backup_eligible:
        raise Refused("assertion.backup_eligible")
