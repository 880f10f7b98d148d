"""A mirror that is killed at random moments, and what Tessera's fsck says of its copy each time."""

import functools
import http.server
import random
import subprocess
import threading

import stage_peers
from report import Server
from report import run as start
from stage_witness import fresh

ROUNDS = 12
LOGS = 3
# More than 256 bundles in the end would take tiles of level 2; three levels of files are enough.
ENTRIES = 3000


def run(report, options):
    base = fresh(options, "mirror")
    stage_peers.tessera_key(options, base)
    vkey = (base / "log.vkey").read_text().strip()
    seed = random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    whole, kills = 0, 0
    witness = [options.go / "witness", "--vkey-out", base / "wkey", "--logs", base]
    with Server(witness) as go, Files(base / "log") as files:
        stage_peers.write_policy(base, (base / "wkey").read_text().strip(), go.url)
        mirror = [options.placet, "log", "mirror", files.url, "--out", base / "copy", "--vkey",
                  vkey, "--once"]
        for _ in range(LOGS):
            grow = ["--rounds", "1", "--each", ENTRIES]
            done = start([*stage_peers.tessera_log(options, base), *grow])
            if not report.check("a Tessera log grows", done.returncode == 0, done.stderr):
                return
            for _ in range(ROUNDS):
                process = subprocess.Popen([str(w) for w in mirror], stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL)
                try:
                    # Where nothing is new it takes a few milliseconds, else some tens.
                    process.wait(chance.uniform(0.001, chance.choice((0.008, 0.12))))
                except subprocess.TimeoutExpired:
                    process.kill()
                    kills += 1
                process.wait()
                whole += is_whole(options, base, vkey)
            report.exits("a Tessera log is mirrored after kills", mirror, 0)
            same = (base / "copy" / "checkpoint").read_bytes()
            report.check("to its last checkpoint",
                         same == (base / "log" / "checkpoint").read_bytes())
    report.check(f"after each of {kills} kills the copy is whole, or there is none yet",
                 whole == ROUNDS * LOGS and kills > 0, f"{whole} of {ROUNDS * LOGS}, seed {seed}")


def is_whole(options, base, vkey):
    """Tessera's fsck reads every tile of the copy again."""
    if not (base / "copy" / "checkpoint").exists():
        return True
    fsck = [options.go / "fsck", "--vkey", base / "log.vkey",
            f"file://{(base / 'copy').resolve()}"]
    return start(fsck).returncode == 0


class Files:
    """A folder over HTTP, on loopback."""

    def __init__(self, folder):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """Who was killed takes no answer."""

        handler = functools.partial(Handler, directory=str(folder))
        self.server = Quiet(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
