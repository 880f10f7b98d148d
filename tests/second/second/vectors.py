"""Runs the project's vectors."""

import base64
import json
from pathlib import Path

from . import Refused, documents, keys, merkle, text, webauthn
from .notes import WITNESS_KEY, Note, SignedNote, Witness
from .verify import Demands, verify


def _tell(passed, failed):
    print(f"second: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def bundles(folder):
    root = folder / "bundles" if (folder / "bundles").is_dir() else folder
    passed = failed = 0
    for expected in sorted(root.glob("*/expected.json")):
        want = json.loads(expected.read_bytes())
        action = expected.parent / "action.json"
        demands = Demands(
            action.read_bytes() if action.exists() else None,
            want["passkey"], want["between"], want["denial"],
        )  # fmt: skip
        got = verify(
            (expected.parent / "bundle.placet").read_bytes(),
            (expected.parent / "trust.json").read_bytes(),
            want["as_of"],
            demands,
        )[:2]
        if got == (want["verdict"], want["code"]):
            passed += 1
        else:
            failed += 1
            print(f"{expected.parent.name}: {got}, expected {want['verdict']}, {want['code']}")
    return _tell(passed, failed)


def extras(folders):
    """`folders`: proto/vectors and verifier/vectors, in any order."""
    results = []
    for name, run in (
        ("action.json", _actions),
        ("webauthn-matrix.json", _matrix),
        ("ed25519-strict.json", _ed25519),
        ("rs256.json", _rs256),
        ("wycheproof.json", _wycheproof),
        ("tlog/notes.json", _notes),
        ("tlog/log.json", _log),
        ("merkle/inclusion.json", _inclusion),
        ("merkle/consistency.json", _consistency),
    ):
        for folder in folders:
            if (Path(folder) / name).exists():
                before = len(results)
                run(json.loads((Path(folder) / name).read_bytes()), results)
                mine = results[before:]
                wrong = [label for label, good in mine if not good]
                print(f"{name}: {len(mine) - len(wrong)} of {len(mine)}", *wrong)
    good = sum(good for _, good in results)
    return _tell(good, len(results) - good)


def _actions(data, results):
    for case in data["accepted"]:
        action = documents.read_action(case["action"], request=True)
        canonical, digest = documents.binding(action, case["binding_context_members"])
        good = (
            documents.sjson.jcs(action).decode() == case["canonical"]
            and documents.action_digest(action) == case["action_digest"]
            and canonical.decode() == case["binding_canonical"]
            and digest == case["binding_hash"]
        )
        results.append((case["name"], good))
    for case in data["refused"]:
        try:
            documents.read_action(case["action"], request=True)
            code = None
        except Refused as refused:
            code = refused.code
        results.append((case["name"], code == case["code"]))


def _matrix(data, results):
    challenge = webauthn.challenge(data["namespace"], data["document"].encode())
    results.append(("challenge", challenge == data["challenge"]))
    for case in data["cases"]:
        fields = ("authenticator_data", "client_data_json", "signature")
        assertion = {name: text.b64u_decode(case[name]) for name in fields}
        try:
            webauthn.check(
                assertion, data["namespace"], data["document"].encode(),
                text.b64u_decode(data["public_key"]), data["rp_id"], data["backup_eligible"],
                [data["origin"]],
            )  # fmt: skip
            code = None
        except Refused as refused:
            code = refused.code
        results.append((case["name"], code == case["refuse"]))


def _ed25519(data, results):
    for case in data["cases"]:
        message, public, signature = (
            bytes.fromhex(case[name]) for name in ("message", "pub_key", "signature")
        )
        good = keys.ed25519_key_valid(public) == case["key_valid"]
        counts = case["key_valid"] and case["verifies"]
        good = good and keys.ed25519_verify(public, message, signature) == counts
        results.append((str(case["number"]), good))


def _rs256(data, results):
    key = keys.Key(keys.cbor.dumps({1: 3, 3: -257, -1: bytes.fromhex(data["n"]), -2: b"\1\0\1"}))
    for name in ("pkcs1_sha256", "pkcs1_sha1", "pss_sha256"):
        got = key.verify_webauthn(data["message"].encode(), bytes.fromhex(data[name]))
        results.append((name, got == (name == "pkcs1_sha256")))


def _wycheproof(data, results):
    for group in data["groups"]:
        key = keys.Key(bytes.fromhex(group["cose_key"]))
        verify_ = key.verify_webauthn if group["form"] == "der" else key.verify_cose
        if key.alg == keys.RS256:
            verify_ = key.verify_webauthn
        for message, signature, want, comment in group["tests"]:
            got = verify_(bytes.fromhex(message), bytes.fromhex(signature))
            results.append((f"{group['file']} {comment}", got == want))


def _verifies(note, one):
    name, _, blob = one["vkey"].split("+", 2)
    blob = base64.b64decode(blob)
    if blob[0] == WITNESS_KEY:
        return note.stamp(Witness("w", one["vkey"])) == one["time"]
    found = note.key_lines(name, blob[1:])
    return bool(found) and all(note.signature_ok(blob[1:], line) for line in found)


def _notes(data, results):
    for case in data:
        note = SignedNote(case["note"].encode())
        results.append((case["name"], all(_verifies(note, one) for one in case["keys"])))


def _log(data, results):
    leaves = [merkle.leaf_hash(entry.encode()) for entry in data["entries"]]
    for size, raw in enumerate(data["checkpoints"]):
        note = Note(raw.encode())
        good = note.size == size and note.root == merkle.root_of(leaves[:size])
        results.append((f"checkpoint {size}", good and _verifies(note, {"vkey": data["vkey"]})))


def _path(case):
    return [base64.b64decode(step) for step in case["proof"] or []]


def _inclusion(data, results):
    for case in data:
        leaf, root = (base64.b64decode(case[name]) for name in ("leafHash", "root"))
        got = merkle.inclusion(case["leafIdx"], case["treeSize"], leaf, _path(case), root)
        results.append((case["name"], got != case["wantErr"]))


def _consistency(data, results):
    for case in data:
        first, second = (base64.b64decode(case[name]) for name in ("root1", "root2"))
        got = merkle.consistency(case["size1"], case["size2"], first, second, _path(case))
        results.append((case["name"], got != case["wantErr"]))
