#!/usr/bin/env python3
"""Our engine and other logs under the same load, one after the other on this machine.

    benches/peers/run.py [--rounds 3] [--seconds 5] [--size 1024] [--dir DIR] [--placet PROGRAM]
                         [--tessera PROGRAM] [--out benches/results/peers.json]

Both run in their own process, with records of the same size, in the same folder of the same disk,
and flush for real. First Tessera's batching is chosen: each size is tried once, and the one with
the best rate stays. Then so many rounds, ours and theirs in turn, ours first in every second one.
The ratios are the medians of the rounds' ratios; every round is in the JSON.

Programs that are not named are built: `cargo build --release`, `go build`.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Most entries of one of Tessera's batches, of which the best is taken.
BATCHES = (256, 1024, 4096, 16384)
# Adds that wait at any time: enough to fill the batches.
INFLIGHT = 16384


def main():
    args = arguments()
    folder = pathlib.Path(args.dir).resolve()
    placet = args.placet or build_placet()
    with tempfile.TemporaryDirectory() as built:
        tessera = args.tessera or build_tessera(built)
        batch = best_batch(tessera, folder, args)
        rounds = [one_round(n, placet, tessera, folder, batch, args) for n in range(args.rounds)]
    result = summary(rounds, args)
    print(table(result))
    if args.out:
        path = pathlib.Path(args.out)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="length of each stage")
    parser.add_argument("--size", type=int, default=1024, help="bytes of a record")
    parser.add_argument("--dir", default=".", help="a folder of the file system that is measured")
    parser.add_argument("--placet", help="our program")
    parser.add_argument("--tessera", help="the driver of ./tessera")
    parser.add_argument("--out", default=str(ROOT / "benches/results/peers.json"))
    return parser.parse_args()


def build_placet():
    subprocess.run(["cargo", "build", "--locked", "--release"], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str(target / "release/placet")


def build_tessera(folder):
    program = str(pathlib.Path(folder) / "tessera")
    environment = {**os.environ, "GOFLAGS": "-mod=readonly"}
    command = ["go", "build", "-o", program, "."]
    subprocess.run(command, cwd=HERE / "tessera", env=environment, check=True)
    return program


def best_batch(tessera, folder, args):
    rates = {}
    for batch in BATCHES:
        rates[batch] = run_tessera(tessera, folder, batch, args)["rate_per_s"]
        say(f"Tessera, batches of {batch}: {rates[batch]:.0f} a second")
    return max(rates, key=rates.get)


def one_round(number, placet, tessera, folder, batch, args):
    runs = [
        ("placet", lambda: run_placet(placet, folder, args)),
        ("tessera", lambda: run_tessera(tessera, folder, batch, args)),
    ]
    one = {name: run() for name, run in (runs if number % 2 == 0 else reversed(runs))}
    ours, theirs = one["placet"], one["tessera"]
    one["ratio_rate"] = ours["rate_per_s"] / theirs["rate_per_s"]
    for quantile in ("p50", "p99"):
        key = f"proof_{quantile}_ms"
        one[f"ratio_proof_{quantile}"] = ours[key] / theirs[key]
    say(
        f"round {number + 1}: ours {ours['rate_per_s']:.0f} a second, proof p50 "
        f"{ours['proof_p50_ms']:.2f} ms, p99 {ours['proof_p99_ms']:.2f} ms; Tessera "
        f"{theirs['rate_per_s']:.0f}, {theirs['proof_p50_ms']:.1f} ms, {theirs['proof_p99_ms']:.1f} ms"
    )
    return one


def run_placet(program, folder, args):
    command = [program, "bench", "records", "--json", "--dir", str(folder)]
    return run_json(command + ["--seconds", str(args.seconds), "--size", str(args.size)])


def run_tessera(program, folder, batch, args):
    log = tempfile.mkdtemp(prefix="tessera-", dir=folder)
    try:
        command = [program, "--dir", log, "--seconds", str(args.seconds), "--size", str(args.size)]
        return run_json(command + ["--batch", str(batch), "--inflight", str(INFLIGHT)])
    finally:
        shutil.rmtree(log)


def run_json(command):
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if ran.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {ran.returncode}\n{ran.stderr}")
    return json.loads(ran.stdout)


def summary(rounds, args):
    middle = lambda of: statistics.median(of(one) for one in rounds)
    result = {"schema": "placet/bench-peers/v1", "rounds": rounds}
    for ratio in ("ratio_rate", "ratio_proof_p50", "ratio_proof_p99"):
        result[ratio] = round(middle(lambda one: one[ratio]), 4)
    for name in ("placet", "tessera"):
        fields = ("rate_per_s", "proof_p50_ms", "proof_p99_ms")
        result[name] = {f: round(middle(lambda one: one[name][f]), 3) for f in fields}
        result[name]["fsync"] = rounds[0][name]["fsync"]
        result[name]["version"] = rounds[0][name]["version"]
    theirs = rounds[0]["tessera"]
    for field in ("batch", "batch_age_ms", "checkpoint_interval_ms", "inflight", "antispam"):
        result["tessera"][field] = theirs[field]
    ours = rounds[0]["placet"]
    for field in ("machine", "file_system", "commit"):
        result[field] = ours[field]
    result["size"], result["seconds"] = args.size, args.seconds
    result["date"] = time.strftime("%Y-%m-%d", time.gmtime())
    result["command"] = "benches/peers/run.py " + " ".join(
        f"--{name} {getattr(args, name)}" for name in ("rounds", "seconds", "size")
    )
    return result


def table(result):
    rows = [("", "records a second", "proof p50", "proof p99")]
    for name in ("placet", "tessera"):
        one = result[name]
        rows.append(
            (
                f"{name} {one['version']}",
                f"{one['rate_per_s']:.0f}",
                f"{one['proof_p50_ms']:.2f} ms",
                f"{one['proof_p99_ms']:.2f} ms",
            )
        )
    ratios = (result["ratio_rate"], result["ratio_proof_p50"], result["ratio_proof_p99"])
    rows.append(("ours by theirs", *(f"{ratio:.3f}" for ratio in ratios)))
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
