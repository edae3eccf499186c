#!/usr/bin/env bash
# Runs the end-to-end suites against built executables and prints "N passed, N failed" last.
# Needs: E2E_BIN (folder of the built executables), E2E_CLIENT (official socket.io.min.js), E2E_OLD_CLIENTS (folder of older ones),
# E2E_PYTHON (a Python with python-socketio and selenium; default python3), node with ws and xmlhttprequest,
# chromium with its driver. `make test` supplies all of them.
# SOCKETIO_NODE_MODULES, a node_modules folder with socket.io, @socket.io/redis-adapter, @socket.io/redis-streams-adapter,
# @socket.io/redis-emitter, @socket.io/redis-streams-emitter and redis, adds the tests with Node's own server.
set -uo pipefail
[ -n "${SOCKETIO_NODE_MODULES:-}" ] && SOCKETIO_NODE_MODULES=$(realpath -m "$SOCKETIO_NODE_MODULES") && export SOCKETIO_NODE_MODULES
cd "$(dirname "$0")"
: "${E2E_BIN:?}" "${E2E_CLIENT:?}"
python=${E2E_PYTHON:-python3}
passed=0 failed=0
# Servers of other tests than the chat's leave no files behind.
export SOCKETIO_CHAT_STORE=memory

# count NAME PASSED FAILED: a runner that counted nothing has failed.
count() {
    local name=$1 good=${2:-0} bad=${3:-0}
    if [ "$((good + bad))" -eq 0 ]; then bad=1; echo "$name: no result" >&2; fi
    echo "$name: $good passed, $bad failed"
    passed=$((passed + good)) failed=$((failed + bad))
}

run_node() {
    local file=$1 log
    log=$(mktemp)
    timeout 300 node --test --test-reporter=tap "node/$file" >"$log" 2>&1 || grep -vE '^ *(ok|#|---|duration_ms|type:|\.\.\.)' "$log"
    # What the tests measured.
    sed -n 's/^# \(figure: .*\)/  \1/p' "$log"
    count "node $file" "$(sed -n 's/^# pass //p' "$log" | tail -1)" "$(awk '/^# (fail|cancelled|skipped|todo) / {n += $3} END {print n + 0}' "$log")"
    rm -f "$log"
}

run_python() {
    local file=$1 log total bad
    log=$(mktemp)
    timeout 500 "$python" -m unittest -v "$file" >"$log" 2>&1 || cat "$log"
    total=$(sed -n 's/^Ran \([0-9]*\) tests\{0,1\}.*/\1/p' "$log" | tail -1)
    bad=$(sed -n 's/^FAILED (\(.*\))/\1/p; s/^OK (\(.*\))/\1/p' "$log" | grep -oE '[0-9]+' | awk '{n += $1} END {print n + 0}')
    count "python $file" "$((${total:-0} - bad))" "$bad"
    rm -f "$log"
}

run_node client.test.js
run_node deflate.test.js
run_node client-suite.test.js
run_node old-clients.test.js
run_node recovery.test.js
run_node recovery-streams.test.js
run_node durable.test.js
run_node retries.test.js
run_node cluster.test.js
if [ -n "${SOCKETIO_NODE_MODULES:-}" ]; then
    run_node mixed.test.js
else
    # Counted by .ci/test.sh, never as passed.
    echo 'SKIPPED: node mixed.test.js, the cluster with Node itself: set SOCKETIO_NODE_MODULES to a node_modules folder with socket.io'
fi
run_node addresses.test.js
run_node stickiness.test.js
run_node faults.test.js
run_node storm.test.js
run_node auth.test.js
run_python python/test_client.py
run_python python/test_msgpack.py
run_python python/test_old_clients.py
run_python python/test_durable.py
run_python browser/test_chat.py
run_python browser/test_history.py
run_python browser/test_cluster.py
run_python browser/test_outages.py
run_python browser/test_status.py
run_python browser/test_origin.py
run_python browser/test_durable.py
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
