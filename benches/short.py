#!/usr/bin/env python3
"""Short forms of `placet bench append` and `grow` and of benches/peers, judged by what holds on a busy machine.

    benches/short.py --placet PROGRAM --tessera PROGRAM --dir DIR

The last line is "growth: N passed, N failed". Rates are not judged here: other programs run.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ENTRIES, SIZE = 50_000, 256
passed = failed = 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--placet", required=True)
    parser.add_argument("--tessera", required=True)
    parser.add_argument("--dir", required=True)
    args = parser.parse_args()
    pathlib.Path(args.dir).mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    append(run([args.placet, "bench", "append", "--json", "--dir", args.dir, "--seconds", "1"]),
           time.monotonic() - began)
    growth(run([args.placet, "bench", "grow", "--json", "--dir", args.dir]
               + ["--entries", str(ENTRIES), "--size", str(SIZE)]))
    out = pathlib.Path(args.dir) / "peers.json"
    subprocess.run([sys.executable, HERE / "peers/run.py", "--rounds", "1", "--seconds", "1",
                    "--dir", args.dir, "--placet", args.placet, "--tessera", args.tessera,
                    "--out", out], check=True)
    peers(json.loads(out.read_text()))
    left = [item.name for item in pathlib.Path(args.dir).iterdir() if item != out]
    check(f"nothing is left behind: {left}", not left)
    print(f"growth: {passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


# What whoever reads the result may rely on.
APPEND = {"floor_per_s", "engine_per_s", "http_per_s", "ratio_engine", "ratio_http", "proof_p50_ms",
          "proof_p99_ms", "fdatasync_p99_ms", "load_of_latencies", "records_per_s", "fsync"}


def append(result, took):
    print(json.dumps(result, indent=1))
    check("it has every figure", APPEND <= result.keys())
    figures = [result.get(name, 0) for name in APPEND - {"fsync"}]
    check("they are figures", all(isinstance(figure, (int, float)) and figure > 0 for figure in figures))
    check("it says what it flushes", "fdatasync" in result["fsync"])
    rates = {name: result[f"{name}_per_s"] for name in ("engine", "http")}
    for name, rate in rates.items():
        ratio = round(rate / result["floor_per_s"], 3)
        check(f"{name} is {ratio} of the floor", abs(result[f"ratio_{name}"] - ratio) < 0.002)
    check("latencies are taken under load", result["load_of_latencies"] > rates["engine"] / 4)
    check("proofs take as long as some take", result["proof_p50_ms"] <= result["proof_p99_ms"])
    check("a third of the service's stage is timed", result["http_timed_s"] >= result["seconds"] / 4)
    check(f"four stages of a second take {took:.1f} s, under 24 on an idle machine", took < 60)


def growth(result):
    print(json.dumps({key: result[key] for key in result if key != "stretches"}, indent=1))
    check("it has all entries", result["entries"] == ENTRIES)
    sizes = [stretch["entries"] for stretch in result["stretches"]]
    check("it grew stretch by stretch", len(sizes) == 20 and sizes == sorted(sizes))
    check("rates are figures", result["ratio"] > 0 and result["ratio_lowest"] > 0)
    check(f"proofs, p99 {result['proof_p99_ms']} ms, under 20 ms", 0 < result["proof_p99_ms"] < 20)
    check(f"memory, {result['rss_peak_mib']} MiB, under 128", 0 < result["rss_peak_mib"] < 128)
    restart = result["restart"]
    took = restart["until_appended_ms"]
    check(f"restart after kill -9, {took} ms, under 5 s", 0 < took < 5000)
    check("nothing acknowledged was lost", restart["entries"] > restart["acknowledged"] > ENTRIES)
    disk = result["disk"]
    # A hash, a length and a key in the journal, two tiles; partial tiles and the like on a small log.
    check(f"disk, {disk['per_entry']} bytes an entry", 100 < disk["per_entry"] < 160)


def peers(result):
    for name in ("placet", "tessera"):
        one = result[name]
        check(f"{name} has a rate", one["rate_per_s"] > 0)
        check(f"{name} has times", 0 < one["proof_p50_ms"] <= one["proof_p99_ms"])
        check(f"{name} says what it flushes", "sync" in one["fsync"].lower())
    check("ratios are figures", result["ratio_rate"] > 0 and result["ratio_proof_p99"] > 0)


def run(command):
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ran.stdout)


def check(name, good):
    global passed, failed
    print(f"{'ok  ' if good else 'FAIL'} {name}")
    passed, failed = passed + bool(good), failed + (not good)


if __name__ == "__main__":
    main()
