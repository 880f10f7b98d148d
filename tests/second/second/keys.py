"""COSE_Keys and signatures (SPEC 13). Every key is pinned to one algorithm."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from . import Refused, Unsupported, cbor

MAX_COSE_KEY = 1024
EDDSA, ES256, RS256 = -8, -7, -257
SAME = {-19: EDDSA, -9: ES256, EDDSA: EDDSA, ES256: ES256, RS256: RS256}

# Ed25519, plain integers -------------------------------------------------------------------
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_I = pow(2, (_P - 1) // 4, _P)
_NEUTRAL = (0, 1, 1, 0)


def _add(a, b):
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    m, n = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(k, point):
    out = _NEUTRAL
    while k:
        if k & 1:
            out = _add(out, point)
        point = _add(point, point)
        k >>= 1
    return out


def _is_neutral(point):
    x, y, z, _ = point
    return x % _P == 0 and (y - z) % _P == 0


def ed25519_decode(data):
    """The point, or None where the 32 bytes are not the canonical encoding of one."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if len(data) != 32 or y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if (v * x * x - u) % _P:
        x = x * _I % _P
        if (v * x * x - u) % _P:
            return None
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


_valid = {}


def ed25519_key_valid(public):
    """Canonical, of prime order, not the neutral element (R-13-3)."""
    if public not in _valid:
        point = ed25519_decode(public)
        _valid[public] = (
            point is not None and not _is_neutral(point) and _is_neutral(_times(_L, point))
        )
    return _valid[public]


def ed25519_verify(public, message, signature):
    if len(signature) != 64 or not ed25519_key_valid(public):
        return False
    if ed25519_decode(signature[:32]) is None:
        return False
    if int.from_bytes(signature[32:], "little") >= _L:
        return False
    # What is left is [S]B = R + [k]A without cofactor, which OpenSSL decides.
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


# ECDSA and RSA -----------------------------------------------------------------------------
_N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _der_integer(data, at):
    """(value, end) of a strict DER INTEGER that is positive, or None."""
    if len(data) < at + 3 or data[at] != 2:
        return None
    size = data[at + 1]
    body = data[at + 2 : at + 2 + size]
    if size >= 0x80 or size == 0 or len(body) != size or body[0] & 0x80:
        return None
    if size > 1 and body[0] == 0 and not body[1] & 0x80:
        return None
    return int.from_bytes(body, "big"), at + 2 + size


def _der_signature(data):
    if len(data) < 2 or data[0] != 0x30 or data[1] >= 0x80 or len(data) != 2 + data[1]:
        return None
    first = _der_integer(data, 2)
    second = first and _der_integer(data, first[1])
    if not second or second[1] != len(data):
        return None
    return first[0], second[0]


_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class Key:
    """A COSE_Key: kty, alg, its parameters, optionally kid, and nothing else."""

    def __init__(self, data):
        if len(data) > MAX_COSE_KEY:
            raise Refused("key.size")
        self.raw = bytes(data)
        fields = cbor.loads(self.raw)
        if not isinstance(fields, dict):
            raise Refused("key.type")
        if not cbor.is_int(fields.get(3)):
            raise Refused("key.parameter", "alg")
        if fields[3] not in SAME:
            raise Unsupported(str(fields[3]))
        self.alg = SAME[fields[3]]
        self.stated_alg = fields[3]
        kty = {EDDSA: 1, ES256: 2, RS256: 3}[self.alg]
        names = {EDDSA: (-1, -2), ES256: (-1, -2, -3), RS256: (-1, -2)}[self.alg]
        if set(fields) - {2} != {1, 3, *names}:
            raise Refused("key.parameter")
        if fields[1] != kty or not cbor.is_int(fields[1]):
            raise Refused("key.parameter", "kty")
        if not isinstance(fields.get(2, b""), bytes):
            raise Refused("key.parameter", "kid")
        {EDDSA: self._ed25519, ES256: self._p256, RS256: self._rsa}[self.alg](fields)
        self.thumbprint = hashlib.sha256(
            cbor.dumps({name: fields[name] for name in (1, *names)})
        ).digest()

    def _ed25519(self, fields):
        if fields[-1] != 6 or not _bytes(fields[-2], 32):
            raise Refused("key.parameter")
        if not ed25519_key_valid(fields[-2]):
            raise Refused("key.invalid")
        self.public = fields[-2]

    def _p256(self, fields):
        if (
            fields[-1] != 1
            or fields[-1] is True
            or not _bytes(fields[-2], 32)
            or not _bytes(fields[-3], 32)
        ):
            raise Refused("key.parameter")
        x, y = (int.from_bytes(fields[i], "big") for i in (-2, -3))
        try:
            self.public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        except ValueError:
            raise Refused("key.invalid") from None

    def _rsa(self, fields):
        if not all(
            isinstance(fields[i], bytes) and fields[i][:1] not in (b"", b"\0") for i in (-1, -2)
        ):
            raise Refused("key.parameter")
        n, e = (int.from_bytes(fields[i], "big") for i in (-1, -2))
        if not 2048 <= n.bit_length() <= 4096 or not 65537 <= e < 1 << 32 or not n & e & 1:
            raise Refused("key.parameter")
        self.public = (n, e)

    def verify_cose(self, message, signature):
        """Of a COSE_Sign1: 64 bytes."""
        if self.alg == ES256:
            if len(signature) != 64:
                return False
            r, s = (int.from_bytes(signature[i : i + 32], "big") for i in (0, 32))
            return self._ecdsa(message, r, s)
        return self.alg == EDDSA and ed25519_verify(self.public, message, signature)

    def verify_webauthn(self, message, signature):
        if self.alg == ES256:
            pair = _der_signature(signature)
            return pair is not None and self._ecdsa(message, *pair)
        if self.alg == EDDSA:
            return ed25519_verify(self.public, message, signature)
        n, e = self.public
        size = (n.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        if len(signature) != size or number >= n:
            return False
        info = _SHA256_INFO + hashlib.sha256(message).digest()
        wanted = b"\0\1" + b"\xff" * (size - 3 - len(info)) + b"\0" + info
        return pow(number, e, n).to_bytes(size, "big") == wanted

    def _ecdsa(self, message, r, s):
        if not (0 < r < _N256 and 0 < s < _N256):
            return False
        try:
            self.public.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
            return True
        except InvalidSignature:
            return False


def _bytes(value, size):
    return isinstance(value, bytes) and len(value) == size
