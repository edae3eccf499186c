#!/usr/bin/env bash
# Fetches the official browser bundles of Socket.IO 2.3.0 and 3.1.0, for the tests only, into .cache/clients.
#
# Both are in Debian's package onionshare-cli, which is unpacked and not installed, and are compared with their SHA-256.
set -euo pipefail
cd "$(dirname "$0")/.."

directory='.cache/clients'
sums='6d09ab65ee323e742b2d363ed6063295f34c06e19f9d3fc72ac0865fef57baaa  v2.js
c177ecde8c204522f88ecfdc23a13f1f897d7f12d125dfb809e8c0ff064e0ae0  v3.js'

mkdir -p "$directory"
(cd "$directory" && sha256sum --check --status 2>/dev/null <<<"$sums") && exit 0
rm -f "$directory"/v[23].js
work=$(mktemp -d "$directory/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo 'clients: fetching those of Socket.IO 2 and 3'
(cd "$work" && apt-get download --quiet --quiet onionshare-cli && dpkg-deb --extract onionshare-cli_*.deb .)
files="$work/usr/share/onionshare-cli/static/js"
mv "$files/socket.io.js" "$work/v2.js"
mv "$files/socket.io.min.js" "$work/v3.js"
if ! (cd "$work" && sha256sum --check --quiet <<<"$sums"); then
    echo 'clients: a bundle has another checksum than it should have; not used' >&2
    exit 1
fi
mv "$work/v2.js" "$work/v3.js" "$directory"
