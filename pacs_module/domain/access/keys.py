"""
API keys: ``aip_<id>_<secret>``. The store has the SHA-256 of the secret only.

The secret is 32 random bytes that we draw ourselves, so a plain hash is enough: there is nothing to guess
that a slow one would have to protect. Keys that people choose (the shared key of the settings) are checked
for being weak instead, and are never kept in the store.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .roles import AccessRole

SHORTEST_KEY = 16
FEWEST_CHARACTERS = 6
FEWEST_BESIDE_WORDS = 8
MAX_NAME = 60
NAME = re.compile(r"^[\w.@ -]{1,60}$")
_SHAPE = re.compile(r"^aip_([0-9a-f]{8})_([0-9A-Za-z_-]{43})$")
_WORDS = (
    "changeme", "change-me", "change_me", "changeit", "password", "passwort", "secret", "default", "example",
    "12345678", "qwerty", "letmein", "apikey", "api-key", "api_key",
)  # fmt: skip


@dataclass(frozen=True)
class ApiKey:
    """
    A key as it is kept.

    Times are ISO 8601 in UTC; ``revoked_at`` is empty as long as it counts.
    """

    key_id: str
    name: str
    role: AccessRole
    digest: str
    made_at: str
    made_by: str = ""
    revoked_at: str = ""

    @property
    def counts(self) -> bool:
        """Whether it opens anything."""
        return not self.revoked_at

    def revoked(self, at: str) -> ApiKey:
        """The same, revoked."""
        return replace(self, revoked_at=self.revoked_at or at)

    def to_memo(self) -> dict[str, str]:
        """As plain JSON values, for the store."""
        return {
            "name": self.name,
            "role": self.role.value,
            "digest": self.digest,
            "madeAt": self.made_at,
            "madeBy": self.made_by,
            "revokedAt": self.revoked_at,
        }


def from_memo(key_id: str, told: object) -> ApiKey | None:
    """A kept key; None when it cannot be read (another version's role): it opens nothing."""
    if not isinstance(told, Mapping):
        return None
    text = {name: str(told.get(name) or "") for name in ("name", "digest", "madeAt", "madeBy", "revokedAt")}
    try:
        role = AccessRole(str(told.get("role")))
    except ValueError:
        return None
    return ApiKey(
        key_id, text["name"], role, text["digest"], text["madeAt"], text["madeBy"], text["revokedAt"]
    )


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def text_of(key_id: str, secret: str) -> str:
    """The key as its owner has it."""
    return f"aip_{key_id}_{secret}"


def parts_of(given: str) -> tuple[str, str] | None:
    """Id and secret of a text that has the shape of a key."""
    found = _SHAPE.match(given)
    return (found[1], found[2]) if found else None


def opens(key: ApiKey, secret: str) -> bool:
    """Whether the secret is this key's, and the key counts."""
    return hmac.compare_digest(key.digest, digest_of(secret)) and key.counts


def weakness(secret: str) -> str:
    """
    Why a secret that a person chose is too weak to guard patients' data.

    Returns:
        What is allowed, in words; empty when it will do.
    """
    if secret != secret.strip() or any(not letter.isprintable() or letter.isspace() for letter in secret):
        return "no blanks in it"
    plain = secret.lower()
    for word in _WORDS:
        plain = plain.replace(word, "")
    if len(secret) < SHORTEST_KEY:
        return f"{SHORTEST_KEY} characters or more: `openssl rand -hex 24` makes 48"
    if len(plain) < FEWEST_BESIDE_WORDS:
        return "no well-known word: `openssl rand -hex 24` makes one"
    if len(set(secret)) < FEWEST_CHARACTERS:
        return f"{FEWEST_CHARACTERS} different characters or more: `openssl rand -hex 24` makes one"
    return ""
