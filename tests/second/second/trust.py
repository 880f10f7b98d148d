"""The trust file (SPEC 8)."""

from cryptography import x509

from . import Refused, keys, sjson, text
from . import documents as d
from .notes import Policy

_NAME = d.a_string(0, 1024)
_NAMES = d.a_list(_NAME)


def _until(value):
    if value is not None:
        d.a_uint()(value)


def _expires(value):
    if value is not None:
        d.TIME(value)


_body = dict(public_key=d.COSE_KEY, from_size=d.a_uint(), until_size=_until)
_plain = d.an_object(purpose=d.a_choice("checkpoint", "receipt"), **_body)
_issuer = d.an_object(purpose=d.a_choice("issuer"), kinds=_NAMES, audience_optional=_NAME, **_body)


def _key(value):
    issuer = isinstance(value, dict) and value.get("purpose") == "issuer"
    (_issuer if issuer else _plain)(value)


_SCHEMA = d.an_object(
    schema=_NAME,
    logs=d.a_list(d.an_object(
        origin=d.ID, role=d.a_choice("main", "gov"), genesis=d.HEX32, keys=d.a_list(_key),
        witness_policy=d.a_string(0, 65536), operated_by_self=_NAMES)),
    roots=d.a_list(d.an_object(public_key=d.COSE_KEY, name_optional=_NAME)),
    rp_ids=_NAMES, origins=_NAMES, attestation_roots=d.a_list(d.a_b64u(4096)), time_authorities=_NAMES,
    allow_dev=d.a_bool, require=_NAMES, expires=_expires)  # fmt: skip


class LogKey:
    def __init__(self, fields):
        self.purpose = fields["purpose"]
        self.key = keys.Key(text.b64u_decode(fields["public_key"]))
        if self.key.alg == keys.RS256 or (
            self.purpose == "checkpoint" and self.key.alg != keys.EDDSA
        ):
            raise Refused("trust.rule", "algorithm of a key")
        self.low, self.high = fields["from_size"], fields["until_size"]
        if self.high is not None and self.high < self.low:
            raise Refused("trust.rule", "until_size")
        self.kinds, self.audience = fields.get("kinds"), fields.get("audience")

    def valid(self, x):
        return self.low <= x and (self.high is None or x <= self.high)


class Log:
    def __init__(self, fields):
        self.origin, self.role, self.genesis = (fields[n] for n in ("origin", "role", "genesis"))
        self.keys = [LogKey(one) for one in fields["keys"]]
        self.policy = Policy(fields["witness_policy"])
        self.own = set()
        for name in fields["operated_by_self"]:
            which = {n for n, w in self.policy.witnesses.items() if name in (n, w.key_name)}
            if not which:
                raise Refused("trust.rule", "operated_by_self")
            self.own |= which

    def of(self, purpose):
        return [key for key in self.keys if key.purpose == purpose]

    def issuer(self, kid):
        return next((one for one in self.of("issuer") if one.key.thumbprint == kid), None)


class Trust:
    def __init__(self, raw):
        fields = sjson.loads(raw)
        if isinstance(fields, dict) and fields.get("schema") != "placet-trust/0":
            raise Refused("trust.schema")
        _SCHEMA(fields)
        self.logs = [Log(one) for one in fields["logs"]]
        if len({log.origin for log in self.logs}) != len(self.logs):
            raise Refused("trust.rule", "an origin twice")
        seen = {}
        for log in self.logs:
            for one in log.keys:
                for purpose, role, origin in seen.get(one.key.thumbprint, ()):
                    # Which logs are of one ledger is written in their origins (6.1).
                    pair = {log.origin, origin}
                    main = min(pair, key=len)
                    if not (purpose == one.purpose == "issuer" and role != log.role
                            and pair == {main, main + "/gov"}):  # fmt: skip
                        raise Refused("trust.rule", "a key twice")
                seen.setdefault(one.key.thumbprint, []).append((one.purpose, log.role, log.origin))
        self.roots = [text.b64u_decode(one["public_key"]) for one in fields["roots"]]
        for root in self.roots:
            keys.Key(root)
        self.named = {}
        for one, root in zip(fields["roots"], self.roots):
            if "name" in one:
                self.named.setdefault(one["name"], []).append(root)
        try:
            der = [text.b64u_decode(one) for one in fields["attestation_roots"]]
            self.attestation_roots = [x509.load_der_x509_certificate(one) for one in der]
        except ValueError:
            raise Refused("trust.attestation_root") from None
        self.rp_ids, self.origins = fields["rp_ids"], fields["origins"]
        self.allow_dev, self.require = fields["allow_dev"], fields["require"]
        self.expires = None if fields["expires"] is None else text.parse_time(fields["expires"])

    def log(self, role, origin):
        return next((one for one in self.logs if (one.role, one.origin) == (role, origin)), None)
