"""Our events at programs that others wrote, under load and kill -9; rules over attacks.

usage: run.py --work DIR --cache DIR --placet FILE --verify FILE --days DIR [--seed N] [--long] STAGE..

Stages:
  formats    every kind of event in every format, by schemas and parsers
  detection  Sigma rules and SQL: sound, convertible, loud on attacks, silent on a clean day
  otlp       oteltap reads what the exporter sends
  kill       rsyslog, syslog-ng and stand-ins for the others; they and the exporter are killed
  sinks      syslog and strangers, a log in the place of another, two ledgers in one bucket

--days names the two ledgers that ledger/tests/every_kind.rs leaves behind. --seed repeats a run.
Last line: "siem: N passed, N failed". Exit code 0 if none failed and at least one passed.
"""

import argparse
import pathlib
import random
import sys

from common import Report

import stage_detection
import stage_formats
import stage_kill
import stage_sinks

STAGES = {
    "formats": stage_formats.run_stage,
    "reconcile": stage_formats.reconcile,
    "detection": stage_detection.run_stage,
    "otlp": stage_sinks.otlp,
    "kill": stage_kill.run_stage,
    "sinks": stage_sinks.run_stage,
}


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="scratch folder")
    parser.add_argument("--cache", type=pathlib.Path, required=True, help="kept between runs")
    parser.add_argument("--placet", type=pathlib.Path, required=True, help="the program placet")
    parser.add_argument("--verify", type=pathlib.Path, required=True, help="placet-verify")
    parser.add_argument("--days", type=pathlib.Path, required=True, help="clean/ and attacked/")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--long", action="store_true", help="kills for many minutes")
    parser.add_argument("stages", nargs="+", choices=list(STAGES), metavar="STAGE")
    options = parser.parse_args()
    for name in ("work", "cache", "placet", "verify", "days"):
        setattr(options, name, getattr(options, name).resolve())
    options.work.mkdir(parents=True, exist_ok=True)

    report = Report()
    for stage in options.stages:
        report.stage(stage)
        STAGES[stage](report, options)
    report.finish("siem")
    sys.exit(0 if report.failed == 0 and report.passed > 0 else 1)


if __name__ == "__main__":
    main()
