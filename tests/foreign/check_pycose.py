"""pycose: the statement's signature, and the receipt's over the root that its path gives."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pycose.keys import EC2Key, OKPKey
from pycose.messages import Sign1Message

from export import judge


def key(public):
    if isinstance(public, Ed25519PublicKey):
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return OKPKey(crv="ED25519", x=raw)
    point = public.public_numbers()
    return EC2Key(crv="P_256", x=point.x.to_bytes(32, "big"), y=point.y.to_bytes(32, "big"))


def check(export):
    statement = Sign1Message.decode(export.statement)
    statement.key = key(export.issuer_key)
    receipt = Sign1Message.decode(export.receipt)
    receipt.key = key(export.log_key)
    return (
        statement.verify_signature()
        and receipt.verify_signature(detached_payload=export.root())
        and export.entry_matches()
    )


judge("pycose", check)
