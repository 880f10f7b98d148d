#!/usr/bin/env bash
# Runs every fuzz target for some seconds, two at a time, with the project's own toolchain.
#
#   fuzz/run.sh [--seconds N] [TARGET..]
#
# RUSTC_BOOTSTRAP lets the pinned stable compiler take the sanitizer flags that cargo-fuzz passes, so
# that no nightly toolchain is needed. The corpus grows in fuzz/corpus (not in git) from what
# fuzz/seeds.py takes out of the vectors. Last line: "fuzz: N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."
export RUSTC_BOOTSTRAP=1
export PATH="$PATH:${PLACET_TEST_CACHE:-$HOME/.cache/placet-test}/cargo/bin"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/fuzz"

seconds=10
if [ "${1:-}" = --seconds ]; then seconds=$2; shift 2; fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for file in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi

cargo fuzz build >fuzz/build.log 2>&1 || { tail -40 fuzz/build.log; echo "fuzz: 0 passed, 1 failed"; exit 1; }

python3 fuzz/seeds.py || exit 1

one() {
    local target=$1 log
    log=$(mktemp)
    mkdir -p "fuzz/corpus/$target"
    # A single input may take 5 s and 1 GiB at most: parsers bound what they allocate.
    if cargo fuzz run "$target" -- -max_total_time="$seconds" -max_len=65536 \
        -timeout=5 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1 >"$log" 2>&1; then
        printf 'ok   %s: %s executions\n' "$target" \
            "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
        rm -f "$log"
    else
        printf 'FAIL %s\n' "$target"
        tail -40 "$log"
        rm -f "$log"
        return 1
    fi
}
export -f one
export seconds

results=$(mktemp)
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'one {}' | tee "$results"
passed=$(grep -c '^ok ' "$results")
rm -f "$results"
echo "fuzz: $passed passed, $((${#targets[@]} - passed)) failed"
[ "$passed" -eq ${#targets[@]} ]
