"""
Orthanc's memory: what an image needed is kept for the next one, and not given back to the system in between.

An image passes through several buffers of its own size. As glibc comes, half a megabyte is asked of the
system for each of them and given back, page by page, and each thread has a part of its own: 130 page faults
an image, a fifth of the CPU that receiving it costs. Larger objects go back to the system all the same.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

_MIB = 1024 * 1024
_SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": (-3, 32 * _MIB),
    "MALLOC_TRIM_THRESHOLD_": (-1, 128 * _MIB),
    "MALLOC_ARENA_MAX": (-8, 4),
}
"""What glibc reads from the environment, the same as a parameter of mallopt(3), and what it is set to."""


def keep_memory(variables: Mapping[str, str]) -> tuple[str, ...]:
    """
    Set how the process's memory is kept; what the environment sets already stays.

    Args:
        variables: Of the environment.

    Returns:
        The names of what was set; none where the C library is not glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return ()
    return tuple(
        name
        for name, (parameter, value) in _SETTINGS.items()
        if name not in variables and mallopt(ctypes.c_int(parameter), ctypes.c_int(value)) == 1
    )
