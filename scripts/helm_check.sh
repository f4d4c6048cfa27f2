#!/bin/bash
# Helm lints and renders the chart, and the JSON schemas of Kubernetes check what comes out: scripts/helm_check.py. Helm's own
# library and the schemas come from PyPI into a venv of their own (build/tools): there is no helm or kubeconform in Debian.
set -eu
cd "$(dirname "$0")/.."

readonly TOOLS=build/tools
mkdir -p build
[ -x "$TOOLS/bin/python" ] || python3 -m venv "$TOOLS"
"$TOOLS/bin/python" -m pip install -q --disable-pip-version-check helm-python-sdk==0.2.2 kubernetes-validate==1.37.0
exec "$TOOLS/bin/python" -m scripts.helm_check "$@"
