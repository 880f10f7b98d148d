#!/bin/sh
# Runs the second verifier over the project's vectors.
# $1: a Python (3.11 or later) that has the package `cryptography`.
set -eu
python=${1:?usage: run.sh PYTHON}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$here"
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
"$python" -m second extras "$root/proto/vectors" "$root/verifier/vectors"
"$python" -m second vectors "$root/verifier/vectors"
