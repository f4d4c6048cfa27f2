#!/bin/sh
# Starts Orthanc with the folders that it needs on a RAM disk that may be empty.
set -eu

# A bad time zone, port or AE title ends here in one line, not in a traceback under another name.
# The installation's own interpreter, where it says which.
python=${PYTHONEXECUTABLE:-$(command -v debian-python || command -v python3.11 || command -v python3.13)}
PYTHONPATH="$(dirname "$0")/.." "$python" -B -m site_check.environment

# What is handed over is read by the group; the store and its index are nobody else's.
umask 027
mkdir -p "$ORTHANC_STORE"
mkdir -p -m 0700 "$ORTHANC_STORE/store" "$ORTHANC_STORE/index"
if [ -n "${AIPULL_HANDOVER_FOLDER:-}" ]; then
    mkdir -p "$AIPULL_HANDOVER_FOLDER"
fi
if [ -z "${AIPULL_JOURNAL:-}" ]; then
    exec /usr/sbin/Orthanc "$@"
fi

# Who may store besides the PACS: entries for DicomModalities
if [ -n "${AIPULL_SENDERS:-}" ]; then
    ORTHANC_SENDERS=$("$python" -B "$(dirname "$0")/../orthanc/config/senders.py")
    export ORTHANC_SENDERS
fi

# How it ends is written beside the journal: an object that crashes it is set aside, one that was being received when
# somebody killed it is not. Appended: the file's block stays on a disk that is full by then.
/usr/sbin/Orthanc "$@" &
orthanc=$!
stopped=
trap 'told=yes stopped=yes; kill -TERM "$orthanc" 2>/dev/null || true' TERM INT HUP
told=yes
while [ -n "$told" ]; do # a signal to this shell ends the wait, not Orthanc
    told=
    status=0
    wait "$orthanc" || status=$?
done
# Orthanc 1.12.7 ends with a segmentation fault when its Python is finalised: an end that was asked for is nobody's fault.
[ -z "$stopped" ] || status=0
echo "$status" >> "$AIPULL_JOURNAL.exit" || true
exit "$status"
