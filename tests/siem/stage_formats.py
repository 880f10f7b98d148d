"""Every kind of event in every format, judged by schemas and parsers that others wrote."""

import json
import re
from datetime import datetime

import jsonschema
import pycef
from cloudevents.v1.http import from_json
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from common import HERE, backfill, run, size_of
from judge import log_of, uid_of

FORMATS = ["ocsf", "ocsf-1.8", "cef", "leef", "ecs", "cloudevents", "json"]
# What no day of a ledger has: what an exporter finds, and its test.
NOT_OF_A_LOG = {"log.rollback", "export.test"}
CLASSES = {3004: "entity_management", 6003: "api_activity", 2004: "detection_finding",
           1008: "event_log_actvity"}


def run_stage(report, options):
    for name in ("clean", "attacked"):
        folder = options.days / name
        events = {format: backfill(options, folder, format) for format in FORMATS}
        whole(report, options, name, folder, events)
        for format in FORMATS:
            JUDGES[format](report, f"{name}, {format}", events[format])
    every_code(report, options)
    shorter(report, options)


def whole(report, options, name, folder, events):
    """All leaves once, in order, with the checkpoints; the same uids whatever the format."""
    uids = {format: [uid_of(text, format) for text in texts] for format, texts in events.items()}
    report.check(f"{name}: the same events in each format",
                 all(each == uids["json"] for each in uids.values()))
    report.check(f"{name}: no uid twice", len(set(uids["json"])) == len(uids["json"]))
    again = backfill(options, folder, "ocsf")
    report.check(f"{name}: the same bytes when it is asked again", again == events["ocsf"])
    for origin, size in size_of(options, folder).items():
        mine = [json.loads(text) for text in events["json"] if log_of(text, "json") == origin]
        leaves = [event["index"] for event in mine if "index" in event]
        report.check(f"{name}, {origin}: every leaf once, in order", leaves == list(range(size)),
                     f"{leaves} of {size}")
        notes = [event for event in mine if event["code"] == "export.checkpoint"]
        chained = [(e["sequence"], e["first_leaf"], e.get("previous_note")) for e in notes]
        before = [(0, 0, None)] + [(n + 1, e["tree_size"], e["note_sha256"])
                                   for n, e in enumerate(notes)]
        report.check(f"{name}, {origin}: each checkpoint follows the one before",
                     chained == before[:-1], f"{chained} {before}")


def every_code(report, options):
    """The days of the ledger give every kind of event that a log can give."""
    have = set()
    for name in ("clean", "attacked"):
        have |= {json.loads(text)["code"] for text in backfill(options, options.days / name, "json")}
    table = (HERE.parents[1] / "proto" / "src" / "event" / "table.rs").read_text()
    codes = set(re.findall(r'^    [A-Z_]+ = "([a-z.]+)"', table, re.M))
    # An outcome that nobody knows takes a PEP that never answers; who registers a statement of his
    # own needs a key of his own. The encoders' own tests have both.
    rare = {"action.unknown", "statement.external"}
    report.check(f"all {len(codes)} kinds are there but those of no log's day",
                 codes - have <= NOT_OF_A_LOG | rare, f"missing: {sorted(codes - have)}")


def shorter(report, options):
    """Every event is taken by collectors whose limit is 8192 octets."""
    for format in FORMATS:
        texts = [t for name in ("clean", "attacked")
                 for t in backfill(options, options.days / name, format)]
        longest = max(len(text.encode()) for text in texts)
        report.check(f"{format}: no event is longer than 8000 bytes ({longest})", longest <= 8000)


def ocsf(report, name, texts):
    """OCSF 1.9.0, by the JSON Schemas of its classes."""
    schemas = {}
    for uid, stem in CLASSES.items():
        schema = json.loads((HERE / "ocsf" / f"{stem}.schema.json").read_text())
        schemas[uid] = jsonschema.Draft202012Validator(schema)
    schema_errors(report, name, texts, lambda event: schemas[event["class_uid"]])


def ocsf_18(report, name, texts):
    """OCSF 1.8.0, by the schemas that ocsf-json-schema makes."""
    maker, made = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0")), {}

    def schema_of(event):
        key = (event["class_uid"], *event["metadata"].get("profiles", []))
        if key not in made:
            # The name of 1008 lacks an i in the schema itself.
            schema = maker.get_class_schema(CLASSES[key[0]], profiles=list(key[1:]))
            made[key] = jsonschema.Draft202012Validator(schema)
        return made[key]

    schema_errors(report, name, texts, schema_of)


def schema_errors(report, name, texts, schema_of):
    errors = []
    for text in texts:
        event = json.loads(text)
        for error in schema_of(event).iter_errors(event):
            errors.append(f"{event['metadata']['event_code']}: {error.json_path}: {error.message}")
    report.check(f"{name}: {len(texts)} events are valid by their classes' schemas", not errors,
                 f"{len(errors)}: " + "\n     ".join(e[:200] for e in sorted(set(errors))[:12]))
    # A schema that takes everything would say nothing.
    event = json.loads(texts[0])
    spoiled = [{**event, "no_such_member": 1}, {**event, "severity_id": 77},
               {k: v for k, v in event.items() if k != "time"}]
    caught = [bool(list(schema_of(event).iter_errors(one))) for one in spoiled]
    report.check(f"{name}: the schemas refuse what is spoiled", all(caught), str(caught))


