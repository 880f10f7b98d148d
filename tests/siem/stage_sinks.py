"""Single sinks: what they say of receivers, and what a foreign receiver reads."""

import json
import subprocess
import sys

import stage_detection
import stage_formats
from common import DOCS, backfill, environment
from exporter import Exporter, StandIn, await_until
from live import free_port
from syslogs import Rsyslog, certificates


class Place:
    """A folder with a finished log, as an exporter wants it."""

    def __init__(self, options, name):
        self.dir = options.days / name


def otlp(report, options):
    """oteltap, which was made to read OTLP in tests, gets the same texts as the file."""
    base = options.work / "otlp"
    base.mkdir(parents=True, exist_ok=True)
    port, received = free_port(), base / "received"
    with open(received, "wb") as out:
        tap = subprocess.Popen([sys.executable, "-u", "-m", "oteltap", "--port", str(port)],
                               stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                               env=environment(PYTHONUNBUFFERED="1"))
    try:
        exporter = Exporter(options, Place(options, "clean"), base)
        exporter.sink("tap", "otlp", url=f"http://127.0.0.1:{port}")
        expected = backfill(options, options.days / "clean", "ocsf")
        done = exporter.once()
        report.check("the exporter sends all and ends", done.returncode == 0,
                     done.stdout + done.stderr)
        report.check("oteltap has every event",
                     await_until(lambda: len(bodies(received)) >= len(expected), 20),
                     f"{len(bodies(received))} of {len(expected)}")
        report.check("oteltap reads the log's texts, in order", bodies(received) == expected)
    finally:
        tap.kill()
        tap.wait()


def bodies(path):
    """The bodies of log records in oteltap's lines."""
    found = []

    def walk(value):
        if isinstance(value, dict):
            body = value.get("body")
            if isinstance(body, dict):
                found.extend(v for k, v in body.items() if "tring" in k and isinstance(v, str))
            elif isinstance(body, str):
                found.append(body)
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    for line in path.read_text(errors="replace").split("\n"):
        if line.startswith("{"):
            try:
                walk(json.loads(line))
            except ValueError:
                continue
    return found


def run_stage(report, options):
    strangers(report, options)
    rollback(report, options)
    bucket(report, options)


def rollback(report, options):
    """Another log of the same name in place of the one that was exported."""
    base = options.work / "rollback"
    out = base / "events.jsonl"
    exporter = Exporter(options, Place(options, "clean"), base)
    exporter.sink("file", "file", path=out)
    report.check("the first log is exported", exporter.once().returncode == 0)
    before = out.read_text()
    exporter.ledger = Place(options, "attacked")
    done = exporter.once()
    report.check("another log in its place stops the export, as two signed checkpoints do (6)",
                 done.returncode == 6, f"exit {done.returncode}\n{done.stdout}{done.stderr}")
    report.check("it is told as log.rollback", "log.rollback" in done.stdout + done.stderr)
    more = out.read_text()[len(before):].split("\n")[:-1]
    codes = [json.loads(text)["metadata"]["event_code"] for text in more]
    report.check("the receiver gets the finding and no event of the other log",
                 out.read_text().startswith(before) and codes == ["log.rollback"], str(codes))
    stage_formats.ocsf(report, "the finding", more)
    found = [json.loads(text) for text in more]
    rule = DOCS / "sigma" / "placet_log_rewritten.yml"
    report.check("placet_log_rewritten fires on the exporter's own finding",
                 stage_detection.matches(rule, found, set()) == 1)


def bucket(report, options):
    """Two histories of one name, exported into one bucket: what the first left there stays."""
    base = options.work / "bucket"
    base.mkdir(parents=True, exist_ok=True)
    store = StandIn(options, "s3", base, 0).start(calm=True)
    try:
        for name in ("clean", "attacked", "clean"):
            exporter = Exporter(options, Place(options, name), base / name)
            exporter.sink("s3", "s3", url=store.url, bucket="siem", access_key="AKSIEM",
                          secret_key_file=exporter.base / "secret")
            done = exporter.once()
            report.check(f"{name} is exported to the bucket", done.returncode == 0,
                         done.stdout + done.stderr)
    finally:
        store.stop()
    objects = (base / "s3.received.objects").rglob("*.jsonl")
    held = {line for path in objects for line in path.read_text().split("\n")[:-1]}
    logs = [backfill(options, options.days / name, "ocsf") for name in ("clean", "attacked")]
    report.check("the two histories differ", set(logs[0]) - set(logs[1]) and set(logs[1]))
    report.check("the bucket holds all events of both, and no others",
                 held == set(logs[0]) | set(logs[1]),
                 f"{len(held)}, {len(set(logs[0]) - held)} and {len(set(logs[1]) - held)} missing")


def strangers(report, options):
    """A client that the receiver does not know, and a receiver whom the exporter does not."""
    base = options.work / "strangers"
    tls = certificates(base / "tls")
    other = certificates(base / "other")
    rsyslog = Rsyslog(base / "rsyslog", tls, free_port()).start()
    try:
        for name, ca, cert, words in [
                ("unknown client", tls, "stranger", ("alert", "Alert", "UnknownCA")),
                ("unknown server", other, "client", ("UnknownIssuer", "BadSignature"))]:
            folder = base / name.replace(" ", "-")
            exporter = Exporter(options, Place(options, "clean"), folder)
            exporter.sink("syslog", "syslog", address=f"127.0.0.1:{rsyslog.port}", timeout_s=3,
                          ca_file=ca / "ca.pem", cert_file=tls / f"{cert}.pem",
                          key_file=tls / f"{cert}.key", server_name="localhost")
            done = exporter.test()
            said = done.stdout + done.stderr
            report.check(f"{name}: the test of the sink fails and says why",
                         done.returncode == 5 and any(word in said for word in words),
                         f"exit {done.returncode}\n{said}")
        folder = base / "friend"
        exporter = Exporter(options, Place(options, "clean"), folder)
        exporter.sink("syslog", "syslog", address=f"127.0.0.1:{rsyslog.port}", timeout_s=3,
                      ca_file=tls / "ca.pem", cert_file=tls / "client.pem",
                      key_file=tls / "client.key", server_name="localhost")
        done = exporter.test()
        report.check("a friend's test goes through", done.returncode == 0,
                     done.stdout + done.stderr)
        came = await_until(lambda: any("export.test" in line for line in rsyslog.lines()), 10)
        report.check("rsyslog has the friend's test and nothing else",
                     came and len(rsyslog.lines()) == 1, str(rsyslog.lines()[:3]))
    finally:
        rsyslog.stop()
