"""Receivers of events that keep what they take before they say so, and misbehave by a seed.

usage: receivers.py KIND --port PORT --out FILE [--seed N] [--calm]

  webhook   POST of lines; answers 503, closes before or after keeping, or takes its time
  hec       Splunk's HTTP Event Collector with indexer acknowledgement: late, lost, busy
  elastic   _bulk: single items are refused with 429, whole calls with 503
  s3        objects at signed addresses; answers 503, closes before or after keeping
  otlp      logs over HTTP, protobuf; answers 503, or refuses nothing and closes

One line is written for every call that was taken: a JSON list of the events' texts, in order. A
write goes to the kernel before the answer, so that who is killed has lost nothing it acknowledged.
"""

import argparse
import gzip
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import random
import socketserver
import threading
import time
import urllib.parse

TOKEN = "11111111-2222-3333-4444-555555555555"


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calm", action="store_true", help="no faults")
    options = parser.parse_args()
    handler = KINDS[options.kind]
    handler.chance = random.Random(options.seed)
    handler.calm = options.calm
    handler.path_of_out = options.out
    handler.out = os.open(options.out, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    mend(handler.out)
    server = Server(("127.0.0.1", options.port), handler)
    print(f"ready http://127.0.0.1:{options.port}", flush=True)
    server.serve_forever()


def mend(file):
    """Cuts off what a kill tore: its call had no answer."""
    kept = os.pread(file, os.fstat(file).st_size, 0)
    os.ftruncate(file, kept.rfind(b"\n") + 1)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class Handler(http.server.BaseHTTPRequestHandler):
    """What all have in common: one lock, a file, and chance."""

    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        with self.lock:
            fate = "good" if self.calm else self.pick()
            self.take(body, fate)

    def pick(self):
        roll = self.chance.random()
        for share, fate in self.fates:
            if roll < share:
                return fate
            roll -= share
        return "good"

    def keep(self, texts):
        data = json.dumps(texts).encode() + b"\n"
        assert os.write(self.out, data) == len(data)

    def answer(self, status, body=b"", content="application/json"):
        self.send_response(status)
        self.send_header("content-type", content)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self):
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_):
        pass


class Webhook(Handler):
    fates = [(0.08, "503"), (0.05, "closed before"), (0.05, "closed after"), (0.03, "429")]

    def take(self, body, fate):
        if fate in ("503", "429"):
            return self.answer(int(fate))
        if fate == "closed before":
            return self.hang_up()
        self.keep(texts_of(body, self.headers.get("content-type", "")))
        return self.hang_up() if fate == "closed after" else self.answer(204)


def texts_of(body, content):
    """Lines, or the members of a CloudEvents batch."""
    if "batch" in content or body[:1] == b"[":
        return elements(body.decode())
    return [line for line in body.decode().split("\n") if line]


def elements(text):
    """The elements of a JSON array as they were written."""
    decoder, out, at = json.JSONDecoder(), [], text.index("[") + 1
    while True:
        while text[at] in " \r\n\t,":
            at += 1
        if text[at] == "]":
            return out
        _, end = decoder.raw_decode(text, at)
        out.append(text[at:end])
        at = end


class Hec(Handler):
    fates = [(0.06, "busy"), (0.04, "closed after"), (0.08, "never")]
    acks = {}
    count = 0

    def take(self, body, fate):
        if self.headers.get("authorization") != f"Splunk {TOKEN}":
            return self.answer(403, b'{"text":"Invalid token","code":4}')
        if not self.headers.get("x-splunk-request-channel"):
            return self.answer(400, b'{"text":"Data channel is missing","code":10}')
        if self.path.startswith("/services/collector/ack"):
            return self.acknowledge(json.loads(body)["acks"])
        if fate == "busy":
            return self.answer(503, b'{"text":"Server is busy","code":9}')
        texts = hec_events(body.decode())
        ack = Hec.count
        Hec.count += 1
        # "never": taken, as a collector takes it that loses it before its indexer has it.
        if fate == "never":
            Hec.acks[ack] = None
        else:
            self.keep(texts)
            Hec.acks[ack] = time.monotonic() + (0 if self.calm else self.chance.random() * 0.6)
        if fate == "closed after":
            return self.hang_up()
        return self.answer(200, json.dumps({"text": "Success", "code": 0, "ackId": ack}).encode())

    def acknowledge(self, wanted):
        now = time.monotonic()
        due = {a: (Hec.acks.get(a) is not None and Hec.acks[a] <= now) for a in wanted}
        return self.answer(200, json.dumps({"acks": due}).encode())


