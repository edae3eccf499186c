#!/usr/bin/env bash
# Unpacks the archive of .ci/dist.sh in a root that has nothing but Debian's libc6 and libgcc-s1, and runs the server there:
# its commands, the chat on SQLite, the browser bundle. Needs root, or a kernel that lets users have namespaces.
#   .ci/dist-test.sh [ARCHIVE]
set -euo pipefail
cd "$(dirname "$0")/.."

archive=${1:-$(ls "${DIST_SCRATCH:-.build-dist}"/socketio-server-*.tar.gz | tail -n 1)}
if [[ ${DIST_TEST_INSIDE:-} != yes ]]; then
    # Mounts of its own; and a user who is not root becomes root of a namespace, as far as chroot asks for it.
    as=()
    [[ $(id -u) -eq 0 ]] || as=(--user --map-root-user)
    DIST_TEST_INSIDE=yes exec unshare ${as[@]+"${as[@]}"} --mount --propagation private "$0" "$archive"
fi
(cd "$(dirname "$archive")" && sha256sum --check --quiet "$(basename "$archive").sha256")

root=$(mktemp -d)
# The server gets no PATH.
chroot=$(command -v chroot || echo /usr/sbin/chroot)
server=
clean() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    umount -l "$root/proc" "$root/dev" 2>/dev/null || true
    rm -rf --one-file-system "$root"
}
trap clean EXIT

# The files of the two packages, with the folders and links they are reached by.
for package in libc6 libgcc-s1; do
    dpkg -L "$package:$(dpkg --print-architecture)" | grep -E '^(/usr)?/lib.*\.so(\.|$)' | grep -v /gconv/ |
        while read -r file; do
            # The folder where it really is: /lib is a link to /usr/lib, whatever the package says.
            folder=$(realpath "$(dirname "$file")")
            install -d "$root$folder"
            cp -a "$folder/$(basename "$file")" "$root$folder/"
        done
done
for folder in lib lib64; do ln -sfn "usr/$folder" "$root/$folder"; done
install -d "$root"/{opt,tmp,data,proc,dev}
# Every running Debian has them: Swift reads the arguments of the process in /proc, and the listener needs /dev/null.
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
tar -C "$root/opt" -xzf "$archive"
folder=/opt/$(basename "$archive" .tar.gz)
(cd "$root$folder" && sha256sum --check --quiet SHA256SUMS)

log=$root/tmp/log
run() { env -i "${variables[@]}" "$chroot" "$root" "$folder/bin/socketio-server" "$@"; }
fail() {
    [[ ! -e $log ]] || cat "$log" >&2
    echo "dist-test: $*" >&2
    exit 1
}
variables=(PATH=/nowhere)
[[ -n $(run --version) ]] || fail "no version"
run check-config --config "$folder/config/default.yaml" > /dev/null || fail "the default settings are refused"
run settings-reference schema | cmp - config/settings.schema.json || fail "the schema is another one"
run completion bash | cmp - "$root$folder/completions/socketio-server.bash" || fail "the completion is another one"

variables=(PATH=/nowhere SOCKETIO_HOST=127.0.0.1 SOCKETIO_PORT=0 SOCKETIO_CHAT_STORE=sqlite SOCKETIO_CHAT_DATABASE_FILE=/data/chat.sqlite
    SOCKETIO_CLIENT_DIRECTORY="$folder/share/socketio-server/client")
env -i "${variables[@]}" "$chroot" "$root" "$folder/bin/socketio-server" run 2> "$log" &
server=$!
port=
for _ in $(seq 100); do
    port=$(sed -nE 's/.* listening .*port=([0-9]+).*/\1/p' "$log")
    [[ -z $port ]] || break
    kill -0 "$server" 2>/dev/null || fail "it ended"
    sleep 0.1
done
[[ -n $port ]] || fail "it does not listen"
get() { curl --silent --show-error --fail --max-time 10 "http://127.0.0.1:$port$1"; }
get / | grep -qi '<html' || fail "no page"
get /healthz > /dev/null || fail "not healthy"
get /socket.io/socket.io.min.js | cmp - .cache/client/socket.io.min.js || fail "the browser bundle is another one"
get '/socket.io/?EIO=4&transport=polling' | grep -q '"sid"' || fail "no session"
[[ -s $root/data/chat.sqlite ]] || fail "the chat has no database"
kill -TERM "$server"
wait "$server" || fail "it ended with $?"
server=
echo "dist-test: $(basename "$archive") runs in an empty root"
