"""The plugin in pytest processes of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pytest_vimeo_sandbox import SandboxError, start_sandbox

README = Path(__file__).parent.parent / "README.md"

DEADLINE = 60.0

BLOCKED = """
import sys

def test_it(vimeo_sandbox):
    print(f"at {vimeo_sandbox.url}", flush=True)
    sys.stdin.readline()
"""


def wait_until_closed(url: str) -> None:
    """Waits until nothing listens on the port of a URL."""
    address = (urlsplit(url).hostname, urlsplit(url).port)
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            socket.create_connection(address).close()
        except OSError:
            return
        time.sleep(0.01)
    pytest.fail(f"{url} still listens")


def test_the_examples_of_the_readme_pass(pytester: pytest.Pytester) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    for number, example in enumerate(examples):
        pytester.makepyfile(**{f"test_example_{number}": example})
    pytester.runpytest_subprocess().assert_outcomes(passed=5)


def test_each_xdist_worker_has_its_own_process(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import json, os, pytest

        @pytest.mark.parametrize("number", range(8))
        def test_it(vimeo_sandbox, vimeo_sandbox_session, number):
            assert vimeo_sandbox.requests() == []
            line = [os.getpid(), vimeo_sandbox_session.pid, vimeo_sandbox_session.url]
            with open("seen.jsonl", "a") as file:
                file.write(json.dumps(line) + "\\n")
        """
    )
    pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=8)
    lines = (pytester.path / "seen.jsonl").read_text().splitlines()
    seen = {tuple(json.loads(line)) for line in lines}
    assert len(seen) == len({worker for worker, _, _ in seen}) == len({pid for _, pid, _ in seen}) == 2
    for _, _, url in seen:
        wait_until_closed(url)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signal")
def test_a_killed_pytest_leaves_no_process(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(BLOCKED)
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        url = next(line.split()[-1] for line in running.stdout if "at http" in line)
        running.kill()
    wait_until_closed(url)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no process groups with signals")
def test_an_interrupt_from_the_keyboard_ends_quietly(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(BLOCKED)
    # Programs in the background of a shell ignore the signal unless they ask for it.
    program = (
        "import signal, sys, pytest; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "sys.exit(pytest.main(['-s', '-p', 'no:cacheprovider']))"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        url = next(line.split()[-1] for line in running.stdout if "at http" in line)
        os.killpg(running.pid, signal.SIGINT)
        said = running.stdout.read()
    assert running.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in said and "SandboxError" not in said
    wait_until_closed(url)


def test_a_failed_test_reports_its_requests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import urllib.request

        def test_it(vimeo_sandbox):
            vimeo_sandbox.add_fault(503, path="/me")
            headers = {"Authorization": f"bearer {vimeo_sandbox.token}"}
            for path in ["me?page=2", "me/movies"]:
                request = urllib.request.Request(vimeo_sandbox.url + path, headers=headers)
                try:
                    urllib.request.urlopen(request)
                except urllib.error.HTTPError:
                    pass
            assert False
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*Vimeo sandbox requests*",
            "503 GET /me?page=2  (fault *)",
            "404 GET /me/movies  (unknown; the closest is *)",
        ]
    )


def test_the_standard_error_of_the_sandbox_is_shown(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile("def test_it(vimeo_sandbox): pass")
    broken = shlex.join([sys.executable, "-c", "import sys; sys.exit('no room')"])
    with monkeypatch.context() as patch:
        patch.setenv("VIMEO_SANDBOX", "not used")
        result = pytester.runpytest_subprocess("--vimeo-sandbox", broken)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["the sandbox did not start; it ended with exit code 1", "no room"])

    # The real one, with an argument that it does not have.
    pytester.makeini("[pytest]\nvimeo_sandbox_args = --no-such-option")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ended with exit code 2", "*--no-such-option*"])


def test_a_missing_sandbox_fails_tests_and_skips_none(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile("def test_it(vimeo_sandbox): pass")
    monkeypatch.setenv("VIMEO_SANDBOX", "no-such-sandbox --proxy")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["no program 'no-such-sandbox', which VIMEO_SANDBOX or an option names"])
    monkeypatch.delenv("VIMEO_SANDBOX")
    monkeypatch.setenv("PATH", str(pytester.path))
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["no sandbox: install vimeo-sandbox or vimeo on the PATH, or set VIMEO_SANDBOX *"])


