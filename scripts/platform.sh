#!/bin/bash
# Runs a command of this project on another Debian release: in a root folder that is made from Debian's packages, without Docker.
#
#   scripts/platform.sh debian13 make test PYTEST_ARGS=-x
#
# Needs root and mmdebstrap (apt-get install mmdebstrap). The root is made once, below AIPULL_PLATFORMS (/var/tmp/aipull-platforms);
# the source is copied anew each time, files that git does not know of stay out, and the venv and build/ in the root stay;
# what the command leaves in build/ is copied back.
# Processes, mounts and /tmp are its own; the network is this machine's, with NO_NETWORK=1 a loopback of its own and nothing else.
# With THROWAWAY=1 all that the command changes lies in memory and is gone afterwards, build/ too.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PLATFORMS=${AIPULL_PLATFORMS:-/var/tmp/aipull-platforms}
readonly MIRROR=${AIPULL_MIRROR:-http://deb.debian.org/debian}
fail() { printf 'platform: %s\n' "$@" >&2; exit 1; }

case "${1:-}" in
    debian12) suite=bookworm ;;
    debian13) suite=trixie ;;
    *) fail "usage: scripts/platform.sh debian12|debian13 command ..." ;;
esac
readonly NAME=$1
shift
readonly ROOT=$PLATFORMS/$NAME SOURCE=/srv/aipull

[ "$(id -u)" = 0 ] || fail "a root folder needs root; without it: a container or a machine with $NAME."
unshare --mount --pid --fork true 2>/dev/null || fail "this machine gives no name spaces (unshare), so nothing was run on $NAME."

# One at a time makes the root; a root in the making has mounts in it, which nothing may be removed through.
mkdir -p "$PLATFORMS"
exec 8>"$PLATFORMS/$NAME.lock"
flock 8
if ! [ -x "$ROOT/usr/bin/make" ]; then
    command -v mmdebstrap >/dev/null || fail "mmdebstrap is missing: apt-get install mmdebstrap"
    rm -rf --one-file-system "$ROOT.new"
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,make,git,procps,systemd "$suite" "$ROOT.new" "$MIRROR" ||
        fail "the root of $NAME could not be made from Debian's packages, so nothing was run on it."
    rm -rf --one-file-system "$ROOT"
    mv "$ROOT.new" "$ROOT"
fi
flock --unlock 8

# A machine behind a proxy that has a certificate of its own trusts it inside as well.
mkdir -p "$ROOT/etc/ssl/certs"
cp -L /etc/ssl/certs/ca-certificates.crt "$ROOT/etc/ssl/certs/ca-certificates.crt"
cp -L /etc/resolv.conf "$ROOT/etc/resolv.conf" 2>/dev/null || true
cp -L /etc/hosts "$ROOT/etc/hosts"

mkdir -p "$ROOT$SOURCE"
find "$ROOT$SOURCE" -mindepth 1 -maxdepth 1 -not -name .venv -not -name build -exec rm -rf --one-file-system {} +
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null |
    tar -C "$ROOT$SOURCE" -xf -

own_network=()
[ -z "${NO_NETWORK:-}" ] || own_network=(--net)
status=0
unshare --mount --pid "${own_network[@]}" --fork --kill-child -- /bin/bash -euc '
    root=$1 source=$2; shift 2
    if [ -n "${NO_NETWORK:-}" ]; then
        # The flag IFF_UP of lo (netdevice(7)); a minimal Debian has no ip(8).
        python3 -c "import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack(\"16sH14x\", b\"lo\", 1))"
    fi
    mount --make-rprivate /
    if [ -n "${THROWAWAY:-}" ]; then
        # One mount at a place of its own: the layers of an overlay may not lie in each other.
        mount -t tmpfs -o size=6g tmpfs /mnt
        mkdir /mnt/changed /mnt/work /mnt/root
        mount -t overlay -o "lowerdir=$root,upperdir=/mnt/changed,workdir=/mnt/work" overlay /mnt/root
        root=/mnt/root
    fi
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys" 2>/dev/null || true
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    exec chroot "$root" /usr/bin/env -u VIRTUAL_ENV -u PYTHONPATH -u PYTHONHOME HOME=/root LANG=C.UTF-8 \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin /bin/bash -c "cd $source && exec \"\$@\"" inside "$@"
' platform "$ROOT" "$SOURCE" "$@" || status=$?

if [ -z "${THROWAWAY:-}" ] && [ -d "$ROOT$SOURCE/build" ]; then
    mkdir -p build
    cp -Rp --no-preserve=ownership "$ROOT$SOURCE/build/." build/
fi
exit "$status"
