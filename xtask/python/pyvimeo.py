"""The scenario with the published PyVimeo. The lines that the sandbox prints for it change only its host."""

import os
import time
from urllib.parse import parse_qs, urlparse

import requests

from steps import run

exec(os.environ["CLIENT_LINES"])

# PyVimeo waits for half a minute between attempts. The scenario does not test that.
time.sleep = lambda seconds: None

film, picture, track = os.environ["FILM"], os.environ["PICTURE"], os.environ["TEXT_TRACK"]
key, secret = client.app_info
made = {}


def log_in():
    app = vimeo.VimeoClient(key=key, secret=secret)
    assert app.load_client_credentials(["public"]), "no token for the app alone"
    assert app.get("/categories").status_code == 200

    # As a browser would: the page's form, sent with the user's consent.
    redirect = "http://127.0.0.1:9/back"
    page = urlparse(app.auth_url("public private", redirect, "state"))
    form = {name: values[0] for name, values in parse_qs(page.query).items()}
    response = requests.post(
        f"{page.scheme}://{page.netloc}{page.path}", data={**form, "decision": "accept"}, allow_redirects=False
    )
    back = parse_qs(urlparse(response.headers["Location"]).query)
    assert back["state"] == ["state"]
    token, user, scope = app.exchange_code(back["code"][0], redirect)
    assert token and user["uri"] and scope == "public private"
    assert app.get("/me").json()["uri"] == user["uri"]


def get():
    response = client.get("/me", params={"fields": "uri,name"})
    assert response.status_code == 200 and set(response.json()) == {"uri", "name"}
    refused = client.get("/videos/404404404")
    assert refused.status_code == 404 and refused.json()["error"]


def page():
    for number in range(3):
        client.post("/me/albums", data={"name": f"Showcase {number}"})
    uri, seen = "/me/albums?per_page=2&fields=uri,name", []
    while uri:
        response = client.get(uri).json()
        seen += [item["uri"] for item in response["data"]]
        uri = response["paging"]["next"]
    assert response["total"] == len(seen) == len(set(seen)) == 3


def upload():
    made["video"] = client.upload(film, data={"name": "Surf", "privacy": {"view": "nobody"}, "chunk_size": 65536})
    video = client.get(made["video"], params={"fields": "name,privacy.view,upload.status,upload.size"}).json()
    assert video["name"] == "Surf" and video["privacy"]["view"] == "nobody"
    assert video["upload"]["status"] == "complete", video


def edit():
    response = client.patch(made["video"], data={"name": "Swell"})
    assert response.status_code == 200 and response.json()["name"] == "Swell"
    assert client.put(f"{made['video']}/tags/ocean").status_code in (200, 201, 204)
    assert client.get(f"{made['video']}/tags").json()["total"] == 1


def replace():
    assert client.replace(made["video"], film) == made["video"]
    assert client.get(f"{made['video']}/versions").json()["total"] == 2


def add_picture():
    response = client.upload_picture(made["video"], picture, activate=True)
    assert response["active"] and client.get(response["uri"]).json()["active"] is True


def add_text_track():
    client.upload_texttrack(made["video"], "captions", "en", track)
    assert client.get(f"{made['video']}/texttracks").json()["total"] == 1


def delete():
    assert client.delete(made["video"]).status_code == 204
    assert client.get(made["video"]).status_code == 404


run(
    [
        ("log in", log_in),
        ("get", get),
        ("page", page),
        ("upload", upload),
        ("edit", edit),
        ("replace", replace),
        ("picture", add_picture),
        ("text track", add_text_track),
        ("delete", delete),
    ]
)
