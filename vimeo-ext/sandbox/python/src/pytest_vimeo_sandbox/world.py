"""One world of a sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from .control import Control
from .types import (
    Effect,
    Event,
    FaultHit,
    Fixture,
    Host,
    Mutation,
    PendingFault,
    Phase,
    RateLimit,
    RateLimitHeaders,
    Request,
    Transcode,
    Upload,
    Video,
)


class World:
    """An independent state of a sandbox, with its own token, user, videos, clock, faults and request log.

    Videos are given by ID or by URI. Times are in seconds.
    """

    def __init__(self, control: Control, description: Mapping[str, Any], control_token: str | None) -> None:
        self._control = control
        self._description = dict(description)
        self._control_token = control_token
        self._is_removed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} at {self.url}>"

    @property
    def id(self) -> int:
        """The number of the world, as in the request log."""
        return int(self._description["world"])

    @property
    def url(self) -> str:
        """The base URL of the API, such as ``http://127.0.0.1:40123/``."""
        return self._text("url")

    @property
    def upload_url(self) -> str:
        """The base URL of the upload host, which upload links point to."""
        return self._text("upload_url")

    @property
    def https_url(self) -> str | None:
        """The https base URL, if the sandbox was started with ``--https``."""
        return cast("str | None", self._description.get("https_url"))

    @property
    def proxy_url(self) -> str | None:
        """The URL of the proxy, if the sandbox was started with ``--proxy``."""
        return cast("str | None", self._description.get("proxy_url"))

    @property
    def ca_file(self) -> str | None:
        """The path of the certificate authority for https and the proxy."""
        return cast("str | None", self._description.get("ca_file"))

    @property
    def token(self) -> str:
        """An access token of the first user. It is obviously fake."""
        return self._text("token")

    @property
    def client_id(self) -> str:
        """The client ID of the app."""
        return self._text("client_id")

    @property
    def client_secret(self) -> str:
        """The client secret of the app."""
        return self._text("client_secret")

    @property
    def app_id(self) -> int:
        """The ID of the app, as in ``/apps/{app_id}``."""
        return int(self._description["app_id"])

    @property
    def user_id(self) -> int:
        """The ID of the first user, as in ``/users/{user_id}``."""
        return int(self._description["user_id"])

    @property
    def env(self) -> dict[str, str]:
        """Environment variables for a program that uses this world."""
        variables = {
            "VIMEO_BASE_URL": self.url,
            "VIMEO_ACCESS_TOKEN": self.token,
            "VIMEO_CLIENT_ID": self.client_id,
            "VIMEO_CLIENT_SECRET": self.client_secret,
            "VIMEO_SANDBOX_URL": self.url,
        }
        if self._control_token:
            variables["VIMEO_SANDBOX_CONTROL_TOKEN"] = self._control_token
        return variables

    # The request log

    def requests(self) -> list[Request]:
        """Return the requests of this world so far, on both hosts, in order of arrival."""
        lines = self._control.call("GET", "/requests", self._here())
        return [cast(Request, json.loads(line)) for line in lines.splitlines() if line]

    def clear_requests(self) -> None:
        """Remove the requests of this world from the request log."""
        self._control.call("DELETE", "/requests", self._here())

    def assert_requested(
        self,
        method: str | None = None,
        path: str | None = None,
        *,
        operation: str | None = None,
        host: Host | None = None,
        status: int | None = None,
        times: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
    ) -> None:
        """Fail unless the request log has requests that meet all conditions: at least one, if no number is given.

        ``path`` is a prefix, ``operation`` Vimeo's name of the operation, such as ``get_video``. The error lists requests that
        fail only one condition.
        """
        conditions = {
            "method": method,
            "path": path,
            "operation": operation,
            "host": host,
            "status": status,
            "times": times,
            "at_least": at_least,
            "at_most": at_most,
        }
        expected = {name: value for name, value in conditions.items() if value is not None}
        body = {"expect": [{**expected, "world": self.id}]}
        result = self._control.json("POST", "/requests/verify", body=body)
        if result["met"]:
            return
        unmet = result["unmet"][0]
        wanted = ", ".join(f"{name}={value!r}" for name, value in expected.items()) or "any request"
        message = f"expected {wanted}; {unmet['seen']} requests match"
        near = unmet["near"]
        raise AssertionError("\n".join([message, *(f"near: {line}" for line in near)]))

    # Faults

    def add_fault(
        self,
        effect: Effect,
        *,
        method: str | None = None,
        path: str | None = None,
        operation: str | None = None,
        host: Host | None = None,
        nth: int | None = None,
        times: int = 1,
        phase: Phase = "before",
    ) -> int:
        """Make the next matching requests of this world fail, and return the number of the fault.

        ``path`` is a prefix, ``operation`` Vimeo's name of the operation, such as ``get_video``. ``nth`` is the first matching
        request to hit, counted from 1, and ``times`` how many are hit.
        """
        conditions = {
            "method": method,
            "path": path,
            "operation": operation,
            "host": host,
            "nth": nth,
            "world": self.id,
        }
        body = {
            "match": {name: value for name, value in conditions.items() if value is not None},
            "times": times,
            "phase": phase if isinstance(phase, str) else dict(phase),
            "effect": {"status": effect} if isinstance(effect, int) else effect,
        }
        return int(self._control.json("POST", "/faults", body=body)["fault"])

    def pending_faults(self) -> list[PendingFault]:
        """Return the faults of this world that still wait for a request."""
        return cast("list[PendingFault]", self._control.json("GET", "/faults", self._here())["waiting"])

    def fault_hits(self) -> list[FaultHit]:
        """Return the requests of this world that faults hit, in order."""
        return cast("list[FaultHit]", self._control.json("GET", "/faults/fired", self._here())["fired"])

    def clear_faults(self) -> None:
        """Remove the pending faults of this world."""
        self._control.call("DELETE", "/faults", self._here())

    # The clock

    def now(self) -> datetime:
        """Return the time of the world's clock."""
        return _time(self._control.json("GET", "/clock", self._here()))

    def freeze(self, at: datetime | None = None) -> datetime:
        """Stop the clock, at this time or at the present, and return its time. A time without a zone is UTC."""
        return self._set_clock({"freeze": True if at is None else _iso(at)})

    def set_time(self, to: datetime) -> datetime:
        """Set the clock, which keeps moving or stays frozen, and return its time."""
        return self._set_clock({"set": _iso(to)})

    def advance(self, by: float | timedelta) -> datetime:
        """Advance the clock and return its time. What is due happens at once: transcoding ends, links expire."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else by
        return self._set_clock({"advance": seconds})

    def resume(self) -> datetime:
        """Let a frozen clock move again, and return its time."""
        return self._set_clock({"resume": True})

    # Content

    def fill(self, fixture: Fixture) -> int:
        """Add predefined content and return the number of videos added."""
        return self._seed(fixture)

    def fill_videos(self, count: int) -> int:
        """Add this many playable videos of the first user, and return their number."""
        return self._seed({"videos": count})

    def fill_toml(self, text: str) -> int:
        """Add content by the steps of a fixture in TOML, and return the number of videos added."""
        return self._seed({"fixture": text})

    def reset(self, *, keep_accounts: bool = False) -> None:
        """Return the world to its beginning, with ``keep_accounts`` except for users and tokens.

        Also removes its pending faults and its requests from the request log.
        """
        query = self._here()
        if keep_accounts:
            query["keep"] = "accounts"
        self._control.call("POST", "/reset", query)

    def videos(self) -> list[Video]:
        """Return the newest 200 videos, newest first."""
        return cast("list[Video]", self._control.json("GET", "/videos", self._here())["videos"])

    # Uploads

    def uploads(self) -> list[Upload]:
        """Return the uploads, with the number of received bytes and the SHA-256 of completed ones."""
        return cast("list[Upload]", self._control.json("GET", "/uploads", self._here())["uploads"])

    def upload_bytes(self, video: int | str) -> bytes:
        """Return the bytes of a video's completed upload."""
        return self._control.call("GET", f"/videos/{_id(video)}/file", self._here())

    def set_transcode(self, rule: Transcode) -> None:
        """Set how later uploads become playable. At the beginning, that is two seconds after the last byte."""
        self._change({"transcode": rule if isinstance(rule, str) else dict(rule)})

    def set_pull(self, error: str | None) -> None:
        """Set the outcome of uploads that Vimeo fetches: success, or an ``upload.error`` such as ``remote_not_found``."""
        self._change({"pull": "succeeds" if error is None else {"fails": error}})

    def set_mutation(self, mutation: Mutation | None) -> None:
        """Make responses differ from the API description, or match it."""
        self._change({"mutation": mutation})

    def finish_transcode(self, video: int | str) -> None:
        """Complete the transcoding of a completed upload."""
        self._change({"video": _id(video), "to": "available"})

    def fail_transcode(self, video: int | str) -> None:
        """Fail the transcoding of a completed upload."""
        self._change({"video": _id(video), "to": "transcode_failed"})

    def lose_upload(self, video: int | str) -> None:
        """Discard the upload of a video: its link answers 404 from now on."""
        self._change({"video": _id(video), "to": "upload_lost"})

    # Rate limits

    def set_rate_limit(
        self,
        plain: int,
        with_fields: int,
        *,
        window: float = 60.0,
        headers: RateLimitHeaders = "iso",
        token: str | None = None,
    ) -> None:
        """Set how many requests a token may send per window, without and with ``fields``, and start a new window."""
        body = {"plain": plain, "with_fields": with_fields, "window": window, "headers": headers}
        self._control.call("POST", "/limits", self._here(), {**body, "token": token or self.token})

    def rate_limit(self) -> RateLimit:
        """Return the rate limit of the world's token, and how much of it is used."""
        return cast(RateLimit, self._control.json("GET", "/limits", self._here()))

    # Events

    def events(self) -> list[Event]:
        """Return the events so far, once they have been delivered to webhooks or their delivery has failed."""
        return cast("list[Event]", self._control.json("GET", "/events", self._here(wait="true"))["events"])

    def trigger(
        self, event: str, resource: str | None = None, payload: Mapping[str, Any] | None = None
    ) -> int:
        """Trigger an event such as ``video-updated`` for a resource, or for the newest video, and return its number.

        ``payload`` is merged into the webhook's body. ``events`` waits for the delivery.
        """
        body: dict[str, Any] = {"event": event, "payload": dict(payload or {})}
        if resource is not None:
            body["resource"] = resource
        return int(self._control.json("POST", "/trigger", self._here(), body)["event"])

    def resend(self, event: int) -> None:
        """Deliver an event again."""
        self._control.call("POST", f"/events/{event}/resend", self._here())

    def remove(self) -> None:
        """Remove the world: its token and links become invalid. A second call does nothing.

        The first world of a sandbox cannot be removed.
        """
        if not self._is_removed:
            self._control.call("DELETE", f"/worlds/{self.id}")
            self._is_removed = True

    def _text(self, name: str) -> str:
        return str(self._description[name])

    def _here(self, **others: str) -> dict[str, object]:
        return {"world": self.id, **others}

    def _set_clock(self, change: Mapping[str, object]) -> datetime:
        return _time(self._control.json("POST", "/clock", self._here(), change))

    def _seed(self, fixture: object) -> int:
        return int(self._control.json("POST", "/seed", self._here(), fixture)["videos"])

    def _change(self, transition: Mapping[str, object]) -> None:
        self._control.call("POST", "/transitions", self._here(), transition)


def _id(video: int | str) -> int:
    """The ID of a video, from a number or a URI such as ``/videos/123`` or ``/videos/123:hash``."""
    if isinstance(video, int):
        return video
    digits = video.removeprefix("/videos/").partition(":")[0]
    if not digits.isdecimal():
        raise ValueError(f"{video!r} is not the ID or the URI of a video")
    return int(digits)


def _iso(at: datetime) -> str:
    return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).isoformat()


def _time(clock: Mapping[str, Any]) -> datetime:
    # Python 3.10 reads no Z.
    return datetime.fromisoformat(str(clock["now"]).replace("Z", "+00:00"))
