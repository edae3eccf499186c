#!/usr/bin/env bash
# Runs the micro-benchmarks and the load scenarios, and writes .cache/bench/table.md: this server beside another one, two
# nodes with Redis, two event loops beside one, and echo and broadcast beside the least work a server can do
# (Tests/Benchmarks/Sources/yardstick). docs/performance.md tells what the columns are, and has such a peer for Node.
#
#     BENCH_PEER_COMMAND='node peer.js'  starts the other server; gets the port as its last argument, and REDIS_URL in its
#                                        environment where it shall be a node of two. Started anew where that matters
#     BENCH_PEER=http://127.0.0.1:3100   another server that runs already, just started; two addresses with a comma are a cluster
#                                        for the row with two nodes, and the first one stands for all other rows
#                                        Without either: a python-socketio, started here, which has no row with two nodes
#     BENCH_ROUNDS=3                     runs of each server and scenario, in turns
#     BENCH_DURATION=4s                  measured time of each
#     BENCH_IDLE=10000                   idle connections; the limit of open files counts
#     BENCH_GOALS=yes                    adds the goals against Node.js to the table, and whether they are met
#     BENCH_MICRO=no                     leaves the micro-benchmarks out
#     BENCH_ONLY='idle|echo'             only the rows whose name this regular expression finds
#
# The server has the first processor, the generator and Redis the second, where there are two. Everything that is started here
# ends with it. A run with a fault gives no figure: its row says so, and the exit code is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${BENCH_ROUNDS:-3}
duration=${BENCH_DURATION:-4s}
only=${BENCH_ONLY:-.}
out='.cache/bench'
bin='.build/release'
rows='Tests/Benchmarks/rows.py'
failures=0
mkdir -p "$out"
rm -f "$out"/*.row "$out"/*.json "$out"/*.log

first=() second=()
if (($(nproc) > 1)) && command -v taskset >/dev/null; then
    first=(taskset -c 0) second=(taskset -c 1)
fi
# Long enough for the descriptors of the idle connections, at both ends.
ulimit -n "$(ulimit -H -n)"

started=()
finish() { for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done; }
trap finish EXIT

build() {
    swift build -c release --product socketio-conformance-server
    swift build -c release --product measure
    swift build -c release --product socketio-load
    (cd Tests/Benchmarks && swift build -c release --product yardstick && swift build -c release --product reader)
    if [[ ${BENCH_MICRO:-yes} != no ]]; then
        (cd Tests/Benchmarks && swift package -c release benchmark --target Micro --no-progress) | tee "$out/micro.txt"
    fi
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start NAME PORT COMMAND...: waits until the port is open; sets `pid` and `address`.
start() {
    local name=$1 port=$2 deadline=$((SECONDS + 60))
    shift 2
    "$@" >"$out/$name.log" 2>&1 &
    pid=$!
    started+=("$pid")
    address="http://127.0.0.1:$port"
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > deadline)); then
            echo "bench: $name did not come up; see $out/$name.log" >&2
            exit 1
        fi
        sleep 0.1
    done
}

stop() {
    local each
    for each in "$@"; do
        kill "$each" 2>/dev/null || true
        wait "$each" 2>/dev/null || true
    done
}

# start_ours NAME ARGUMENTS...
start_ours() {
    local name=$1 port
    shift
    port=$(free_port)
    start "$name" "$port" "${first[@]}" "$bin/socketio-conformance-server" --app bench --port "$port" "$@"
}

# start_peer NAME [REDIS_URL]; the one that runs already when there is no command.
start_peer() {
    local port
    pid=
    if [[ -n ${BENCH_PEER:-} ]]; then
        address=${BENCH_PEER%%,*}
        return
    fi
    port=$(free_port)
    # The words of the command are the user's.
    # shellcheck disable=SC2086
    start "$1" "$port" env ${2:+REDIS_URL="$2"} "${first[@]}" $peer_command "$port"
}

peer_command=${BENCH_PEER_COMMAND:-}
if [[ -z $peer_command && -z ${BENCH_PEER:-} ]]; then
    if [[ ! -x $out/python/bin/python ]]; then
        python3 -m venv "$out/python"
        "$out/python/bin/python" -m pip install --quiet --disable-pip-version-check 'python-socketio==5.18.1' 'aiohttp'
    fi
    peer_command="$out/python/bin/python Tests/Benchmarks/peer.py"
fi

# failed NAME LABEL: a row that says why there are no figures.
failed() {
    local why
    why=$(grep -E -m 1 'FAULT|Error' "$out/$1.txt" || tail -n 1 "$out/$1.txt")
    why=$(sed -E 's/^ *(FAULT|Error:?) *//; s/\|/,/g' <<<"$why")
    echo "| $2 | the run failed: ${why:-no reason given} |" >"$out/$1.row"
    failures=$((failures + 1))
}

