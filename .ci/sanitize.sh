#!/usr/bin/env bash
# Runs the tests over real sockets under the thread sanitizer and the address sanitizer, each built in a place of its own.
#
#     .ci/sanitize.sh [thread] [address]
#
# A sanitizer fails when it reports something or when its run does not come to its end. What a test expects is not judged
# here: programs run several times slower, and some tests are about time. Ends with `N passed, N failed`, in sanitizers.
set -uo pipefail
cd "$(dirname "$0")/.."

sockets='EngineIOServerTests|SocketIOServerTests|ConformanceTests'
redis='HiredisNIOTests|SocketIORedisTests'
results='.cache/test'
mkdir -p "$results"
passed=0
failed=0

run=()
# The thread sanitizer wants the addresses where it expects them; newer kernels spread them more than it allows.
if setarch "$(uname -m)" -R true 2>/dev/null; then run=(setarch "$(uname -m)" -R); fi

for sanitizer in ${*:-thread address}; do
    log="$results/$sanitizer.log"
    tests="$sockets|$redis"
    # The thread sanitizer does not see how the Swift runtime orders an event loop and the task that awaits its reply, and
    # takes every reply of Redis that is read in a task for a race.
    [[ $sanitizer == thread ]] && tests=$sockets
    echo "== $sanitizer sanitizer"
    # Leaks are not looked for: what lives as long as the process is no fault here.
    TSAN_OPTIONS="halt_on_error=1:suppressions=$PWD/.ci/thread-sanitizer.txt" ASAN_OPTIONS='detect_leaks=0' timeout --foreground --kill-after=10 1800 "${run[@]}" \
        swift test --sanitize "$sanitizer" --scratch-path ".build-$sanitizer" --disable-xctest \
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
