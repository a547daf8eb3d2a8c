"""Requests to the control API of a sandbox."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from http.client import BadStatusLine, HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

REQUEST_TIMEOUT = 60.0


class SandboxError(Exception):
    """The sandbox cannot be started, or its control API refused a request."""


class Control:
    """The control API of a running sandbox. Threads can share it."""

    def __init__(self, url: str, token: str | None, explain: Callable[[str], SandboxError]) -> None:
        self._explain = explain
        self._authority = urlsplit(url).netloc
        self._headers = {"X-Sandbox-Control-Token": token} if token else {}
        # The sandbox looks up who is at the other end of each new connection, so one is kept.
        self._connection: HTTPConnection | None = None
        self._process = os.getpid()
        self._lock = threading.Lock()

    def call(
        self, method: str, path: str, query: Mapping[str, object] | None = None, body: object = None
    ) -> bytes:
        """Sends a request and returns the body of its response."""
        target = f"/_sandbox{path}"
        if query:
            target += "?" + urlencode({name: str(value) for name, value in query.items()})
        content = None if body is None else json.dumps(body).encode()
        try:
            with self._lock:
                status, received = self._send(method, target, content)
        except (OSError, HTTPException) as error:
            raise self._explain(f"{method} {target}: the sandbox does not respond: {error!r}") from error
        if status >= 300:
            raise SandboxError(f"{method} {target}: {status}: {_message(received)}")
        return received

    def _send(self, method: str, target: str, content: bytes | None) -> tuple[int, bytes]:
        kept = self._take()
        if kept is not None:
            try:
                return self._exchange(kept, method, target, content)
            except (BrokenPipeError, ConnectionResetError, BadStatusLine):
                # The sandbox has closed the connection since the last request, and has not read this one.
                pass
        # urllib would send this through a proxy if the environment names one.
        connection = HTTPConnection(self._authority, timeout=REQUEST_TIMEOUT)
        return self._exchange(connection, method, target, content)

    def _exchange(
        self, connection: HTTPConnection, method: str, target: str, content: bytes | None
    ) -> tuple[int, bytes]:
        try:
            connection.request(method, target, content, self._headers)
            response = connection.getresponse()
            received = response.read()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return response.status, received

    def _take(self) -> HTTPConnection | None:
        """The connection of the last request, unless another process forked from this one may use it too."""
        connection, self._connection = self._connection, None
        if self._process != os.getpid():
            self._process = os.getpid()
            return None
        return connection

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            connection = self._take()
            if connection is not None:
                connection.close()

    def json(
        self, method: str, path: str, query: Mapping[str, object] | None = None, body: object = None
    ) -> Any:
        """Sends a request and decodes its response; ``None`` if that is empty."""
        received = self.call(method, path, query, body)
        return json.loads(received) if received else None


def _message(received: bytes) -> str:
    try:
        return str(json.loads(received)["error"])
    except (ValueError, KeyError, TypeError):
        return received[:1000].decode(errors="replace")
