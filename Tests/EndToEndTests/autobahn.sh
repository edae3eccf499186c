#!/bin/sh
# Part of socketio-server, MIT licence; see LICENSE.
#
# Runs sections 1-7 and 10 of the Autobahn test suite, and of 12 and 13 (compression) as much as fits into a minute, against the plain WebSocket echo endpoint of the conformance
# server. The suite needs Python 2.7; where there is none this script says so and ends with 0.
#
#   Tests/EndToEndTests/autobahn.sh [path of socketio-conformance-server]
#
# AUTOBAHN_CASES  cases to run, as JSON strings; default "1.*","2.*",...,"7.*","10.*" and a choice of 12 and 13
# AUTOBAHN_HOME   where the suite is installed and reports are written; default .build/autobahn
set -eu
cd "$(dirname "$0")/../.."

server=${1:-.build/debug/socketio-conformance-server}
home=${AUTOBAHN_HOME:-.build/autobahn}
cases=${AUTOBAHN_CASES:-'"1.*","2.*","3.*","4.*","5.*","6.*","7.*","10.*",
    "12.1.1","12.1.2","12.1.3","12.1.4","12.1.5","12.1.6","12.1.7","12.1.8","12.1.9",
    "12.2.1","12.2.5","12.3.3","12.4.4","12.5.6",
    "13.1.1","13.1.6","13.2.1","13.2.6","13.3.4","13.4.5","13.5.3","13.6.6","13.7.1","13.7.6"'}

skip() {
    echo "=================================================================="
    echo "SKIPPED: Autobahn test suite: $1"
    echo "=================================================================="
    exit 0
}

[ -x "$server" ] || { echo "autobahn.sh: $server is not built" >&2; exit 1; }

python=
for candidate in python2.7 "$HOME"/.pyenv/versions/2.7.*/bin/python2.7; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || skip "no Python 2.7 on this machine"

mkdir -p "$home"
if [ ! -x "$home/env/bin/wstest" ]; then
    {
        # Everything below this folder, caches too: nothing is left in the home of who runs this.
        here=$(cd "$home" && pwd)
        export PIP_CACHE_DIR="$here/pip" VIRTUALENV_OVERRIDE_APP_DATA="$here/virtualenv-data"
        "$python" -m pip install -q --target "$here/virtualenv" virtualenv==20.15.1 &&
            PYTHONPATH="$here/virtualenv" "$python" -m virtualenv -q "$home/env" &&
            "$home/env/bin/pip" install -q autobahntestsuite==25.10.1
    } >"$home/install.log" 2>&1 || skip "it could not be installed, see $home/install.log"
fi

# There at once, whenever the shell in the background gets to open it.
: >"$home/server.log"
"$server" --app ws-echo --port 0 >"$home/server.log" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null || true' EXIT INT TERM
port=
tries=0
while [ -z "$port" ]; do
    port=$(sed -n 's/^listening //p' "$home/server.log")
    kill -0 $pid 2>/dev/null || { cat "$home/server.log" >&2; exit 1; }
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { echo "autobahn.sh: the server does not listen" >&2; exit 1; }
    [ -n "$port" ] || sleep 0.1
done

rm -rf "$home/reports"
cat >"$home/spec.json" <<SPEC
{"outdir": "$home/reports", "servers": [{"agent": "ours", "url": "ws://127.0.0.1:$port"}],
 "cases": [$cases], "exclude-cases": [], "exclude-agent-cases": {}}
SPEC
"$home/env/bin/wstest" -m fuzzingclient -s "$home/spec.json" >"$home/wstest.log" 2>&1

"$python" - "$home/reports/index.json" <<'CHECK'
import json, sys
from collections import Counter
results = json.load(open(sys.argv[1]))["ours"]
count = Counter(r["behavior"] for r in results.values())
bad = sorted((k, r["behavior"], r["behaviorClose"]) for k, r in results.items()
             if r["behavior"] not in ("OK", "NON-STRICT", "INFORMATIONAL")
             or r["behaviorClose"] not in ("OK", "INFORMATIONAL"))
print("Autobahn: %d cases, %s" % (len(results), ", ".join("%d %s" % (n, b) for b, n in sorted(count.items()))))
for case in bad:
    print("  case %s: %s, close %s" % case)
sys.exit(1 if bad or not results else 0)
CHECK
