"""nginx alone serves the folders of the demo's two logs, with the configuration that
docs/operating.md prints: our mirror and Tessera's fsck read them, and nothing else is to be had."""

import pathlib
import shutil
import urllib.error
import urllib.request

import trustfile
from live import free_port
from report import run as start
from stage_witness import fresh

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "operating.md"
BEGIN, END = "<!-- the static server -->\n```nginx\n", "```\n"
FOREVER = "public, max-age=31536000, immutable"


def run(report, options):
    base = fresh(options, "static")
    # The service is stopped; nginx sees the public folders as the operator would copy them.
    folder = base / "ledger"
    shutil.copytree(options.demo, folder, symlinks=True)
    url, stop = serve(base, folder)
    try:
        report.check("nginx serves a checkpoint", awaits(url), (base / "error.log").read_text())
        peer = start(["nginx", "-v"]).stderr.strip().rsplit("/", 1)
        report.note_peer(f"peer nginx {peer[-1].split()[0]}")
        headers(report, url)
        hidden(report, url, folder)
        readers(report, options, base, url)
    finally:
        stop()


def serve(base, folder):
    """nginx with the documented server block; gives its address and what ends it."""
    block = DOCS.read_text().split(BEGIN, 1)[1].split(END, 1)[0]
    port = free_port()
    for was, now in (("listen 443 ssl;", f"listen 127.0.0.1:{port};"),
                     ("root /var/lib/placet;", f"root {folder};")):
        assert was in block, f"docs/operating.md has no {was}"
        block = block.replace(was, now)
    # A test has no certificate.
    block = "\n".join(line for line in block.splitlines() if "ssl_certificate" not in line)
    (base / "nginx.conf").write_text(f"""
        user root; worker_processes 1; pid {base}/nginx.pid; error_log {base}/error.log;
        events {{}}
        http {{
            access_log off; client_body_temp_path {base}/t1; proxy_temp_path {base}/t2;
            fastcgi_temp_path {base}/t3; uwsgi_temp_path {base}/t4; scgi_temp_path {base}/t5;
            {block}
        }}
    """)
    command = ["nginx", "-e", base / "error.log", "-c", base / "nginx.conf", "-p", base]
    done = start(command)
    assert done.returncode == 0, done.stderr
    return f"http://127.0.0.1:{port}", lambda: start([*command, "-s", "stop"])


def awaits(url):
    """nginx listens before its first process ends, so that one call is enough."""
    return get(url + "/log/checkpoint")[0] == 200


def headers(report, url):
    size = int(get(url + "/log/checkpoint")[2].split(b"\n")[1])
    tile = f"/log/tile/0/000.p/{size}" if size < 256 else "/log/tile/0/000"
    for path, kind, cache in ((("/log/checkpoint"), "text/plain; charset=utf-8", "max-age=2"),
                              (("/gov/checkpoint"), "text/plain; charset=utf-8", "max-age=2"),
                              ((tile), "application/octet-stream", FOREVER),
                              ((tile.replace("/0/", "/entries/")), "application/octet-stream",
                               FOREVER)):
        status, head, body = get(url + path)
        said = {name: head.get(name, "") for name in ("Content-Type", "Cache-Control")}
        report.check(f"nginx: {path} as C2SP tlog-tiles asks", status == 200 and body and
                     said["Content-Type"] == kind and cache in said["Cache-Control"] and
                     head.get("Access-Control-Allow-Origin") == "*", f"{status} {said}")


def hidden(report, url, folder):
    """No file of the folder but checkpoints and tiles is served, whatever it is called."""
    served, secret = [], 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        public = name.split("/")[0] in ("log", "gov") and (
            name.count("/") == 1 and name.endswith("/checkpoint") or "/tile/" in name)
        if path.is_file() and not public:
            secret += 1
            if get(f"{url}/{urllib.request.quote(name)}")[0] != 404:
                served.append(name)
    report.check(f"nginx: none of {secret} other files is served", secret > 10 and not served,
                 " ".join(served))
    for path in ("/", "/log/", "/log/tile/", "/log/tile/../../placet.toml", "/log/../placet.toml",
                 "/log%2f..%2fplacet.toml", "/log/tile/0/..%2f..%2f..%2fkeys"):
        status = get(url + path)[0]
        report.check(f"nginx: nothing at {path}", status in (400, 403, 404), str(status))


def readers(report, options, base, url):
    trust = options.demo / "trust.json"
    mirror = [options.placet, "log", "mirror", url, "--out", base / "copy", "--trust", trust,
              "--once"]
    report.exits("our mirror through nginx, the service stopped", mirror, 0)
    for role, (origin, vkey) in sorted(trustfile.log_vkeys(trust).items()):
        name = "log" if role == "main" else role
        key_file = base / f"{role}.vkey"
        key_file.write_text(vkey + "\n")
        fsck = [options.go / "fsck", "--vkey", key_file, "--origin", origin]
        report.exits(f"{origin} through nginx: Tessera's fsck accepts",
                     fsck + [f"{url}/{name}/"], 0)
        copy = (base / "copy" / name).resolve()
        report.exits(f"{origin} mirrored: Tessera's fsck accepts the copy",
                     fsck + [f"file://{copy}"], 0)
        by_key = [options.placet, "log", "mirror", f"{url}/{name}", "--out", base / f"{role}-copy",
                  "--vkey", vkey, "--once"]
        report.exits(f"{origin} mirrored by its key alone", by_key, 0)
        same = (base / f"{role}-copy" / "checkpoint").read_bytes()
        report.check(f"{origin}: both copies stand at one checkpoint",
                     same == (copy / "checkpoint").read_bytes())


def get(url):
    """Status, header and body; what is no success has no body."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, b""
