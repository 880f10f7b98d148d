"""All sinks under load, receivers and the exporter killed at random moments: nothing is lost.

The exporter sends one real ledger's events to seven receivers and two files at once. Each of them, and the
exporter, is killed (SIGKILL) again and again at moments that a seed chooses; the stand-ins refuse,
hang up and lose besides. At the end everybody is given time, and what each receiver holds is judged
against the log.
"""

import json
import re
import socket
import time
import urllib.request
from datetime import timezone

import duckdb

from common import DOCS, backfill, seeded
from exporter import Exporter, StandIn, await_until
from judge import judge
from live import free_port
from syslogs import Rsyslog, SyslogNg, certificates, unpack
from traffic import Ledger

# Kills of each receiver, and of the exporter, in a short run.
KILLS = 3
LONG_KILLS = 40
# Seconds between two kills.
BETWEEN_S = (0.25, 1.1)


def run_stage(report, options):
    base = options.work / "kill"
    chance = seeded(options, "kill")
    print(f"seed {options.seed}", flush=True)
    ledger = Ledger(options, base, "siem.example/kill")
    report.check("init", ledger.init().returncode == 0)
    receivers = make_receivers(report, options, base, chance)
    exporter = make_exporter(options, ledger, base, receivers)
    try:
        kills = under_load(report, options, chance, ledger, exporter, receivers)
        finish(report, exporter, receivers, base)
        judge_all(report, options, ledger, kills, receivers, base)
    finally:
        # Whatever went wrong, nothing runs on after the suite.
        for process in (exporter, *receivers.values()):
            process.kill()


def under_load(report, options, chance, ledger, exporter, receivers):
    with ledger.serve():
        report.check("a person is enrolled", ledger.enrol())
        ledger.load()
        for receiver in receivers.values():
            receiver.start()
        exporter.start()
        dashboard(report, ledger, exporter)
        kills, wanted = kill_on(options, chance, exporter, receivers)
        ledger.rest()
        report.check(f"the ledger answered all of {ledger.count} calls", not ledger.errors,
                     str(ledger.errors[:2]))
        done = ledger.approve(ledger.request())
        report.check("a request is approved", done.returncode == 0, done.stdout + done.stderr)
    report.check(f"everybody was killed, and nobody ended before: {kills}", kills == wanted,
                 f"{wanted}\n{exporter.said()}")
    return kills


