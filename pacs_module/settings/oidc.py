"""``[web.oidc]``: signing in with the hospital's identity provider (OpenID Connect)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, FilePath, SecretStr, model_validator

from ..domain.access.roles import PEOPLE, AccessRole
from .section import Address, Section


def _for_people(value: AccessRole) -> AccessRole:
    if value not in PEOPLE:
        raise ValueError("viewer, operator or admin")
    return value


PersonsRole = Annotated[AccessRole, AfterValidator(_for_people)]


class OidcSettings(Section):
    """Off when the table is not there."""

    issuer: Address
    """As the provider writes it; ``/.well-known/openid-configuration`` is asked for below it."""
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = SecretStr("")
    """Empty: a public client, PKCE alone."""
    page_url: Address
    """
    Where people reach our pages; ``/sign-in/oidc/back`` below it is the redirect address at the provider.
    """
    scopes: tuple[str, ...] = ("openid", "profile")
    roles_claim: str = "roles"
    """The claim that has the roles; dots lead inside: ``realm_access.roles``."""
    roles: dict[str, PersonsRole] = Field(min_length=1)
    """What the provider calls a role or group, to viewer, operator or admin."""
    name_claim: str = "preferred_username"
    """Who it is, for histories; where it is missing ``email``, then ``sub``."""
    audience: str = ""
    """Of the bearer tokens of scripts; empty: the client id."""
    recheck_min: int = Field(default=60, ge=1, le=720)
    """
    After so many minutes a session ends and the provider is asked again: who was taken a role away has it no
    longer.
    """
    ca_file: FilePath | None = None
    """Authorities of the provider's certificate, PEM; not given: the system's."""
    insecure: bool = False
    """Allow a provider without TLS: for tests on one machine."""

    @model_validator(mode="after")
    def _with_tls(self) -> OidcSettings:
        if not self.insecure and not self.issuer.lower().startswith("https://"):
            raise ValueError("an issuer that begins with https://")
        return self
