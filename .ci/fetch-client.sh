#!/usr/bin/env bash
# Fetches the official Socket.IO browser bundle into .cache/client.
#
# It is taken from a pinned PyPI package, which carries the unchanged file, and compared with its SHA-256. That package
# has no readable variant, so socket.io.js is the same bytes under the other name.
set -euo pipefail
cd "$(dirname "$0")/.."

package='nicegui==3.18.0'
member='nicegui/static/socket.io.min.js'
sum='b0e735814f8dcfecd6cdb8a7ce95a297a7e1e5f2727a29e6f5901801d52fa0c5'
directory='.cache/client'

is_right() { echo "$sum  $1" | sha256sum --check --status 2>/dev/null; }

if is_right "$directory/socket.io.min.js" && is_right "$directory/socket.io.js" && [[ -f $directory/LICENSE ]]; then
    exit 0
fi

python3 -m pip --version >/dev/null 2>&1 || .ci/packages.sh python3 python3-pip

mkdir -p "$directory"
work=$(mktemp -d "$directory/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "client: fetching $member of $package"
# The wheel is only unpacked, never installed, so it does not matter which Python it is for.
python3 -m pip download --quiet --disable-pip-version-check --timeout 20 --retries 2 --no-deps \
    --only-binary=:all: --python-version 3.12 --dest "$work" "$package"
python3 - "$work" "$member" <<'PYTHON'
import glob, sys, zipfile
work, member = sys.argv[1:]
wheel, = glob.glob(work + "/*.whl")
with zipfile.ZipFile(wheel) as archive, open(work + "/bundle", "wb") as out:
    out.write(archive.read(member))
PYTHON
if ! is_right "$work/bundle"; then
    echo "client: the bundle has another checksum than it should have; not used" >&2
    exit 1
fi

cat > "$work/LICENSE" <<'TEXT'
socket.io.js and socket.io.min.js are the browser bundle of Socket.IO 4.8.1, unchanged.

(The MIT License)

Copyright (c) 2014-2024 Guillermo Rauch

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the 'Software'), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED 'AS IS', WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
TEXT
chmod 644 "$work/bundle" "$work/LICENSE"
cp "$work/bundle" "$work/copy"
mv "$work/LICENSE" "$directory/LICENSE"
mv "$work/copy" "$directory/socket.io.js"
mv "$work/bundle" "$directory/socket.io.min.js"
