"""The shipped rules and queries: sound, convertible, they fire on attacks and not on a clean day."""

import copy
import json
import sqlite3
import sys
from datetime import datetime, timezone

import duckdb
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.processing.pipeline import ProcessingPipeline

from common import DOCS, backfill, run

RULES = sorted((DOCS / "sigma").glob("placet_*.yml"))
# What a backend can't say, and how it says so.
UNSUPPORTED = {("esql", "placet_policy_weakened"): "field normalization is not supported"}
# rule, view of queries.sql, and which case shows it.
CASES = [
    ("placet_replayed_approval", "replayed_approval", "attacked"),
    ("placet_expired_approval", "expired_approval", "attacked"),
    ("placet_other_action_than_approved", "other_action_than_approved", "attacked"),
    ("placet_self_approved", "self_approved", "attacked"),
    ("placet_approval_burst", "approval_burst", "attacked"),
    ("placet_policy_weakened", "policy_weakened", "attacked"),
    ("placet_executed_without_approval", "executed_without_approval", "unapproved"),
    ("placet_log_rewritten", "log_rewritten", "rewritten"),
    ("placet_unknown_enforcement_point", "unknown_enforcement_point", "foreign point"),
]
# Views that say whether a copy is whole, and the case that shows each.
WHOLE = [("missing_leaves", "gap"), ("broken_chain", "no checkpoint"), ("altered", "altered"),
         ("outcome_missing", "no outcome"), ("uncovered_host", "silent host"),
         ("executed_without_approval", "other approval"), ("log_rewritten", "two roots")]


def run_stage(report, options):
    sound(report)
    clean = [json.loads(line) for line in backfill(options, options.days / "clean", "ocsf")]
    attacked = [json.loads(line) for line in backfill(options, options.days / "attacked", "ocsf")]
    points = {event["src_endpoint"]["name"] for event in clean if "src_endpoint" in event}
    cases = {"clean": clean, "attacked": attacked, **altered_by_hand(clean)}
    for rule, view, case in CASES:
        path = DOCS / "sigma" / f"{rule}.yml"
        report.check(f"{rule} fires on {case}", matches(path, cases[case], points) > 0)
        report.check(f"{rule} is silent on a clean day", matches(path, clean, points) == 0)
        report.check(f"{view} shows {case}", rows(options, view, cases[case], points))
        report.check(f"{view} is empty on a clean day", not rows(options, view, clean, points))
    for view, case in WHOLE:
        more = {"https://silent.example"} if case == "silent host" else set()
        report.check(f"{view} shows {case}", rows(options, view, cases[case], points | more))
        report.check(f"{view} is empty on a clean day", not rows(options, view, clean, points))


def sound(report):
    """`sigma check`, and `sigma convert` for Splunk and for Elasticsearch's ES|QL."""
    sigma = [sys.executable, "-m", "sigma.cli.main"]
    files = [str(path) for path in RULES]
    done = report.exits(f"sigma check of {len(files)} files", [*sigma, "check", "--fail-on-error",
                                                              "--fail-on-issues", *files], 0)
    report.check("sigma check has no issue", "No validation issues found" in done.stdout,
                 done.stdout)
    pipeline = str(DOCS / "sigma" / "pipeline.yml")
    for target in ("splunk", "esql"):
        for path in RULES:
            done = run([*sigma, "convert", "-t", target, "-p", pipeline,
                        "--disable-pipeline-check", path])
            reason = UNSUPPORTED.get((target, path.stem))
            if reason:
                report.check(f"{path.stem}: {target} can't say it", reason in done.stderr
                             + done.stdout, done.stderr)
            else:
                report.check(f"{path.stem} converts to {target}",
                             done.returncode == 0 and any(
                                 name in done.stdout for name in ("event_code", "status_detail")),
                             done.stderr)


