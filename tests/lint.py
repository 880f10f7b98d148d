"""Checks on the shape of the project that no compiler makes. Standard library only.

usage: lint.py            last line: "lint: N passed, N failed"

  licences   every package that a build can reach has a licence that deny.toml allows
  bans       none is on deny.toml's list, save under the wrappers named there, in tests
  direction  proto <- verifier <- ledger <- pep <- tools, and the verifier does no I/O
  sizes      files under 800 lines without tests, median under 200; no line over 100 columns
  unsafe     every crate forbids unsafe code
  floors     no todo!, no unimplemented!, no dbg! outside comments
  values     no bytes are read into a `serde_json::Value` outside tests
"""

import json
import pathlib
import re
import statistics
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
HARD_LIMIT, MEDIAN_LIMIT, COLUMNS = 800, 200, 100

# What each part may use of ours, in normal and build dependencies.
DIRECTION = {
    "placet-proto": set(),
    "placet-verifier": {"placet-proto"},
    "placet-ledger": {"placet-proto", "placet-verifier"},
    "placet-pep": {"placet-proto", "placet-verifier", "placet-ledger"},
    "placet-verify": {"placet-proto", "placet-verifier"},
}
# Async run times, sockets and clocks have no place below the ledger or in the offline verifier.
OFFLINE = {"placet-proto", "placet-verifier", "placet-verify"}
NOT_OFFLINE = {"tokio", "async-std", "hyper", "axum", "ureq", "reqwest", "mio", "socket2", "rustls"}