# compare NAME LABEL FIGURES ROUNDS A B SCENARIO...: one row for each figure.
compare() {
    local name=$1 label=$2 figures=$3 times=$4 a=$5 b=$6
    shift 6
    [[ $label =~ $only ]] || return 0
    echo "== $label"
    if "${second[@]}" "$bin/socketio-load" compare "$a" "$b" --rounds "$times" --pause 500ms --quiet --output "$out/$name.json" \
        -- "$@" --duration "$duration" --warmup 1s >"$out/$name.txt" 2>&1; then
        # shellcheck disable=SC2086
        python3 "$rows" "$out/$name.json" "$label" $figures >"$out/$name.row"
    else
        failed "$name" "$label"
    fi
    cat "$out/$name.txt"
}

# alone NAME LABEL FIGURES A SCENARIO...: the same without another server.
alone() {
    local name=$1 label=$2 figures=$3 round address targets=() files=()
    # Every target of a cluster is an option of its own.
    for address in ${4//,/ }; do targets+=(-t "$address"); done
    shift 4
    [[ $label =~ $only ]] || return 0
    echo "== $label"
    : >"$out/$name.txt"
    for ((round = 1; round <= rounds; round++)); do
        files+=("$out/$name-$round.json")
        if ! "${second[@]}" "$bin/socketio-load" "$@" "${targets[@]}" --duration "$duration" --warmup 1s --quiet \
            --output "$out/$name-$round.json" >>"$out/$name.txt" 2>&1; then
            failed "$name" "$label"
            break
        fi
    done
    # shellcheck disable=SC2086
    [[ -f $out/$name.row ]] || python3 "$rows" "${files[@]}" "$label" $figures >"$out/$name.row"
    cat "$out/$name.txt"
}

# Memory that was freed earlier would hide growth: both servers have done nothing before.
measure_idle() {
    local label="idle WebSocket connection, ${BENCH_IDLE:-10000} of them" ours pids
    [[ $label =~ $only ]] || return 0
    start_ours server-idle
    ours=$address pids=("$pid")
    start_peer peer-idle
    [[ -n $pid ]] && pids+=("$pid")
    compare idle "$label" 'memory=4:3' 1 "$ours" "$address" idle -c "${BENCH_IDLE:-10000}"
    stop "${pids[@]}"
}

measure_scenarios() {
    local ours pids
    start_ours server
    ours=$address pids=("$pid")
    start_peer peer
    [[ -n $pid ]] && pids+=("$pid")
    compare echo-1 'echo, 100 clients, 1 in flight' 'cpu:0.35:0.27 rate' "$rounds" "$ours" "$address" echo -c 100
    compare echo-8 'echo, 100 clients, 8 in flight' 'rate:5:10 cpu' "$rounds" "$ours" "$address" echo -c 100 --in-flight 8
    compare broadcast-1000 'broadcast to 1,000, 1 in flight' 'cpu:0.60:0.50 p99' "$rounds" "$ours" "$address" broadcast -c 1000
    compare broadcast-5000 'broadcast to 5,000, 1 in flight' 'cpu:0.42:0.32 p99' "$rounds" "$ours" "$address" broadcast -c 5000
    compare broadcast-64 'broadcast to 1,000, 64 in flight' 'rate:5:10 cpu' "$rounds" "$ours" "$address" \
        broadcast -c 1000 --in-flight 64
    compare rooms '100 rooms of 10, all publish' 'rate:6:12 cpu' "$rounds" "$ours" "$address" rooms --rooms 100 --members 10
    compare open-loop 'broadcast to 1,000, 20,000 deliveries/s' 'p99:0.6:0.45 cpu' "$rounds" "$ours" "$address" \
        broadcast -c 1000 --rate 20
    compare connect 'connect and leave, 50 at a time' 'rate:4:7 cpu:0.25:0.15' "$rounds" "$ours" "$address" connect -c 50
    compare polling 'long-polling echo, 100 clients' 'rate:2.5:4 cpu' "$rounds" "$ours" "$address" polling -c 100
    stop "${pids[@]}"
}

# Two nodes of each kind. Redis is beside the generator and is not part of the figures.
measure_cluster() {
    local label='two nodes and Redis, broadcast to 1,000, 64 in flight' port redis ours peer='' pids
    [[ $label =~ $only ]] || return 0
    if ! command -v redis-server >/dev/null; then
        echo "| $label | not measured: there is no redis-server here |" >"$out/cluster.row"
        return
    fi
    port=$(free_port)
    start redis "$port" "${second[@]}" redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no
    redis="redis://127.0.0.1:$port" pids=("$pid")
    start_ours node-1 --adapter redis --redis "$redis"
    ours=$address pids+=("$pid")
    start_ours node-2 --adapter redis --redis "$redis"
    ours+=",$address" pids+=("$pid")
    if [[ ${BENCH_PEER:-} == *,* ]]; then
        peer=$BENCH_PEER
    elif [[ -n ${BENCH_PEER_COMMAND:-} ]]; then
        start_peer peer-1 "$redis"
        peer=$address pids+=("$pid")
        start_peer peer-2 "$redis"
        peer+=",$address" pids+=("$pid")
        # The channels of both kinds have the same names.
        sleep 2
    fi
    if [[ -n $peer ]]; then
        compare cluster "$label" 'cpu:0.40:0.25 rate' "$rounds" "$ours" "$peer" broadcast -c 1000 --in-flight 64
    else
        alone cluster "$label" 'cpu:0.40:0.25 rate' "$ours" broadcast -c 1000 --in-flight 64
    fi
    stop "${pids[@]}"
}

# Two loops have the one processor that one loop has, so that the figure is what the second adds. With a second processor they
# would share that with the generator, and wake for a message at a time when there is no third.
measure_loops() {
    local two one pids
    start_ours loops-2 --event-loops 2
    two=$address pids=("$pid")
    start_ours loops-1
    one=$address pids+=("$pid")
    compare loops-broadcast 'broadcast to 1,000, 1 in flight, on two loops' 'cpu:1.1:1.0 rate' "$rounds" "$two" "$one" broadcast -c 1000
    compare loops-64 'broadcast to 1,000, 64 in flight, on two loops' 'cpu:1.1:1.0 rate' "$rounds" "$two" "$one" \
        broadcast -c 1000 --in-flight 64
    compare loops-echo 'echo, 100 clients, 1 in flight, on two loops' 'cpu:1.1:1.0 rate' "$rounds" "$two" "$one" echo -c 100
    stop "${pids[@]}"
}

# The only scenarios of one message at a time; with more the yardstick would have to wait for readers.
measure_least() {
    local ours port pids
    start_ours server-least
    ours=$address pids=("$pid")
    port=$(free_port)
    start yardstick "$port" "${first[@]}" Tests/Benchmarks/.build/release/yardstick "$port"
    pids+=("$pid")
    compare least-echo 'echo, 100 clients, 1 in flight, least' 'cpu:1.45' "$rounds" "$ours" "$address" echo -c 100
    compare least-1000 'broadcast to 1,000, 1 in flight, least' 'cpu:1.15' "$rounds" "$ours" "$address" broadcast -c 1000
    compare least-5000 'broadcast to 5,000, 1 in flight, least' 'cpu:1.15' "$rounds" "$ours" "$address" broadcast -c 5000
    stop "${pids[@]}"
}

# generator NAME LABEL WORK CLIENTS SCENARIO...: the generator beside a C program that only reads (and, to echo, writes), on
# the same server at the same time.
generator() {
    local name=$1 label=$2 work=$3 clients=$4 port server reader
    shift 4
    [[ $label =~ $only ]] || return 0
    echo "== $label"
    port=$(free_port)
    start "$name-yardstick" "$port" "${first[@]}" Tests/Benchmarks/.build/release/yardstick "$port"
    server=$pid
    "${second[@]}" Tests/Benchmarks/.build/release/reader "$port" "$clients" "$work" >"$out/$name-reader.txt" 2>&1 &
    reader=$!
    started+=("$reader")
    # It connects one by one, which takes for ever while others keep the server busy.
    until grep -q '^connected' "$out/$name-reader.txt" || ! kill -0 "$reader" 2>/dev/null; do sleep 0.1; done
    if "${second[@]}" "$bin/socketio-load" "$@" -t "$address" --duration "$duration" --warmup 1s --pid none --quiet \
        --output "$out/$name.json" >"$out/$name.txt" 2>&1; then
        # Tells its figure when it is asked to end.
        stop "$reader"
        python3 "$rows" --generator "$out/$name.json" "$out/$name-reader.txt" "$label" >"$out/$name.row"
    else
        failed "$name" "$label"
        stop "$reader"
    fi
    stop "$server"
    cat "$out/$name.txt" "$out/$name-reader.txt"
}

fan_out() {
    local label="broadcast to $1, clients that only read"
    [[ $label =~ $only ]] || return 0
    echo "== $label"
    if "${first[@]}" "$bin/measure" fan-out-speed --recipients "$1" --count "$2" >"$out/fan-out-$1.txt" 2>&1; then
        sed -nE "s/^fan-out.*CPU ([0-9.]+) us.*/| $label | \1 |/p" "$out/fan-out-$1.txt" >"$out/fan-out-$1.row"
    else
        failed "fan-out-$1" "$label"
    fi
    cat "$out/fan-out-$1.txt"
}

# table HEADING COLUMNS NAMES...: the rows that there are.
table() {
    local heading=$1 columns=$2 name any=
    shift 2
    for name in "$@"; do [[ -s $out/$name.row ]] && any=yes; done
    [[ -n $any ]] || return 0
    printf '### %s\n\n| %s |\n' "$heading" "$columns"
    # As many rules as columns.
    printf '|%s\n' "$(sed -E 's/[^|]+/ --- /g' <<<"$columns|")"
    for name in "$@"; do if [[ -s $out/$name.row ]]; then cat "$out/$name.row"; fi; done
    echo
}

build
measure_idle
measure_scenarios
measure_cluster
measure_loops
measure_least
generator generator-echo 'echo, 100 clients, generator' echo 100 echo -c 100
generator generator-broadcast 'broadcast to 1,000, generator' read 1000 broadcast -c 1000
fan_out 1000 1000
fan_out 5000 200

goals=''
[[ -n ${BENCH_GOALS:-} ]] && goals=' | must | aim'
{
    echo "$(nproc) processors, Linux $(uname -r), load $(cut -d ' ' -f 1 /proc/loadavg) at the end; $rounds runs of $duration in turns"
    echo
    table 'Beside another server' "scenario | figure | ours | other | ratio (least – greatest)$goals" \
        echo-1 echo-8 broadcast-1000 broadcast-5000 broadcast-64 rooms open-loop connect idle polling cluster
    table 'Two event loops beside one' "scenario | figure | two | one | ratio (least – greatest)$goals" \
        loops-broadcast loops-64 loops-echo
    table 'Beside the least possible' "scenario | figure | ours | least | ratio (least – greatest)$goals" \
        least-echo least-1000 least-5000
    table 'The generator itself, CPU of a delivery, µs' 'scenario | generator | outside the kernel | C program | its reads' \
        generator-echo generator-broadcast
    table 'Fan-out alone' 'scenario | CPU for each, µs' fan-out-1000 fan-out-5000
} >"$out/table.md"
echo
cat "$out/table.md"
if ((failures > 0)); then
    echo "bench: $failures of the runs failed; their rows say why" >&2
    exit 1
fi
