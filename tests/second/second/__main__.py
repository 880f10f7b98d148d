"""python3 -m second check BUNDLE --trust TRUST --as-of N | vectors DIR | extras DIR [DIR]"""

import argparse
import json
import sys
from pathlib import Path

from . import vectors
from .verify import Demands, verify

EXITS = {"passed": 0, "failed": 1, "indeterminate": 3, "malformed": 4, "log_misbehaved": 6}


def main():
    parser = argparse.ArgumentParser(prog="second")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="verify one bundle")
    check.add_argument("bundle", type=Path)
    check.add_argument("--trust", type=Path, required=True)
    check.add_argument("--as-of", type=int, required=True, help="seconds since 1970")
    check.add_argument("--action", type=Path)
    check.add_argument("--passkey", help="credential id, or an opened name")
    check.add_argument("--between", type=int, nargs=2, metavar=("A", "B"))
    check.add_argument("--denial", action="store_true")
    check.add_argument("--all", action="store_true", help="every check, too")
    folder = commands.add_parser("vectors", help="run bundles/*/ of a folder of vectors")
    folder.add_argument("dir", type=Path)
    extras = commands.add_parser(
        "extras", help="the other vectors: actions, assertions, keys, trees"
    )
    extras.add_argument("dirs", type=Path, nargs="+")
    args = parser.parse_args()
    if args.command == "vectors":
        return vectors.bundles(args.dir)
    if args.command == "extras":
        return vectors.extras(args.dirs)
    try:
        action = args.action.read_bytes() if args.action else None
        bundle, trust = args.bundle.read_bytes(), args.trust.read_bytes()
    except OSError as error:
        print(error, file=sys.stderr)
        return 5
    demands = Demands(action, args.passkey, args.between, args.denial)
    verdict, code, checks = verify(bundle, trust, args.as_of, demands)
    line = {"verdict": verdict, "code": code}
    if args.all:
        line["checks"] = [[request, name, *result] for (request, name), result in checks.items()]
    print(json.dumps(line))
    return EXITS[verdict]


sys.exit(main())