def altered_by_hand(clean):
    """Copies of a clean day that no ledger of ours would give: somebody altered them on the way, or
    the ledger is another program.
    """
    def find(code, nth=0):
        return [n for n, event in enumerate(clean)
                if event["metadata"]["event_code"] == code][nth]

    def but(change):
        events = copy.deepcopy(clean)
        change(events)
        return events

    def own(event):
        return event["unmapped"]["placet"]

    def rewritten(events):
        # As the exporter tells it when the log's root is another one than it exported.
        found = copy.deepcopy(events[find("export.checkpoint")])
        found["metadata"].update(event_code="log.rollback", uid="0" * 32)
        found.update(class_uid=2004, activity_id=1, severity_id=5, status_code="log.rollback")
        events.append(found)

    def two_roots(events):
        other = copy.deepcopy(events[find("export.checkpoint", -1)])
        own(other)["root"] = "0" * 64
        other["metadata"]["uid"] = "1" * 32
        events.append(other)

    def foreign(events):
        events[find("action.allowed")]["src_endpoint"]["name"] = "https://elsewhere.example"

    def no_outcome(events):
        events[:] = [e for e in events if not e["metadata"]["event_code"].startswith("action.succ")]
        events[find("log.started")]["time"] += 3_600_000

    def changed(events):
        other = copy.deepcopy(events[find("approval.approved")])
        other["message"] = "something else"
        events.append(other)

    def other_approval(events):
        own(events[find("action.allowed")])["approvals"] = ["0"]

    return {
        "unapproved": but(lambda events: own(events[find("action.allowed")]).pop("approvals")),
        "rewritten": but(rewritten),
        "two roots": but(two_roots),
        "foreign point": but(foreign),
        "gap": but(lambda events: events.pop(find("approval.approved"))),
        "no checkpoint": but(lambda events: events.pop(find("export.checkpoint"))),
        "altered": but(changed),
        "no outcome": but(no_outcome),
        "silent host": clean,
        "other approval": but(other_approval),
    }


def matches(path, events, points):
    """How many alerts a rule gives over events, by pySigma's backend for SQLite."""
    pipeline = ProcessingPipeline.from_yaml((DOCS / "sigma" / "pipeline.yml").read_text())
    pipeline.vars = {"enforcement_points": sorted(points)}
    rules = SigmaCollection.from_yaml(path.read_text())
    backend = sqliteBackend(processing_pipeline=pipeline)
    queries = backend.convert(rules)
    table = [dict(flat(event)) for event in events]
    for row, event in zip(table, events):
        when = datetime.fromtimestamp(event["time"] / 1000, timezone.utc)
        row["timestamp"] = when.strftime("%Y-%m-%d %H:%M:%S.%f")
    # A field that no event has is a column all the same: a rule may ask for it.
    columns = sorted({name for row in table for name in row} | {"unmapped.placet.approvals",
                     "unmapped.placet.subject_id", "status_detail", "ai_agent.uid"})
    database = sqlite3.connect(":memory:")
    names = ", ".join(f'"{name}"' for name in columns)
    database.execute(f"CREATE TABLE logs ({names})")
    marks = ", ".join("?" for _ in columns)
    database.executemany(f"INSERT INTO logs VALUES ({marks})",
                         [[row.get(name) for name in columns] for row in table])
    return sum(len(database.execute(query).fetchall()) for query in queries)


def flat(value, path=""):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flat(inner, f"{path}.{name}" if path else name)
    else:
        yield path, json.dumps(value) if isinstance(value, list) else value


def rows(options, view, events, points):
    """What a view of queries.sql gives over events."""
    folder = options.work / "duck"
    folder.mkdir(exist_ok=True)
    (folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
    script = (DOCS / "queries.sql").read_text().replace("'events.jsonl'",
                                                        f"'{folder}/events.jsonl'")
    with duckdb.connect() as database:
        database.execute(script)
        for point in sorted(points):
            database.execute("INSERT INTO inventory VALUES (?)", [point])
        return database.execute(f"SELECT * FROM {view}").fetchall()
