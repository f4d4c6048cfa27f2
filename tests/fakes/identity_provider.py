"""A small OpenID Connect provider on loopback: discovery, keys, and a token endpoint that checks PKCE."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "aipull"
SECRET = "the-clients-own-secret"


class Provider:
    """Its state; ``claims`` of the next person to sign in."""

    def __init__(self) -> None:
        self.key, self.key_id = self.new_key(), "1"
        self.claims: dict[str, Any] = {"sub": "42", "preferred_username": "wu.fang", "roles": ["pacs-team"]}
        self.issuer = ""
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []

    @staticmethod
    def new_key() -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, **changes: Any) -> str:
        """
        A signed token; a claim that is None is left out; ``key``, ``kid`` and ``alg`` are of its making.
        """
        key, kid = changes.pop("key", self.key), changes.pop("kid", self.key_id)
        alg = changes.pop("alg", "RS256")
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, **self.claims, **changes}
        told = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(told, key, algorithm=alg, headers={"kid": kid})

    def sign_in(self, address: str) -> dict[str, str]:
        """What the browser comes back with from the authorization endpoint."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_hex(8)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            return 200, {
                "issuer": self.issuer,
                **{key: f"{self.issuer}/{name}" for key, name in names.items()},
            }
        if path == "/keys":
            told = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return 200, {"keys": [{**told, "kid": self.key_id, "use": "sig"}, {"kty": "odd", "kid": "x"}]}
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or challenge != asked["code_challenge"] or form.get("client_secret") != SECRET:
            return 400, {"error": "invalid_grant"}
        return 200, {"id_token": self.token(nonce=asked["nonce"]), "token_type": "Bearer"}


@contextmanager
def provider() -> Iterator[Provider]:
    """The provider while it runs."""
    told = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            status, content = told.answer(self.path, form)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
