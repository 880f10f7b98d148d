"""The programs and folders that all stages share."""

import json
import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "foreign"))

from report import Report, Server, run  # noqa: E402, F401

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs" / "siem"


def backfill(options, folder, format, *more):
    """Every event of a ledger's folder in one format, as texts."""
    out = options.work / f"{folder.name}-{format}-{len(more)}.events"
    done = run([options.placet, "export", "backfill", "--dir", folder, "--format", format,
                "--out", out, *more])
    if done.returncode != 0:
        raise RuntimeError(f"backfill {format}: {done.stdout}{done.stderr}")
    text = out.read_text()
    assert text.endswith("\n") or not text
    return text.split("\n")[:-1]


def size_of(options, folder):
    """{origin: size that a checkpoint covers} of both logs."""
    done = run([options.placet, "--json", "log", "show", "--dir", folder])
    logs = json.loads(done.stdout)["logs"]
    return {log["origin"]: log["cosigned"][0] for log in logs if log["cosigned"]}


def seeded(options, what):
    """A source of chance of its own for each use, from the run's seed."""
    import random

    return random.Random(f"{options.seed}/{what}")


def environment(**more):
    """Nothing of the surroundings decides anything."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PLACET_")}
    return {**ours, **more}
