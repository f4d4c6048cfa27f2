"""
What stands in the place of a patient's identifier: a keyed hash, the same for the same text.

Who has the key can tell whether a pseudonym is that of a text; nobody can turn one back into the text. The
key stays with the installation: without it the hash of a number of eight digits would be found by trying all
of them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

PREFIX = "p-"
_DIGITS = 20
"""Hex digits: 80 bits, so that a hospital's identifiers do not meet."""
KEY_BYTES = 32


@dataclass(frozen=True)
class Pseudonyms:
    """
    Makes pseudonyms; ``key``: secret of the installation, or who tells it when the first one is made (what
    that raises is raised then).
    """

    key: bytes | Callable[[], bytes] = field(repr=False)

    def secret(self) -> bytes:
        """The key."""
        return self.key if isinstance(self.key, bytes) else self.key()

    def of(self, text: str) -> str:
        """The pseudonym of a text; of the empty text the empty one."""
        if not text:
            return ""
        digest = hmac.new(self.secret(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return PREFIX + digest[:_DIGITS]