def hec_events(text):
    """The texts of "event", as they were written."""
    decoder, out, at = json.JSONDecoder(), [], 0
    member = ',"event":'
    while at < len(text):
        record, end = decoder.raw_decode(text, at)
        # A quote inside of a text is escaped, so that this is the member, and it stands last.
        start = text.index(member, at, end) + len(member)
        event, behind = decoder.raw_decode(text, start)
        assert event == record["event"] and text[behind:end] == "}", text[at:end]
        out.append(event if isinstance(event, str) else text[start:behind])
        at = end
        while at < len(text) and text[at] in " \r\n\t":
            at += 1
    return out


class Elastic(Handler):
    fates = [(0.06, "503"), (0.04, "closed after"), (0.15, "some")]
    ids = None

    def take(self, body, fate):
        if fate == "503":
            return self.answer(503)
        lines = [line for line in body.decode().split("\n") if line]
        assert body.endswith(b"\n"), "_bulk ends in a line feed"
        self.know()
        kept, items = [], []
        for action, text in zip(lines[::2], lines[1::2], strict=True):
            [(word, about)] = json.loads(action).items()
            uid = about["_id"]
            if uid in Elastic.ids and word == "create":
                done = {"status": 409, "error": {"type": "version_conflict_engine_exception"}}
            elif fate == "some" and self.chance.random() < 0.3:
                done = {"status": 429, "error": {"type": "es_rejected_execution_exception"}}
            else:
                done = {"status": 201}
                kept.append(json.dumps([uid, text]))
                Elastic.ids.add(uid)
            items.append({word: {"_id": uid, **done}})
        self.keep(kept)
        if fate == "closed after":
            return self.hang_up()
        errors = any("error" in done for item in items for done in item.values())
        return self.answer(200, json.dumps({"took": 1, "errors": errors, "items": items}).encode())

    def know(self):
        """The documents that it held when it was killed."""
        if Elastic.ids is None:
            with open(self.path_of_out) as file:
                Elastic.ids = {json.loads(item)[0] for line in file for item in json.loads(line)}


class Otlp(Handler):
    fates = [(0.08, "503"), (0.05, "closed before"), (0.05, "closed after"), (0.03, "429")]

    def take(self, body, fate):
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs

        if self.path != "/v1/logs" or "protobuf" not in self.headers.get("content-type", ""):
            return self.answer(415)
        if fate in ("503", "429"):
            return self.answer(int(fate))
        if fate == "closed before":
            return self.hang_up()
        call = logs.ExportLogsServiceRequest.FromString(body)
        records = [r for group in call.resource_logs for scope in group.scope_logs
                   for r in scope.log_records]
        self.keep([record.body.string_value for record in records])
        if fate == "closed after":
            return self.hang_up()
        done = logs.ExportLogsServiceResponse().SerializeToString()
        return self.answer(200, done, "application/x-protobuf")


class S3(Handler):
    """PUT of objects at signed addresses (AWS Signature Version 4); one file holds one object."""

    fates = [(0.08, "503"), (0.05, "closed before"), (0.05, "closed after")]
    SECRET = "siem-test-secret"

    def do_PUT(self):
        self.do_POST()

    def take(self, body, fate):
        path, _, query = self.path.partition("?")
        if fate == "503":
            return self.answer(503, b"<Error><Code>SlowDown</Code></Error>", "application/xml")
        if not self.signed(path, query):
            return self.answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>",
                               "application/xml")
        if fate == "closed before":
            return self.hang_up()
        target = pathlib.Path(self.path_of_out + ".objects") / urllib.parse.unquote(path).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        part.write_bytes(body)
        part.rename(target)
        self.keep([path])
        return self.hang_up() if fate == "closed after" else self.answer(200)

    def signed(self, path, query):
        """Whether the address was signed with the secret, for this method, path and headers."""
        given = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        signature = given.pop("X-Amz-Signature", "")
        quote = urllib.parse.quote
        pairs = "&".join(f"{quote(k, '-_.~')}={quote(v, '-_.~')}" for k, v in sorted(given.items()))
        names = given["X-Amz-SignedHeaders"].split(";")
        headers = "".join(f"{name}:{self.headers[name].strip()}\n" for name in names)
        request = "\n".join(["PUT", path, pairs, headers, ";".join(names), "UNSIGNED-PAYLOAD"])
        scope = given["X-Amz-Credential"].split("/", 1)[1]
        to_sign = "\n".join(["AWS4-HMAC-SHA256", given["X-Amz-Date"], scope,
                             hashlib.sha256(request.encode()).hexdigest()])
        key = b"AWS4" + self.SECRET.encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), "sha256").digest()
        return hmac.compare_digest(hmac.new(key, to_sign.encode(), "sha256").hexdigest(), signature)


KINDS = {"s3": S3, "webhook": Webhook, "hec": Hec, "elastic": Elastic, "otlp": Otlp}

if __name__ == "__main__":
    main()
