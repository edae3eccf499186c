#!/usr/bin/env bash
# Makes an archive that runs on a bare Debian (12 or later) without a toolchain and without packages: the server with Swift,
# hiredis, SQLite, zlib and the C++ library linked statically, the browser bundle, settings, unit, completions, documents.
#   .ci/dist.sh            makes .build-dist/socketio-server-VERSION-linux-MACHINE.tar.gz and its .sha256
# .ci/dist-test.sh then runs it in an empty root.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=${DIST_SCRATCH:-.build-dist}
# The -dev packages have the static libraries, too. The linker takes the first folder that has a library under either name.
static=$(realpath -m "$scratch/static")
mkdir -p "$static"
for library in libhiredis.a libsqlite3.a libz.a libstdc++.a; do
    file=$(gcc -print-file-name="$library")
    if [[ $file != /* ]]; then
        echo "dist: there is no $library; 'make build' installs the packages of the first three, g++ brings the last" >&2
        exit 1
    fi
    ln -sf "$(realpath "$file")" "$static/$library"
done

echo "dist: building, 8 to 9 minutes on two cores the first time"
# Extra flags, such as a faster linker: DIST_FLAGS='-Xswiftc -use-ld=lld'.
read -ra flags <<< "${DIST_FLAGS:-}"
swift build -c release --product socketio-server --static-swift-stdlib --scratch-path "$scratch" \
    -Xlinker "-L$static" ${flags[@]+"${flags[@]}"}
binary=$(swift build -c release --scratch-path "$scratch" --show-bin-path)/socketio-server

# What every Debian has: libc6 and libgcc-s1, which dpkg itself needs.
allowed='^(libc|libm|libdl|libpthread|librt|libutil|libresolv|libgcc_s|ld-linux-[a-z0-9-]+)\.so\.[0-9]+$'
needed=$(readelf -d "$binary" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')
if others=$(grep -vE "$allowed" <<< "$needed"); then
    echo "dist: the binary needs libraries that a bare Debian does not have:" $others >&2
    exit 1
fi

version=$("$binary" --version)
name=socketio-server-$version-linux-$(uname -m)
root=$scratch/$name
rm -rf "$root"
install -d "$root"/{bin,config,completions,systemd,share/socketio-server/client,share/doc/socketio-server}
install -m 755 "$binary" "$root/bin/socketio-server"
# Names for backtraces stay.
strip --strip-debug "$root/bin/socketio-server"
.ci/fetch-client.sh
install -m 644 .cache/client/* "$root/share/socketio-server/client/"
install -m 644 config/settings.schema.json "$root/share/socketio-server/"
install -m 644 config/default.yaml config/production.yaml config/cluster.yaml config/settings.schema.json "$root/config/"
install -m 644 config/systemd/* "$root/systemd/"
install -m 644 docs/*.md docs/openapi.json "$root/share/doc/socketio-server/"
install -m 644 LICENSE CHANGELOG.md README.md "$root/"
"$root/bin/socketio-server" completion bash > "$root/completions/socketio-server.bash"
"$root/bin/socketio-server" completion zsh > "$root/completions/_socketio-server"
"$root/bin/socketio-server" completion fish > "$root/completions/socketio-server.fish"
(cd "$root" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum > SHA256SUMS)

archive=$name.tar.gz
tar -C "$scratch" --sort=name --owner=0 --group=0 --numeric-owner -czf "$scratch/$archive" "$name"
(cd "$scratch" && sha256sum "$archive" > "$archive.sha256")
echo "dist: $scratch/$archive, $(du -h "$scratch/$archive" | cut -f1)"
