"""Tests of a program that uses PyVimeo."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import vimeo
from pytest_vimeo_sandbox import Sandbox, SandboxError, World

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def film(tmp_path: Path) -> str:
    path = tmp_path / "film.mp4"
    path.write_bytes(CONTENT)
    return str(path)


def test_uploads_and_edits_a_video(client: vimeo.VimeoClient, vimeo_sandbox: World, film: str) -> None:
    uri = client.upload(film, data={"name": "Surf"})
    assert client.patch(uri, data={"name": "Swell"}).json()["name"] == "Swell"

    assert vimeo_sandbox.upload_bytes(uri) == CONTENT
    [upload] = vimeo_sandbox.uploads()
    assert upload == {
        "video": uri,
        "size": len(CONTENT),
        "received": len(CONTENT),
        "complete": True,
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    [video] = vimeo_sandbox.videos()
    assert (video["uri"], video["name"], video["has_file"]) == (uri, "Swell", True)
    hosts = {request["host"] for request in vimeo_sandbox.requests()}
    assert hosts == {"api", "upload"}


def test_a_fault_hits_only_the_matching_requests(client: vimeo.VimeoClient, vimeo_sandbox: World) -> None:
    fault = vimeo_sandbox.add_fault(503, method="GET", path="/me", nth=2, times=2)
    assert [client.get("/me").status_code for _ in range(3)] == [200, 503, 503]
    assert client.get("/me").status_code == 200
    hits = vimeo_sandbox.fault_hits()
    assert [(hit["fault"], hit["effect"]) for hit in hits] == [(fault, {"status": 503})] * 2
    numbers = [request["seq"] for request in vimeo_sandbox.requests() if request["fault"] == fault]
    assert numbers == [hit["seq"] for hit in hits]

    vimeo_sandbox.add_fault({"html_error": 502}, phase="after_commit")
    assert len(vimeo_sandbox.pending_faults()) == 1
    vimeo_sandbox.clear_faults()
    assert vimeo_sandbox.pending_faults() == []
    with pytest.raises(SandboxError, match="unknown operation \"get_me\""):
        vimeo_sandbox.add_fault(503, operation="get_me")


def test_a_fault_leaves_other_worlds_alone(
    client: vimeo.VimeoClient, vimeo_sandbox: World, vimeo_sandbox_session: Sandbox
) -> None:
    other = vimeo_sandbox_session.add_world()
    other.add_fault(503)
    assert client.get("/me").status_code == 200
    assert (len(other.pending_faults()), vimeo_sandbox.pending_faults()) == (1, [])
    vimeo_sandbox.clear_faults()
    assert len(other.pending_faults()) == 1
    other.remove()
    other.remove()


@pytest.mark.parametrize("name", ["first", "second"])
def test_each_test_has_a_new_world(
    client: vimeo.VimeoClient, vimeo_sandbox: World, film: str, name: str
) -> None:
    assert client.get("/me/videos").json()["total"] == 0
    assert len(vimeo_sandbox.requests()) == 1
    uri = client.upload(film, data={"name": name})
    assert [video["name"] for video in vimeo_sandbox.videos()] == [name]
    # Worlds of one seed have the same IDs, whatever happened before.
    seen = _SEEN.setdefault("uri", uri)
    assert uri == seen


_SEEN: dict[str, str] = {}


def test_assertions_on_requests_name_near_misses(client: vimeo.VimeoClient, vimeo_sandbox: World) -> None:
    client.get("/videos/404404404")
    vimeo_sandbox.assert_requested("GET", "/videos/", status=404, times=1, host="api")
    vimeo_sandbox.assert_requested(operation="get_video")
    vimeo_sandbox.assert_requested("DELETE", times=0)
    with pytest.raises(AssertionError, match=r"'DELETE'.*; 0 requests match\nnear: GET /videos/404404404: method"):
        vimeo_sandbox.assert_requested("DELETE", "/videos/404404404")
    vimeo_sandbox.clear_requests()
    assert vimeo_sandbox.requests() == []


def test_the_clock_decides_when_a_video_is_playable(
    client: vimeo.VimeoClient, vimeo_sandbox: World, film: str
) -> None:
    then = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert vimeo_sandbox.freeze(then) == vimeo_sandbox.now() == then
    uri = client.upload(film)
    assert client.get(uri).json()["status"] == "transcoding"
    assert vimeo_sandbox.advance(timedelta(minutes=1)) == then + timedelta(minutes=1)
    assert client.get(uri).json()["status"] == "available"
    assert vimeo_sandbox.set_time(datetime(2027, 1, 1)) == datetime(2027, 1, 1, tzinfo=timezone.utc)
    assert vimeo_sandbox.resume() >= datetime(2027, 1, 1, tzinfo=timezone.utc)
    # The clock of another world: the test of the session's world does not see this.
    assert vimeo_sandbox.freeze().year == 2027


def test_transcoding_ends_by_hand(client: vimeo.VimeoClient, vimeo_sandbox: World, film: str) -> None:
    vimeo_sandbox.set_transcode("by_hand")
    one, other = client.upload(film), client.upload(film)
    vimeo_sandbox.finish_transcode(one)
    vimeo_sandbox.fail_transcode(other)
    statuses = {uri: client.get(uri).json()["status"] for uri in (one, other)}
    assert statuses == {one: "available", other: "transcoding_error"}
    vimeo_sandbox.set_transcode({"after": 0})
    assert client.get(client.upload(film)).json()["status"] == "available"


def test_lost_uploads_pulls_and_mutations(client: vimeo.VimeoClient, vimeo_sandbox: World) -> None:
    created = client.post("/me/videos", data={"upload": {"approach": "tus", "size": 10}}).json()
    vimeo_sandbox.lose_upload(created["uri"])
    link = created["upload"]["upload_link"]
    assert client.head(link, headers={"Tus-Resumable": "1.0.0"}).status_code == 404

    vimeo_sandbox.set_transcode("immediate")
    vimeo_sandbox.set_pull("remote_not_found")
    pull = {"upload": {"approach": "pull", "link": "http://127.0.0.1/film.mp4"}}
    uri = client.post("/me/videos", data=pull).json()["uri"]
    vimeo_sandbox.advance(60)
    assert client.get(uri).json()["upload"]["status"] == "error"
    vimeo_sandbox.set_pull(None)

    plain = client.get("/me").json()
    vimeo_sandbox.set_mutation("fuzz")
    assert client.get("/me").json() != plain
    vimeo_sandbox.set_mutation(None)
    assert client.get("/me").json() == plain


def test_rate_limits_are_per_window(client: vimeo.VimeoClient, vimeo_sandbox: World) -> None:
    vimeo_sandbox.freeze()
    vimeo_sandbox.set_rate_limit(2, 5, window=30)
    assert [client.get("/me").status_code for _ in range(2)] == [200, 200]
    with pytest.raises(vimeo.exceptions.APIRateLimitExceededFailure):
        client.get("/me")
    limit = vimeo_sandbox.rate_limit()
    assert (limit["plain"]["used"], limit["with_fields"]["used"], limit["limit"]["window"]) == (2, 0, 30.0)
    vimeo_sandbox.advance(30)
    assert client.get("/me").status_code == 200


def test_worlds_are_filled_and_reset(
    client: vimeo.VimeoClient, vimeo_sandbox: World, vimeo_sandbox_session: Sandbox
) -> None:
    assert vimeo_sandbox.fill_videos(2) == 2
    assert client.get("/me/videos").json()["total"] == 2
    added = vimeo_sandbox.fill("small")
    assert client.get("/me/videos").json()["total"] == 2 + added
    vimeo_sandbox.reset(keep_accounts=True)
    assert (client.get("/me/videos").json()["total"], len(vimeo_sandbox.requests())) == (0, 1)
    vimeo_sandbox.reset()
    assert client.get("/me").status_code == 200
    at = datetime(2026, 5, 4, tzinfo=timezone.utc)
    other = vimeo_sandbox_session.add_world(seed=7, fill="small", frozen=at)
    assert (len(other.videos()), other.now()) == (added, at)
    other.remove()


class _Receiver(BaseHTTPRequestHandler):
    received: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


def test_events_reach_webhooks(client: vimeo.VimeoClient, vimeo_sandbox: World, receiver: str) -> None:
    hook = {"webhook_type": "video-updated", "webhook_url": receiver}
    answer = client.post(f"/apps/{vimeo_sandbox.app_id}/webhooks", data=hook)
    assert answer.ok, answer.text
    number = vimeo_sandbox.trigger("video-updated", "/videos/1", {"more": True})
    [event] = [event for event in vimeo_sandbox.events() if event["id"] == number]
    assert [delivery["status"] for delivery in event["deliveries"]] == [200]
    vimeo_sandbox.resend(number)
    [event] = [event for event in vimeo_sandbox.events() if event["id"] == number]
    assert len(event["deliveries"]) == 2
    assert [body["more"] for body in _Receiver.received] == [True, True]


def test_the_session_has_a_world_of_its_own(vimeo_sandbox: World, vimeo_sandbox_session: Sandbox) -> None:
    assert isinstance(vimeo_sandbox_session, World)
    assert vimeo_sandbox_session.id == 1 and vimeo_sandbox.id > 1
    assert vimeo_sandbox_session.url == vimeo_sandbox.url
    assert vimeo_sandbox_session.token != vimeo_sandbox.token
    assert vimeo_sandbox.env["VIMEO_ACCESS_TOKEN"] == vimeo_sandbox.token
    assert vimeo_sandbox.upload_url != vimeo_sandbox.url
    assert (vimeo_sandbox.https_url, vimeo_sandbox.proxy_url, vimeo_sandbox.ca_file) == (None, None, None)


@pytest.mark.parametrize("video", ["/users/1", "", "videos/1"])
def test_other_uris_are_not_videos(vimeo_sandbox: World, video: str) -> None:
    with pytest.raises(ValueError, match="not the ID or the URI of a video"):
        vimeo_sandbox.upload_bytes(video)
