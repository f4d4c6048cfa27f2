"""When the image that a study waits for may have come: counted as Orthanc tells of each, without a look."""

from __future__ import annotations

import threading


class LastImage:
    """
    Counts images of any study; so it is of use while one study alone is open.

    Thread-safe: images come in Orthanc's thread of events, the numbers in that of the reception.
    """

    def __init__(self) -> None:
        self._came = 0
        self._awaited = 0
        self._lacked = 0
        self._lock = threading.Lock()

    def count(self) -> int:
        """Images that have come since the start of the process."""
        return self._came

    def came(self) -> bool:
        """Note one; whether it may be the last one."""
        with self._lock:
            self._came += 1
            return self._came == self._awaited

    def lacks(self, images: int, at: int) -> bool:
        """
        Say how many images are still missing.

        Where the number has not changed since the last time, what comes is of something else: nobody is
        hurried by it.

        Args:
            images: At the least; 0: not known.
            at: :meth:`count` before it was looked.

        Returns:
            Whether so many have come in the meantime.
        """
        with self._lock:
            progress = images and images != self._lacked
            self._lacked = images
            self._awaited = at + images if progress else 0
            return bool(progress) and self._came >= self._awaited
