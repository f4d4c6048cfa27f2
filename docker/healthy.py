"""
Exit status 0 when a URL answers with 2xx, 1 when it does not.

Standard library only: it runs in the plain Orthanc image too. With ORTHANC_USER in the environment it shows
user and password.
"""

import base64
import os
import sys
import urllib.request


def main(url: str) -> int:
    """Ask once."""
    request = urllib.request.Request(url)  # noqa: S310 - the address comes from our own health check
    if user := os.environ.get("ORTHANC_USER"):
        words = f"{user}:{os.environ.get('ORTHANC_PASSWORD', '')}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(words).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=4):  # noqa: S310
            return 0
    except OSError as error:  # urllib's own errors are OSErrors
        print(f"{url}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