@pytest.mark.skipif(os.name != "posix", reason="it is a shell script")
def test_the_command_comes_from_the_configuration_or_the_path(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.environ["VIMEO_SANDBOX"]
    folder = pytester.mkdir("a folder")
    script, said = folder / "vimeo", folder / "arguments"
    script.write_text(
        "#!/bin/sh\n"
        'test "$1" = sandbox || exit 9\n'
        "shift\n"
        f'echo "$@" > {shlex.quote(str(said))}\n'
        f'exec {shlex.quote(real)} "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.delenv("VIMEO_SANDBOX")
    start_sandbox([str(script), "sandbox"]).close()
    assert said.read_text() == "--stop-with-stdin --keep-bytes --digest\n"
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), "/usr/bin", "/bin"]))
    pytester.makepyfile("def test_it(vimeo_sandbox): assert vimeo_sandbox.videos() == []")
    kept = folder / "bytes"
    for command, arguments, expected in [
        (f"'{script}' sandbox", "--seed 7", "--stop-with-stdin --keep-bytes --digest --seed 7\n"),
        ("", f"'--keep-bytes={kept}' --digest", f"--stop-with-stdin --keep-bytes={kept} --digest\n"),
    ]:
        pytester.makeini(f"[pytest]\nvimeo_sandbox = {command}\nvimeo_sandbox_args = {arguments}")
        pytester.runpytest_subprocess().assert_outcomes(passed=1)
        assert said.read_text() == expected
    assert kept.is_dir()


def test_the_control_token_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIMEO_SANDBOX_CONTROL_TOKEN", "open-sesame")
    # A port that several sandboxes cannot share.
    monkeypatch.setenv("VIMEO_SANDBOX_PORT", "1")
    with start_sandbox() as sandbox:
        assert sandbox.env["VIMEO_SANDBOX_CONTROL_TOKEN"] == "open-sesame"
        assert sandbox.requests() == []
    with start_sandbox(arguments=["--control-token", "another"]) as sandbox:
        assert sandbox.add_world().env["VIMEO_SANDBOX_CONTROL_TOKEN"] == "another"


@pytest.mark.parametrize("arguments", [["--control-token", "open-sesame"], ["--control-token=open-sesame"]])
def test_errors_do_not_show_the_control_token(arguments: list[str]) -> None:
    with pytest.raises(SandboxError, match="command: .* --proxy\n") as failure:
        start_sandbox(arguments=[*arguments, "--no-such-option", "--proxy"])
    assert "open-sesame" not in str(failure.value)
    with start_sandbox(arguments=arguments) as sandbox:
        assert sandbox.env["VIMEO_SANDBOX_CONTROL_TOKEN"] == "open-sesame"
        assert sandbox.requests() == []


def test_a_closed_sandbox_says_so() -> None:
    with start_sandbox() as sandbox:
        world = sandbox.add_world()
    sandbox.close()
    wait_until_closed(sandbox.url)
    with pytest.raises(SandboxError, match="does not respond: .*; it ended with exit code 0\ncommand: "):
        world.requests()
    with pytest.raises(SandboxError, match="the command is not a sandbox; it printed b'{}"):
        start_sandbox([sys.executable, "-c", "print('{}')"])


CLOSING = """
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps({"now": "2026-01-01T00:00:00Z"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        # Without saying so.
        self.close_connection = True

    def log_message(self, format, *args):
        print(self.path, file=sys.stderr, flush=True)

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}/", "world": 1}), flush=True)
import threading
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""


def test_a_closed_connection_is_replaced() -> None:
    with start_sandbox([sys.executable, "-c", CLOSING]) as sandbox:
        assert {sandbox.now().year for _ in range(5)} == {2026}
    assert sandbox.stderr().splitlines() == ["/_sandbox/clock?world=1"] * 5