def cef(report, name, texts):
    """CEF, by pycef, which does not unescape: what it gives is unescaped here."""
    wrong = []
    for text in texts:
        found = pycef.parse(text)
        if not found or found["DeviceVendor"] != "Placet" or found["CEFVersion"] != "0":
            wrong.append(text)
            continue
        known = re.search(r" externalId=(\S+)", text)[1]
        if found.get("externalId") != known or not 0 <= int(found["DeviceSeverity"]) <= 10:
            wrong.append(text)
        datetime.fromtimestamp(int(found["rt"]) / 1000)
    report.check(f"{name}: pycef reads every event", not wrong, "\n     ".join(wrong[:2]))
    keys = {key for text in texts for key in pycef.parse(text)}
    report.check(f"{name}: labelled fields are named", {"agent", "request", "entry"} <= keys,
                 str(sorted(keys)))


def leef(report, name, texts):
    """LEEF 2.0, by the grammar of IBM's guide; no parser is to be had as a package."""
    wrong = []
    for text in texts:
        header, tabbed = text.split("|x09|", 1)
        fields = header.split("|")
        pairs = [pair.split("=", 1) for pair in tabbed.split("\t")]
        good = fields[:3] == ["LEEF:2.0", "Placet", "Placet"] and len(fields) == 5 \
            and all(len(pair) == 2 and re.fullmatch(r"[A-Za-z0-9]+", pair[0]) for pair in pairs) \
            and len({key for key, _ in pairs}) == len(pairs)
        values = dict(pairs) if good else {}
        if not good or not 1 <= int(values["sev"]) <= 10 or "cat" not in values:
            wrong.append(text)
            continue
        datetime.strptime(values["devTime"], "%Y-%m-%dT%H:%M:%SZ")
    report.check(f"{name}: every event is LEEF 2.0", not wrong, "\n     ".join(wrong[:2]))


def ecs(report, name, texts):
    """Names and words of ECS, as Elastic's own package has them; all else stands under placet."""
    fields = json.loads(run(["node", HERE / "ecs_names.mjs"]).stdout)
    wrong = []
    for text in texts:
        event = json.loads(text)
        for path, value in flat(event):
            if not path.startswith("placet.") and path not in fields:
                wrong.append(f"{path} is no field of ECS")
            allowed = fields.get(path)
            for word in value if isinstance(value, list) else [value]:
                if allowed and word not in allowed:
                    wrong.append(f"{path} can't be {word}")
        for category in event["event"]["category"]:
            for kind in event["event"]["type"]:
                if kind not in fields["event.category"][category]:
                    wrong.append(f"{event['event']['action']}: {category} has no type {kind}")
    report.check(f"{name}: only fields and words of ECS", not wrong, str(sorted(set(wrong))[:9]))


def flat(value, path=""):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flat(inner, f"{path}.{name}" if path else name)
    else:
        yield path, value


def cloudevents(report, name, texts):
    """CloudEvents 1.0, by its Python SDK."""
    wrong = []
    for text in texts:
        event = from_json(text)
        if event["specversion"] != "1.0" or not event["type"].startswith("placet.") \
                or event["id"] != uid_of(text, "cloudevents") or event.data["uid"] != event["id"]:
            wrong.append(text)
    report.check(f"{name}: the SDK of CloudEvents reads every event", not wrong, str(wrong[:1]))


def own_json(report, name, texts):
    """Our own JSON is flat, and names its schema."""
    events = [json.loads(text) for text in texts]
    flat_ones = all(not isinstance(v, dict) for event in events for v in event.values())
    report.check(f"{name}: flat objects of one schema",
                 flat_ones and {event["schema"] for event in events} == {"placet/event/v1"})


JUDGES = {"ocsf": ocsf, "ocsf-1.8": ocsf_18, "cef": cef, "leef": leef, "ecs": ecs,
          "cloudevents": cloudevents, "json": own_json}


def reconcile(report, options):
    """`placet-verify reconcile` finds a folder's own events whole, and each change of them."""
    folder = options.days / "clean"
    for format in FORMATS:
        texts = backfill(options, folder, format)
        at = options.work / "copy.events"
        n = next(n for n, text in enumerate(texts) if "disable_user" in text)
        cases = [("whole", texts, 0), ("without one", texts[:5] + texts[6:], 1),
                 ("with one again", texts + texts[-1:], 0),
                 ("with one changed", [*texts[:n], texts[n].replace("able_u", "able-u"),
                                       *texts[n + 1:]], 1),
                 ("with one moved", [*texts[1:8], texts[0], *texts[8:]], 1)]
        for what, lines, code in cases:
            at.write_text("".join(line + "\n" for line in lines))
            report.exits(f"reconcile, {format}, {what}: {code}",
                         [options.verify, "reconcile", folder, at], code)
