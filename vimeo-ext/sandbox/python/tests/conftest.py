from __future__ import annotations

import pytest
import vimeo
from pytest_vimeo_sandbox import World

pytest_plugins = ["pytester"]


@pytest.fixture
def client(vimeo_sandbox: World, monkeypatch: pytest.MonkeyPatch) -> vimeo.VimeoClient:
    """The published PyVimeo, in the world of the test."""
    monkeypatch.setattr(vimeo.VimeoClient, "API_ROOT", vimeo_sandbox.url.rstrip("/"))
    return vimeo.VimeoClient(
        token=vimeo_sandbox.token, key=vimeo_sandbox.client_id, secret=vimeo_sandbox.client_secret
    )
