"""
What SQLite notes of Orthanc's index beside it: in memory, or at least on the RAM disk, and never on a disk.

A statement that could fail half-way notes every page that it changes (SQLite's statement journal). More than
64 KB of notes, as when a study is deleted, go into a nameless file in /var/tmp. Orthanc locks its index for
itself, and SQLite then keeps that file and writes all later notes to it: some 80 writes for an image that is
stored and 30 for one that is deleted, with patients' names, to a disk, although store and index lie in
memory.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import MutableMapping

_LIBRARY = "libsqlite3.so.0"
_STATEMENT_JOURNAL_SPILL = 26
"""SQLITE_CONFIG_STMTJRNL_SPILL of sqlite3.h: bytes of notes before they go into a file."""
_NEVER = -1
_OK = 0


def keep_notes_in_memory(variables: MutableMapping[str, str]) -> bool:
    """
    Tell the process's SQLite to keep its notes in memory, and other temporary files in Orthanc's own folder.

    To be called before anything opens a database or imports ``sqlite3``: SQLite refuses it later.

    Args:
        variables: Of the environment, from which SQLite reads its folder; gets SQLITE_TMPDIR.

    Returns:
        Whether SQLite took it; not so where Orthanc has an SQLite of its own inside (its makers' images).
    """
    if "ORTHANC_STORE" in variables:
        variables.setdefault("SQLITE_TMPDIR", variables["ORTHANC_STORE"])
    try:
        library = ctypes.CDLL(_LIBRARY, mode=os.RTLD_NOW | os.RTLD_NOLOAD)
        return bool(library.sqlite3_config(_STATEMENT_JOURNAL_SPILL, ctypes.c_int(_NEVER)) == _OK)
    except (OSError, AttributeError):
        return False
