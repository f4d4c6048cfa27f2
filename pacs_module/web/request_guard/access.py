"""
Who asks, and whether he may: keys, sessions and tokens become a caller with roles, and the route's need is
held against them.

A key comes as ``X-API-Key``, as ``Authorization: Bearer``, or as the password of HTTP Basic (a browser can
ask for it). A browser sends the cookie of a session by itself, also for another site: so the API takes it for
reading only, and a page wants the form's token besides (:mod:`pacs_module.web.page_support.forms`).
"""

from __future__ import annotations

import base64
import ipaddress
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import HTTPException, Request

from ...domain.access.failures import FailedKeys
from ...domain.access.keys import digest_of
from ...domain.access.roles import MACHINES, NOBODY, PEOPLE, AccessRole, Caller, Right, Way, roles_for
from ...ports import EventLog
from ...settings import WebSettings
from ...use_cases.operate.manage_keys import ManageKeys
from .needs import need_of
from .sessions import COOKIE, Session, Sessions

SIGN_IN = "/sign-in"
SHARED = "shared key"
_READ_ONLY = ("GET", "HEAD", "OPTIONS")
_UNAUTHORIZED, _FORBIDDEN, _MISDIRECTED, _TOO_MANY = 401, 403, 421, 429
_BASIC = {"WWW-Authenticate": 'Basic realm="pacs_module"'}
_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip")
TokenReader = Callable[[str], Caller | None]
"""The caller of a bearer token that is no key of ours; None: it cannot be used."""


