#!/usr/bin/env bash
# Runs the tests over real sockets under the thread sanitizer and the address sanitizer, each built in a place of its own.
#
#     .ci/sanitize.sh [--build] [--short] [thread] [address]
#
# With --build nothing is run. With --short, as in `make test`, the thread sanitizer leaves out the suites that take longest and in
# which the same code runs as in others: recorded scenarios, and faults that take their time. SANITIZE_SUITES='A|B' builds and runs these suites instead, SANITIZE_TESTS is a filter of what is run.
# A sanitizer fails when it reports something, when it cannot run on this machine (with SANITIZE_MAY_SKIP=yes the thread sanitizer is
# then skipped), or when its run does not come to its end.
# What a test expects is not judged here, since programs run several times slower and some tests are about time, unless more than
# a tenth of the tests fail. The suites about threads that meet run by themselves, one test at a time, and must pass: a test that
# gives up early shows the sanitizer nothing. Ends with `N passed, N failed`, in sanitizers.
set -uo pipefail
cd "$(dirname "$0")/.."

# All suites over sockets for the thread sanitizer. For the address sanitizer those whose code works with memory by hand: frames,
# arenas, descriptors, zlib, hiredis, and the decoders, which `make fuzz` runs under it, too, for much longer.
declare -A suites=(
    [thread]='HTTPServerCoreTests|RequestForwardingTests|EngineIOServerTests|SocketIOServerTests|ConformanceTests|HiredisNIOTests|SocketIOClusterTests|SocketIORedisTests|FaultTests'
    [address]='EngineIOCoreTests|SocketIOCoreTests|HTTPServerCoreTests|RequestForwardingTests|EngineIOServerTests|HiredisNIOTests|FaultTests'
)
# Tests that compute for minutes under a sanitizer and learn nothing from it: of one thread, or about how much something costs.
costly='QuestionFloodTests/forged|OwnMessagesTests/random|MessagePackTests/random|SlowReaderTests/aPollingClientGetsABurst'
costly+='|WaitingMessagesTests/replacingTakesNoMemory|BypassTests/slotsAndDescriptorsAreUsedAgain|BypassTests/aSlowReader'
costly+='|BypassTests/whatWaitsIsBounded|DirectAnswerSocketTests/whatWaitsIsBounded'
costly+='|PollingCompressionTests/aBroadcastToHeldPollsIsCompressedOnce|LogFloodTests'
costly+='|HostileNameTests|HostileRequestTests|HostileClusterNameTests'
# Suites that must pass under the thread sanitizer.
judged='SessionHandleTests|SocketHandleTests|LoopBoundTests|ShardInboxTests|HandlerPlaceTests|RunningHandlerTests|HandlersAtTheEndTests|RehomingTests'
# What --short leaves out.
long='|ConformanceTests|FaultTests'
# Without debug information: names of functions are kept all the same. (The index is needed: SwiftPM looks for tests in it.)
build=(--disable-xctest -Xswiftc -gnone -Xswiftc -use-ld=lld)
runs=true
while [[ ${1:-} == --* ]]; do
    case $1 in
        --build) runs=false ;;
        --short)
            for target in ${long//|/ }; do suites[thread]=${suites[thread]//|$target/}; done
            ;;
        *) echo "sanitize: unknown option $1" >&2 && exit 64 ;;
    esac
    shift
done
# The proof and the tests run with the same suppressions.
suppressions="suppressions=$PWD/.ci/thread-sanitizer/suppressions.txt"
results='.cache/test'
mkdir -p "$results"
passed=0
failed=0

run=()
# The thread sanitizer wants the addresses where it expects them; newer kernels spread them more than it allows.
if setarch "$(uname -m)" -R true 2>/dev/null; then run=(setarch "$(uname -m)" -R); fi

# Builds .ci/thread-sanitizer/runtime.c and checks that it does what it says: no report where there is no race, a report where
# there is one.
prepare_thread() {
    local work="$PWD/.build-thread/proof" kind report
    shim="$work/runtime.so"
    mkdir -p "$work"
    clang -O1 -shared -fPIC .ci/thread-sanitizer/runtime.c -o "$shim" &&
        swiftc -parse-as-library -sanitize=thread .ci/thread-sanitizer/proof.swift -o "$work/proof" || return 1
    for kind in continuations mutex; do
        report=$(timeout 120 "${run[@]}" "$work/proof" "$kind" ordered 2>&1)
        # Such as an address layout that a container does not let it change.
        if [[ -n ${SANITIZE_MAY_SKIP:-} ]] && grep 'FATAL: ThreadSanitizer' <<<"$report"; then
            echo 'SKIPPED: the thread sanitizer cannot run on this machine'
            exit 0
        fi
        grep -q 'WARNING: ThreadSanitizer' <<<"$report" ||
            echo "this Swift tells the sanitizer all about $kind: part of .ci/thread-sanitizer/runtime.c may be superfluous"
        report=$(TSAN_OPTIONS="$suppressions" LD_PRELOAD="$shim" timeout 120 "${run[@]}" "$work/proof" "$kind" ordered 2>&1) || {
            echo "$report" | head -n 40
            echo "the thread sanitizer reports a race where there is none ($kind)"
            return 1
        }
        # Not its exit code: a race may end the program before it is reported.
        report=$(TSAN_OPTIONS="$suppressions" LD_PRELOAD="$shim" timeout 120 "${run[@]}" "$work/proof" "$kind" racing 2>&1)
        if ! grep -qE 'WARNING: ThreadSanitizer: (data|Swift access) race' <<<"$report"; then
            echo "the thread sanitizer does not see a race where there is one ($kind)"
            return 1
        fi
    done
}

