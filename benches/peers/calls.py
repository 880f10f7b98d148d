#!/usr/bin/env python3
"""Decisions over HTTP, and calls through our gateway beside the same calls through nginx alone.

    benches/peers/calls.py [--rounds 3] [--seconds 10] [--dir DIR] [--placet PROGRAM]
                          [--calls 50] [--out benches/results/http.json]

Everything runs on this machine, the load program (`placet bench http`) included. In each round, one
after the other:

    decisions   POST /access/v1/evaluation, 1000 a second, each recorded durably before it is answered
    nginx       GET through nginx as a reverse proxy, 200 a second
    gateway     the same GET through `placet gateway http`, 200 a second: decided by a service in another
                process, on record durably, then forwarded
    embedded    the same with the ledger's service in the gateway's own process
    alone       POST through nginx, one after the other over one connection
    enforced    the same POST through the gateway, each call naming a request that a person approved
                before: beside its decision two durable commits, its execution before it is
                forwarded and its outcome before it is answered, all within the time of the call

The API behind is another nginx, which answers by itself. A call that the policy permits costs one
durable commit, its decision. What the gateway adds is the difference of the medians of a round; the
figures are the medians of the rounds.
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RATES = {"decisions": 1000, "nginx": 200, "gateway": 200, "embedded": 200}
# One after the other.
EACH = ("alone", "enforced")
CONNECTIONS = 16
SCHEMA = """
entity Agent;
entity User;
type Approval = {
  digest: String, method: String, approvers: Long, user_verified: Bool, age_seconds: Long,
};
action read_user, disable_user appliesTo {
  principal: [Agent], resource: [User],
  context: { action_digest: String, approval?: Approval },
};
"""
POLICIES = """
permit (principal == Agent::"support-bot", action == Action::"read_user", resource);
@approve("passkey") @max_age("3600")
permit (principal == Agent::"support-bot", action == Action::"disable_user", resource)
when {
  context has approval && context.approval.digest == context.action_digest &&
  context.approval.method == "webauthn" && context.approval.user_verified
};
"""
REQUEST = {
    "subject": {"type": "agent", "id": "support-bot"},
    "action": {"name": "read_user"},
    "resource": {"type": "user", "id": "X0001"},
}
UPSTREAM = """
server {{
    listen 127.0.0.1:{api};
    location / {{ default_type application/json; return 200 '{{"id": "X0001"}}'; }}
}}
upstream api {{ server 127.0.0.1:{api}; keepalive 32; }}
server {{
    listen 127.0.0.1:{proxy};
    location / {{
        proxy_pass http://api;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
    }}
}}
"""
NGINX = """
daemon off;
worker_processes 1;
pid {base}/nginx.pid;
error_log {base}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {base}/body;
    proxy_temp_path {base}/proxy;
    fastcgi_temp_path {base}/fastcgi;
    uwsgi_temp_path {base}/uwsgi;
    scgi_temp_path {base}/scgi;
    {servers}
}}
"""


def main():
    args = arguments()
    placet = args.placet or build_placet()
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
    parser.add_argument("--calls", type=int, default=50, help="calls that spend an approval")
    parser.add_argument("--dir", default=".", help="a folder of the file system that is measured")
    parser.add_argument("--placet", help="our program")
    parser.add_argument("--out", default=str(ROOT / "benches/results/http.json"))
    return parser.parse_args()


def build_placet():
    subprocess.run(["cargo", "build", "--locked", "--release"], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str(target / "release/placet")


def measure(placet, base, args):
    token = secrets.token_urlsafe(32)
    policy(base / "policy")
    tokens(base, token)
    api, proxy = free_port(), free_port()
    with contextlib.ExitStack() as running:
        running.enter_context(nginx(base, api, proxy))
        first = running.enter_context(serve(placet, base / "ledger", base / "policy"))
        key = str(base / "ledger/keys/pep-token")
        beside = running.enter_context(
            gateway(placet, base, api, ["--ledger", first, "--token-file", key]))
        # Its ledger is another one, that nobody else has open.
        with serve(placet, base / "second", base / "policy"):
            pass
        within = running.enter_context(gateway(placet, base, api, ["--dir", str(base / "second")]))
        body = base / "request.json"
        body.write_text(json.dumps(REQUEST))
        agent = ["--header", f"Authorization: Bearer {token}"]
        stages = {
            "decisions": [f"{first}/access/v1/evaluation", "--body", str(body), "--token-file", key,
                          "--header", "Content-Type: application/json"],
            "nginx": [f"http://127.0.0.1:{proxy}/users/X0001"],
            "gateway": [f"{beside}/users/X0001", *agent],
            "embedded": [f"{within}/users/X0001", *agent],
        }
        approved = running.enter_context(Approved.ready(placet, base, api, proxy, token))
        rounds = []
        for number in range(args.rounds):
            one = {name: load(placet, name, stage, base, args) for name, stage in stages.items()}
            rounds.append({**one, **approved.round(number, args.calls)})
    return summary(rounds, args)


class Approved:
    """A ledger and a gateway of their own, for calls that a person approved beforehand."""

    def __init__(self, placet, base, ledger, enforced, proxy, token):
        self.placet, self.base, self.ledger = placet, base, ledger
        self.enforced, self.proxy = enforced, f"http://127.0.0.1:{proxy}"
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    @classmethod
    @contextlib.contextmanager
    def ready(cls, placet, base, api, proxy, token):
        folder, key = base / "third", base / "softkey"
        made = subprocess.run([placet, "--json", "init", "--dev", "--dir", folder, "--origin",
                               "localhost/bench", "--policy", base / "policy"],
                              capture_output=True, text=True, check=True)
        # One agent asks for all of it within a moment.
        more = {"PLACET_MAX_OPEN_PER_AGENT": "10000", "PLACET_OPENINGS_PER_MINUTE": "1000000"}
        listen = f"127.0.0.1:{free_port()}"
        with contextlib.ExitStack() as running:
            address = running.enter_context(ready(
                [placet, "serve", "--dir", str(folder), "--listen", listen], "placet serve", more))
            local = address.replace("127.0.0.1", "localhost")
            subprocess.run([placet, "enrol", "--url", local, "--key", key, "--name", "Ann", "--code",
                            json.loads(made.stdout)["one_time_code"]], capture_output=True, check=True)
            token_file = str(folder / "keys/pep-token")
            enforced = running.enter_context(
                gateway(placet, base, api, ["--ledger", local, "--token-file", token_file], "third"))
            yield cls(placet, base, local, enforced, proxy, token)

    def round(self, number, calls):
        paths = [f"/users/X{number}-{call}/disable" for call in range(calls)]
        asked = one_by_one(self.enforced, paths, [self.headers] * calls, 401)[1]
        for request in asked:
            subprocess.run([self.placet, "approve", "--url", self.ledger, request, "--yes", "--key",
                            self.base / "softkey"], capture_output=True, check=True)
        flushes = flushed(self.base)
        alone, _ = one_by_one(self.proxy, paths, [self.headers] * calls, 200)
        named = [{**self.headers, "Placet-Request": request} for request in asked]
        enforced, _ = one_by_one(self.enforced, paths, named, 200)
        found = {name: {**times(seconds), **{f"fdatasync_{key}": value for key, value in
                                             times(flushes).items() if key != "answered_per_s"}}
                 for name, seconds in (("alone", alone), ("enforced", enforced))}
        for name, one in found.items():
            print(f"{name}: p50 {one['p50_ms']} ms, p99 {one['p99_ms']} ms", file=sys.stderr)
        return found


def one_by_one(base, paths, headers, expected):
    """Seconds of each call, and the request that each answer names."""
    connection = http.client.HTTPConnection(base.split("://")[1], timeout=60)
    seconds, named = [], []
    for path, of in zip(paths, headers, strict=True):
        began = time.perf_counter()
        connection.request("POST", path, '{"reason": "left"}', of)
        answer = connection.getresponse()
        body = answer.read()
        seconds.append(time.perf_counter() - began)
        if answer.status != expected:
            raise SystemExit(f"POST {path}: {answer.status} {body[:300]}")
        named.append(answer.headers.get("Placet-Request"))
    connection.close()
    return seconds, named


def flushed(base, count=50):
    """Seconds of so many flushes of a page."""
    seconds = []
    with open(base / "flushed", "wb") as file:
        for _ in range(count):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - began)
    return seconds


def times(seconds):
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return {"p50_ms": round(statistics.median(ordered) * 1000, 3), "p99_ms": round(p99 * 1000, 3),
            "answered_per_s": round(len(ordered) / sum(ordered), 1)}


def policy(folder):
    folder.mkdir()
    (folder / "schema.cedarschema").write_text(SCHEMA)
    (folder / "policies.cedar").write_text(POLICIES)


def tokens(base, token):
    file = base / "tokens.toml"
    file.touch(mode=0o600)
    digest = hashlib.sha256(token.encode()).hexdigest()
    file.write_text(f'[[token]]\nsha256 = "{digest}"\ntype = "agent"\nid = "support-bot"\n')


@contextlib.contextmanager
def process(command, **options):
    started = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(timeout=60)


@contextlib.contextmanager
def nginx(base, api, proxy):
    conf = base / "nginx.conf"
    conf.write_text(NGINX.format(base=base, servers=UPSTREAM.format(api=api, proxy=proxy)))
    with process(["nginx", "-p", str(base), "-c", str(conf)]):
        until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{proxy}/", timeout=5).read())
        yield


@contextlib.contextmanager
def ready(command, name, more=None):
    """A program of ours; gives the address that its ready line names."""
    with process(command, stdout=subprocess.PIPE, text=True,
                 env={**os.environ, "PLACET_LOG": "warn", **(more or {})}) as started:
        for line in started.stdout:
            found = re.search(r"listening on (https?://[0-9A-Za-z.:\[\]-]+:\d+)", line)
            if found:
                yield found.group(1).replace("localhost", "127.0.0.1")
                return
        raise SystemExit(f"{name} did not say where it listens")


def serve(placet, folder, files):
    return ready([placet, "serve", "--dev", "--dir", str(folder), "--policy", str(files),
                  "--listen", f"127.0.0.1:{free_port()}"], "placet serve")


def gateway(placet, base, api, where, name=None):
    config = base / f"gateway-{name or where[0].strip('-')}.toml"
    config.write_text(f"""tokens = "{base}/tokens.toml"

