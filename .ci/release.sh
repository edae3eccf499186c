#!/usr/bin/env bash
# Builds each executable as it is shipped and measured. The optimising compiler sees a whole module at once, and refuses some code
# that the one for debugging accepts.
#
#     .ci/release.sh
#
# Ends with `N passed, N failed`, in executables.
set -uo pipefail
cd "$(dirname "$0")/.."

passed=0
failed=0
for product in socketio-server socketio-load socketio-conformance-server unix-bus-example measure hot-loops; do
    if output=$(swift build -c release --product "$product" 2>&1); then
        echo "ok $product"
        passed=$((passed + 1))
    else
        grep -E 'error' <<<"$output" || tail -n 20 <<<"$output"
        echo "not ok $product"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
