#!/bin/bash
# Installs what the project needs: Debian's packages, a venv of Debian's own Python, the locked Python packages.
#
#   scripts/setup.sh          what the demo needs
#   scripts/setup.sh --dev    and what the tests need
#
# Safe to run again: what is there is left alone, and when all is there it ends at once.
set -euo pipefail
cd "$(dirname "$0")/.."

PACKAGES=(orthanc orthanc-python dcmtk rabbitmq-server)
readonly SERVICES=(orthanc rabbitmq-server prometheus ssh vsftpd)
PYTHON=   # Debian's own, which orthanc-python is built against; a venv of another build of the same version breaks the plugin
readonly POLICY=/usr/sbin/policy-rc.d
readonly POLICY_BEFORE=$POLICY.before-aipull-setup
readonly POLICY_MARK="made by the AI pull pipeline's setup, removed at its end"
readonly VENV=.venv
LOCKS=(requirements.lock)
SUDO=()

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$@" >&2; exit 1; }

check_machine() {
    local id="" version=""
    if [ -r /etc/os-release ]; then
        id=$(. /etc/os-release && echo "${ID:-}")
        version=$(. /etc/os-release && echo "${VERSION_ID:-}")
    fi
    case "$id $version" in
        "debian 12") PYTHON=/usr/bin/python3.11 ;;
        "debian 13") PYTHON=/usr/bin/python3.13 ;;
        *) fail "this needs Debian 12 or 13 (this machine says: ${id:-unknown} ${version:-})." ;;
    esac
    readonly PYTHON
    PACKAGES+=("${PYTHON##*/}-venv")
}

# One dpkg-query for all; prints those that are not installed.
missing_packages() {
    local installed
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${PACKAGES[@]}" 2>/dev/null | sed -n 's/^installed //p') || true
    local package
    for package in "${PACKAGES[@]}"; do
        grep -qx "$package" <<<"$installed" || echo "$package"
    done
}

find_rights() {
    [ "$(id -u)" = 0 ] && return
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        SUDO=(sudo -n)
        return
    fi
    fail "these Debian packages are missing: $*" \
         "and there is no right to install them here (not root, and sudo asks for a password)." \
         "Ask an administrator to run:" \
         "    apt-get update && apt-get install --no-install-recommends $*" \
         "(or run \`sudo true\` first), then run this again."
}

as_root() { "${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive "$@"; }

# While packages are installed, Debian asks this program before it starts, stops or restarts a service; 101 means "do not".
# What was there before is put aside under a fixed name, so that even a killed setup is made good by the next one.
forbid_service_starts() {
    if [ -e "$POLICY" ] && ! grep -qs "$POLICY_MARK" "$POLICY"; then
        as_root mv "$POLICY" "$POLICY_BEFORE"
    fi
    trap allow_service_starts EXIT
    printf '#!/bin/sh\n# %s\nexit 101\n' "$POLICY_MARK" | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
}

allow_service_starts() {
    as_root rm -f "$POLICY"
    if [ -e "$POLICY_BEFORE" ]; then as_root mv "$POLICY_BEFORE" "$POLICY"; fi
    trap - EXIT
}

apt_install() { as_root apt-get install -o DPkg::Lock::Timeout=300 -y -q --no-install-recommends "$@"; }

install_packages() {
    local missing=("$@") service
    find_rights "${missing[@]}"
    say "installing Debian packages: ${missing[*]} (their services are kept from starting)"
    forbid_service_starts
    if ! apt_install "${missing[@]}" >"$LOG" 2>&1; then
        say "the package lists may be old or absent: fetching them, then once more"
        as_root apt-get update -q >>"$LOG" 2>&1 || fail "apt-get update failed:" "$(tail -n 5 "$LOG")"
        apt_install "${missing[@]}" >>"$LOG" 2>&1 || fail "the packages could not be installed:" "$(tail -n 15 "$LOG")"
    fi
    for service in "${SERVICES[@]}"; do
        # Ours to decide only where the package came with us: at the next boot it stays off as well.
        if printf '%s\n' "${missing[@]}" | grep -qx "${service/#ssh/openssh-server}"; then
            as_root update-rc.d "$service" disable >>"$LOG" 2>&1 || true
            say "the system's own service $service is installed, stopped and off at boot; the project starts its own"
        fi
    done
    allow_service_starts
}

make_venv() {
    local stamp="$VENV/.setup-stamp" wanted have="" lock
    wanted=$(cat pyproject.toml "${LOCKS[@]}" | sha256sum)
    [ -r "$stamp" ] && have=$(cat "$stamp")
    grep -qxF "$wanted ${LOCKS[*]}" <<<"$have" && [ -x "$VENV/bin/pacs-module" ] && return

    if ! [ -x "$VENV/bin/python" ] || ! [ "$(readlink -f "$VENV/bin/python")" = "$(readlink -f $PYTHON)" ]; then
        say "making $VENV with $PYTHON"
        $PYTHON -m venv --clear "$VENV" || fail "the venv could not be made."
    fi
    for lock in "${LOCKS[@]}"; do
        say "installing the Python packages of $lock into $VENV"
        pip_install --require-hashes -r "$lock" || fail "the packages of $lock could not be installed, see above."
    done
    say "installing the project itself (editable)"
    pip_install --no-deps --no-build-isolation -e . || fail "the project could not be installed, see above."
    # The dev lock holds the run lock too: noting both keeps a plain setup after it from doing anything.
    : >"$stamp"
    for ((i = 1; i <= ${#LOCKS[@]}; i++)); do
        echo "$(cat pyproject.toml "${LOCKS[@]:0:i}" | sha256sum) ${LOCKS[*]:0:i}" >>"$stamp"
    done
}

pip_install() { "$VENV/bin/python" -m pip install -qq --disable-pip-version-check --no-input "$@"; }

main() {
    case "${1:-}" in
        "") ;;
        --dev)
            LOCKS+=(requirements-dev.lock)
            # docker-compose: the tests let it check docker-compose.yml, it brings no daemon. chromium: the pages in a browser.
            # libfaketime: the chaos runs move the clocks of single processes.
            # prometheus: the alert rules fire in a real one. fonts-wqy-microhei: Chinese letters in the pictures of the pages.
            # openssh-server, vsftpd, orthanc-dicomweb: what destinations are tested against.
            PACKAGES+=(docker-compose chromium libfaketime prometheus fonts-wqy-microhei openssh-server vsftpd orthanc-dicomweb)
            ;;
        *) fail "usage: scripts/setup.sh [--dev]" ;;
    esac
    exec 9<.   # one setup at a time in this folder
    flock 9
    check_machine
    local missing
    mapfile -t missing < <(missing_packages)
    if [ ${#missing[@]} -gt 0 ]; then
        LOG=$(mktemp)
        install_packages "${missing[@]}"
        rm -f "$LOG"
    fi
    [ -x $PYTHON ] || fail "$PYTHON is missing; it belongs to Debian's package ${PYTHON##*/}."
    make_venv
    say "all is there"
}

main "$@"
