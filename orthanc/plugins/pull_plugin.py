"""
The only script that Orthanc loads, and the only file that imports its SDK. Everything else is in ``aipull``.
"""

from __future__ import annotations

import os

import orthanc
from aipull.runtime.malloc_tuning import keep_memory
from aipull.runtime.sqlite_temp_store import keep_notes_in_memory

keep_memory(os.environ)  # before Orthanc starts the threads that receive
_in_memory = keep_notes_in_memory(os.environ)  # before what is imported next opens SQLite

from aipull.entry import register  # noqa: E402

_plugins = register(orthanc, os.environ, _in_memory)
