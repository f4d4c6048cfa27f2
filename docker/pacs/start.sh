#!/bin/sh
# Starts what the image is asked for. Values of .env that cannot be used end here, all of them at once, in one line each.
set -eu
if [ "${2:-}" = run ]; then
    PYTHONPATH=/opt/aipull python -B -m site_check.environment
fi
exec "$@"
