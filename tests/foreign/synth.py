"""Statements and receipts made here with cbor2 and cryptography alone, and ways to spoil them.

With these the checkers are themselves checked: each must accept what is right and refuse every
change, before its word on Placet's own evidence counts for anything.
"""

import hashlib
import pathlib
import shutil

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from export import leaf_hash, node_hash

EDDSA, ES256 = -8, -7
TREE_SIZE_CLAIM, ORIGIN_CLAIM = -65537, -65538


def write(folder, log_alg=EDDSA, size=7, index=4):
    """Writes one export folder: an EdDSA statement at `index` of a tree of `size` entries."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    issuer, log = new_key(EDDSA), new_key(log_alg)
    statement = sign1(issuer, EDDSA, statement_header(issuer), {}, b'{"synthetic":true}')
    entry = hashlib.sha256(statement).digest()
    leaves = [leaf_hash(hashlib.sha256(b"%d" % i).digest()) for i in range(size)]
    leaves[index] = leaf_hash(entry)
    proof = cbor2.dumps([size, index, path(leaves, index)])
    receipt = sign1(log, log_alg, receipt_header(log, log_alg, size), {396: {-1: [proof]}},
                    tree_root(leaves), detached=True)
    (folder / "statement.cose").write_bytes(statement)
    (folder / "receipt.cose").write_bytes(receipt)
    (folder / "entry.hex").write_text(entry.hex() + "\n")
    (folder / "issuer.pem").write_bytes(pem(issuer))
    (folder / "log.pem").write_bytes(pem(log))
    return folder


def spoiled(source, target):
    """Copies of an export folder, each with one thing wrong: yields (name, folder)."""
    for name, spoil in SPOILERS.items():
        folder = pathlib.Path(target) / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        spoil(folder)
        yield name, folder


def misshapen(source, target):
    """Copies whose receipt breaks the CDDL or the deterministic encoding: yields (name, folder)."""
    for name, spoil in MISSHAPES.items():
        folder = pathlib.Path(target) / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        spoil(folder)
        yield name, folder


# - Keys and signatures.


def new_key(alg):
    if alg == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def kid(key):
    return hashlib.sha256(pem(key)).digest()


def sign1(key, alg, protected, unprotected, payload, detached=False):
    head = cbor2.dumps(protected)
    to_sign = cbor2.dumps(["Signature1", head, b"", payload])
    if alg == EDDSA:
        signature = key.sign(to_sign)
    else:
        r, s = decode_dss_signature(key.sign(to_sign, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    body = [head, unprotected, None if detached else payload, signature]
    return cbor2.dumps(cbor2.CBORTag(18, body))


def statement_header(key):
    claims = {1: "https://issuer.example", 2: "urn:uuid:7d444840-9dc0-41d1-b245-5ffdce74fad2"}
    return {1: EDDSA, 3: "application/json", 4: kid(key), 15: claims, 16: "application/test"}


def receipt_header(key, alg, size):
    claims = {
        1: "https://log.example",
        2: "urn:uuid:7d444840-9dc0-41d1-b245-5ffdce74fad2",
        TREE_SIZE_CLAIM: size,
        ORIGIN_CLAIM: "log.example/synthetic",
    }
    return {1: alg, 4: kid(key), 15: claims, 395: 1}


# - The tree, recursively as in RFC 9162 2.1.


def tree_root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    split = largest_power_below(len(leaves))
    return node_hash(tree_root(leaves[:split]), tree_root(leaves[split:]))


def path(leaves, index):
    if len(leaves) == 1:
        return []
    split = largest_power_below(len(leaves))
    if index < split:
        return path(leaves[:split], index) + [tree_root(leaves[split:])]
    return path(leaves[split:], index - split) + [tree_root(leaves[:split])]


def largest_power_below(n):
    return 1 << ((n - 1).bit_length() - 1)


# - Ways to spoil.


def flip_last_byte(name):
    def spoil(folder):
        raw = bytearray((folder / name).read_bytes())
        raw[-1] ^= 1
        (folder / name).write_bytes(raw)

    return spoil


def change_proof(change):
    def spoil(folder):
        tag = cbor2.loads((folder / "receipt.cose").read_bytes())
        proof = cbor2.loads(tag.value[1][396][-1][0])
        change(proof)
        tag.value[1][396][-1][0] = cbor2.dumps(proof)
        (folder / "receipt.cose").write_bytes(cbor2.dumps(tag))

    return spoil


def change_path(proof):
    proof[2][0] = bytes([proof[2][0][0] ^ 1]) + proof[2][0][1:]


def change_index(proof):
    proof[1] = proof[1] - 1 if proof[1] else 1


def shorten_path(proof):
    proof[2] = proof[2][:-1]


def other_key(name, alg_of):
    def spoil(folder):
        (folder / name).write_bytes(pem(new_key(alg_of(folder))))

    return spoil


def log_alg(folder):
    return cbor2.loads(cbor2.loads((folder / "receipt.cose").read_bytes()).value[0])[1]


def other_entry(folder):
    (folder / "entry.hex").write_text(hashlib.sha256(b"another").hexdigest())


def change_payload(folder):
    tag = cbor2.loads((folder / "statement.cose").read_bytes())
    tag.value[2] = bytes([tag.value[2][0] ^ 1]) + tag.value[2][1:]
    raw = cbor2.dumps(tag)
    (folder / "statement.cose").write_bytes(raw)
    (folder / "entry.hex").write_text(hashlib.sha256(raw).hexdigest())


SPOILERS = {
    "statement-signature": flip_last_byte("statement.cose"),
    "statement-payload": change_payload,
    "issuer-key": other_key("issuer.pem", lambda folder: EDDSA),
    "receipt-signature": flip_last_byte("receipt.cose"),
    "receipt-path": change_proof(change_path),
    "receipt-path-short": change_proof(shorten_path),
    "receipt-index": change_proof(change_index),
    "log-key": other_key("log.pem", log_alg),
    "entry": other_entry,
}


def reshape(change):
    def spoil(folder):
        tag = cbor2.loads((folder / "receipt.cose").read_bytes())
        (folder / "receipt.cose").write_bytes(change(tag))

    return spoil


def untagged(tag):
    return cbor2.dumps(tag.value)


def both_proofs(tag):
    tag.value[1][396][-2] = [cbor2.dumps([1, 2, [bytes(32)]])]
    return cbor2.dumps(tag)


def path_of_text(tag):
    proof = cbor2.loads(tag.value[1][396][-1][0])
    proof[2] = ["text" for _ in proof[2]]
    tag.value[1][396][-1][0] = cbor2.dumps(proof)
    return cbor2.dumps(tag)


def long_form_head(tag):
    short = cbor2.dumps(tag)
    return short[:1] + b"\x98\x04" + short[2:]


def no_kid(tag):
    head = cbor2.loads(tag.value[0])
    del head[4]
    tag.value[0] = cbor2.dumps(head)
    return cbor2.dumps(tag)


MISSHAPES = {
    "untagged": reshape(untagged),
    "both-proofs": reshape(both_proofs),
    "path-of-text": reshape(path_of_text),
    "long-form-head": reshape(long_form_head),
    "no-kid": reshape(no_kid),
}
