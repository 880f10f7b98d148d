"""Attestation statements by verifiers that others wrote.

usage: webauthn_registrations.py FILE

FILE is verifier/vectors/webauthn-registrations.json. Prints a table: ours, fido2, py_webauthn; A is
accept, a dot refuse, a blank what a library does not judge. No library looks at every rule, so that
each differs from us somewhere; the table says where. Exit code 0 if we never stand alone against all
of them, but for cases whose `peers` is `lax`: a rule of WebAuthn L3 or RFC 5280 that none of them
looks at.
"""

import argparse
import base64
import json
import pathlib
import sys

ACCEPT, REFUSE = {"hardware", "certified", "self", "none"}, {"refused"}


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("file", type=pathlib.Path)
    data = json.loads(parser.parse_args().file.read_text())
    peers = [Fido2(data), PyWebauthn(data)]
    print(f"{'':32}", "ours", *[peer.name for peer in peers])
    wrong = 0
    for case in data["cases"]:
        ours = True if case["verdict"] in ACCEPT else False if case["verdict"] in REFUSE else None
        verdicts = [peer.judge(case) for peer in peers]
        judged = [v for v in verdicts if v is not None]
        differs = ours is not None and any(v != ours for v in judged)
        alone = differs and all(v != ours for v in judged)
        excused = case["peers"] == "lax"
        wrong += alone and not excused
        cells = [word(v).center(len(peer.name)) for v, peer in zip(verdicts, peers)]
        note = ("" if not differs else "ALONE" if alone and not excused else "differs")
        print(f"{case['name']:32}", word(ours).center(4), *cells, note)
    print(f"{len(data['cases'])} registrations, in {wrong} we stand alone")
    sys.exit(1 if wrong else 0)


def word(verdict):
    return {True: "A", False: ".", None: " "}[verdict]


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Fido2:
    """python-fido2: the statement, then its chain."""

    name = "fido2"

    def __init__(self, _):
        import fido2.attestation
        import fido2.webauthn
        self.fido2 = fido2
        formats = (fido2.attestation.PackedAttestation, fido2.attestation.TpmAttestation,
                   fido2.attestation.FidoU2FAttestation, fido2.attestation.AppleAttestation,
                   fido2.attestation.NoneAttestation)
        self.formats = {one.FORMAT: one for one in formats}

    def judge(self, case):
        try:
            made = self.fido2.webauthn.AttestationObject(decode(case["attestation_object"]))
        except Exception:
            return False
        if made.fmt not in self.formats:
            return None
        client = self.fido2.webauthn.CollectedClientData(decode(case["client_data_json"]))
        try:
            result = self.formats[made.fmt]().verify(made.att_stmt, made.auth_data, client.hash)
            chain = list(result.trust_path)
            if not chain:
                return True
            roots = [decode(root) for root in case["roots"]]
            if chain[0] in roots:
                return True
            # The library leaves it to the caller which root belongs to a chain.
            for root in roots:
                try:
                    self.fido2.attestation.verify_x509_chain([c for c in chain if c != root] + [root])
                    return True
                except Exception:
                    continue
            return False
        except Exception:
            return False


class PyWebauthn:
    """Duo's py_webauthn: the whole registration."""

    name = "py_webauthn"

    def __init__(self, data):
        import webauthn
        from webauthn.helpers.structs import AttestationFormat
        self.webauthn, self.formats, self.data = webauthn, AttestationFormat, data
        self.known = {one.value for one in AttestationFormat}

    def judge(self, case):
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding
        credential = {
            "id": self.credential(case), "rawId": self.credential(case), "type": "public-key",
            "clientExtensionResults": {},
            "response": {"attestationObject": case["attestation_object"],
                         "clientDataJSON": case["client_data_json"]},
        }
        roots = [x509.load_der_x509_certificate(decode(root)).public_bytes(Encoding.PEM)
                 for root in case["roots"]]
        try:
            self.webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=decode(self.data["challenge"]),
                expected_rp_id=self.data["rp_id"],
                expected_origin=self.data["origin"],
                require_user_verification=True,
                pem_root_certs_bytes_by_fmt={one: roots for one in self.formats},
            )
            return True
        except Exception:
            return False

    def credential(self, case):
        import cbor2
        data = cbor2.loads(decode(case["attestation_object"]))["authData"]
        size = int.from_bytes(data[53:55], "big")
        return base64.urlsafe_b64encode(data[55:55 + size]).rstrip(b"=").decode()


if __name__ == "__main__":
    main()