def main():
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--locked", "--all-features"))
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    results = {
        "licences": licences(metadata, rules["licenses"]),
        "bans": bans(metadata, rules["bans"]),
        "direction": direction(metadata),
        "offline": offline(metadata),
        "sizes": sizes(),
        "unsafe": unsafe(metadata),
        "floors": floors(),
        "values": values(),
    }
    for name, problems in results.items():
        print(f"{'FAIL' if problems else 'ok  '} {name}")
        for problem in problems:
            print(f"     {problem}")
    failed = sum(1 for problems in results.values() if problems)
    print(f"lint: {len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def licences(metadata, rules):
    allowed = set(rules["allow"])
    extra = {item["crate"]: set(item["allow"]) for item in rules.get("exceptions", [])}
    problems = []
    for package in metadata["packages"]:
        text = package["license"] or ""
        ok = allowed | extra.get(package["name"], set())
        if not text or not Expression(text).allowed(ok):
            problems.append(f"{package['name']} {package['version']}: {text or 'no licence'}")
    return problems


def bans(metadata, rules):
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    wrappers = {item["crate"]: set(item.get("wrappers", [])) for item in rules["deny"]}
    problems = []
    for node in metadata["resolve"]["nodes"]:
        user = names[node["id"]]
        for dep in node["deps"]:
            banned = names[dep["pkg"]]
            if banned not in wrappers:
                continue
            only_tests = all(kind["kind"] == "dev" for kind in dep["dep_kinds"])
            if user not in wrappers[banned] or not only_tests:
                problems.append(f"{user} uses {banned}")
    return problems


def direction(metadata):
    problems = []
    for package in workspace(metadata):
        allowed = DIRECTION.get(package["name"])
        if allowed is None:
            continue
        for dep in package["dependencies"]:
            ours = dep["name"].startswith("placet") or dep["name"] == "xtask"
            if ours and dep["kind"] != "dev" and dep["name"] not in allowed:
                problems.append(f"{package['name']} must not use {dep['name']}")
    return problems


def offline(metadata):
    """No package of NOT_OFFLINE is reachable from one of OFFLINE by normal dependencies."""
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    edges = {}
    for node in metadata["resolve"]["nodes"]:
        edges[node["id"]] = [
            dep["pkg"] for dep in node["deps"]
            if any(kind["kind"] is None for kind in dep["dep_kinds"])
        ]
    problems = []
    for root in (package["id"] for package in workspace(metadata) if package["name"] in OFFLINE):
        seen, queue = {root}, [root]
        while queue:
            for target in edges[queue.pop()]:
                if target not in seen:
                    seen.add(target)
                    queue.append(target)
        for name in sorted({names[package] for package in seen} & NOT_OFFLINE):
            problems.append(f"{names[root]} reaches {name}")
    return problems


def sizes():
    problems, lengths = [], []
    for path in rust_files():
        lines = path.read_text().splitlines()
        # A string or a row of a table can't always be broken and stay readable.
        long = [
            n for n, line in enumerate(lines, 1)
            if len(line) > COLUMNS and '"' not in line and not line.lstrip("/! ").startswith("|")
        ]
        if long:
            problems.append(f"{path.relative_to(ROOT)}:{long[0]} is over {COLUMNS} columns")
        if is_test_file(path):
            continue
        length = lines.index("#[cfg(test)]") if "#[cfg(test)]" in lines else len(lines)
        lengths.append(length)
        if length > HARD_LIMIT:
            problems.append(f"{path.relative_to(ROOT)} has {length} lines without its tests")
    if lengths and statistics.median(lengths) >= MEDIAN_LIMIT:
        problems.append(f"the median file has {statistics.median(lengths)} lines")
    return problems


def unsafe(metadata):
    """Workspace lints forbid it; a crate that does not take them must say so itself."""
    workspace_lints = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["lints"]["rust"]
    problems = []
    if workspace_lints.get("unsafe_code") != "forbid":
        problems.append("the workspace does not forbid unsafe code")
    for package in workspace(metadata):
        manifest = tomllib.loads(pathlib.Path(package["manifest_path"]).read_text())
        if not manifest.get("lints", {}).get("workspace"):
            problems.append(f"{package['name']} does not take the workspace's lints")
    return problems


def floors():
    pattern = re.compile(r"^[^/\"]*\b(todo|unimplemented|dbg)!\s*\(")
    problems = []
    for path in rust_files():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if pattern.search(line):
                problems.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    return problems


def values():
    """A `Value` takes some names of members for its own notes (`$serde_json::private::RawValue`), so
    that what somebody else wrote may be read as something else, or to any depth.
    """
    pattern = re.compile(r"from_(slice|str|reader)::<(serde_json::)?Value>"
                         r"|: (serde_json::)?Value = serde_json::from_(slice|str|reader)")
    problems = []
    for path in rust_files():
        lines = path.read_text().splitlines()
        end = lines.index("#[cfg(test)]") if "#[cfg(test)]" in lines else len(lines)
        for number, line in enumerate(lines[:0 if is_test_file(path) else end], 1):
            if pattern.search(line) and "include_str!" not in line:
                problems.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    return problems


def rust_files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.rs"], cwd=ROOT,
                            check=True, capture_output=True, text=True).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def is_test_file(path):
    parts = path.relative_to(ROOT).parts
    return parts[0] in ("tests", "fuzz", "benches") or "tests" in path.stem or "tests" in parts


def workspace(metadata):
    members = set(metadata["workspace_members"])
    return [package for package in metadata["packages"] if package["id"] in members]


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True,
                          text=True).stdout


class Expression:
    """An SPDX licence expression: OR, AND, WITH, brackets, and the old slash for OR."""

    def __init__(self, text):
        self.words = re.findall(r"[()]|[^\s()]+", text.replace("/", " OR "))
        self.at = 0

    def allowed(self, licences_):
        self.licences = licences_
        return self._or()

    def _or(self):
        value = self._and()
        while self._take("OR"):
            value = self._and() or value
        return value

    def _and(self):
        value = self._term()
        while self._take("AND"):
            value = self._term() and value
        return value

    def _term(self):
        if self._take("("):
            value = self._or()
            self._take(")")
            return value
        name = self.words[self.at]
        self.at += 1
        if self._take("WITH"):
            name += " WITH " + self.words[self.at]
            self.at += 1
        return name in self.licences

    def _take(self, word):
        if self.at < len(self.words) and self.words[self.at] == word:
            self.at += 1
            return True
        return False


if __name__ == "__main__":
    main()
