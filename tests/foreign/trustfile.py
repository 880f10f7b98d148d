"""What a trust file says about a log's keys, as C2SP verifier keys."""

import base64
import hashlib
import json

import cbor2

ED25519, COSIGNATURE_V1 = 1, 4


def log_vkeys(path):
    """{role: (origin, verifier key)} of the newest checkpoint key of each log."""
    found = {}
    for log in json.loads(path.read_text())["logs"]:
        for key in log["keys"]:
            if key["purpose"] == "checkpoint":
                raw = cbor2.loads(unpadded(key["public_key"]))[-2]
                found[log["role"]] = (log["origin"], vkey(log["origin"], ED25519, raw))
    return found


def witness_vkeys(path, role):
    """The witnesses' verifier keys in the policy of one log."""
    for log in json.loads(path.read_text())["logs"]:
        if log["role"] == role:
            lines = [line.split() for line in log["witness_policy"].splitlines()]
            return [words[2] for words in lines if words[:1] == ["witness"]]
    return []


def vkey(name, algorithm, public):
    """C2SP signed-note: name + key id + base64(algorithm || public key)."""
    typed = bytes([algorithm]) + public
    key_id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
    return f"{name}+{key_id.hex()}+{base64.b64encode(typed).decode()}"


def unpadded(text):
    """base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
