#!/bin/sh
# Starts Orthanc with the folders that it needs on a RAM disk that may be empty.
set -eu

# A bad time zone, port or AE title ends here in one line, not in a traceback under another name.
PYTHONPATH=/opt/aipull /usr/bin/python3.11 -B -m site_check.environment

# What is handed over is read by the group; the store and its index are nobody else's.
umask 027
mkdir -p "$ORTHANC_STORE"
mkdir -p -m 0700 "$ORTHANC_STORE/store" "$ORTHANC_STORE/index"
if [ -n "${AIPULL_HANDOVER_FOLDER:-}" ]; then
    mkdir -p "$AIPULL_HANDOVER_FOLDER"
fi
exec /usr/sbin/Orthanc "$@"