@dataclass
class Access:
    """Checks requests; ``token`` reads the tokens of an identity provider, where there is one."""

    web: WebSettings
    keys: ManageKeys
    log: EventLog
    console: str = ""
    """The key of this process's console file; empty: there is none."""
    token: TokenReader | None = None
    failed: FailedKeys = field(default_factory=lambda: FailedKeys(time.monotonic))
    sessions: Sessions = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = Sessions(self.web.api_key.get_secret_value())
        self._lock = threading.Lock()
        self._proxies = [ipaddress.ip_network(one, strict=False) for one in self.web.proxies]

    def admit(self, request: Request) -> Caller:
        """
        Let a request in, or not.

        Raises:
            HTTPException: 401 nobody or a wrong key, 403 a role that may not, 421 another server's name, 429
                too many wrong keys.
        """
        method, path = request.method, request.url.path
        need = need_of(method, path)
        if need is Right.OPEN:
            if not path.startswith("/health"):
                self._check_host(request)
            return NOBODY
        caller = self.caller(request)
        if caller.way in (Way.SESSION, Way.LOOPBACK, Way.NOBODY):
            self._check_host(request)
        if caller.may(need):
            return caller
        if caller.way in (Way.NOBODY, Way.LOOPBACK):
            raise HTTPException(_UNAUTHORIZED, "an API key is needed (header X-API-Key)", _BASIC)
        raise HTTPException(_FORBIDDEN, self._too_low(request, caller, need))

    def caller(self, request: Request) -> Caller:
        """
        Who asks; looked up once a request.

        Raises:
            HTTPException: 401 a wrong key; 429 too many of them from there.
        """
        known: Caller | None = getattr(request.state, "caller", None)
        if known is None:
            known = request.state.caller = self._identify(request)
        return known

    def person(self, request: Request) -> str:
        """The name of the person who has signed in at a page; empty: nobody has."""
        session = self.session(request)
        return session.caller.name if session is not None else ""

    def session(self, request: Request) -> Session | None:
        """The session of a request, when it counts now."""
        session = self.sessions.read(request.cookies.get(COOKIE, ""), time.time())
        if session is None or self.keys.has_ended(session.session_id):
            return None
        roles = self._roles_now(session.caller)
        return session.with_roles(roles) if roles else None

    def sign_in(self, request: Request, name: str, given: str) -> Caller | None:
        """
        The caller for a person's new session; None: not his key, or none for people.

        Raises:
            HTTPException: 429 too many wrong keys from there.
        """
        try:
            caller = self._by_credential(request, given)
        except HTTPException as error:
            if error.status_code == _TOO_MANY:
                raise
            return None
        roles = caller.roles & PEOPLE
        shown = caller.name or name
        key_id = SHARED if caller.way is Way.SHARED_KEY else caller.key_id
        # Not with the console's key or a token: their sessions would outlive them.
        return Caller(shown, roles, Way.SESSION, key_id) if roles and shown and key_id else None

    def shared_roles(self) -> frozenset[AccessRole]:
        """
        What the one key of the settings opens: everything, as before there were roles, until somebody has a
        key with the role admin; then what plugins and backend need.
        """
        if self.web.api_key_roles == "machines" or self.keys.has_admin():
            return MACHINES
        return frozenset(AccessRole)

    def address(self, request: Request) -> str:
        """Where a request comes from; behind a proxy of the settings, what the proxy says."""
        host = request.client.host if request.client else ""
        if not self._is_proxy(host):
            return host
        told = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",")]
        return next((one for one in reversed(told) if one and not self._is_proxy(one)), host)

    def is_https(self, request: Request) -> bool:
        """Whether the browser speaks TLS, to us or to a proxy of the settings."""
        host = request.client.host if request.client else ""
        told = request.headers.get("x-forwarded-proto", "") if self._is_proxy(host) else ""
        return (told or request.url.scheme).strip().lower() == "https"

    def _identify(self, request: Request) -> Caller:
        given = _credential(request.headers)
        if given:
            return self._by_credential(request, given)
        reads = request.method in _READ_ONLY
        if reads or not request.url.path.startswith("/api/"):
            session = self.session(request)
            if session is not None:
                return session.caller
        if reads and self.web.reads_from_loopback and _from_loopback(request):
            return Caller("", frozenset({AccessRole.VIEWER}), Way.LOOPBACK)
        return NOBODY

    def _by_credential(self, request: Request, given: str) -> Caller:
        address, digest = self.address(request), digest_of(given)
        with self._lock:
            wait = self.failed.wait_s(address, digest)
        if wait > 0:
            raise HTTPException(
                _TOO_MANY, "too many wrong keys from this address", {"Retry-After": str(int(wait) + 1)}
            )
        caller = self._of_secret(given)
        with self._lock:
            if caller is not None:
                self.failed.right(address, digest)
                return caller
            self.failed.forget(digest)
            closed = self.failed.wrong(address)
        self.log.event(
            "key_refused",
            "a wrong or revoked key was shown",
            "WARNING",
            address=address,
            path=request.url.path,
        )
        if closed:
            self.log.event(
                "address_closed", "too many wrong keys: no key from there is looked at for a while",
                "WARNING",
                address=address, seconds=self.failed.window_s,
            )  # fmt: skip
        raise HTTPException(_UNAUTHORIZED, "this API key is wrong or was revoked", _BASIC)

    def _of_secret(self, given: str) -> Caller | None:
        if _same(given, self.web.api_key.get_secret_value()):
            return Caller("", self.shared_roles(), Way.SHARED_KEY)
        if self.console and _same(given, self.console):
            return Caller("", frozenset({AccessRole.ADMIN}), Way.CONSOLE)
        key = self.keys.of_text(given)
        if key is not None:
            return Caller(key.name, frozenset({key.role}), Way.KEY, key.key_id)
        return self.token(given) if self.token is not None else None

    def _roles_now(self, caller: Caller) -> frozenset[AccessRole]:
        """Of a session: what its key may now, not when it began."""
        if caller.key_id == SHARED:
            return self.shared_roles() & PEOPLE
        if not caller.key_id:  # an identity provider's, which ends with the session
            return caller.roles
        key = self.keys.of_id(caller.key_id)
        return frozenset({key.role}) & PEOPLE if key is not None else frozenset()

    def _too_low(self, request: Request, caller: Caller, need: Right) -> str:
        wanted, has = ", ".join(roles_for(need)), ", ".join(sorted(caller.roles)) or "none"
        who = caller.name or caller.way.value
        self.log.event(
            "role_too_low", "somebody asked for what his role may not", "WARNING",
            by=who, roles=has, path=request.url.path, address=self.address(request),
        )  # fmt: skip
        return f"this needs one of the roles {wanted}; {who} has {has}"

    def _check_host(self, request: Request) -> None:
        """
        Another site's name that leads here (DNS rebinding) makes a browser our reader: only names that are
        ours, or what nobody outside can bind anew: addresses, and names without a dot, which the hospital's
        own network resolves.
        """
        host = _host_name(request.headers.get("host", ""))
        if "." not in host or host in self.web.known_hosts or _is_address(host):
            return
        raise HTTPException(
            _MISDIRECTED,
            f"{host[:100]!r} is no name of this server: add it to hosts under [web] in the settings",
        )

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)


def caller_of(request: Request) -> Caller:
    """Who asks, as the guard found out."""
    known: Caller = getattr(request.state, "caller", NOBODY)
    return known


def who_asks(request: Request, said: object) -> str:
    """
    The name for histories: who has shown a key or token of his own, whatever the body says.

    The shared key and the console are nobody's: there what the body says is all there is.
    """
    caller = caller_of(request)
    if caller.known_name:
        return caller.name
    return str(said or "")


def _credential(headers: Mapping[str, str]) -> str:
    return headers.get("x-api-key") or _authorization(headers.get("authorization", ""))


def _authorization(header: str) -> str:
    kind, _, value = header.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:  # not base64 at all, or not UTF-8 in it
        return ""


def _same(given: str, ours: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), ours.encode())


def _from_loopback(request: Request) -> bool:
    """A proxy on this machine speaks for somebody else: then it is not loopback."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _host_name(header: str) -> str:
    """The name in a Host header, without its port."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if ":" in text else text


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
