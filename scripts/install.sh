#!/bin/bash
# Puts the pipeline on a Debian machine without containers, or takes it away again; see docs/deployment.md.
#
#   make install   [PREFIX=/opt/aipull] [DESTDIR=]     programs, systemd units, configuration where there is none
#   make uninstall [PREFIX=/opt/aipull]                programs and units; configuration, data, logs and backups stay
#
# WHEELS=folder: the Python packages come from there, no index is asked (docs/deployment.md, closed sites).
set -euo pipefail
cd "$(dirname "$0")/.."

PREFIX=${PREFIX:-/opt/aipull}
DESTDIR=${DESTDIR:-}
WHEELS=${WHEELS:-}
readonly UNITS=/usr/lib/systemd/system GENERATORS=/usr/lib/systemd/system-generators
readonly LINK=/usr/bin/pacs-module
readonly PACKAGES=(pacs_module orthanc site_check one_box examples)

say() { printf 'install: %s\n' "$*"; }
fail() { printf 'install: %s\n' "$@" >&2; exit 1; }
unit_files() { (cd packaging/systemd && ls -- *.service *.timer); }

check() {
    case "$PREFIX" in /*) ;; *) fail "PREFIX must be an absolute path, and is '$PREFIX'" ;; esac
    [ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] || fail "root only, or with DESTDIR=folder."
}

debians_python() {
    local version
    version=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")
    case "$version" in
        "debian 12") echo /usr/bin/python3.11 ;;
        "debian 13") echo /usr/bin/python3.13 ;;
        *) fail "this needs Debian 12 or 13 (this machine says: $version)." ;;
    esac
}

# The venv is made where it will not run: its only absolute path is that of Debian's Python, and it has no scripts.
install_venv() {
    local to=$1 python=$2 from=() packages
    [ -z "$WHEELS" ] || from=(--no-index --find-links "$WHEELS")
    rm -rf "$to"
    "$python" -m venv --without-pip "$to"
    packages=("$to"/lib/python3.*/site-packages)
    make_pip "$python"
    say "installing the Python packages of requirements.lock"
    # Only files with the hashes of the lock, and no sources: nothing is built on the machine of a hospital.
    "$PIP" --python "$to/bin/python" install -qq --disable-pip-version-check --no-input --no-compile --require-hashes \
        --only-binary :all: "${from[@]}" -r requirements.lock
    find "$to/bin" -type f -delete
    rm -f "$to"/bin/[Aa]ctivate*
    echo "$PREFIX" >"${packages[0]}/aipull.pth"
    project_metadata "${packages[0]}"
    "$to/bin/python" -m compileall -q -s "$DESTDIR" "${packages[0]}" || true  # some packages ship files of other Python versions
}

# pip of a venv beside: Debian's own Python has none that may install.
make_pip() {
    local beside
    beside=$(mktemp -d)
    trap 'rm -rf "'"$beside"'"' EXIT
    "$1" -m venv "$beside/venv" || fail "the package ${1##*/}-venv is missing."
    PIP=$beside/venv/bin/pip
}

# For importlib.metadata: which version runs.
project_metadata() {
    local version
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
    local folder="$1/ai_pull_pipeline-$version.dist-info"
    mkdir -p "$folder"
    printf 'Metadata-Version: 2.1\nName: ai-pull-pipeline\nVersion: %s\nLicense: AGPL-3.0-or-later\n' "$version" >"$folder/METADATA"
    echo "make install" >"$folder/INSTALLER"
}

filled() {  # template, target, mode: with @PREFIX@ filled in
    mkdir -p "$(dirname "$2")"
    sed "s#@PREFIX@#$PREFIX#g" "$1" >"$2"
    chmod "$3" "$2"
}

configuration() {  # source, target below /etc/aipull, mode: a file that is there is the site's
    local target="$DESTDIR/etc/aipull/$2"
    [ -e "$target" ] || install -D -m "$3" "$1" "$target"
}

