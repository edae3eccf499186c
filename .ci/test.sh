#!/usr/bin/env bash
# Builds once, runs every test there is, and ends with one line `N passed, N failed` over all of them.
#
# A runner that ends without telling its result, or with an error although it counted no failure, counts as one failure.
set -uo pipefail
cd "$(dirname "$0")/.."

results='.cache/test'
mkdir -p "$results"
passed=0
failed=0
skipped=0

# What failed, told once more at the end, where it is looked for first.
failures=()

# How long each part took, in seconds.
times=()
since=$SECONDS

took() {
    times+=("$1 $((SECONDS - since)) s")
    since=$SECONDS
}

finish() {
    printf 'took:%s\n' "$(printf ' %s,' "${times[@]}")"
    [[ ${#failures[@]} -gt 0 ]] && printf 'failed: %s\n' "${failures[@]}"
    [[ $skipped -gt 0 ]] && echo "$skipped skipped; the reasons are above"
    echo "$passed passed, $failed failed"
    [[ $failed -eq 0 ]]
    exit $?
}

complain() {
    echo "test: $1" >&2
    failures+=("$1")
    failed=$((failed + 1))
}

# Tests, failed tests and skipped tests of an xunit file. Not its totals: they count issues, of which a test may have many.
counts() {
    awk '/<testcase / { tests++; open = 1 }
         /<failure/ && open { failed++; open = 0 }
         /<skipped/ && open { skipped++; open = 0 }
         /<\/testsuites>/ { complete = 1 }
         END { if (complete) print tests + 0, failed + 0, skipped + 0 }' "$1" 2>/dev/null
}

# The tests of a log that have begun and not ended: one of them hangs. What tests print may stand before an end on its line.
unfinished() {
    awk '/^◇ Test / && / started\.$/ && !/Test (case|run) / { sub(/^◇ Test /, ""); sub(/ started\.$/, ""); begun[$0]++ }
         match($0, /(✔|✘) Test .* after [0-9.]+ seconds/) {
             name = substr($0, RSTART, RLENGTH)
             sub(/^(✔|✘) Test /, "", name)
             sub(/( with [0-9]+ test cases?)? (passed|failed) after [0-9.]+ seconds$/, "", name)
             begun[name]--
         }
         END { for (name in begun) if (begun[name] > 0) print "did not end: " name }' "$1"
}

# Suites whose bounds are times that other tests would lengthen: they run after the others, one test at a time.
timed='RateLatencyTests|NetworkFaultTests|OutageTests|manyReturnTogetherInTime'

# The name of a run, how many of its tests run at once, and which ones.
swift_tests() {
    local name=$1 width=$2 code=0
    local file="$results/$name.xml" log="$results/$name.log"
    shift 2
    # Where both kinds of tests run, Swift Testing's file has a name of its own.
    local other="$results/$name-swift-testing.xml"
    rm -f "$file" "$other"
    timeout --foreground --kill-after=10 1800 \
        swift test --skip-build --disable-xctest --experimental-maximum-parallelization-width "$width" "$@" \
        --xunit-output "$file" 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    [[ -f $other ]] && file=$other
    local total bad left_out
    read -r total bad left_out < <(counts "$file")
    took "$name"
    if [[ ${total:-0} -eq 0 ]]; then
        complain "swift test gave no result for '$name' (exit code $code)"
        [[ $code -eq 124 ]] && mapfile -t -O "${#failures[@]}" failures < <(unfinished "$log")
        return
    fi
    passed=$((passed + total - bad - left_out))
    failed=$((failed + bad))
    skipped=$((skipped + left_out))
    [[ $bad -gt 0 ]] && mapfile -t -O "${#failures[@]}" failures < <(grep 'recorded an issue' "$log")
    [[ $code -ne 0 && $bad -eq 0 ]] && complain "swift test ended with $code in '$name', although no test failed"
    return 0
}

# A runner that prints `N passed, N failed` itself. Its lines are marked, so that the last line of all stays the only one.
runner() {
    local name=$1 log="$results/$1.log" code=0
    shift
    timeout --foreground --kill-after=10 "${RUNNER_SECONDS:-1800}" "$@" 2>&1 | tee "$log" | sed -u "s/^/$name | /"
    code=${PIPESTATUS[0]}
    took "$name"
    local line
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    if [[ -z $line && $code -eq 0 ]] && grep -q '^SKIPPED' "$log"; then return; fi
    if [[ -z $line ]]; then
        complain "$name gave no result (exit code $code)"
        return
    fi
    local good bad
    good=$(sed -E 's/^([0-9]+) passed.*/\1/' <<< "$line")
    bad=$(sed -E 's/^[0-9]+ passed, ([0-9]+) failed.*/\1/' <<< "$line")
    passed=$((passed + good))
    failed=$((failed + bad))
    # With the messages of Python's exceptions, which say what a test waited for.
    [[ $bad -gt 0 ]] && mapfile -t -O "${#failures[@]}" failures < \
        <(grep -E '^ *not ok|^(FAIL|ERROR|✖)|^[A-Za-z_.]+(Error|Exception|Expired)(: |$)' "$log")
    [[ $code -ne 0 && $bad -eq 0 ]] && complain "$name ended with $code, although nothing failed"
    return 0
}

# Autobahn counts cases in words of its own, and is left out where there is no Python 2.7.
autobahn() {
    local log="$results/autobahn.log" code=0
    timeout --foreground --kill-after=10 1800 sh Tests/EndToEndTests/autobahn.sh 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    took Autobahn
    if grep -q '^SKIPPED' "$log"; then
        skipped=$((skipped + 1))
        return
    fi
    local cases bad
    cases=$(sed -nE 's/^Autobahn: ([0-9]+) cases.*/\1/p' "$log" | tail -n 1)
    if [[ -z $cases ]]; then
        complain "Autobahn gave no result (exit code $code)"
        return
    fi
    bad=$(grep -c '^  case ' "$log")
    passed=$((passed + cases - bad))
    failed=$((failed + bad))
    [[ $bad -gt 0 ]] && mapfile -t -O "${#failures[@]}" failures < <(grep '^  case ' "$log")
    [[ $code -ne 0 && $bad -eq 0 ]] && complain "Autobahn ended with $code, although no case failed"
    return 0
}

# Counts of another compiler compare with nothing.
instructions() {
    local log="$results/instructions.log"
    runner instructions .ci/instructions.sh
    if grep -q '^SKIPPED' "$log"; then skipped=$((skipped + 1)); fi
}

if ! swift build --build-tests; then
    complain "the build failed"
    finish
fi
took build
# Most tests wait most of the time, so that more of them run at once than there are cores.
swift_tests swift 4 --skip "$timed"
swift_tests timed 1 --filter "$timed"
# The release and the sanitizer want builds of their own, which take the time that the following runners leave: at idle priority
# they take nothing from them. In a session of its own, so that all of it can be ended.
idle=()
chrt --idle 0 true 2>/dev/null && idle=(chrt --idle 0)
export SANITIZE_MAY_SKIP=yes
builds='.ci/release.sh'
[[ ${TEST_SANITIZER:-yes} != no ]] && builds+='; .ci/sanitize.sh --build --short thread'
setsid timeout --kill-after=10 3600 "${idle[@]}" bash -c "$builds" >"$results/builds.log" 2>&1 &
builder=$!
trap 'kill -- "-$builder" 2>/dev/null' EXIT
if [[ -f Tests/EndToEndTests/run.sh ]]; then
    export E2E_BIN="$PWD/.build/debug" E2E_CLIENT="$PWD/.cache/client/socket.io.min.js"
    export E2E_OLD_CLIENTS="$PWD/.cache/clients" E2E_PYTHON="$PWD/.cache/python/bin/python" E2E_SHOTS="$PWD/$results/screenshots"
    mkdir -p "$E2E_SHOTS"
    runner end-to-end bash Tests/EndToEndTests/run.sh
    skipped=$((skipped + $(grep -c '^SKIPPED' "$results/end-to-end.log")))
fi
[[ -f Tests/EndToEndTests/autobahn.sh ]] && autobahn
wait "$builder"
trap - EXIT
took 'waiting for builds'
runner release .ci/release.sh
instructions
if [[ ${TEST_SANITIZER:-yes} != no ]]; then
    runner sanitizer .ci/sanitize.sh --short thread
    if grep -q '^SKIPPED' "$results/sanitizer.log"; then skipped=$((skipped + 1)); fi
else
    echo 'SKIPPED: the thread sanitizer, because of TEST_SANITIZER=no'
    skipped=$((skipped + 1))
fi
finish
