"""Text forms of SPEC 2.4."""

import base64
import binascii
import calendar
import re

from . import Refused

UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_HEX32 = re.compile("[0-9a-f]{64}")
_TIME = re.compile("([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")
_B64U = re.compile("[A-Za-z0-9_-]*")


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64u_decode(text, code="document.value"):
    if not _B64U.fullmatch(text) or len(text) % 4 == 1:
        raise Refused(code, "base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64u(data) != text:
        raise Refused(code, "base64url: trailing bits")
    return data


def b64_decode(text, code):
    """Standard base64, padded, trailing bits zero."""
    try:
        data = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(code, "base64") from None
    if base64.b64encode(data).decode() != text:
        raise Refused(code, "base64")
    return data


def is_uuid(text):
    return isinstance(text, str) and UUID.fullmatch(text) is not None


def is_hex32(text):
    return isinstance(text, str) and _HEX32.fullmatch(text) is not None


def parse_time(text):
    """Seconds since 1970, or None."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    if year < 1970 or not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59:
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return calendar.timegm((year, month, day, hour, minute, second))


def decimal(text, code, limit=1 << 63):
    if not re.fullmatch("0|[1-9][0-9]{0,18}", text) or int(text) >= limit:
        raise Refused(code, "decimal")
    return int(text)
