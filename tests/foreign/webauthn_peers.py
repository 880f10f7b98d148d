"""WebAuthn verifiers that others wrote, over one assertion or over our matrix of odd ones.

usage: webauthn_peers.py [--peers LIST] [--tamper] FILE
       webauthn_peers.py [--peers LIST] --matrix FILE

FILE is JSON {rp_id, origin, challenge, credential_id, cose_key, authenticator_data,
client_data_json, signature}, byte strings in base64url without padding. Prints `peer NAME VERSION`
and then `NAME VERSION accept` or `refuse` for each peer. Exit code 0 if all accept, 1 if one
refuses.

--tamper changes one bit of each signed field, of the signature, of the key and of the challenge,
one at a time, and prints `NAME VERSION refuse FIELD`. Exit code 0 if every change is refused.

--matrix takes verifier/vectors/webauthn-matrix.json and prints a table of who accepts what.
Exit code 0 if every peer accepts the case `good` and refuses the case `other`.

Exit code 2 if a peer is not installed. LIST is comma-separated, of fido2, py_webauthn, openssl,
simplewebauthn.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
from importlib import metadata

HERE = pathlib.Path(__file__).resolve().parent
TIME_LIMIT = 120


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--peers", default=",".join(PEERS))
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--tamper", action="store_true")
    mode.add_argument("--matrix", action="store_true")
    parser.add_argument("file", type=pathlib.Path)
    options = parser.parse_args()
    try:
        peers = [PEERS[name]() for name in options.peers.split(",")]
    except (ImportError, OSError, KeyError, subprocess.SubprocessError) as error:
        print(f"peer not available: {error!r}", file=sys.stderr)
        sys.exit(2)
    for peer in peers:
        print(f"peer {peer.name} {peer.version}")
    data = json.loads(options.file.read_text())
    if options.matrix:
        good = matrix(peers, data)
    elif options.tamper:
        good = tamper(peers, data)
    else:
        good = plain(peers, data)
    sys.exit(0 if good else 1)


def plain(peers, item):
    """Every peer's verdict on the assertion as it is."""
    good = True
    for peer in peers:
        verdict = peer.verify([item])[0]
        good &= verdict
        print(f"{peer.name} {peer.version} {word(verdict)}")
    return good


def tamper(peers, item):
    """Every peer's verdict on each spoiled copy."""
    good = True
    for peer in peers:
        copies = [(field, spoil(item, field)) for field in FIELDS if field not in peer.blind]
        for (field, _), verdict in zip(copies, peer.verify([copy for _, copy in copies])):
            good &= not verdict
            print(f"{peer.name} {peer.version} {word(verdict)} {field}")
    return good


def matrix(peers, data):
    """A table of the verdicts; A is accept, a dot is refuse."""
    shared = {name: data[name] for name in ("rp_id", "origin", "challenge", "credential_id")}
    shared["cose_key"] = data["public_key"]
    items = [{**shared, **case} for case in data["cases"]]
    columns = [("placet", [case["refuse"] is None for case in data["cases"]])]
    columns += [(peer.name, peer.verify(items)) for peer in peers]
    width = max(len(case["name"]) for case in data["cases"])
    print(" " * width, *[name for name, _ in columns])
    good = True
    # openssl judges the signature alone; what it can't see is no disagreement.
    whole = [0] + [column for column, peer in enumerate(peers, 1) if not peer.blind]
    disagreements = 0
    for row, case in enumerate(data["cases"]):
        verdicts = [column[row] for _, column in columns]
        cells = [("A" if v else ".").center(len(name)) for v, (name, _) in zip(verdicts, columns)]
        print(case["name"].ljust(width), *cells)
        disagreements += len({verdicts[column] for column in whole}) > 1
        if case["name"] == "good":
            good &= all(verdicts)
        if case["name"] == "other":
            good &= not any(verdicts)
    print(f"{disagreements} of {len(items)} cases are judged differently by whole verifiers")
    return good


FIELDS = ("authenticator_data", "client_data_json", "signature", "cose_key", "challenge")


def spoil(item, field):
    """A copy with one bit changed: the counter, the challenge's last digit, s, x, the challenge."""
    raw = bytearray(decode(item[field]))
    at = {"authenticator_data": 36, "signature": len(raw) - 1, "cose_key": 15, "challenge": 9}
    if field == "client_data_json":
        at[field] = bytes(raw).index(item["challenge"].encode()) + 9
    raw[at[field]] ^= 1
    return {**item, field: encode(raw)}


