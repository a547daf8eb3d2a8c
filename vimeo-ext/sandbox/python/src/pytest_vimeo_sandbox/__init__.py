"""A Vimeo API server on localhost, for tests. The plugin's fixtures are ``vimeo_sandbox`` and ``vimeo_sandbox_session``."""

from .control import SandboxError
from .sandbox import Sandbox, start_sandbox
from .types import (
    Clock,
    Delivery,
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
    Window,
)
from .world import World

__all__ = [
    "Clock",
    "Delivery",
    "Effect",
    "Event",
    "FaultHit",
    "Fixture",
    "Host",
    "Mutation",
    "PendingFault",
    "Phase",
    "RateLimit",
    "RateLimitHeaders",
    "Request",
    "Sandbox",
    "SandboxError",
    "Transcode",
    "Upload",
    "Video",
    "Window",
    "World",
    "start_sandbox",
]
