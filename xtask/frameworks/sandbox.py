"""Prepares and checks a sandbox: sandbox.py (prepare | check TEXT). Prints nothing if all is right."""

import json
import os
import sys
from urllib.request import Request, urlopen

BASE = os.environ["VIMEO_BASE_URL"].rstrip("/")


def call(method: str, path: str, body: dict | None = None) -> dict:
    request = Request(
        BASE + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"bearer {os.environ['VIMEO_ACCESS_TOKEN']}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as response:
        return json.load(response)


def prepare() -> None:
    for now, names in (("2026-01-20T12:00:00Z", ["Old one", "Old two"]), ("2026-02-10T12:00:00Z", ["A", "B", "C"])):
        call("POST", "/_sandbox/clock", {"set": now})
        for name in names:
            call("POST", "/me/videos", {"name": name, "upload": {"approach": "tus", "size": 1}})


def check(answer: str) -> None:
    (showcase,) = call("GET", "/me/albums?fields=uri,link,name")["data"]
    assert answer == f"3 videos are in {showcase['link']}", answer
    assert showcase["name"] == "Videos of this month", showcase
    videos = call("GET", f"{showcase['uri']}/videos?fields=name")["data"]
    assert sorted(video["name"] for video in videos) == ["A", "B", "C"], videos


if sys.argv[1] == "prepare":
    prepare()
else:
    check(sys.argv[2])
