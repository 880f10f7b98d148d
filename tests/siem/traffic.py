"""A real ledger under load: agents ask what they may do, and each answer is a leaf of its log."""

import http.client
import json
import threading
import time

from live import Ledger as Live

from common import Server, environment

# Load comes in bursts, so that sinks are now behind and now idle.
BURST = 40
PAUSE_S = 0.25


class Ledger(Live):
    """As the one that programs of others are shown, with load."""

    def __init__(self, options, base, origin):
        base.mkdir(parents=True, exist_ok=True)
        super().__init__(options, base, origin)
        self.count = 0
        self.errors = []
        self.stopping = threading.Event()
        self.threads = []

    def serve(self):
        return Server([self.placet, "serve", "--dir", self.dir], env=environment(
            PLACET_LOG="error", PLACET_METRICS_PUBLIC="true"))

    def load(self, threads=2):
        """Starts asking; `rest` ends it."""
        for n in range(threads):
            thread = threading.Thread(target=self._ask_on, args=(n,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def rest(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)

    def _ask_on(self, agent):
        token = (self.dir / "keys" / "pep-token").read_text().strip()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        connection = http.client.HTTPConnection("localhost", self.port, timeout=30)
        n = 0
        while not self.stopping.is_set():
            for _ in range(BURST):
                n += 1
                body = json.dumps({
                    "subject": {"type": "agent", "id": f"bot-{agent}"},
                    "action": {"name": "disable_user" if n % 3 else "delete_everything"},
                    "resource": {"type": "user", "id": f"U{agent}-{n} Ü|=\\] \"x\""},
                    "context": {"ticket": f"T-{n}"},
                })
                try:
                    connection.request("POST", "/access/v1/evaluation", body, headers)
                    answer = connection.getresponse()
                    said = answer.read()
                except (OSError, http.client.HTTPException) as error:
                    self.errors.append(str(error))
                    return
                if answer.status != 200:
                    self.errors.append(f"{answer.status} {said[:300]!r}")
                    return
                self.count += 1
            # Load is what is wanted here, not speed: a pause is part of it.
            time.sleep(PAUSE_S)