# run_tests SANITIZER WIDTH SECONDS LOG ARGUMENT...
# Not in the foreground: the time-out is to end the tests as well, which are a process of their own.
# Leaks are not looked for: what lives as long as the process is no fault here.
run_tests() {
    local sanitizer=$1 width=$2 seconds=$3 log=$4
    shift 4
    LD_PRELOAD="$shim" TSAN_OPTIONS="halt_on_error=1:$suppressions" ASAN_OPTIONS='detect_leaks=0' \
        timeout --kill-after=10 "$seconds" "${run[@]}" \
        swift test "${build[@]}" --skip-build --sanitize "$sanitizer" --scratch-path ".build-$sanitizer" \
        --experimental-maximum-parallelization-width "$width" "$@" >"$log" 2>&1
}

for sanitizer in ${*:-thread address}; do
    log="$results/$sanitizer.log"
    skip=$costly
    shim=''
    # The manifest leaves out what these suites do not need.
    export SANITIZED_SUITES=${SANITIZE_SUITES:-${suites[$sanitizer]:?"the sanitizers are thread and address"}}
    tests=${SANITIZE_TESTS:-$SANITIZED_SUITES}
    echo "== $sanitizer sanitizer"
    if [[ $sanitizer == thread ]] && ! prepare_thread; then
        echo 'FAIL: the thread sanitizer does not work here; the lines above say why. TEST_SANITIZER=no leaves it out; a container must allow personality(2)'
        failed=$((failed + 1))
        continue
    fi
    if ! swift build "${build[@]}" --build-tests --sanitize "$sanitizer" --scratch-path ".build-$sanitizer" >"$log" 2>&1; then
        grep -E 'error' "$log"
        echo "FAIL: the build for the $sanitizer sanitizer failed"
        failed=$((failed + 1))
        continue
    fi
    $runs || continue
    if [[ $sanitizer == thread && -z ${SANITIZE_TESTS:-}${SANITIZE_SUITES:-} ]]; then
        first="$results/$sanitizer-judged.log"
        run_tests "$sanitizer" 1 600 "$first" --filter "$judged"
        if grep -aq 'WARNING: ThreadSanitizer' "$first" ||
            ! grep -aqE '✔ Test run with [1-9][0-9]* tests?' "$first"; then
            grep -aE -A 40 'WARNING: ThreadSanitizer|recorded an issue' "$first" | head -n 120
            echo "FAIL: not all of $judged passed under the $sanitizer sanitizer"
            failed=$((failed + 1))
            continue
        fi
        grep -aE 'Test run with [0-9]+ tests' "$first" | tail -n 1
        skip+="|$judged"
    fi
    run_tests "$sanitizer" 8 1800 "$log" --filter "$tests" --skip "$skip"
    if grep -aqE '(WARNING: Thread|ERROR: Address)Sanitizer' "$log"; then
        grep -aE -A 40 '(WARNING: Thread|ERROR: Address)Sanitizer' "$log" | head -n 120
        echo "FAIL: the $sanitizer sanitizer has reported something"
        failed=$((failed + 1))
    elif ! grep -aqE 'Test run with [1-9][0-9]* tests?' "$log"; then
        tail -n 40 "$log"
        echo "FAIL: the run under the $sanitizer sanitizer did not come to its end, or had no tests"
        failed=$((failed + 1))
    elif ran=$(grep -acE '(✔|✘) Test .* after [0-9.]+ seconds' "$log"); bad=$(grep -acE '✘ Test .* failed after' "$log"); ((bad * 10 > ran)); then
        echo "FAIL: $bad of $ran tests failed under the $sanitizer sanitizer, so that it has not seen what they do"
        failed=$((failed + 1))
    else
        grep -aE 'Test run with [0-9]+ tests' "$log" | tail -n 1
        passed=$((passed + 1))
    fi
done
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
