"""Counting, and running programs with a limit on their time."""

import os
import pathlib
import re
import select
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TIME_LIMIT = 120
READY_LIMIT = 20


class Report:
    """One line per check, the versions of the peers that spoke, and the sum at the end."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.peers = {}

    def stage(self, name):
        print(f"-- {name}", flush=True)

    def check(self, name, ok, detail=""):
        if ok:
            self.passed += 1
            print(f"ok   {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL {name}\n     {detail.strip()[-1500:]}", flush=True)
        return ok

    def exits(self, name, command, expected, **kwargs):
        """Runs a command and counts whether it ended with one of the expected exit codes."""
        done = run(command, **kwargs)
        self.note_peer(done.stdout)
        codes = expected if isinstance(expected, (tuple, set)) else (expected,)
        detail = f"exit {done.returncode}, expected {codes}\n{done.stdout}{done.stderr}"
        self.check(name, done.returncode in codes, detail)
        return done

    def note_peer(self, output):
        for line in output.splitlines():
            words = line.split()
            if len(words) == 3 and words[0] == "peer":
                self.peers[words[1]] = words[2]

    def finish(self, suite="foreign"):
        for name in sorted(self.peers):
            print(f"peer {name} {self.peers[name]}")
        print(f"{suite}: {self.passed} passed, {self.failed} failed")


def run(command, **kwargs):
    """A finished command; what hangs counts as exit code 124, what cannot start as 127."""
    command = [str(word) for word in command]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT,
                              stdin=kwargs.pop("stdin", subprocess.DEVNULL), **kwargs)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer in {TIME_LIMIT} s")
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def checker(name):
    """The command of one of the check_* scripts beside this file, without its folder."""
    if name == "transmute":
        return ["node", HERE / "check_transmute.mjs"]
    return [sys.executable, HERE / f"check_{name}.py"]


class Server:
    """A program that serves until it is told to stop; it is ready when a line says where:
    "ready ADDRESS" or "listening on ADDRESS".
    """

    def __init__(self, command, **kwargs):
        self.lines = []
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)
        self.url = self._await_address()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def _await_address(self):
        deadline = time.monotonic() + READY_LIMIT
        pending = b""
        while time.monotonic() < deadline:
            if not select.select([self.process.stdout], [], [], 0.5)[0]:
                continue
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                break
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                text = line.decode(errors="replace")
                self.lines.append(text)
                found = re.search(r"(?:ready|listening on) (https?://\S+)", text)
                if found:
                    return found[1].rstrip("/")
        self.process.kill()
        raise RuntimeError("no ready line: " + " | ".join(self.lines[-10:]))
