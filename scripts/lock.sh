#!/bin/bash
# Writes the hashes of every file that a locked version has at the index into the lock files, for both Pythons (3.11 and 3.13).
#
#   scripts/lock.sh      after a version was changed, added or taken out by hand: name==version, one a line
#
# uv asks the index for the hashes alone: the versions are those that stand in the files.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "lock: uv is missing: pip install uv" >&2; exit 1; }

for lock in requirements.lock requirements-dev.lock; do
    [ -r "$lock" ] || continue
    draft=$(mktemp)
    sed -n '/^#/p' "$lock" >"$draft"
    # --no-deps: what a package needs is in the file already, or `pip check` of scripts/setup.sh says so.
    uv pip compile -q --no-deps --no-header --no-annotate --universal --python-version 3.11 --generate-hashes "$lock" >>"$draft"
    cat "$draft" >"$lock"
    rm -f "$draft"
done
