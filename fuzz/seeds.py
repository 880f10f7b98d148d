"""Gives every fuzz target a first corpus, taken from the committed vectors.

usage: seeds.py      writes fuzz/corpus/TARGET/seed-*, which git does not see

Each object, text and binary value in a vector file is a seed of every target of its group: the
fuzzer finds out soon enough which of them lead anywhere.
"""

import base64
import hashlib
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
MAX_SEED, MAX_SEEDS = 16_384, 400
TEXTS = ("note", "checkpoint", "tile_path", "tlog_policy", "tlog_proof", "witness_request", "time",
         "webauthn_client_data", "jws", "dpop", "spiffe_id", "gateway_target")
OBJECTS = ("json", "jcs", "action", "document", "trust", "misbehaviour", "jwk_set", "obligations",
           "redact")
# The proof of RFC 9449 4.1, and keys of RFC 7517 A.1 and RFC 8037 A.2.
PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUk"
    "lDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUw"
    "Q2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6I"
    "mh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A"
    "0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg")
EC = {"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig",
      "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
      "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}
OKP = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA",
       "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwaaPJHURo"}


def field(number, value):
    """A field of a message in protocol buffers."""
    value = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2, len(value)]) + value


# A CheckRequest of Envoy about `POST /users/7`, with a header in each form and a body.
CHECK = field(1, field(4, field(2, b"".join([
    field(2, "POST"), field(4, "/users/7"), field(5, "api"),
    field(3, field(1, "a") + field(2, "b")), field(12, "{}")]))))
OWN = {
    "jws": [PROOF],
    "dpop": [PROOF],
    "jwk_set": [json.dumps(value) for value in (EC, OKP, {"keys": [EC, OKP, {"x5c": ["AAAA"]}]})],
    "spiffe_id": ["spiffe://example.org/agent/renewals", "spiffe://example.org/../a"],
    "gateway_target": ["/users/{id}/disable\n/users/X0001/disable?a=b&c=%20", "/{rest...}\n/a%2Fb/"],
    "envoy_check": [CHECK],
    "obligations": [json.dumps({"obligations": [
        {"id": "1", "type": "step-up", "properties": {"acr_value": "phr", "amr_values": ["mfa"]}},
        {"id": "2", "type": "custom", "name": "rate_limit", "count": 5, "seconds": 60},
        {"id": "3", "type": "custom", "properties": {"name": "redact", "fields": ["a.b"]}},
        {"id": "4", "type": "custom", "properties": {"name": "narrow", "parameters": {"n": 1}}}]})],
    "redact": ['{"data": [{"Email": 1, "id": {"kind": 2, "n": 1e400}}], "email": null}',
               '{"id": {"a": {"Kind": 1}, "id.kind": 2}}',
               '{"a": {"$serde_json::private::Number": "5"}}',
               r'[{"$serde_json::private::RawValue": "[{\"email\": [{\"email\": 1}]}]"}]'],
}


def main():
    seeds = {"text": {}, "object": {}, "binary": {}, "attestation": {}}
    for file in sorted(ROOT.glob("*/vectors/**/*")):
        if file.suffix == ".json":
            collect(json.loads(file.read_text()), seeds)
        elif file.is_file() and file.suffix in (".placet", ".cose", ".cbor"):
            add(seeds["binary"], file.read_bytes())
    for target in sorted(path.stem for path in (ROOT / "fuzz/fuzz_targets").glob("*.rs")):
        group = "text" if target in TEXTS else "object" if target in OBJECTS else "binary"
        group = target if target in seeds else group
        folder = ROOT / "fuzz/corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        own = {}
        for text in OWN.get(target, ()):
            add(own, text.encode() if isinstance(text, str) else text)
        for name, seed in {**seeds[group], **own}.items():
            (folder / f"seed-{name}").write_bytes(seed)


def collect(value, seeds):
    if isinstance(value, dict):
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        add(seeds["object"], text.encode(errors="replace"))
        for name, member in value.items():
            if name in ("attestation_object", "attestationObject"):
                for decoded in decodings(member):
                    add(seeds["attestation"], decoded)
            collect(member, seeds)
    elif isinstance(value, list):
        for item in value:
            collect(item, seeds)
    elif isinstance(value, str):
        raw = value.encode(errors="replace")
        add(seeds["text"], raw)
        if value.startswith("{"):
            add(seeds["object"], raw)
        for decoded in decodings(value):
            add(seeds["binary"], decoded)
            if decoded.startswith(b"{"):
                add(seeds["text"], decoded)
                add(seeds["object"], decoded)


def decodings(text):
    if re.fullmatch(r"([0-9a-f]{2})+", text):
        yield bytes.fromhex(text)
    elif re.fullmatch(r"[A-Za-z0-9_-]{8,}", text):
        try:
            yield base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            pass


def add(group, seed):
    if 0 < len(seed) <= MAX_SEED and len(group) < MAX_SEEDS:
        group.setdefault(hashlib.sha256(seed).hexdigest()[:16], seed)


if __name__ == "__main__":
    main()