install_all() {
    check
    local python top="$DESTDIR$PREFIX" name
    python=$(debians_python)
    [ -x "$python" ] || fail "$python is missing: apt-get install ${python##*/}-venv"
    umask 022
    # What is there may run now: the new one is made beside and takes its place in one step.
    rm -rf "$top.new"
    mkdir -p "$top.new/bin" "$top.new/lib" "$top.new/docs"
    cp -R --no-preserve=ownership "${PACKAGES[@]}" "$top.new/"
    find "$top.new" -name __pycache__ -type d -prune -exec rm -rf {} +
    install -m 0644 ram-disk.md README.md LICENSE CHANGELOG.md requirements.lock "$top.new/"
    cp -R --no-preserve=ownership docs/*.md "$top.new/docs/"
    install_venv "$top.new/venv" "$python"
    "$top.new/venv/bin/python" -m compileall -q -s "$top.new" -p "$PREFIX" "${PACKAGES[@]/#/$top.new/}"
    filled packaging/pacs-module "$top.new/bin/pacs-module" 0755
    filled packaging/rabbitmq-user.sh "$top.new/bin/aipull-rabbitmq-user" 0755
    install -m 0755 docker/orthanc/start.sh "$top.new/lib/orthanc-start.sh"
    filled packaging/prepare.sh "$top.new/lib/prepare.sh" 0755
    chmod -R u=rwX,go=rX "$top.new"
    rm -rf "$top.old"
    [ ! -e "$top" ] || mv "$top" "$top.old"
    mv "$top.new" "$top"
    rm -rf "$top.old"

    for name in $(unit_files); do filled "packaging/systemd/$name" "$DESTDIR$UNITS/$name" 0644; done
    filled packaging/systemd/aipull-generator "$DESTDIR$GENERATORS/aipull-generator" 0755
    install -D -m 0644 packaging/logrotate "$DESTDIR/etc/logrotate.d/aipull"
    configuration packaging/etc/aipull.env aipull.env 0644
    configuration packaging/etc/pacs_module.toml pacs_module.toml 0640
    configuration packaging/etc/site_config.py site/site_config.py 0640
    configuration orthanc/config/orthanc.json orthanc.json 0644
    mkdir -p "$DESTDIR${LINK%/*}"
    ln -sfn "$PREFIX/bin/pacs-module" "$DESTDIR$LINK"
    [ -n "$DESTDIR" ] || on_this_machine
}

on_this_machine() {
    "$PREFIX/lib/prepare.sh"
    if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    say "fill in /etc/aipull/aipull.env, then: $PREFIX/bin/aipull-rabbitmq-user && systemctl daemon-reload &&" \
        "systemctl enable --now aipull-orthanc aipull-pacs"
}

uninstall() {
    check
    local name
    if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then
        systemctl disable --now aipull-pacs.service aipull-orthanc.service aipull-backup.timer || true
        systemctl stop var-lib-aipull-ram.mount var-lib-aipull-copies.mount 2>/dev/null || true
    fi
    for name in $(unit_files); do rm -f "$DESTDIR$UNITS/$name"; done
    rm -f "$DESTDIR$GENERATORS/aipull-generator" "$DESTDIR/etc/logrotate.d/aipull"
    if [ "$(readlink "$DESTDIR$LINK" || true)" = "$PREFIX/bin/pacs-module" ]; then rm -f "$DESTDIR$LINK"; fi
    # Only a folder that we made: PREFIX may be somebody else's.
    if [ -e "$DESTDIR$PREFIX/one_box/__main__.py" ]; then rm -rf "$DESTDIR${PREFIX:?}"; fi
    if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    say "gone; these stay: /etc/aipull, /var/lib/aipull, /var/log/aipull, /var/backups/aipull and the users aipull and aipull-pacs"
}

case "${1:-}" in
    install) install_all ;;
    uninstall) uninstall ;;
    *) fail "usage: make install | make uninstall" ;;
esac
