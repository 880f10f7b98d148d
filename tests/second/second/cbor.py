"""Strict deterministic CBOR (SPEC 2.3): a reader, and the little encoder that signatures need."""

from . import Refused

MAX_DEPTH = 16


class Tagged:
    def __init__(self, tag, value):
        self.tag, self.value = tag, value


def is_int(value):
    """A number; Python's True is not one."""
    return isinstance(value, int) and not isinstance(value, bool)


def loads(data):
    value, end = _item(data, 0, 0, MAX_DEPTH)
    if end != len(data):
        raise Refused("cbor.trailing")
    return value


def _head(data, at):
    if at >= len(data):
        raise Refused("cbor.truncated")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        return major, info, info, at
    if info > 27:
        raise Refused("cbor.indefinite" if info == 31 else "cbor.head")
    size = 1 << (info - 24)
    if at + size > len(data):
        raise Refused("cbor.truncated")
    number = int.from_bytes(data[at : at + size], "big")
    if major != 7 and number < (24, 1 << 8, 1 << 16, 1 << 32)[info - 24]:
        raise Refused("cbor.not_shortest")
    return major, info, number, at + size


def _item(data, at, depth, max_depth):
    major, info, number, at = _head(data, at)
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        if number > len(data) - at:
            raise Refused("cbor.truncated")
        raw = bytes(data[at : at + number])
        if major == 2:
            return raw, at + number
        try:
            return raw.decode("utf-8"), at + number
        except UnicodeDecodeError:
            raise Refused("cbor.utf8") from None
    if major == 7:
        if info in (20, 21, 22):
            return {20: False, 21: True, 22: None}[info], at
        raise Refused("cbor.simple")
    if depth >= max_depth:
        raise Refused("cbor.depth")
    if major == 6:
        value, at = _item(data, at, depth + 1, max_depth)
        return Tagged(number, value), at
    if number * (major - 3) > len(data) - at:  # each item takes a byte at least
        raise Refused("cbor.truncated")
    if major == 4:
        out = []
        for _ in range(number):
            value, at = _item(data, at, depth + 1, max_depth)
            out.append(value)
        return out, at
    out, last = {}, None
    for _ in range(number):
        start = at
        if start < len(data) and data[start] >> 5 not in (0, 1, 3):
            raise Refused("cbor.map_key")
        key, at = _item(data, at, depth + 1, max_depth)
        encoded = bytes(data[start:at])
        if last is not None and encoded <= last:
            raise Refused("cbor.map_order")
        last = encoded
        out[key], at = _item(data, at, depth + 1, max_depth)
    return out, at


def head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * size):
            return bytes([major << 5 | info]) + number.to_bytes(size, "big")
    raise ValueError("number")


def dumps(value):
    if is_int(value):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        raw = value.encode()
        return head(3, len(raw)) + raw
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(dumps, value))
    if isinstance(value, dict):
        pairs = sorted((dumps(key), dumps(item)) for key, item in value.items())
        return head(5, len(pairs)) + b"".join(key + item for key, item in pairs)
    raise ValueError("type")
