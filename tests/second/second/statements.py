"""Statements and COSE Receipts (SPEC 5, reading order 7.6)."""

import hashlib
import re

from . import Refused, cbor, documents, text

MAX_SIGN1 = 256 << 10
MAX_PART = 16 << 10
CONTENT_TYPE = "application/vnd.placet.receipt+cbor"
ALGS = {-8: -8, -19: -8, -7: -7, -9: -7}
_TYP = re.compile(r"application/vnd\.placet\.([a-z-]+)\+cose")


def _uint(value):
    return cbor.is_int(value) and 0 <= value < 1 << 63


def _bytes(value, low, high):
    return isinstance(value, bytes) and low <= len(value) <= high


def _attestation(payload):
    one = payload.get("attestation")
    return one is None or (
        isinstance(one, dict)
        and set(one) == {"object", "client_data_json"}
        and _bytes(one["object"], 0, 64 << 10)
        and _bytes(one["client_data_json"], 0, MAX_PART)
    )


class Sign1:
    def __init__(self, raw):
        if len(raw) > MAX_SIGN1:
            raise Refused("cose.malformed", "size")
        item = cbor.loads(raw)
        if not isinstance(item, cbor.Tagged) or item.tag != 18:
            raise Refused("cose.malformed", "tag 18")
        parts = item.value
        if not isinstance(parts, list) or len(parts) != 4:
            raise Refused("cose.malformed", "four parts")
        self.protected, self.unprotected, self.payload, self.signature = parts
        if not (
            isinstance(self.protected, bytes)
            and isinstance(self.unprotected, dict)
            and (self.payload is None or isinstance(self.payload, bytes))
            and isinstance(self.signature, bytes)
        ):
            raise Refused("cose.malformed", "types of the parts")

    def header(self, labels):
        header = cbor.loads(self.protected)
        if not isinstance(header, dict) or set(header) != labels:
            raise Refused("cose.header", "labels")
        if not cbor.is_int(header[1]):
            raise Refused("cose.header", "alg")
        if not _bytes(header[4], 32, 32) or not isinstance(header[15], dict):
            raise Refused("cose.header", "kid, claims")
        self.alg, self.kid = ALGS.get(header[1], header[1]), header[4]
        return header

    def signed(self, payload):
        return cbor.dumps(["Signature1", self.protected, b"", payload])


