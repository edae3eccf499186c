#!/usr/bin/env bash
# Runs the micro-benchmarks and the load scenarios, and writes .cache/bench/table.md with ratios to another server and, for
# echo and broadcast, to the least work a server can do (Tests/Benchmarks/Sources/yardstick).
#
#     BENCH_PEER=http://127.0.0.1:3100   the other server; by default a python-socketio, started here
#     BENCH_ROUNDS=3                     runs of each server and scenario, in turns
#     BENCH_MICRO=no                     leaves the micro-benchmarks out
#
# The server has the first processor, the generator the second, where there are two. Everything that is started here ends
# with it.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${BENCH_ROUNDS:-3}
out='.cache/bench'
mkdir -p "$out"
table="$out/table.md"

swift build -c release --product socketio-conformance-server
swift build -c release --product socketio-load
bin='.build/release'

if [[ ${BENCH_MICRO:-yes} != no ]]; then
    (cd Tests/Benchmarks && swift package -c release benchmark --target Micro --no-progress) | tee "$out/micro.txt"
fi

first=() second=()
if (($(nproc) > 1)) && command -v taskset >/dev/null; then
    first=(taskset -c 0) second=(taskset -c 1)
fi

started=()
finish() { for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done; }
trap finish EXIT

# Waits for `listening PORT` in a file and prints the port.
port_of() {
    local deadline=$((SECONDS + 30)) port=
    while ((SECONDS < deadline)); do
        port=$(sed -nE 's/^listening ([0-9]+).*/\1/p' "$1" 2>/dev/null | head -n 1)
        [[ -n $port ]] && { echo "$port"; return; }
        sleep 0.1
    done
    echo "bench: no server came up; see $1" >&2
    return 1
}

"${first[@]}" "$bin/socketio-conformance-server" --app bench --port 0 >"$out/server.log" 2>&1 &
started+=($!)
server="http://127.0.0.1:$(port_of "$out/server.log")"

peer=${BENCH_PEER:-}
if [[ -z $peer ]]; then
    if [[ ! -x $out/python/bin/python ]]; then
        python3 -m venv "$out/python"
        "$out/python/bin/python" -m pip install --quiet --disable-pip-version-check 'python-socketio==5.18.1' 'aiohttp'
    fi
    free=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "${first[@]}" "$out/python/bin/python" Tests/Benchmarks/peer.py "$free" >"$out/peer.log" 2>&1 &
    started+=($!)
    port_of "$out/peer.log" >/dev/null
    peer="http://127.0.0.1:$free"
fi

(cd Tests/Benchmarks && swift build -c release --product yardstick)
"${first[@]}" Tests/Benchmarks/.build/release/yardstick 0 >"$out/yardstick.log" 2>&1 &
started+=($!)
yardstick="http://127.0.0.1:$(port_of "$out/yardstick.log")"

scenarios=(
    'echo -c 100'
    'echo -c 100 --in-flight 8'
    'broadcast -c 1000'
    'broadcast -c 5000'
    'broadcast -c 1000 --in-flight 64'
    'rooms --rooms 100 --members 10'
    'connect -c 50'
    'polling -c 100'
    'idle -c 1000'
)
# The only scenarios of one message at a time; with more the yardstick would have to wait for readers.
least=(
    'echo -c 100'
    'broadcast -c 1000'
    'broadcast -c 5000'
)

# Compares with the server at $1 in the scenario $2 and adds to the table; $3 are words that the lines must hold, if given.
compare() {
    local scenario=$2 words
    read -ra words <<<"$scenario"
    echo "== $scenario, $1"
    if ! "${second[@]}" "$bin/socketio-load" compare "$server" "$1" --rounds "$rounds" --quiet -- \
        "${words[@]}" --duration 4s >"$out/run.txt" 2>&1; then
        # A server that loses messages or breaks down is a result, not the end of the comparison.
        echo "| \`$scenario\` | the run failed | | | |" >>"$table"
    fi
    cat "$out/run.txt"
    # Lines of a name, two figures, a ratio, and its least and greatest value.
    awk -v scenario="$scenario" -v wanted="${3:-}" '
        / – / && !/A : B/ && $0 ~ wanted {
            name = $1
            for (field = 2; field <= NF - 6; field++) name = name " " $field
            print "| `" scenario "` | " name " | " $(NF - 5) " | " $(NF - 4) " | " $(NF - 3) " |"
        }' "$out/run.txt" >>"$table"
}

{
    echo "| scenario | figure | ours | other | ratio |"
    echo "| --- | --- | --- | --- | --- |"
} >"$table"
for scenario in "${scenarios[@]}"; do compare "$peer" "$scenario"; done
{
    echo
    echo "| scenario | figure | ours | least possible | ratio |"
    echo "| --- | --- | --- | --- | --- |"
} >>"$table"
for scenario in "${least[@]}"; do compare "$yardstick" "$scenario" '^ *CPU'; done
echo
cat "$table"
