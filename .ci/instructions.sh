#!/usr/bin/env bash
# Counts the instructions of each hot loop with callgrind and compares them with Tests/Benchmarks/instructions.txt; besides, those
# of the whole server, what its clients need included: for one recipient of a broadcast (`fan-out`), for a client that connects
# with WebSocket and leaves (`connect`), and for an echo over long-polling (`polling`: a POST and a GET).
#
#     .ci/instructions.sh            fails where a loop needs over 3 % more than written there, the whole server over 5 %
#     .ci/instructions.sh record     writes the file anew; the commit that does so says why
#
# Besides, names of combining marks may need at most three times the instructions of as many letters, wherever they come in.
#
# Instructions do not depend on what else the machine does, but on the compiler: with another one than the file's, nothing
# is compared. Ends with `N passed, N failed`, in loops.
set -uo pipefail
cd "$(dirname "$0")/.."

baseline='Tests/Benchmarks/instructions.txt'
compiler=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9.]+).*/\1/p' | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() {
    swift build -c release --product measure && swift build -c release --product hot-loops
}
build >"$work/build" 2>&1 || {
    grep -E 'error' "$work/build"
    echo 'instructions: the build failed'
    echo '0 passed, 1 failed'
    exit 1
}
# Without debugging information, which this valgrind cannot read.
strip -g -o "$work/hot-loops" .build/release/hot-loops
strip -g -o "$work/measure" .build/release/measure

# The instructions of a run of a command. Hashing is the same each time.
total() {
    SWIFT_DETERMINISTIC_HASHING=1 valgrind --tool=callgrind --callgrind-out-file="$work/out" "$@" \
        >/dev/null 2>"$work/log" || cat "$work/log" >&2
    sed -nE 's/^totals: ([0-9]+).*/\1/p' "$work/out"
}

names() { "$work/hot-loops" && printf '%s\n' fan-out connect polling; }

# Of one time: the difference of two runs, so that the start of the process does not count.
each() {
    local command=("$work/hot-loops" "$1") times=(100 600) pieces=1 few many
    case $1 in
        *-letters | *-marks)
            times=(1 3)
            ;;
        fan-out)
            command=("$work/measure" fan-out-speed --recipients 500 --count)
            times=(20 120)
            pieces=500
            ;;
        connect | polling)
            command=("$work/measure" "$1-speed" --count)
            times=(50 350)
            ;;
    esac
    few=$(total "${command[@]}" "${times[0]}")
    many=$(total "${command[@]}" "${times[1]}")
    [[ -n $few && -n $many ]] && echo $(((many - few) / (pieces * (times[1] - times[0]))))
}

if [[ ${1:-} == record ]]; then
    echo "swift $compiler" >"$baseline"
    for name in $(names); do echo "$name $(each "$name")" | tee -a "$baseline"; done
    exit
fi

if ! grep -qx "swift $compiler" "$baseline"; then
    echo "SKIPPED: $baseline is of $(head -n 1 "$baseline"), this is swift $compiler"
    exit 0
fi

# Of the whole server: how its reads and those of its clients fall together makes some percent, so that too many are counted
# again, twice at most, and the least counts.
least() {
    local name=$1 limit=$2 least again
    least=$(each "$name")
    for _ in 1 2; do
        [[ -n $least ]] && ((least > limit)) && [[ $name == fan-out || $name == connect || $name == polling ]] || break
        again=$(each "$name")
        [[ -n $again ]] && ((again < least)) && least=$again
    done
    echo "$least"
}

passed=0
failed=0
for name in $(names); do
    expected=$(sed -nE "s/^$name ([0-9]+)$/\1/p" "$baseline")
    tolerance=3
    # Of the whole server it depends a little on which bytes are read together.
    case $name in fan-out | connect | polling) tolerance=5 ;; esac
    found=$(least "$name" $((${expected:-0} * (100 + tolerance) / 100)))
    if [[ -z $expected || -z $found ]]; then
        echo "not ok $name: ${found:-no count}, and ${expected:-nothing} is written in $baseline"
        failed=$((failed + 1))
    elif ((found * 100 > expected * (100 + tolerance))); then
        echo "not ok $name: $found instructions, $expected before: over $tolerance % more"
        failed=$((failed + 1))
    else
        echo "ok $name: $found instructions, $expected before"
        passed=$((passed + 1))
    fi
done
while read -r name; do
    letters=$(each "$name")
    marks=$(each "${name%-letters}-marks")
    if [[ -z $letters || -z $marks ]] || ((marks > 3 * letters)); then
        echo "not ok ${name%-letters}-marks: ${marks:-no count}, with letters ${letters:-no count}: over three times as many"
        failed=$((failed + 1))
    else
        echo "ok ${name%-letters}-marks: $marks instructions, with letters $letters"
        passed=$((passed + 1))
    fi
done < <("$work/hot-loops" names)
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
