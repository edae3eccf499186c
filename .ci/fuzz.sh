#!/usr/bin/env bash
# Runs each decoder under libFuzzer with the address sanitizer (Tests/Fuzz) and prints what came of it.
#
#     .ci/fuzz.sh SECONDS [TARGET...]   so long for each; all targets when none is named
#     .ci/fuzz.sh merge [TARGET...]     takes from .cache/fuzz into Tests/Fuzz/Corpus what reaches code that nothing there does
#
# Two targets run at a time, or as many as FUZZ_JOBS says, at the priority FUZZ_NICE, 19 otherwise. What they find new they
# keep in .cache/fuzz/TARGET, and go on from there next time. An input that breaks a rule, traps, takes over 10 s of processor
# time or asks for more than 64 MiB at once is stored in Tests/Fuzz/Crashes/TARGET, where the unit tests run it from then on; the
# run then ends with 1.
set -uo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?how many seconds for each target, or merge}
shift
work='.cache/fuzz'
corpus='Tests/Fuzz/Corpus'
crashes='Tests/Fuzz/Crashes'
mkdir -p "$work"

(cd Tests/Fuzz && swift build -c release --product fuzz) >"$work/build.log" 2>&1 || {
    grep -E 'error|warning: unre' "$work/build.log" || tail -n 20 "$work/build.log"
    echo 'fuzz: the build failed'
    exit 1
}
fuzz="$PWD/Tests/Fuzz/.build/release/fuzz"

lengths=$("$fuzz")
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || mapfile -t targets < <(cut -d ' ' -f 1 <<<"$lengths")

# Leaks are not looked for: what lives as long as the process is no fault here. The limit on one allocation is far above all
# that the limits of the targets allow.
export ASAN_OPTIONS='detect_leaks=0:abort_on_error=1:allocator_may_return_null=0'
# libFuzzer prints where it was; Swift's own way to do that reads memory which the sanitizer does not know.
export SWIFT_BACKTRACE='enable=no'

# run TARGET: quiet; its log tells all.
run() {
    local target=$1 length log="$work/$1.log"
    length=$(sed -nE "s/^$target ([0-9]+)$/\1/p" <<<"$lengths")
    if [[ -z $length ]]; then
        echo "fuzz: there is no target '$target'" >"$log"
        return 1
    fi
    mkdir -p "$work/$target" "$crashes/$target"
    local code=0
    # The braces: what the shell says of a process that has aborted is in the log already.
    {
        nice -n "${FUZZ_NICE:-19}" "$fuzz" "$target" -max_total_time="$seconds" -max_len="$length" -timeout=300 \
            -report_slow_units=300 -malloc_limit_mb=64 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 -reload=0 \
            -artifact_prefix="$crashes/$target/" "$work/$target" "$corpus/$target" </dev/null >"$log" 2>&1 || code=$?
    } 2>/dev/null
    rmdir "$crashes/$target" 2>/dev/null
    return $code
}

# merge TARGET: as few inputs as reach everything, by edges and not by how often: the unit tests run all of them.
merge() {
    local target=$1
    mkdir -p "$work/$target"
    "$fuzz" "$target" -set_cover_merge=1 -use_counters=0 -max_len=600 "$corpus/$target" "$work/$target" \
        </dev/null >"$work/$target-merge.log" 2>&1
    echo "$target: $(find "$corpus/$target" -type f | wc -l) files, $(cat "$corpus/$target"/* | wc -c) bytes"
}

if [[ $seconds == merge ]]; then
    for target in "${targets[@]}"; do merge "$target"; done
    exit
fi

findings=()
report() {
    local target=$1 code=$2 log="$work/$1.log" executions coverage
    executions=$(sed -nE 's/^stat::number_of_executed_units: *([0-9]+).*/\1/p' "$log")
    coverage=$(grep -aoE 'cov: [0-9]+' "$log" | tail -n 1 | cut -d ' ' -f 2)
    printf '%-18s %12s executions %8s edges %6s inputs' "$target" "${executions:-no}" "${coverage:-0}" \
        "$(find "$work/$target" -type f 2>/dev/null | wc -l)"
    if [[ $code -eq 0 ]]; then
        echo '  no finding'
        return
    fi
    findings+=("$target")
    echo '  FINDING'
    grep -aE '^FINDING|ERROR: |Fatal error|Test unit written|there is no target' "$log" | cut -c 1-600 | sed 's/^/    /'
}

jobs=${FUZZ_JOBS:-2}
declare -A names=()
finish_one() {
    local pid code=0
    wait -n -p pid "${!names[@]}" || code=$?
    report "${names[$pid]}" "$code"
    unset "names[$pid]"
}
for target in "${targets[@]}"; do
    while ((${#names[@]} >= jobs)); do finish_one; done
    run "$target" &
    names[$!]=$target
done
while ((${#names[@]} > 0)); do finish_one; done

total=${#targets[@]}
echo "$((total - ${#findings[@]})) passed, ${#findings[@]} failed"
[[ ${#findings[@]} -eq 0 ]]