def dashboard(report, ledger, exporter):
    """Each metric of the Grafana dashboard is one that the service or the exporter gives."""
    def names(url):
        with urllib.request.urlopen(url) as answer:
            return set(re.findall(r"^# TYPE (\w+)", answer.read().decode(), re.M))

    port = free_port()
    exporter.kill()
    exporter.start(metrics=f"127.0.0.1:{port}")
    up = await_until(lambda: reaches(port), 10)
    if not report.check("the exporter serves metrics", up, exporter.said()):
        return
    given = names(f"{ledger.url}/metrics") | names(f"http://127.0.0.1:{port}/metrics")
    board = json.loads((DOCS / "dashboard.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    wanted = set(re.findall(r"placet_\w+", " ".join(asked)))
    report.check(f"all {len(wanted)} metrics of the dashboard are given", wanted <= given,
                 str(sorted(wanted - given)))


def reaches(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def make_receivers(report, options, base, chance):
    tls = certificates(base / "tls")
    receivers = {"rsyslog": Rsyslog(base / "rsyslog", tls, free_port())}
    root = unpack(options.cache)
    if report.check("syslog-ng's packages are there", root is not None):
        receivers["syslog-ng"] = SyslogNg(base / "syslog-ng", tls, free_port(), root)
    for kind in ("webhook", "hec", "elastic", "otlp", "s3"):
        receivers[kind] = StandIn(options, kind, base, chance.randrange(1 << 30))
    return receivers


def make_exporter(options, ledger, base, receivers):
    exporter = Exporter(options, ledger, base / "exporter")
    common = {"batch": 50, "timeout_s": 5}
    exporter.sink("file", "file", path=base / "events.jsonl", batch=50)
    exporter.sink("rotated", "file", "cef", path=base / "rotated.cef", rotate_bytes=200_000,
                  batch=50)
    client = {"ca_file": base / "tls/ca.pem", "cert_file": base / "tls/client.pem",
              "key_file": base / "tls/client.key", "server_name": "localhost"}
    for name in ("rsyslog", "syslog-ng"):
        if name in receivers:
            exporter.sink(name, "syslog", address=f"127.0.0.1:{receivers[name].port}",
                          overlap=2000, **client, **common)
    exporter.sink("webhook", "webhook", "json", url=receivers["webhook"].url + "/hook", **common)
    exporter.sink("hec", "splunk_hec", url=receivers["hec"].url,
                  token_file=exporter.base / "token", acknowledge=True, acknowledge_s=3, **common)
    exporter.sink("elastic", "elastic", "ecs", url=receivers["elastic"].url, index="placet",
                  **common)
    exporter.sink("otlp", "otlp", url=receivers["otlp"].url, **common)
    store = {"url": receivers["s3"].url, "bucket": "siem", "access_key": "AKSIEM",
             "secret_key_file": exporter.base / "secret", **common}
    exporter.sink("s3-lines", "s3", prefix="lines of/", **store)
    exporter.sink("s3-parquet", "s3", prefix="parquet/", objects="parquet", **store)
    return exporter


def kill_on(options, chance, exporter, receivers):
    """Kills each as often as asked, in an order and at moments of chance; gives how often each was
    running then, and how often it should have been.
    """
    each = LONG_KILLS if options.long else KILLS
    victims = {"exporter": exporter, **receivers}
    # The exporter has all sinks in hand: it is killed more often.
    order = [name for name in victims for _ in range(each * (3 if name == "exporter" else 1))]
    chance.shuffle(order)
    kills = dict.fromkeys(victims, 0)
    for name in order:
        # A moment of chance is what this test is about.
        time.sleep(chance.uniform(*BETWEEN_S))
        # One that ended by itself was not killed, and nothing here ends by itself.
        kills[name] += victims[name].kill()
        time.sleep(chance.uniform(0, 0.4))
        victims[name].start()
    return kills, {name: order.count(name) for name in victims}


def finish(report, exporter, receivers, base):
    """No faults any more: everything has to arrive."""
    exporter.kill()
    for name, receiver in receivers.items():
        if isinstance(receiver, StandIn):
            receiver.kill()
            receiver.start(calm=True)
    done = exporter.once()
    report.check("the rest is exported, and the exporter ends by itself", done.returncode == 0,
                 f"exit {done.returncode}\n{done.stdout}{done.stderr}")


def judge_all(report, options, ledger, kills, receivers, base):
    expected = {format: backfill(options, ledger.dir, format)
                for format in ("ocsf", "json", "cef", "ecs")}
    size = len(expected["ocsf"])
    # A syslog receiver writes behind what it was sent.
    for name in ("rsyslog", "syslog-ng"):
        if name in receivers:
            await_until(lambda: len(set(receivers[name].lines())) >= size, 10)
            receivers[name].stop()
    for receiver in receivers.values():
        receiver.stop()
    lines = (base / "events.jsonl").read_text().split("\n")[:-1]
    judge(report, "file", lines, expected["ocsf"], again=False)
    parts = sorted(base.glob("rotated.cef*"), key=number)
    lines = [line for part in parts for line in part.read_text().split("\n")[:-1]]
    report.check(f"the rotated file has {len(parts)} parts", len(parts) > 1)
    judge(report, "rotated file, CEF", lines, expected["cef"], "cef", again=False)
    for name in ("rsyslog", "syslog-ng", "otlp"):
        if name not in receivers:
            continue
        whole, torn = whole_lines(receivers[name].lines())
        judge(report, name, whole, expected["ocsf"])
        # A kill tears one at most: the daemon's what it writes, the exporter's what it sends.
        most = 0 if name == "otlp" else kills[name] + kills["exporter"]
        report.check(f"{name}: {len(torn)} lines are torn, of {most} at most", len(torn) <= most,
                     str(torn[:2]))
    judge(report, "webhook", receivers["webhook"].lines(), expected["json"], "json")
    judge(report, "splunk_hec", receivers["hec"].lines(), expected["ocsf"])
    documents = [json.loads(item) for item in receivers["elastic"].lines()]
    named = all(json.loads(text)["event"]["id"] == uid for uid, text in documents)
    report.check("elastic: each document has its uid as _id", named)
    # Single items are refused, and come later than those behind them.
    judge(report, "elastic", [text for _, text in documents], expected["ecs"], "ecs", again=False,
          ordered=False)
    judge_store(report, base / "s3.received.objects" / "siem", expected["ocsf"])
    copy = base / "syslog.events"
    copy.write_text("".join(line + "\n" for line in whole_lines(receivers["rsyslog"].lines())[0]))
    for name, path in [("the file", base / "events.jsonl"), ("rsyslog's", copy)]:
        report.exits(f"placet-verify reconcile of {name}",
                     [options.verify, "reconcile", ledger.dir, path], 0)


def judge_store(report, store, expected):
    """Every event is there, in one object or in two where a batch was sent again with more behind
    it. DuckDB reads the same from both kinds of objects.
    """
    names = sorted((store / "lines of").rglob("*.jsonl"))
    lines = [line for name in names for line in name.read_text().split("\n")[:-1]]
    judge(report, f"{len(names)} objects of lines", lines, expected, ordered=False)
    rows = duckdb.sql(f"""SELECT log, leaf, uid, code, time, event
        FROM read_parquet('{store}/parquet/**/*.parquet')""").fetchall()
    judge(report, "objects of Parquet, by DuckDB", [row[5] for row in rows], expected,
          ordered=False)
    wrong = []
    for log, leaf, uid, code, time_of, text in rows:
        event = json.loads(text)
        about = event["metadata"]
        if (log, leaf, uid, code) != (about["log_name"], about.get("sequence", -1), about["uid"],
                                      about["event_code"]) \
                or time_of.replace(tzinfo=timezone.utc).timestamp() * 1000 != event["time"]:
            wrong.append(text)
    report.check("the columns are those of the events", not wrong, str(wrong[:1]))


def whole_lines(lines):
    """The lines that are JSON, and those that are not, of daemons that were killed."""
    whole, torn = [], []
    for line in lines:
        try:
            json.loads(line)
        except ValueError:
            torn.append(line)
            continue
        # rsyslog stores the blank between structured data and message with the message.
        whole.append(line.removeprefix(" "))
    return whole, torn


def number(path):
    """Closed files have the number of their order; the one that grows has none, and is the last."""
    last = path.name.rsplit(".", 1)[1]
    return int(last) if last.isdigit() else 1 << 60
