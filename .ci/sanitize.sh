#!/usr/bin/env bash
# Runs the tests over real sockets under the thread sanitizer and the address sanitizer, each built in a place of its own.
#
#     .ci/sanitize.sh [thread] [address]
#
# A sanitizer fails when it reports something or when its run does not come to its end. What a test expects is not judged
# here: programs run several times slower, and some tests are about time. Ends with `N passed, N failed`, in sanitizers.
set -uo pipefail
cd "$(dirname "$0")/.."

tests=${SANITIZE_TESTS:-'EngineIOServerTests|SocketIOServerTests|ConformanceTests|HiredisNIOTests|SocketIORedisTests|FuzzTests'}
results='.cache/test'
mkdir -p "$results"
passed=0
failed=0

run=()
# The thread sanitizer wants the addresses where it expects them; newer kernels spread them more than it allows.
if setarch "$(uname -m)" -R true 2>/dev/null; then run=(setarch "$(uname -m)" -R); fi

# Builds .ci/thread-sanitizer/continuations.c and looks whether it does what it says: no report where there is no race, a
# report where there is one.
prepare_thread() {
    local work="$PWD/.build-thread/proof" report
    shim="$work/continuations.so"
    mkdir -p "$work"
    clang -O1 -shared -fPIC .ci/thread-sanitizer/continuations.c -o "$shim" &&
        swiftc -parse-as-library -sanitize=thread .ci/thread-sanitizer/proof.swift -o "$work/proof" || return 1
    report=$("${run[@]}" "$work/proof" ordered 2>&1)
    grep -q 'WARNING: ThreadSanitizer' <<<"$report" ||
        echo 'this Swift tells the sanitizer all: .ci/thread-sanitizer/continuations.c may be superfluous'
    report=$(LD_PRELOAD="$shim" "${run[@]}" "$work/proof" ordered 2>&1) || {
        echo "$report" | head -n 40
        echo 'the thread sanitizer reports a race where there is none'
        return 1
    }
    if LD_PRELOAD="$shim" "${run[@]}" "$work/proof" racing >/dev/null 2>&1; then
        echo 'the thread sanitizer does not see a race where there is one'
        return 1
    fi
}

for sanitizer in ${*:-thread address}; do
    log="$results/$sanitizer.log"
    shim=''
    echo "== $sanitizer sanitizer"
    if [[ $sanitizer == thread ]] && ! prepare_thread; then
        failed=$((failed + 1))
        continue
    fi
    if ! swift build --build-tests --sanitize "$sanitizer" --scratch-path ".build-$sanitizer" >"$log" 2>&1; then
        grep -E 'error' "$log"
        echo "the build for the $sanitizer sanitizer failed"
        failed=$((failed + 1))
        continue
    fi
    # Leaks are not looked for: what lives as long as the process is no fault here.
    LD_PRELOAD="$shim" TSAN_OPTIONS="halt_on_error=1:suppressions=$PWD/.ci/thread-sanitizer/suppressions.txt" ASAN_OPTIONS='detect_leaks=0' \
        timeout --foreground --kill-after=10 2400 "${run[@]}" \
        swift test --skip-build --sanitize "$sanitizer" --scratch-path ".build-$sanitizer" --disable-xctest \
        --experimental-maximum-parallelization-width 2 --filter "$tests" > "$log" 2>&1
    if grep -aqE '(WARNING: Thread|ERROR: Address)Sanitizer' "$log"; then
        grep -aE -A 40 '(WARNING: Thread|ERROR: Address)Sanitizer' "$log" | head -n 120
        echo "the $sanitizer sanitizer has reported something"
        failed=$((failed + 1))
    elif ! grep -aqE 'Test run with [0-9]+ tests' "$log"; then
        tail -n 40 "$log"
        echo "the run under the $sanitizer sanitizer did not come to its end"
        failed=$((failed + 1))
    else
        grep -aE 'Test run with [0-9]+ tests' "$log" | tail -n 1
        passed=$((passed + 1))
    fi
done
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
