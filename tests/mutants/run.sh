#!/usr/bin/env bash
# Breaks the engine on purpose, one mistake at a time, and counts the schedules of the simulation
# (tests/tests/faults/schedule.rs) that it takes to find it. A mistake that is not found says that
# the simulation is too weak.
#
#   tests/mutants/run.sh            every mistake
#   tests/mutants/run.sh NAME..     some
#
# The tree without a mistake has to pass; a run that ends by itself, without a seed, is not judged.
#
# All are in one patch and are built once, in a copy of the committed tree; PLACET_MUTANT chooses.
# Wants Rust and half a minute for each mistake; MUTANTS_TARGET is where it builds.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
LIMIT=${PLACET_FAULT_SCHEDULES:-10000}
STEP=250
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export CARGO_TARGET_DIR=${MUTANTS_TARGET:-$PWD/target/mutants} CARGO_TERM_COLOR=never

git archive HEAD | tar x -C "$copy" &&
    patch --quiet -p1 -d "$copy" <tests/mutants/engine.patch || exit 2
binary=$(cd "$copy" && cargo test --locked --workspace --test faults --no-run 2>&1 |
    sed -n 's/.*Executable.*(\(.*\))$/\1/p')
[ -x "$binary" ] || { echo "the mutants could not be built"; exit 2; }

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
    mapfile -t names < <(sed -n 's/^+.*mutant("\([^"]*\)").*/\1/p' tests/mutants/engine.patch | sort -u)
fi

# schedules NAME: how many it took, nothing when none found it, - when a run ended by itself.
schedules() {
    local first said seed
    for ((first = 0; first < LIMIT; first += STEP)); do
        said=$(PLACET_MUTANT=$1 PLACET_FAULT_FIRST=$first PLACET_FAULT_SCHEDULES=$STEP \
            timeout 600 "$binary" schedule 2>&1) && continue
        seed=$(grep -o 'PLACET_FAULT_SEED=[0-9]*' <<<"$said" | cut -d= -f2 | sort -n | head -1)
        if [ -n "$seed" ]; then echo "$((seed + 1))"; else echo -; fi
        grep -A1 -m1 'panicked at' <<<"$said" | tail -1 >&2
        return
    done
}

if ! PLACET_FAULT_SCHEDULES=$STEP timeout 600 "$binary" schedule >"$copy/none" 2>&1; then
    echo "the simulation fails without any mistake:"
    tail -20 "$copy/none"
    exit 2
fi

passed=0 failed=0
for name in "${names[@]}"; do
    took=$(schedules "$name" 2>"$copy/why")
    if [ "$took" = - ]; then
        failed=$((failed + 1))
        printf '%-28s not judged: a run ended without naming a schedule\n' "$name"
    elif [ -n "$took" ]; then
        passed=$((passed + 1))
        printf '%-28s %6s  %s\n' "$name" "$took" "$(head -c 90 "$copy/why")"
    else
        failed=$((failed + 1))
        printf '%-28s not found in %s\n' "$name" "$LIMIT"
    fi
done
echo "mutants: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
