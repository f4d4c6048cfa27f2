"""
The only script that Orthanc loads, and the only file that imports its SDK. Everything else is in ``aipull``.
"""

from __future__ import annotations

import os

import orthanc
from aipull.entry import register

_plugins = register(orthanc, os.environ)
