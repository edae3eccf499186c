#!/usr/bin/env bash
# Installs Debian packages that are missing; does nothing, and needs no rights, when all are there.
#   .ci/packages.sh build          what the build needs beside the Swift toolchain
#   .ci/packages.sh test           what `make test` needs besides
#   .ci/packages.sh NAME...        these packages
set -euo pipefail

case "${1:-}" in
    build) packages=(zlib1g-dev libhiredis-dev libsqlite3-dev) ;;
    test)
        packages=(zlib1g-dev libhiredis-dev libsqlite3-dev python3-pip python3-venv nodejs node-ws node-xmlhttprequest node-socket.io-parser
            chromium chromium-driver fonts-dejavu-core redis-server redis-sentinel
            openssl python3-msgpack python3-redis haproxy nginx valgrind binutils
            prometheus systemd)
        ;;
    "") echo "usage: $0 build|test|NAME..." >&2; exit 64 ;;
    *) packages=("$@") ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "packages: no Debian here; these are needed under your system's names: ${packages[*]}" >&2
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [[ $status == *"ok installed" ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

sudo=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
        echo "packages: missing ${missing[*]}, and neither root nor sudo to install them" >&2
        exit 1
    fi
    sudo=(sudo)
fi
echo "packages: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
