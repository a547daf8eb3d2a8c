"""The scenario with the published tuspy. It receives an upload link, as it would from a user of Vimeo."""

import os

import requests
from tusclient.client import TusClient

from steps import run

base, token = os.environ["VIMEO_BASE_URL"].rstrip("/"), os.environ["VIMEO_ACCESS_TOKEN"]
film = os.environ["FILM"]
size = os.path.getsize(film)
api = requests.Session()
api.headers["Authorization"] = f"bearer {token}"
made = {}


def create():
    body = {"name": "Surf", "upload": {"approach": "tus", "size": size}}
    response = api.post(f"{base}/me/videos", json=body).json()
    made["video"], made["link"] = response["uri"], response["upload"]["upload_link"]


def uploader():
    return TusClient(made["link"]).uploader(
        film, url=made["link"], chunk_size=50000, retries=3, retry_delay=0.05
    )


def upload():
    first = uploader()
    first.upload_chunk()
    assert first.offset == 50000
    # As another process would, it reads the offset from the server and resumes there.
    second = uploader()
    assert second.offset == 50000
    second.upload()
    assert second.offset == size


def look():
    video = api.get(f"{base}{made['video']}", params={"fields": "upload.status"}).json()
    assert video["upload"]["status"] == "complete", video


def delete():
    assert api.delete(f"{base}{made['video']}").status_code == 204


run([("log in", create), ("upload", upload), ("get", look), ("delete", delete)])
