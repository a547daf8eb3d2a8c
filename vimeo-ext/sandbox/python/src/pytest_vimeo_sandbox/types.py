"""What the control API takes and returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict, Union

Host = Literal["api", "upload"]
"""One of the sandbox's two hosts. To a client they are different servers."""

Effect = Union[int, Literal["reset", "stall", "lose_upload"], Mapping[str, Any]]
"""What a fault does: a status such as ``503``, a name, or a mapping.

The mappings are ``{"status": 503}``, ``{"html_error": 502}``, ``{"body": [status, media_type, text]}``, ``{"truncate": bytes}``,
``{"dribble": {"bytes": 1, "every_ms": 20}}``, ``{"wrong_shape": "/json/pointer"}``, ``{"unknown_value": "/json/pointer"}`` and
``{"wrong_offset": offset}``.
"""

Phase = Union[Literal["before", "after_commit"], Mapping[Literal["mid_body"], int]]
"""When a fault takes effect: before the request is processed, after it, or after this many bytes of its body."""

Transcode = Union[
    Literal["immediate", "by_hand"], Mapping[Literal["after", "after_reads", "fails_after"], float]
]
"""How an upload becomes playable; times are in seconds of the world's clock. ``by_hand`` waits for ``finish_transcode``."""

Fixture = Literal["empty", "small", "mutated", "large"]
"""Predefined content: none, a few videos and folders, the same with mutated responses, or 10,000 videos."""

Mutation = Literal["old", "new", "fuzz"]
"""How responses differ from the API description."""

RateLimitHeaders = Literal["iso", "unix", "absent"]
"""The format of the rate limit headers."""


class _UnknownParameters(TypedDict, total=False):
    unknown_parameters: list[str]


class Request(_UnknownParameters):
    """One request in the request log. Headers that carry secrets are left out."""

    seq: int
    in_world: int
    world: int | None
    host: Host
    method: str
    path: str
    query: str
    operation: str | None
    status: int | None
    token: str | None
    headers: dict[str, str]
    has_authorization: bool
    body_length: int
    answered_offset: int | None
    fault: int | None
    near: str | None


class FaultHit(TypedDict):
    """A request that a fault hit. ``seq`` is that of the request."""

    fault: int
    seq: int
    world: int | None
    phase: Any
    effect: Any


class PendingFault(TypedDict):
    """A fault that waits for requests."""

    fault: int
    waits: dict[str, Any]


class Upload(TypedDict):
    """An upload. ``video`` is the URI of its video."""

    video: str
    size: int | None
    received: int
    complete: bool
    sha256: str | None


class Video(TypedDict):
    """A video, as the sandbox's page shows it."""

    id: int
    uri: str
    name: str
    created: str
    status: str
    privacy: str
    size: int | None
    received: int
    has_file: bool


class Delivery(TypedDict):
    """An attempt to deliver an event to a webhook."""

    url: str
    status: int | None
    error: str | None


class Event(TypedDict):
    """An event and its deliveries."""

    id: int
    kind: str
    resource: str
    at: str
    given: dict[str, Any]
    deliveries: list[Delivery]


class Clock(TypedDict):
    """The time of a world, in ISO 8601."""

    world: int
    now: str
    frozen: bool


class Window(TypedDict):
    """How much of a rate limit is used, and when its window ends."""

    used: int
    reset: str | None


class RateLimit(TypedDict):
    """The rate limit of a world's token, for requests without and with ``fields``."""

    world: int
    limit: dict[str, Any]
    plain: Window
    with_fields: Window
