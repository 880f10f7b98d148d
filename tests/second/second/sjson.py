"""Strict JSON (SPEC 2.1) and JCS (SPEC 2.2). Numbers become int or float."""

import re
from decimal import Decimal, InvalidOperation

from . import Refused

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def loads(data, limit=MAX_BYTES):
    if len(data) > limit:
        raise Refused("json.limit")
    if data[:3] == b"\xef\xbb\xbf":
        raise Refused("json.bom")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("json.utf8") from None
    reader = _Reader(text)
    value = reader.value(0)
    reader.space()
    if reader.at != len(text):
        raise Refused("json.trailing")
    return value


class _Reader:
    def __init__(self, text):
        self.text, self.at = text, 0

    def space(self):
        while self.at < len(self.text) and self.text[self.at] in " \t\n\r":
            self.at += 1

    def peek(self):
        self.space()
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self, char):
        if self.peek() != char:
            raise Refused("json.syntax", f"{char!r} expected at {self.at}")
        self.at += 1

    def value(self, depth):
        char = self.peek()
        if char in ("{", "["):
            if depth >= MAX_DEPTH:
                raise Refused("json.depth")
            return self.object(depth + 1) if char == "{" else self.array(depth + 1)
        if char == '"':
            return self.string()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        return self.number()

    def object(self, depth):
        out = {}
        self.take("{")
        if self.peek() == "}":
            self.at += 1
            return out
        while True:
            self.space()
            name = self.string()
            if name in out:
                raise Refused("json.duplicate", name)
            self.take(":")
            out[name] = self.value(depth)
            if self.peek() == ",":
                self.at += 1
                continue
            self.take("}")
            return out

    def array(self, depth):
        out = []
        self.take("[")
        if self.peek() == "]":
            self.at += 1
            return out
        while True:
            out.append(self.value(depth))
            if self.peek() == ",":
                self.at += 1
                continue
            self.take("]")
            return out

    def hex4(self):
        digits = self.text[self.at : self.at + 4]
        if not re.fullmatch("[0-9a-fA-F]{4}", digits):
            raise Refused("json.syntax", "\\u escape")
        self.at += 4
        return int(digits, 16)

    def string(self):
        if self.at >= len(self.text) or self.text[self.at] != '"':
            raise Refused("json.syntax", f"string expected at {self.at}")
        self.at += 1
        parts = []
        while True:
            match = _PLAIN.match(self.text, self.at)
            parts.append(match.group())
            self.at = match.end()
            char = self.text[self.at : self.at + 1]
            if char == '"':
                self.at += 1
                return "".join(parts)
            if char != "\\":
                raise Refused("json.syntax", "string")
            escape = self.text[self.at + 1 : self.at + 2]
            self.at += 2
            if escape in _ESCAPES and escape:
                parts.append(_ESCAPES[escape])
            elif escape == "u":
                unit = self.hex4()
                if 0xDC00 <= unit < 0xE000:
                    raise Refused("json.surrogate")
                if 0xD800 <= unit < 0xDC00:
                    if self.text[self.at : self.at + 2] != "\\u":
                        raise Refused("json.surrogate")
                    self.at += 2
                    low = self.hex4()
                    if not 0xDC00 <= low < 0xE000:
                        raise Refused("json.surrogate")
                    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
                parts.append(chr(unit))
            else:
                raise Refused("json.syntax", "escape")

    def number(self):
        match = _NUMBER.match(self.text, self.at)
        if not match:
            raise Refused("json.syntax", f"value expected at {self.at}")
        self.at = match.end()
        return exact_number(match.group())


def exact_number(text):
    """The number, if ECMAScript would write the same decimal value back (R-2.1-6)."""
    double = float(text)
    if double in (float("inf"), float("-inf")):
        raise Refused("json.number", text[:40])
    if double == 0:
        if text[0] == "-" or re.search("[1-9]", re.split("[eE]", text)[0]):
            raise Refused("json.number", text[:40])
        return 0
    try:
        same = Decimal(text) == Decimal(es_number(double))
    except InvalidOperation:
        same = False
    if not same:
        raise Refused("json.number", text[:40])
    return int(double) if double.is_integer() and abs(double) < 1e21 else double


def es_number(number):
    """ECMAScript Number::toString (RFC 8785 3.2.2.3)."""
    if number == 0:
        return "0"
    sign, number = ("-", -number) if number < 0 else ("", number)
    mantissa, _, exponent = f"{float(number)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # value = 0.digits * 10^point
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        body = digits + "0" * (point - count)
    elif 0 < point <= 21:
        body = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        body = "0." + "0" * -point + digits
    else:
        power = point - 1
        head = digits[0] + ("." + digits[1:] if count > 1 else "")
        body = f"{head}e{'+' if power >= 0 else '-'}{abs(power)}"
    return sign + body


_SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def _jcs_string(text):
    out = []
    for char in text:
        code = ord(char)
        if code in _SHORT:
            out.append(_SHORT[code])
        elif code < 0x20:
            out.append(f"\\u{code:04x}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def _jcs(value):
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return _jcs_string(value)
    if isinstance(value, (int, float)):
        return es_number(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_jcs, value)) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(_jcs_string(name) + ":" + _jcs(value[name]) for name in names) + "}"


def jcs(value):
    return _jcs(value).encode("utf-8")
