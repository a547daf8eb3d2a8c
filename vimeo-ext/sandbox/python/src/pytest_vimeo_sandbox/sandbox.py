"""A sandbox as a process."""

from __future__ import annotations

import json
import os
import queue
import shlex
import shutil
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import IO, Any

from .control import Control, SandboxError
from .types import Fixture
from .world import World, _iso

START_TIMEOUT = 120.0
"""Longer than a start takes, since the command may be one that builds the sandbox first."""

STOP_TIMEOUT = 10.0

MAX_STDERR_BYTES = 16 * 1024
"""How much of the end of standard error is shown."""


class Sandbox(World):
    """A running sandbox, and its first world. Leaving a ``with`` block stops it."""

    def __init__(self, process: _Process, description: dict[str, Any], control_token: str | None) -> None:
        control = Control(str(description["url"]), control_token, process.explain)
        super().__init__(control, description, control_token)
        self._process = process

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The ID of the process that was started."""
        return self._process.pid

    def add_world(
        self, *, seed: int = 0, fill: Fixture | None = None, frozen: datetime | None = None
    ) -> World:
        """Add a world. Worlds of the same seed give the same responses to the same requests.

        ``frozen`` is the time at which its clock stands still. Otherwise it starts like the clock of the first world.
        """
        body: dict[str, Any] = {"seed": seed}
        if fill is not None:
            body["fill"] = fill
        if frozen is not None:
            body["frozen"] = _iso(frozen)
        description = self._control.json("POST", "/worlds", body=body)
        return World(self._control, description, self._control_token)

    def stderr(self) -> str:
        """Return the end of what the sandbox has written to standard error."""
        return self._process.stderr()

    def close(self) -> None:
        """Stop the sandbox and wait for its end. A second call does nothing."""
        self._control.close()
        self._process.stop()


def start_sandbox(command: str | Sequence[str] | None = None, arguments: Sequence[str] = ()) -> Sandbox:
    """Start a sandbox on free ports.

    ``command`` is a path or a command line. Without it, the environment variable ``VIMEO_SANDBOX`` has it, or it is
    ``vimeo-sandbox`` or ``vimeo sandbox`` on the ``PATH``. ``arguments`` are more arguments, such as ``--proxy``. The sandbox
    stores the bytes of uploads in a temporary folder and stops when this process ends, however it ends.
    """
    own = ["--stop-with-stdin"]
    if not any(argument.split("=")[0] == "--keep-bytes" for argument in arguments):
        own.append("--keep-bytes")
    if "--digest" not in arguments:
        own.append("--digest")
    control_token, arguments = _take_control_token(arguments)
    process = _Process([*find_command(command), *own, *arguments], control_token)
    try:
        return Sandbox(process, process.ready_line(START_TIMEOUT), control_token)
    except BaseException:
        process.stop()
        raise


def _take_control_token(arguments: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The control token, and the arguments without it. It is passed in the environment: a command line can be read by other
    users, and errors show it."""
    for place, argument in enumerate(arguments):
        name, separator, value = argument.partition("=")
        if name == "--control-token":
            end = place + (1 if separator else 2)
            token = value if separator else "".join(arguments[place + 1 : end])
            if token:
                return token, [*arguments[:place], *arguments[end:]]
    return os.environ.get("VIMEO_SANDBOX_CONTROL_TOKEN"), arguments


def find_command(command: str | Sequence[str] | None) -> list[str]:
    """Return the words of the command that starts a sandbox."""
    command = command or os.environ.get("VIMEO_SANDBOX")
    if command:
        words = _words(command) if isinstance(command, str) else list(command)
        if shutil.which(words[0]) is None:
            raise SandboxError(f"no program {words[0]!r}, which VIMEO_SANDBOX or an option names")
        return words
    for words in (["vimeo-sandbox"], ["vimeo", "sandbox"]):
        if shutil.which(words[0]) is not None:
            return words
    raise SandboxError(
        "no sandbox: install vimeo-sandbox or vimeo on the PATH, or set VIMEO_SANDBOX to the path of one"
    )


def _words(command: str) -> list[str]:
    # A path may contain spaces, and on Windows backslashes.
    if shutil.which(command) is not None:
        return [command]
    return shlex.split(command, posix=os.name == "posix")


class _Process:
    """The process of a sandbox. It ends with its standard input, which ends with this process."""

    def __init__(self, command: list[str], control_token: str | None) -> None:
        self._command = command
        # Several sandboxes cannot share the port of this variable.
        environment = {name: value for name, value in os.environ.items() if name != "VIMEO_SANDBOX_PORT"}
        if control_token:
            environment["VIMEO_SANDBOX_CONTROL_TOKEN"] = control_token
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=environment,
                # An interrupt from the keyboard is for this process, which still uses the sandbox until it ends.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            raise SandboxError(f"cannot run {shlex.join(command)}: {error}") from error
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        self._ready: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._stderr = bytearray()
        # Both are read to their ends, so that the process never blocks.
        self._readers = [
            threading.Thread(target=self._read_stdout, args=(stdout,), name="sandbox stdout", daemon=True),
            threading.Thread(target=self._read_stderr, args=(stderr,), name="sandbox stderr", daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ready_line(self, timeout: float) -> dict[str, Any]:
        """Wait for the line that describes the sandbox."""
        try:
            line = self._ready.get(timeout=timeout)
        except queue.Empty:
            raise self.explain(f"the sandbox was not ready after {timeout:g} seconds") from None
        if not line:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT)
            raise self.explain("the sandbox did not start")
        description = json.loads(line)
        if not isinstance(description, dict) or "url" not in description:
            raise self.explain(f"the command is not a sandbox; it printed {line[:200]!r}")
        return description

    def explain(self, what: str) -> SandboxError:
        """An error with the state of the process and its standard error."""
        code = self._process.poll()
        if code is not None:
            self._join_readers()
        state = "" if code is None else f"; it ended with exit code {code}"
        return SandboxError(f"{what}{state}\ncommand: {shlex.join(self._command)}\n{self.stderr()}".rstrip())

    def stderr(self) -> str:
        return self._stderr.decode(errors="replace").strip()

    def stop(self) -> None:
        """End the process: by the end of its input, then with a signal."""
        with suppress(OSError):
            self._stdin.close()
        for end in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(STOP_TIMEOUT)
                break
            except subprocess.TimeoutExpired:
                end()
        self._process.wait()
        self._join_readers()

    def _join_readers(self) -> None:
        # A process that the command has started may still have the pipes.
        for reader in self._readers:
            reader.join(1.0)

    def _read_stdout(self, stdout: IO[bytes]) -> None:
        """Pass the ready line on; an empty line is the end."""
        with stdout:
            for line in stdout:
                if line.startswith(b"{"):
                    self._ready.put(line)
        self._ready.put(b"")

    def _read_stderr(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in stderr:
                self._stderr += line[-MAX_STDERR_BYTES:]
                del self._stderr[:-MAX_STDERR_BYTES]
