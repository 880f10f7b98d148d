"""The WebAuthn assertions in an evidence bundle, read with cbor2 and json alone.

usage: assertion.py EVIDENCE OUT_FOLDER ORIGIN      writes OUT_FOLDER/NAMESPACE-N.json

Each file is what webauthn_peers.py takes. The challenge is built here once more, from SPEC.md 4.3,
so that nothing but the bundle's bytes and this page of Python stands behind it.
"""

import base64
import hashlib
import json
import pathlib
import sys

import cbor2


def assertions(evidence, origin):
    """Yields (namespace, record) for each assertion of the main log's statements."""
    _profile, content, _seal = cbor2.loads(evidence)
    keys = credential_keys(content["gov"]["entries"])
    for item in content["main"]["statements"]:
        payload = cbor2.loads(cbor2.loads(item["statement"]).value[2])
        document = payload["document"]
        for assertion in payload["assertions"]:
            credential = b64u(assertion["credential"])
            yield assertion["namespace"], {
                "rp_id": json.loads(document)["rp_id"],
                "origin": origin,
                "challenge": b64u(challenge(assertion["namespace"], document)),
                "credential_id": credential,
                "cose_key": keys[credential],
                "authenticator_data": b64u(assertion["authenticator_data"]),
                "client_data_json": b64u(assertion["client_data_json"]),
                "signature": b64u(assertion["signature"]),
            }


def credential_keys(entries):
    """{credential id: COSE_Key} of every enrolment, both as base64url."""
    keys = {}
    for entry in entries:
        payload = cbor2.loads(cbor2.loads(entry).value[2])
        if payload["kind"] == "enrolment":
            document = json.loads(payload["document"])
            keys.setdefault(document["credential"], document["public_key"])
    return keys


def challenge(namespace, document):
    """The SSHSIG pre-image (OpenSSH PROTOCOL.sshsig section 3)."""
    digest = hashlib.sha256(document).digest()
    parts = [namespace.encode(), b"", b"sha256", digest]
    return b"SSHSIG" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def b64u(raw):
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def write(evidence_path, folder, origin):
    """Writes one file per assertion and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    records = assertions(evidence_path.read_bytes(), origin)
    for number, (namespace, record) in enumerate(records):
        path = folder / f"{namespace}-{number}.json"
        path.write_text(json.dumps(record, indent=1))
        paths.append(path)
    return paths


if __name__ == "__main__":
    for written in write(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]):
        print(written)
