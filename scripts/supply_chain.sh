#!/bin/bash
# What the locked packages are: a list of parts (CycloneDX), known advisories, licences. Written to build/supply-chain.
#
#   scripts/supply_chain.sh sbom       sbom.cdx.json: every locked Python package with its hashes, Debian's packages and the images by name
#   scripts/supply_chain.sh audit      advisories.txt; exit status 1 when one concerns us, 3 when no source of advisories answers
#   scripts/supply_chain.sh licences   licences.md; exit status 1 when one is not on the list of decision 1
#
# The tools live in a venv of their own (build/tools), not in the pipeline's.
set -eu
cd "$(dirname "$0")/.."

readonly OUT=build/supply-chain TOOLS=build/tools
mkdir -p "$OUT"

tools() {
    [ -x "$TOOLS/bin/python" ] || python3 -m venv "$TOOLS"
    local name
    for name in "$@"; do
        "$TOOLS/bin/python" -m pip show -q "$name" >/dev/null 2>&1 || "$TOOLS/bin/python" -m pip install -q --disable-pip-version-check "$name"
    done
}

case "${1:-}" in
    sbom)
        tools cyclonedx-bom
        "$TOOLS/bin/cyclonedx-py" requirements requirements.lock --pyproject pyproject.toml --spec-version 1.6 --output-reproducible \
            --output-format JSON --output-file "$OUT/python.cdx.json"
        python3 -m scripts.sbom "$OUT/python.cdx.json" >"$OUT/sbom.cdx.json"
        rm "$OUT/python.cdx.json"
        echo "$OUT/sbom.cdx.json: $(python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["components"]), "parts")' "$OUT/sbom.cdx.json")"
        ;;
    audit)
        tools pip-audit
        rm -f "$OUT/advisories.json"
        "$TOOLS/bin/pip-audit" --require-hashes --disable-pip -r requirements.lock --progress-spinner off --format json \
            --output "$OUT/advisories.json" >/dev/null 2>"$OUT/advisories.err" || true
        python3 -m scripts.advisories "$OUT/advisories.json" | tee "$OUT/advisories.txt"
        exit "${PIPESTATUS[0]}"
        ;;
    licences)
        .venv/bin/python -m scripts.licences requirements.lock >"$OUT/licences.md"
        echo "$OUT/licences.md"
        ;;
    *) echo "usage: scripts/supply_chain.sh sbom | audit | licences" >&2; exit 1 ;;
esac
