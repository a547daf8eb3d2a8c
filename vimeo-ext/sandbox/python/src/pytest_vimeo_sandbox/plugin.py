"""The pytest plugin."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from .control import SandboxError
from .sandbox import Sandbox, start_sandbox
from .world import World

MAX_REPORTED_REQUESTS = 50
"""How many of the newest requests of a failed test are reported."""

_SANDBOX = pytest.StashKey[Sandbox]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("vimeo-sandbox")
    group.addoption(
        "--vimeo-sandbox",
        metavar="COMMAND",
        help="the sandbox: a path or a command line. Without it: the environment variable VIMEO_SANDBOX, the option"
        " vimeo_sandbox of the configuration file, vimeo-sandbox or vimeo on the PATH.",
    )
    parser.addini("vimeo_sandbox", "the sandbox: a path or a command line.")
    parser.addini("vimeo_sandbox_args", "more arguments of the sandbox, such as --proxy.", type="args", default=[])


@pytest.fixture(scope="session")
def vimeo_sandbox_session(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The sandbox of this process, and its first world, which all tests share."""
    config = request.config
    command = config.getoption("--vimeo-sandbox")
    # The environment takes precedence over the configuration file, which is the same for everybody.
    command = command or _environment_or(config.getini("vimeo_sandbox"))
    try:
        sandbox = start_sandbox(command, config.getini("vimeo_sandbox_args"))
    except SandboxError as error:
        pytest.fail(str(error), pytrace=False)
    config.stash[_SANDBOX] = sandbox
    with sandbox:
        yield sandbox


@pytest.fixture
def vimeo_sandbox(vimeo_sandbox_session: Sandbox) -> Iterator[World]:
    """A world of this test alone. It is removed when the test ends."""
    world = vimeo_sandbox_session.add_world()
    yield world
    world.remove()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Add the requests of a failed test, and what the sandbox wrote to standard error, to its report."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if not report.failed:
        return
    world = getattr(item, "funcargs", {}).get("vimeo_sandbox")
    if report.when == "call" and isinstance(world, World):
        report.sections.append(("Vimeo sandbox requests", _requests(world)))
    sandbox = item.config.stash.get(_SANDBOX, None)
    stderr = sandbox.stderr() if sandbox else ""
    if stderr:
        report.sections.append(("Vimeo sandbox stderr", stderr))


def _environment_or(command: str) -> str | None:
    return os.environ.get("VIMEO_SANDBOX") or command or None


def _requests(world: World) -> str:
    try:
        requests = world.requests()
    except SandboxError as error:
        return str(error)
    left_out = len(requests) - MAX_REPORTED_REQUESTS
    lines = [f"{left_out} more before these"] if left_out > 0 else []
    for entry in requests[-MAX_REPORTED_REQUESTS:]:
        line = f"{entry['status'] or '---'} {entry['method']} {entry['path']}"
        if entry["query"]:
            line += f"?{entry['query']}"
        if entry["fault"] is not None:
            line += f"  (fault {entry['fault']})"
        if entry["near"] is not None:
            line += f"  (unknown; the closest is {entry['near']})"
        lines.append(line)
    return "\n".join(lines) or "none"
