"""Writes verifier/vectors/webauthn-registrations.json: attested registrations, right and wrong.

usage: registrations.py FILE

Every case is a whole registration of a vendor of our own making, signed with keys that are derived
from words, so that the file is always the same. `verdict` is ours, by SPEC.md 9.9:

  hardware    a pinned root stands behind it that the key lives in hardware
  certified   a pinned root stands behind it, and it says software
  unpinned    sound, and the chain ends at no pinned root
  self, none  self attestation, no attestation
  unjudged    an algorithm or a format that is not judged
  refused     the statement does not hold

`peers` is `lax` where no library that we ask looks at the rule, else `compare`.

`stage_webauthn.py` asks libraries that others wrote, verifier/src/webauthn/tests asks ours.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import sys

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

RP_ID, ORIGIN, CHALLENGE = "localhost", "http://localhost:8080", b"registration challenge"
AAGUID = bytes(range(16))
FIDO_AAGUID = ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
START, END = datetime.datetime(2024, 1, 1), datetime.datetime(2049, 1, 1)


def key_of(words, curve=None):
    curve = curve or ec.SECP256R1()
    size = 32 if isinstance(curve, ec.SECP256R1) else 48
    digest = hashlib.sha512(words.encode()).digest()[:size]
    return ec.derive_private_key(int.from_bytes(digest, "big") >> 8, curve)


def name_of(unit="Authenticator Attestation", country="AA", common="Test", org="Vendor"):
    parts = [(NameOID.COUNTRY_NAME, country), (NameOID.ORGANIZATION_NAME, org),
             (NameOID.ORGANIZATIONAL_UNIT_NAME, unit), (NameOID.COMMON_NAME, common)]
    # The validation of lengths is off: wrong names are what some cases are about.
    return x509.Name([x509.NameAttribute(oid, text, _validate=False)
                      for oid, text in parts if text is not None])


ROOT_KEY, ROOT_NAME = key_of("root"), name_of("Root", common="Root")


def certificate(key, subject, extensions, by=ROOT_KEY, issuer=ROOT_NAME, start=START, end=END,
                digest=None):
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
               .public_key(key.public_key()).serial_number(7)
               .not_valid_before(start).not_valid_after(end))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(by, digest or hashes.SHA256(), ecdsa_deterministic=True)


def constraints(ca=False, length=None):
    return x509.BasicConstraints(ca, length), True


def unknown(oid, value, critical=False):
    return x509.UnrecognizedExtension(ObjectIdentifier(oid), value), critical


def aaguid(value=AAGUID, critical=False):
    return unknown(FIDO_AAGUID.dotted_string, b"\x04\x10" + value, critical)


ROOT = certificate(ROOT_KEY, ROOT_NAME, [constraints(True)])
LEAF_KEY, NEW_KEY = key_of("attestation key"), key_of("new key")


def der(tag, *parts):
    body = b"".join(parts)
    tag = bytes([tag]) if isinstance(tag, int) else tag
    if len(body) < 128:
        return tag + bytes([len(body)]) + body
    size = len(body).to_bytes(2 if len(body) > 255 else 1, "big")
    return tag + bytes([0x80 | len(size)]) + size + body


def sign(key, message, digest=None):
    return key.sign(message, ec.ECDSA(digest or hashes.SHA256(), deterministic_signing=True))


class New:
    """A new credential before it is attested."""

    def __init__(self, rp_id=RP_ID, model=AAGUID, flags=0x45):
        numbers = NEW_KEY.public_key().public_numbers()
        self.x, self.y = (n.to_bytes(32, "big") for n in (numbers.x, numbers.y))
        self.credential = hashlib.sha256(b"credential").digest()[:20]
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: self.x, -3: self.y}, canonical=True)
        self.rp_hash = hashlib.sha256(rp_id.encode()).digest()
        self.auth_data = (self.rp_hash + bytes([flags]) + bytes(4) + model
                          + len(self.credential).to_bytes(2, "big") + self.credential + cose)
        self.client_data = json.dumps(
            {"type": "webauthn.create", "challenge": b64u(CHALLENGE), "origin": ORIGIN,
             "crossOrigin": False}, separators=(",", ":")).encode()
        self.hash = hashlib.sha256(self.client_data).digest()
        self.signed = self.auth_data + self.hash


def b64u(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


CASES = []


def case(name, verdict, fmt, statement, new=None, roots=(ROOT,), about="", peers="compare"):
    new = new or New()
    x5c = statement.get("x5c")
    if x5c is not None:
        statement["x5c"] = [one if isinstance(one, bytes) else one.public_bytes(Encoding.DER)
                            for one in x5c]
    made = {"fmt": fmt, "attStmt": statement, "authData": new.auth_data}
    CASES.append({
        "name": name, "verdict": verdict, "about": about, "peers": peers,
        "attestation_object": b64u(cbor2.dumps(made, canonical=True)),
        "client_data_json": b64u(new.client_data),
        "roots": [b64u(one.public_bytes(Encoding.DER)) for one in roots],
    })


def packed_leaf(extensions=None, subject=None, **kwargs):
    extensions = [constraints(), aaguid()] if extensions is None else extensions
    return certificate(LEAF_KEY, subject or name_of(), extensions, **kwargs)


def packed(name, verdict, leaf=None, above=(), new=None, **kwargs):
    new = new or New()
    chain = [leaf or packed_leaf(), *above]
    case(name, verdict, "packed",
         {"alg": -7, "sig": sign(LEAF_KEY, new.signed), "x5c": chain}, new, **kwargs)


def middle(words, length=None, ca=True, by=ROOT_KEY, issuer=ROOT_NAME, more=()):
    key, subject = key_of(words), name_of("Middle", common=words)
    return key, subject, certificate(key, subject, [constraints(ca, length if ca else None), *more],
                                     by, issuer)


def all_packed():
    packed("packed", "hardware")
    packed("packed-root-in-chain", "hardware", above=[ROOT])
    packed("packed-leaf-pinned", "hardware", roots=[packed_leaf()])
    pinned = packed_leaf([constraints(), aaguid(critical=True)])
    packed("packed-leaf-pinned-critical-aaguid", "refused", pinned, roots=[pinned])
    pinned = packed_leaf(end=datetime.datetime(2025, 1, 1))
    later = certificate(key_of("later"), name_of("Later"), [constraints()],
                        start=datetime.datetime(2030, 1, 1))
    packed("packed-leaf-pinned-no-common-moment", "refused", pinned, [later], roots=[pinned],
           about="Two certificates that are never valid at the same time.")
    packed("packed-not-pinned", "unpinned", roots=[certificate(
        key_of("other"), name_of("Root", common="Other"), [constraints(True)], key_of("other"),
        name_of("Root", common="Other"))])
    packed("packed-same-name-other-key", "refused", roots=[certificate(
        key_of("other"), ROOT_NAME, [constraints(True)], key_of("other"))],
        about="A root of the issuer's name that did not sign the leaf.")
    packed("packed-leaf-is-ca", "refused", packed_leaf([constraints(True), aaguid()]))
    packed("packed-no-constraints", "refused", packed_leaf([aaguid()]))
    packed("packed-no-aaguid", "hardware", packed_leaf([constraints()]))
    packed("packed-other-aaguid", "refused", packed_leaf([constraints(), aaguid(bytes(16))]))
    packed("packed-critical-aaguid", "refused", packed_leaf([constraints(), aaguid(critical=True)]))
    packed("packed-unknown-critical", "refused",
           packed_leaf([constraints(), aaguid(), unknown("1.2.3.4", b"\x05\x00", True)]))
    for what, subject in (("unit", name_of("Attestation")), ("country", name_of(country=None)),
                          ("long-country", name_of(country="AAA")),
                          ("organization", name_of(org=None)), ("common-name", name_of(common=None))):
        packed(f"packed-subject-{what}", "refused", packed_leaf(subject=subject),
               peers="lax" if what == "long-country" else "compare")
    packed("packed-expired", "hardware", packed_leaf(end=datetime.datetime(2025, 1, 1)),
           about="The moment is judged against the time of the enrolment.")
    chain_cases()
    new = New()
    signature = sign(LEAF_KEY, new.signed)
    leaf = packed_leaf()
    for name, verdict, statement in (
        ("packed-other-signature", "refused",
         {"alg": -7, "sig": sign(LEAF_KEY, new.signed + b"x"), "x5c": [leaf]}),
        ("packed-by-new-key", "refused",
         {"alg": -7, "sig": sign(NEW_KEY, new.signed), "x5c": [leaf]}),
        ("packed-other-alg", "refused", {"alg": -257, "sig": signature, "x5c": [leaf]}),
        ("packed-no-alg", "refused", {"sig": signature, "x5c": [leaf]}),
        ("packed-no-sig", "refused", {"alg": -7, "x5c": [leaf]}),
        ("packed-empty-chain", "refused", {"alg": -7, "sig": signature, "x5c": []}),
        ("packed-not-a-certificate", "refused", {"alg": -7, "sig": signature, "x5c": [b"\x30\x00"]}),
        ("packed-cut", "refused",
         {"alg": -7, "sig": signature, "x5c": [leaf.public_bytes(Encoding.DER)[:-1]]}),
        ("self", "self", {"alg": -7, "sig": sign(NEW_KEY, new.signed)}),
        ("self-by-another", "refused", {"alg": -7, "sig": signature}),
        ("self-other-alg", "refused", {"alg": -257, "sig": sign(NEW_KEY, new.signed)}),
        ("self-other-data", "refused", {"alg": -7, "sig": sign(NEW_KEY, new.hash)}),
    ):
        case(name, verdict, "packed", statement, new)
    case("none", "none", "none", {}, New())
    case("none-with-a-member", "refused", "none", {"alg": -7}, New())
    p384 = key_of("attestation key 384", ec.SECP384R1())
    leaf = certificate(p384, name_of(), [constraints(), aaguid()])
    case("packed-p384", "hardware", "packed",
         {"alg": -35, "sig": sign(p384, new.signed, hashes.SHA384()), "x5c": [leaf]}, new)
    case("packed-p384-as-es256", "refused", "packed",
         {"alg": -7, "sig": sign(p384, new.signed), "x5c": [leaf]}, new,
         about="ES256 is on P-256 in COSE as WebAuthn uses it.")


def chain_cases():
    key, subject, one = middle("one", 0)
    packed("chain", "hardware", packed_leaf(by=key, issuer=subject), [one])
    packed("chain-missing", "unpinned", packed_leaf(by=key, issuer=subject))
    key, subject, no_ca = middle("no authority", ca=False)
    packed("chain-no-authority", "refused", packed_leaf(by=key, issuer=subject), [no_ca])
    key, subject, one = middle("short", 0)
    key, subject, two = middle("two", None, by=key, issuer=subject)
    packed("chain-too-long", "refused", packed_leaf(by=key, issuer=subject), [two, one])
    other = x509.NameConstraints(
        permitted_subtrees=None, excluded_subtrees=[x509.DirectoryName(name_of())])
    key, subject, one = middle("constrained", None, more=[(other, True)])
    packed("chain-excluded-name", "refused", packed_leaf(by=key, issuer=subject), [one])
    key, subject, one = middle("critical", None, more=[unknown("1.2.3.4", b"\x05\x00", True)])
    packed("chain-unknown-critical", "refused", packed_leaf(by=key, issuer=subject), [one])
    key, subject, one = middle("fine", None)
    packed("chain-of-a-stranger", "refused", packed_leaf(by=key_of("other"), issuer=subject), [one],
           about="The leaf names an issuer that did not sign it.")


def u2f():
    new = New(model=bytes(16))
    signed = b"\0" + new.rp_hash + new.hash + new.credential + b"\4" + new.x + new.y
    leaf = packed_leaf([])
    good = {"sig": sign(LEAF_KEY, signed), "x5c": [leaf]}
    case("fido-u2f", "hardware", "fido-u2f", dict(good), new)
    case("fido-u2f-two-certificates", "refused", "fido-u2f", {**good, "x5c": [leaf, ROOT]}, new)
    case("fido-u2f-other-signature", "refused", "fido-u2f",
         {"sig": sign(LEAF_KEY, signed + b"x"), "x5c": [leaf]}, new)
    case("fido-u2f-packed-signature", "refused", "fido-u2f",
         {"sig": sign(LEAF_KEY, new.signed), "x5c": [leaf]}, new)
    p384 = key_of("attestation key 384", ec.SECP384R1())
    case("fido-u2f-p384", "refused", "fido-u2f",
         {"sig": sign(p384, signed), "x5c": [certificate(p384, name_of(), [])]}, new)
    case("fido-u2f-leaf-is-ca", "refused", "fido-u2f",
         {**good, "x5c": [packed_leaf([constraints(True)])]}, new, peers="lax",
         about="Section 8.6 does not ask; by RFC 5280 an authority attests no keys here.")


def tpm_leaf(subject=None, device=3, usage="2.23.133.8.3", critical=True, more=(), ca=False):
    values = ["id:49424D00", "model", "id:13"]
    names = [x509.NameAttribute(ObjectIdentifier(f"2.23.133.2.{i + 1}"), values[i])
             for i in range(device)]
    extensions = [constraints(ca), (x509.ExtendedKeyUsage([ObjectIdentifier(usage)]), False), *more]
    if names:
        alternative = x509.SubjectAlternativeName([x509.DirectoryName(x509.Name(names))])
        extensions.append((alternative, critical))
    return certificate(LEAF_KEY, subject or x509.Name([]), extensions)


def sized(raw):
    return len(raw).to_bytes(2, "big") + raw


def tpm(name, verdict, leaf=None, magic="ff544347", kind="8017", extra=None, named=None, point=None,
        tail=b"", alg=-7, ver="2.0", peers="compare"):
    new = New()
    x, y = point or (new.x, new.y)
    area = bytes.fromhex("0023000b00060472") + sized(b"") + bytes.fromhex("0010001000030010")
    area += sized(x) + sized(y)
    extra = hashlib.sha256(new.signed).digest() if extra is None else extra
    named = b"\x00\x0b" + hashlib.sha256(area if named is None else named).digest()
    info = (bytes.fromhex(magic + kind) + sized(b"signer") + sized(extra) + bytes(17) + bytes(8)
            + sized(named) + sized(b"qualified") + tail)
    case(name, verdict, "tpm",
         {"ver": ver, "alg": alg, "x5c": [leaf or tpm_leaf()], "sig": sign(LEAF_KEY, info),
          "certInfo": info, "pubArea": area}, new, peers=peers)


def all_tpm():
    tpm("tpm", "hardware")
    tpm("tpm-aaguid", "hardware", tpm_leaf(more=[aaguid()]))
    tpm("tpm-other-aaguid", "refused", tpm_leaf(more=[aaguid(bytes(16))]), peers="lax")
    tpm("tpm-other-magic", "refused", magic="ff544348")
    tpm("tpm-quote", "refused", kind="8018")
    tpm("tpm-other-extra-data", "refused", extra=bytes(32))
    tpm("tpm-other-name", "refused", named=b"another area")
    other = key_of("other").public_key().public_numbers()
    tpm("tpm-other-key", "refused",
        point=(other.x.to_bytes(32, "big"), other.y.to_bytes(32, "big")))
    tpm("tpm-trailing", "refused", tail=b"\0", peers="lax")
    tpm("tpm-version", "unjudged", ver="1.2")
    tpm("tpm-with-a-subject", "refused", tpm_leaf(name_of()))
    tpm("tpm-no-device", "refused", tpm_leaf(device=0))
    tpm("tpm-half-a-device", "refused", tpm_leaf(device=2))
    tpm("tpm-names-not-critical", "refused", tpm_leaf(critical=False), peers="lax")
    tpm("tpm-other-usage", "refused", tpm_leaf(usage="1.3.6.1.5.5.7.3.2"))
    tpm("tpm-leaf-is-ca", "refused", tpm_leaf(ca=True))


def authorizations(purpose=2, origin=0, all_applications=False):
    parts = []
    if purpose is not None:
        parts.append(der(0xa1, der(0x31, der(0x02, bytes([purpose])))))
    if all_applications:
        parts.append(der(b"\xbf\x84\x58", der(0x05)))
    if origin is not None:
        parts.append(der(b"\xbf\x85\x3e", der(0x02, bytes([origin]))))
    return der(0x30, *parts)


EMPTY = der(0x30)


def android(name, verdict, levels=(1, 1), challenge=None, software=EMPTY, hardware=None, of=None,
            by=NEW_KEY, described=True, peers="compare"):
    new = New()
    hardware = authorizations() if hardware is None else hardware
    challenge = new.hash if challenge is None else challenge
    description = der(
        0x30, der(0x02, b"\x03"), der(0x0a, bytes([levels[0]])), der(0x02, b"\x04"),
        der(0x0a, bytes([levels[1]])), der(0x04, challenge), der(0x04), software, hardware)
    more = [unknown("1.3.6.1.4.1.11129.2.1.17", description)] if described else []
    leaf = certificate(of or NEW_KEY, name_of(), [constraints(), *more])
    case(name, verdict, "android-key",
         {"alg": -7, "sig": sign(by, new.signed), "x5c": [leaf, ROOT]}, new, peers=peers)


def all_android():
    android("android-key", "hardware")
    android("android-key-strongbox", "hardware", levels=(2, 2))
    android("android-key-software-level", "certified", levels=(0, 1))
    android("android-key-software-list", "certified", software=authorizations(), hardware=EMPTY,
            peers="lax")
    android("android-key-other-challenge", "refused", challenge=bytes(32))
    android("android-key-all-applications", "refused",
            hardware=authorizations(all_applications=True))
    android("android-key-imported", "refused", hardware=authorizations(origin=2))
    android("android-key-for-encryption", "refused", hardware=authorizations(purpose=0))
    android("android-key-other-key", "refused", of=LEAF_KEY)
    android("android-key-by-another", "refused", of=LEAF_KEY, by=LEAF_KEY)
    android("android-key-not-described", "refused", described=False)


def apple(name, verdict, nonce=None, of=None, described=True):
    new = New()
    nonce = hashlib.sha256(new.signed).digest() if nonce is None else nonce
    value = der(0x30, der(0xa1, der(0x04, nonce)))
    more = [unknown("1.2.840.113635.100.8.2", value)] if described else []
    leaf = certificate(of or NEW_KEY, name_of(), [constraints(), *more])
    case(name, verdict, "apple", {"x5c": [leaf]}, new)


def all_apple():
    apple("apple", "hardware")
    apple("apple-other-nonce", "refused", nonce=bytes(32))
    apple("apple-other-key", "refused", of=LEAF_KEY)
    apple("apple-no-nonce", "refused", described=False)


def main():
    all_packed()
    u2f()
    all_tpm()
    all_android()
    all_apple()
    case("unknown-format", "unjudged", "no-such-format", {}, New())
    content = {"rp_id": RP_ID, "origin": ORIGIN, "challenge": b64u(CHALLENGE), "cases": CASES}
    text = json.dumps(content, indent=1, sort_keys=True)
    pathlib.Path(sys.argv[1]).write_text(text + "\n")


if __name__ == "__main__":
    main()
