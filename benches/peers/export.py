#!/usr/bin/env python3
"""The exporter: how fast it is, and what it costs the ledger.

    benches/peers/export.py [--rounds 3] [--seconds 10] [--dir DIR] [--placet PROGRAM]
                           [--out benches/results/export.json]

Everything runs on this machine: the service, the load program (`placet bench http`), the exporter, and a
receiver that reads TLS and throws away what it reads. In this order:

    alone       POST /access/v1/evaluation, as many a second as 16 connections get, each recorded durably
    exported    the same while `placet export run` writes each event to a file that it flushes
    half        half of that rate, evenly in time, in turn without and with the exporter
    file        afterwards, with the service stopped: everything again into a new file
    syslog      and over TLS to the receiver, RFC 5424 in frames of RFC 5425

alone, exported and half are repeated; the figures are the medians of the rounds.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import calls

ROOT = calls.ROOT
MOST = 0


def main():
    args = arguments()
    placet = args.placet or calls.build_placet()
    with tempfile.TemporaryDirectory(dir=args.dir, prefix="placet-bench-") as folder:
        result = measure(placet, pathlib.Path(folder), args)
    print(table(result))
    if args.out:
        path = pathlib.Path(args.out)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="length of each stage")
    parser.add_argument("--dir", default=".", help="a folder of the file system that is measured")
    parser.add_argument("--placet", help="our program")
    parser.add_argument("--out", default=str(ROOT / "benches/results/export.json"))
    return parser.parse_args()


def measure(placet, base, args):
    calls.policy(base / "policy")
    ledger = base / "ledger"
    body = base / "request.json"
    body.write_text(json.dumps(calls.REQUEST))
    live = sinks(base / "live.toml", [file_sink("live", base / "live.jsonl")])
    rounds = []
    # One program may call as often as it can: the pace that it is held to is not what is measured.
    os.environ["PLACET_TOKEN_RATE"] = "1000000"
    with calls.serve(placet, ledger, base / "policy") as url:
        def load(rate, name):
            return decisions(placet, url, ledger, body, base, rate, args, name)

        load(MOST, "warming up")
        for _ in range(args.rounds):
            one = {"alone": load(MOST, "alone")}
            with exporter(placet, ledger, live) as running:
                before, began = cpu_seconds(running.pid), time.monotonic()
                one["exported"] = load(MOST, "exported")
                one["exporter_cpu"] = (cpu_seconds(running.pid) - before) / (
                    time.monotonic() - began)
            half = max(1, int(one["alone"]["answered_per_s"] / 2))
            one["half_rate"] = half
            one["half_alone"] = load(half, "half, alone")
            with exporter(placet, ledger, live):
                one["half_exported"] = load(half, "half, exported")
            rounds.append(one)
    result = summary(rounds, args)
    result["file"] = whole(placet, base, ledger, file_sink("file", base / "whole.jsonl"))
    with receiver(base) as (port, seen):
        result["syslog"] = whole(placet, base, ledger, syslog_sink(base, port))
        result["syslog"]["bytes_received"] = seen()
    return result


def decisions(placet, url, ledger, body, base, rate, args, name):
    command = [placet, "--json", "bench", "http", "--url", f"{url}/access/v1/evaluation",
               "--body", str(body), "--token-file", str(ledger / "keys/pep-token"),
               "--header", "Content-Type: application/json", "--rate", str(rate),
               "--seconds", str(args.seconds), "--connections", str(calls.CONNECTIONS),
               "--dir", str(base)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{name}: {done.stderr}")
    report = json.loads(done.stdout.splitlines()[-1])
    if report["failed"]:
        raise SystemExit(f"{name}: {report['failed']} calls failed")
    print(f"{name}: {report['answered_per_s']} a second, p50 {report['p50_ms']} ms, "
          f"p99 {report['p99_ms']} ms", file=sys.stderr)
    return report


def file_sink(name, path):
    return f'[[sink]]\nname = "{name}"\nkind = "file"\nformat = "ocsf"\npath = "{path}"\n'


def syslog_sink(base, port):
    return (f'[[sink]]\nname = "syslog"\nkind = "syslog"\nformat = "ocsf"\n'
            f'address = "127.0.0.1:{port}"\nserver_name = "localhost"\n'
            f'ca_file = "{base}/receiver.pem"\n')


def sinks(path, parts):
    path.write_text("\n".join(parts))
    return path


@contextlib.contextmanager
def exporter(placet, ledger, config):
    command = [placet, "export", "run", "--dir", str(ledger), "--config", str(config)]
    with calls.process(command, stdout=subprocess.DEVNULL,
                       env={**os.environ, "PLACET_LOG": "warn"}) as running:
        yield running
        if running.poll() is not None:
            raise SystemExit(f"the exporter ended with {running.returncode}")


def whole(placet, base, ledger, sink):
    """Everything that is published, once, by an exporter of its own."""
    name = re.search(r'name = "(\w+)"', sink).group(1)
    config = sinks(base / f"{name}.toml", [sink])
    command = [placet, "--json", "export", "run", "--once", "--dir", str(ledger),
               "--config", str(config)]
    # What is known of the log by now stays: an exporter looks through it once in its life.
    began, cpu = time.monotonic(), children_cpu()
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, "PLACET_LOG": "warn"})
    took, cpu = time.monotonic() - began, children_cpu() - cpu
    if done.returncode != 0:
        raise SystemExit(f"{name}: {done.stdout}{done.stderr}")
    status = subprocess.run([placet, "--json", "export", "status", "--dir", str(ledger),
                             "--config", str(config)], capture_output=True, text=True, check=True)
    events = json.loads(status.stdout.splitlines()[-1])["events"]
    print(f"{name}: {events} events in {took:.2f} s", file=sys.stderr)
    return {"events": events, "seconds": round(took, 3), "events_per_s": round(events / took),
            "cpu_per_event_us": round(cpu / events * 1e6, 1)}


@contextlib.contextmanager
def receiver(base):
    """Reads TLS and throws it away, in a process of its own."""
    # No authority: a certificate that is one is refused as a server's.
    config = base / "openssl.cnf"
    config.write_text("[req]\ndistinguished_name=dn\nx509_extensions=own\n[dn]\n[own]\n"
                      "basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n")
    subprocess.run(["openssl", "req", "-x509", "-config", str(config), "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", f"{base}/receiver.key", "-out", f"{base}/receiver.pem"],
                   check=True, capture_output=True)
    port = calls.free_port()
    code = ("import socket,ssl,sys\n"
            "c=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);c.load_cert_chain(sys.argv[1],sys.argv[2])\n"
            "l=socket.create_server(('127.0.0.1',int(sys.argv[3])));print('ready',flush=True)\n"
            "n=0;b=bytearray(1<<20);s=c.wrap_socket(l.accept()[0],server_side=True)\n"
            "while True:\n"
            "    try: k=s.recv_into(b)\n"
            "    except OSError: break\n"
            "    if not k: break\n"
            "    n+=k\n"
            "print(n,flush=True)\n")
    command = [sys.executable, "-c", code, f"{base}/receiver.pem", f"{base}/receiver.key", str(port)]
    with calls.process(command, stdout=subprocess.PIPE, text=True) as running:
        running.stdout.readline()
        yield port, lambda: int(running.stdout.readline() or 0)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children_cpu():
    times = os.times()
    return times.children_user + times.children_system


def summary(rounds, args):
    def median(value):
        return round(statistics.median(value(one) for one in rounds), 3)

    result = {
        "schema": "placet/bench-export/v1", "rounds": rounds, "seconds": args.seconds,
        "command": f"benches/peers/export.py --rounds {args.rounds} --seconds {args.seconds}",
        "fsync": "fdatasync of every batch, before anybody in it is answered; of the file of events "
                 "before the cursor",
        "connections": calls.CONNECTIONS,
        "alone_per_s": median(lambda one: one["alone"]["answered_per_s"]),
        "exported_per_s": median(lambda one: one["exported"]["answered_per_s"]),
        "exported_of_alone": median(
            lambda one: one["exported"]["answered_per_s"] / one["alone"]["answered_per_s"]),
        "exporter_cores": median(lambda one: one["exporter_cpu"]),
        "half_rate": median(lambda one: one["half_rate"]),
        "half_p99_ratio": median(
            lambda one: one["half_exported"]["p99_ms"] / one["half_alone"]["p99_ms"]),
    }
    for name in ("half_alone", "half_exported"):
        for key in ("p50_ms", "p99_ms", "fdatasync_p99_ms"):
            result[f"{name}_{key}"] = median(lambda one, n=name, k=key: one[n][k])
    last = rounds[-1]["alone"]
    for key in ("machine", "file_system", "date", "version"):
        result[key] = last[key]
    result["machine"]["load_before"] = rounds[0]["alone"]["machine"]["load_before"]
    result["commit"] = calls.commit()
    return result


def table(result):
    return "\n".join([
        f"decisions alone {result['alone_per_s']}/s, exported {result['exported_per_s']}/s "
        f"({result['exported_of_alone']}); the exporter takes {result['exporter_cores']} cores",
        f"at {result['half_rate']}/s p99 {result['half_alone_p99_ms']} ms alone, "
        f"{result['half_exported_p99_ms']} ms exported ({result['half_p99_ratio']})",
        f"file {result['file']['events_per_s']} events/s, TLS syslog "
        f"{result['syslog']['events_per_s']} events/s",
    ])


if __name__ == "__main__":
    main()
