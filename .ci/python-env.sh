#!/usr/bin/env bash
# Makes .cache/python, a virtual environment with what Tests/EndToEndTests/requirements.txt names; does nothing when it
# is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

environment='.cache/python'
wanted='Tests/EndToEndTests/requirements.txt'

[[ -f $wanted ]] || exit 0
cmp --silent "$wanted" "$environment/installed.txt" && exit 0
rm -rf "$environment"
export PIP_CACHE_DIR="$PWD/.cache/pip"
python3 -m venv "$environment"
echo "python: installing what $wanted names"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check --timeout 30 --requirement "$wanted"
cp "$wanted" "$environment/installed.txt"