def word(verdict):
    return "accept" if verdict else "refuse"


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(raw):
    return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()


class Peer:
    """A verifier. `blind` are the fields that it never looks at."""

    blind = ()

    def verify(self, items):
        """One verdict per item; whatever a library raises is a refusal."""
        verdicts = []
        for item in items:
            try:
                verdicts.append(bool(self.verify_one(item)))
            except Exception:
                verdicts.append(False)
        return verdicts


class Fido2(Peer):
    """python-fido2's server, which takes the credential by its id and key."""

    name = "fido2"

    def __init__(self):
        import fido2.cose
        import fido2.server
        import fido2.webauthn
        self.fido2 = fido2
        self.version = metadata.version("fido2")

    def verify_one(self, item):
        webauthn = self.fido2.webauthn
        entity = webauthn.PublicKeyCredentialRpEntity(id=item["rp_id"], name="placet")
        origin = item["origin"]
        server = self.fido2.server.Fido2Server(entity, verify_origin=lambda other: other == origin)
        key = self.fido2.cose.CoseKey.parse(
            self.fido2.cbor.decode(decode(item["cose_key"])))
        credential = webauthn.AttestedCredentialData.create(
            bytes(16), decode(item["credential_id"]), key)
        state = {"challenge": item["challenge"], "user_verification": "required"}
        server.authenticate_complete(state, [credential], response(item))
        return True


class PyWebauthn(Peer):
    """Duo's py_webauthn."""

    name = "py_webauthn"

    def __init__(self):
        import webauthn
        self.webauthn = webauthn
        self.version = metadata.version("webauthn")

    def verify_one(self, item):
        self.webauthn.verify_authentication_response(
            credential=response(item),
            expected_challenge=decode(item["challenge"]),
            expected_rp_id=item["rp_id"],
            expected_origin=item["origin"],
            credential_public_key=decode(item["cose_key"]),
            credential_current_sign_count=0,
            require_user_verification=True,
        )
        return True


class Openssl(Peer):
    """`openssl dgst`: the signature alone, so it is blind for the expected challenge."""

    name = "openssl"
    blind = ("challenge",)

    def __init__(self):
        from fido2.cose import CoseKey
        from fido2 import cbor
        self.cbor, self.cose_key = cbor, CoseKey
        words = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True,
                               timeout=TIME_LIMIT).stdout.split()
        self.version = words[1]

    def verify_one(self, item):
        signed = decode(item["authenticator_data"])
        signed += hashlib.sha256(decode(item["client_data_json"])).digest()
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "key.pem").write_bytes(self.pem(decode(item["cose_key"])))
            (folder / "signature").write_bytes(decode(item["signature"]))
            (folder / "signed").write_bytes(signed)
            done = subprocess.run(
                ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature",
                 "signed"], cwd=folder, capture_output=True, timeout=TIME_LIMIT)
        return done.returncode == 0

    def pem(self, raw):
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        key = self.cbor.decode(raw)

        def number(label):
            return int.from_bytes(key[label], "big")

        if key[3] == -7:
            numbers = ec.EllipticCurvePublicNumbers(number(-2), number(-3), ec.SECP256R1())
        elif key[3] == -257:
            numbers = rsa.RSAPublicNumbers(number(-2), number(-1))
        else:
            raise ValueError("openssl dgst takes ES256 and RS256")
        return numbers.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class SimpleWebauthn(Peer):
    """@simplewebauthn/server, all items in one process of Node."""

    name = "simplewebauthn"

    def __init__(self):
        self.version = self.run([])[0]

    def verify(self, items):
        lines = self.run(items)[1:]
        if len(lines) != len(items):
            raise RuntimeError("node did not answer for every item")
        return [line == "accept" for line in lines]

    def run(self, items):
        done = subprocess.run(["node", HERE / "webauthn_peers.mjs"], input=json.dumps(items),
                              capture_output=True, text=True, timeout=TIME_LIMIT)
        if done.returncode != 0:
            raise OSError(done.stderr.strip()[-500:])
        return done.stdout.split()


def response(item):
    """The assertion as PublicKeyCredential.toJSON() gives it."""
    return {
        "id": item["credential_id"],
        "rawId": item["credential_id"],
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "authenticatorData": item["authenticator_data"],
            "clientDataJSON": item["client_data_json"],
            "signature": item["signature"],
        },
    }


PEERS = {peer.name: peer for peer in (Fido2, PyWebauthn, Openssl, SimpleWebauthn)}

if __name__ == "__main__":
    main()
