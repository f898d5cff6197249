"""An EHR that signs tokens, for tests: its keys, the server of its key set, and tokens of any shape."""

from __future__ import annotations

import json
import ssl
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

ISSUER = "https://ehr.example.org"
PUBLIC = "https://cds.example.org/nutrients"
SERVICE = "/cds-services/mgcds-patient-view"
Key = ECKey | RSAKey
EC = ECKey.generate_key("P-384", {"kid": "ec", "use": "sig", "alg": "ES384"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})


def key_set(*keys: Key) -> bytes:
    return json.dumps({"keys": [key.as_dict() for key in keys]}).encode()


def part(value: Any) -> str:
    """One segment of a token; bytes are taken as they are."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: Any, claims: Any, key: Any, algorithm: str) -> str:
    """A token of any header and claims, right or wrong, with a true signature over them."""
    message = f"{part(header)}.{part(claims)}"
    signature = JWSRegistry.algorithms[algorithm].sign(message.encode(), key) if key else b""
    return f"{message}.{part(signature)}"


def claims(path: str = SERVICE, issuer: str = ISSUER, **changes: Any) -> dict[str, Any]:
    """Claims that are in order now, with changes; a change to None takes the claim out."""
    now = int(time.time())
    made = {"iss": issuer, "aud": PUBLIC + path, "iat": now, "exp": now + 300, "jti": str(uuid4())} | changes
    return {name: value for name, value in made.items() if value is not None}


def header(**changes: Any) -> dict[str, Any]:
    made = {"alg": "ES384", "kid": "ec", "typ": "JWT"} | changes
    return {name: value for name, value in made.items() if value is not None}


def token(*, key: Key = EC, algorithm: str = "ES384", head: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token in order, with changes to its claims and its header."""
    return signed(header(**{"alg": algorithm, "kid": key.kid} | (head or {})), claims(**changes), key, algorithm)


def bearer(compact: str) -> dict[str, str]:
    return {"authorization": f"Bearer {compact}"}


class KeyServer:
    """Serves what `answer` says, and counts how often it was asked."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.address = f"{self.origin}/jwks.json"
        self.asked: list[str] = []
        self.hosts: list[str] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda request: reply(request, key_set(EC, RSA))


def reply(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    request.send_response(status)
    for name, value in ({"content-type": "application/json", "content-length": str(len(body))} | headers).items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def key_server(tls: ssl.SSLContext | None = None) -> Iterator[KeyServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            served.hosts.append(self.headers["host"])
            try:
                served.answer(self)
            except (BrokenPipeError, ConnectionResetError):
                pass

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    served = KeyServer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def clients_file(folder: Path, address: str, **more: str) -> Path:
    """A clients file with one client whose key set is at `address`."""
    entry = {"name": "general-hospital", "issuer": ISSUER, "key_set": address} | more
    file = folder / "clients.yaml"
    file.write_text("clients:\n  -" + "".join(f"    {key}: {value}\n" for key, value in entry.items())[3:])
    return file