[upstream]
url = "http://127.0.0.1:{api}"

[[route]]
methods = ["GET"]
path = "/users/{{id}}"
action = "read_user"
resource = {{ type = "user", id = "{{path.id}}" }}
body = "none"

[[route]]
methods = ["POST"]
path = "/users/{{id}}/disable"
action = "disable_user"
resource = {{ type = "user", id = "{{path.id}}" }}
""")
    return ready([placet, "gateway", "http", "--config", str(config), *where,
                  "--listen", f"127.0.0.1:{free_port()}"], "placet gateway")


def load(placet, name, stage, base, args):
    url, *rest = stage
    command = [placet, "--json", "bench", "http", "--url", url, "--rate", str(RATES[name]),
               "--seconds", str(args.seconds), "--connections", str(CONNECTIONS),
               "--dir", str(base), *rest]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{name}: {done.stderr}")
    report = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: p50 {report['p50_ms']} ms, p99 {report['p99_ms']} ms, "
          f"{report['failed']} failed", file=sys.stderr)
    if report["failed"]:
        raise SystemExit(f"{name}: {report['failed']} calls failed")
    return report


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(done, patience=20):
    """Tries until it does not fail any more."""
    end = time.monotonic() + patience
    while True:
        try:
            return done()
        except (OSError, urllib.error.URLError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def summary(rounds, args):
    def median(value):
        return round(statistics.median(value(one) for one in rounds), 3)

    def field(name, key):
        return median(lambda one: one[name][key])

    result = {"schema": "placet/bench-http-peers/v1", "rounds": rounds, "seconds": args.seconds,
              "command": f"benches/peers/calls.py --rounds {args.rounds} --seconds {args.seconds} "
                         f"--calls {args.calls}",
              "fsync": "fdatasync of every batch, before anybody in it is answered",
              "connections": CONNECTIONS, "rates": RATES}
    for name in (*RATES, *EACH):
        result[name] = {key: field(name, key) for key in (
            "p50_ms", "p99_ms", "answered_per_s", "fdatasync_p50_ms", "fdatasync_p99_ms")}
    result["decisions_p99_beyond_fdatasync_ms"] = median(
        lambda one: one["decisions"]["p99_ms"] - one["decisions"]["fdatasync_p99_ms"])
    for name in ("gateway", "embedded"):
        result[f"{name}_adds_p50_ms"] = median(
            lambda one, name=name: one[name]["p50_ms"] - one["nginx"]["p50_ms"])
    result["enforced_adds_p50_ms"] = median(
        lambda one: one["enforced"]["p50_ms"] - one["alone"]["p50_ms"])
    last = rounds[-1]["decisions"]
    for key in ("machine", "file_system", "date", "version"):
        result[key] = last[key]
    result["machine"]["load_before"] = rounds[0]["decisions"]["machine"]["load_before"]
    result["commit"] = commit()
    return result


def commit():
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def table(result):
    rows = [f"{name:10} {result[name]['answered_per_s']:7}/s  p50 {result[name]['p50_ms']:7.3f} ms  "
            f"p99 {result[name]['p99_ms']:7.3f} ms  fdatasync p99 "
            f"{result[name]['fdatasync_p99_ms']:7.3f} ms" for name in (*RATES, *EACH)]
    rows.append(f"decisions: p99 beyond fdatasync's {result['decisions_p99_beyond_fdatasync_ms']} ms")
    rows.append(f"gateway adds {result['gateway_adds_p50_ms']} ms at the median, "
                f"embedded {result['embedded_adds_p50_ms']} ms; an enforced call with its commits "
                f"{result['enforced_adds_p50_ms']} ms")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
