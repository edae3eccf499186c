#!/usr/bin/env bash
# Runs the tests over real sockets under the thread sanitizer and the address sanitizer, each built in a place of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

tests='EngineIOServerTests|SocketIOServerTests|ConformanceTests'

run=()
# The thread sanitizer wants the addresses where it expects them; newer kernels spread them more than it allows.
if setarch "$(uname -m)" -R true 2>/dev/null; then run=(setarch "$(uname -m)" -R); fi

for sanitizer in ${1:-thread address}; do
    echo "== $sanitizer sanitizer"
    # Leaks are not looked for: what lives as long as the process is no fault here.
    TSAN_OPTIONS='halt_on_error=1' ASAN_OPTIONS='detect_leaks=0' "${run[@]}" \
        swift test --sanitize "$sanitizer" --scratch-path ".build-$sanitizer" --disable-xctest --filter "$tests"
done