class Statement:
    """`problem` is None, or `profile.unknown` or `kind.unknown`: then it is an entry, no more."""

    def __init__(self, raw):
        self.raw = bytes(raw)
        self.entry = hashlib.sha256(self.raw).digest()
        self.sign1 = Sign1(self.raw)
        if self.sign1.unprotected:
            raise Refused("statement.unprotected")
        if self.sign1.payload is None:
            raise Refused("statement.detached")
        header = self.sign1.header({1, 3, 4, 15, 16})
        claims, typ = header[15], header[16]
        match = _TYP.fullmatch(typ) if isinstance(typ, str) else None
        if (
            header[3] != CONTENT_TYPE
            or not match
            or set(claims) != {1, 2, 6, 7}
            or not isinstance(claims[1], str)
            or not 1 <= len(claims[1].encode()) <= 8192
            or not isinstance(claims[2], str)
            or not _uint(claims[6])
            or not _bytes(claims[7], 16, 16)
        ):
            raise Refused("cose.header")
        self.kid, self.alg, self.kind, self.sub = (
            self.sign1.kid,
            self.sign1.alg,
            match[1],
            claims[2],
        )
        self.signed = self.sign1.signed(self.sign1.payload)
        self.signature = self.sign1.signature
        self.document, self.problem, self.index = None, None, None
        self._payload(cbor.loads(self.sign1.payload))

    def _payload(self, payload):
        required = {"kind", "profile", "document", "assertions"}
        if (
            not isinstance(payload, dict)
            or set(payload) - {"attestation"} != required
            or not isinstance(payload["kind"], str)
            or not isinstance(payload["profile"], str)
            or not isinstance(payload["document"], bytes)
            or not isinstance(payload["assertions"], list)
            or not _attestation(payload)
        ):
            raise Refused("statement.payload")
        if len(payload["assertions"]) > 4:
            raise Refused("cbor.count", "assertions")
        for one in payload["assertions"]:
            names = ("credential", "authenticator_data", "client_data_json", "signature")
            if (
                not isinstance(one, dict)
                or set(one) != {"type", "namespace", *names}
                or one["type"] != "webauthn"
                or not isinstance(one["namespace"], str)
                or not all(_bytes(one[name], 0, MAX_PART) for name in names)
                or len(one["credential"]) > 1023
            ):
                raise Refused("statement.payload", "assertion")
        if payload["profile"] != documents.PROFILE:
            self.problem = "profile.unknown"
            return
        if payload["kind"] != self.kind:
            raise Refused("statement.kind_mismatch")
        if self.kind not in documents.KINDS:
            self.problem = "kind.unknown"  # whatever the document is
            return
        self.document_raw = payload["document"]
        self.document_sha256 = hashlib.sha256(self.document_raw).digest()
        self.document, self.problem = documents.read(self.document_raw)
        if self.problem:
            return
        document = self.document
        if document["kind"] != self.kind:
            raise Refused("statement.kind_mismatch")
        prefix, wanted = "urn:uuid:", document.get("request")
        if not self.sub.startswith(prefix) or not text.is_uuid(self.sub[len(prefix) :]):
            raise Refused("statement.subject")
        if wanted is not None and self.sub != prefix + wanted:
            raise Refused("statement.subject")
        found = [one["namespace"] for one in payload["assertions"]]
        if found != documents.namespaces(document):
            raise Refused("statement.assertions")
        self.assertions = {one["namespace"]: one for one in payload["assertions"]}
        if ("attestation" in payload) != (self.kind == "enrolment"):
            raise Refused("statement.attestation")
        if "attestation" in payload:
            self.attestation = payload["attestation"]
            names = ("object_sha256", "client_data_sha256")
            parts = (self.attestation["object"], self.attestation["client_data_json"])
            for name, part in zip(names, parts, strict=True):
                if document["attestation"][name] != hashlib.sha256(part).hexdigest():
                    raise Refused("statement.attestation")

    def is_a(self, *kinds):
        return self.problem is None and self.kind in kinds

    @property
    def after(self):
        return self.document.get("after") if self.document and not self.problem else None


class Receipt:
    def __init__(self, raw):
        sign1 = Sign1(raw)
        header = sign1.header({1, 4, 15, 395})
        claims = header[15]
        if (
            header[395] != 1
            or header[395] is True
            or set(claims) != {1, 2, -65537, -65538}
            or not all(isinstance(claims[name], str) for name in (1, 2, -65538))
            or not _uint(claims[-65537])
        ):
            raise Refused("cose.header", "receipt")
        proofs = sign1.unprotected.get(396)
        if set(sign1.unprotected) != {396} or not isinstance(proofs, dict) or set(proofs) != {-1}:
            raise Refused("cose.malformed", "proofs")
        if not isinstance(proofs[-1], list) or len(proofs[-1]) != 1:
            raise Refused("cose.malformed", "one proof")
        if not isinstance(proofs[-1][0], bytes) or sign1.payload is not None:
            raise Refused("cose.malformed", "proof, payload")
        proof = cbor.loads(proofs[-1][0])
        if (
            not isinstance(proof, list)
            or len(proof) != 3
            or not _uint(proof[0])
            or not _uint(proof[1])
            or not isinstance(proof[2], list)
            or not all(_bytes(one, 32, 32) for one in proof[2])
        ):
            raise Refused("cose.malformed", "proof")
        if len(proof[2]) > 63:
            raise Refused("cbor.count", "path")
        self.sign1, self.alg, self.kid = sign1, sign1.alg, sign1.kid
        self.tree_size, self.leaf_index, self.path = proof
        self.iss, self.sub = claims[1], claims[2]
        self.claimed_size, self.claimed_origin = claims[-65537], claims[-65538]
