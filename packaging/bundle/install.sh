#!/bin/bash
# Installs the pipeline from this folder alone; no network is asked.
#
#   ./install.sh            the Debian package, with all that it needs that is not installed yet (root)
#   ./install.sh --images   the images into this machine's Docker instead
#   ./install.sh --verify   only the checksums
set -euo pipefail
cd "$(dirname "$0")"
fail() { printf 'install: %s\n' "$@" >&2; exit 1; }

verify() {
    sha256sum --quiet --strict --check SHA256SUMS || fail "a file is not what it was when the bundle was made; nothing is installed."
    # A file that is in no list was put here later.
    local strange
    strange=$(comm -13 <(cut -c67- SHA256SUMS | sort) <(find . -type f -not -name SHA256SUMS -printf '%P\n' | sort))
    [ -z "$strange" ] || fail "not in SHA256SUMS: $strange"
    echo "install: every checksum is right"
}

with_apt() {
    [ "$(id -u)" = 0 ] || fail "root only."
    local wanted here own
    wanted=$(ls debian/ai-pull-pipeline_*.deb | sed -n 's/.*+deb\([0-9]*\)_.*/\1/p')
    here=$(. /etc/os-release && echo "${VERSION_ID:-}")
    [ "$wanted" = "$here" ] || fail "the bundle is for Debian $wanted, this machine says: ${here:-unknown}."
    own=$(mktemp -d)
    mkdir -p "$own/lists/partial" "$own/parts"
    echo "deb [trusted=yes] file:$PWD/debian ./" >"$own/bundle.list"
    # As root: the folder may lie where apt's own user may not look.
    local apt=(apt-get -o Dir::Etc::sourcelist="$own/bundle.list" -o Dir::Etc::sourceparts="$own/parts"
        -o Dir::State::lists="$own/lists" -o APT::Sandbox::User=root)
    "${apt[@]}" -qq update
    DEBIAN_FRONTEND=noninteractive "${apt[@]}" -y --no-install-recommends install ai-pull-pipeline rabbitmq-server logrotate dcmtk
    rm -rf "$own"
}

verify
case "${1:-}" in
    --verify) ;;
    --images)
        [ -e images/images.tar.gz ] || fail "this bundle was made where no Docker ran: it has no images."
        gunzip -c images/images.tar.gz | docker load
        ;;
    "") with_apt ;;
    *) fail "usage: ./install.sh [--verify | --images]" ;;
esac
