#!/usr/bin/env python3
"""Short forms of `placet bench grow` and of benches/peers, judged by what holds on a busy machine.

    benches/short.py --placet PROGRAM --tessera PROGRAM --dir DIR

The last line is "growth: N passed, N failed". Rates are not judged here: other programs run.
"""

import argparse
import json
import pathlib
import subprocess
import sys

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
