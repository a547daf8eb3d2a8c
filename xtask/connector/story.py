"""The whole story of the connector, played by a program without our code: requests and the standard library.

The environment has the addresses of the service and the sandbox, and the command that creates API keys. The transcript goes
to standard output; secrets and links are replaced in it.
"""

import hashlib
import json
import os
import subprocess
import threading
import time
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlparse

import requests

SERVICE = os.environ["SERVICE"].rstrip("/")
SANDBOX = os.environ["VIMEO_BASE_URL"].rstrip("/")
VIMEO = os.environ["VIMEO"]
TOKEN = os.environ["VIMEO_ACCESS_TOKEN"]
FILM = os.environ["FILM"]
RETURN_URL = os.environ["RETURN_URL"]
IDENTIFIER = "ann@python.example"
SCOPES = ["public", "private", "create", "edit", "delete", "upload"]
TIMEOUT = 30
PROTOCOL = "2026-07-28"

secrets = {TOKEN: "<access token>"}


def hide(text):
    for secret, name in secrets.items():
        text = text.replace(secret, name)
    return text.replace(SERVICE, "<service>").replace(SANDBOX, "<vimeo>")


def section(title):
    print(f"\n== {title}", flush=True)


def tell(request, status, members=None):
    shown = "" if members is None else " " + json.dumps(members, ensure_ascii=False, default=str)
    print(hide(f"{request} → {status}{shown}"), flush=True)


def pick(value, *names):
    return {name: value.get(name) for name in names}


class Api:
    """The service, with one API key."""

    def __init__(self, key):
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {key}"

    def __call__(self, method, path, status, body=None, show=(), **options):
        response = self.session.request(method, SERVICE + path, json=body, timeout=TIMEOUT, **options)
        value = response.json() if response.content else None
        input_text = "" if body is None else " " + json.dumps(body, ensure_ascii=False)
        tell(f"{method} {path}{input_text}", response.status_code, pick(value, *show) if show else None)
        assert response.status_code == status, (response.status_code, value)
        if status >= 400:
            assert response.headers["content-type"] == "application/problem+json"
            assert value["status"] == status and value["code"] and value["detail"], value
        return value


def vimeo(*arguments, **environment):
    environment = {**os.environ, **environment}
    done = subprocess.run(
        [VIMEO, *arguments], capture_output=True, text=True, env=environment, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout


def create_key(name, *arguments):
    key = vimeo("serve", "keys", "create", name, "--store", os.environ["STORE"], *arguments).strip()
    secrets[key] = "<API key>"
    tell(f"vimeo serve keys create {name} {' '.join(arguments)}".strip(), "done", {"key": key})
    return key


class Form(HTMLParser):
    """The fields of Vimeo's login page."""

    def __init__(self, page):
        super().__init__()
        self.fields = {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes["name"]] = attributes["value"]
        if tag == "option":
            self.fields.setdefault("user", attributes["value"])


class Events(threading.Thread):
    """Reads the server-sent events of the service until one has the wanted status."""

    def __init__(self, key, after, wanted):
        super().__init__(daemon=True)
        self.found, self.wanted = [], wanted
        self.response = requests.get(
            f"{SERVICE}/v1/events",
            headers={"Authorization": f"Bearer {key}", "Last-Event-ID": str(after)},
            stream=True,
            timeout=TIMEOUT,
        )
        assert self.response.status_code == 200, self.response.text
        assert self.response.headers["content-type"].startswith("text/event-stream")
        self.start()

    def run(self):
        for line in self.response.iter_lines(chunk_size=1, decode_unicode=True):
            if line.startswith("data:"):
                self.found.append(json.loads(line[5:]))
                if self.found[-1].get("identifier") == IDENTIFIER and self.found[-1]["to"] == self.wanted:
                    return

    def finish(self):
        self.join(TIMEOUT)
        assert not self.is_alive(), self.found
        self.response.close()
        return self.found


def video_at_vimeo(uri):
    headers = {"Authorization": f"bearer {TOKEN}"}
    return requests.get(SANDBOX + uri, headers=headers, timeout=TIMEOUT)


section("An API key")
key = create_key("python story", "--allow", "publish,comments,webhooks")
own_key = create_key("python agent", "--accounts", IDENTIFIER, "--allow", "publish,webhooks")
api = Api(key)
wrong = Api("wrong")("GET", "/v1/accounts", 401, show=("code", "detail"))
health = requests.get(f"{SERVICE}/healthz", timeout=TIMEOUT)
tell("GET /healthz", health.status_code, health.json())

section("An account, by the caller's own identifier")
path = f"/v1/accounts/{IDENTIFIER}"
first = api("PUT", path, 200, show=("identifier", "status", "version"))
again = api("PUT", path, 200, show=("identifier", "status", "version"))
assert first["status"] == "pending" and again == first, (first, again)
api("GET", "/v1/accounts/nobody", 404, show=("code", "detail"))

section("The user logs in")
events = Events(key, 0, "active")
link_body = {"scopes": SCOPES, "return_url": "https://elsewhere.example/"}
api("POST", f"{path}/authorization-links", 400, link_body, show=("code", "field"))
link_body["return_url"] = RETURN_URL
link = api("POST", f"{path}/authorization-links", 201, link_body)
secrets[link["url"]] = "<authorization link>"
page = requests.get(link["url"], timeout=TIMEOUT)
tell(f"browser: GET {link['url']}", page.status_code, "the user sees the scopes")
assert all(f"<li>{scope}</li>" in page.text for scope in SCOPES), page.text
decided = requests.post(
    f"{SANDBOX}/oauth/authorize",
    data={**Form(page.text).fields, "decision": "accept"},
    allow_redirects=False,
    timeout=TIMEOUT,
)
callback = decided.headers["location"]
assert callback.startswith(f"{SERVICE}/v1/callback?"), callback
tell("browser: POST <vimeo>/oauth/authorize (accept)", decided.status_code, "to <service>/v1/callback")
back = requests.get(callback, allow_redirects=False, timeout=TIMEOUT)
returned = back.headers["location"]
assert back.status_code == 303 and returned.startswith(RETURN_URL), (back.status_code, returned)
query = parse_qs(urlparse(returned).query)
assert query == {"identifier": [IDENTIFIER], "status": ["active"]}, query
tell("browser: GET <service>/v1/callback", back.status_code, {"back to": returned})
replayed = requests.get(callback, allow_redirects=False, timeout=TIMEOUT)
tell("browser: GET <service>/v1/callback (the same one again)", replayed.status_code)
assert replayed.status_code == 400

section("Status, and events of the status")
account = api("GET", path, 200, show=("identifier", "status", "user", "scopes"))
assert account["status"] == "active" and set(account["scopes"]) == set(SCOPES), account
verified = api("POST", f"{path}/verify", 200, show=("status",))
listed = api("GET", "/v1/accounts?status=active&limit=10", 200)
assert IDENTIFIER in [found["identifier"] for found in listed["accounts"]], listed
for event in events.finish():
    tell("event: status", "received", pick(event, "identifier", "from", "to"))
disabling = Events(key, events.found[-1].get("number", 1), "disabled")
api("POST", f"{path}/disable", 200, {"reason": "a pause"}, show=("status", "reason"))
tell("event: status", "received", pick(disabling.finish()[-1], "identifier", "from", "to", "reason"))
api("POST", f"{path}/tools/vimeo_me_get", 409, {}, show=("code", "detail"))
api("POST", f"{path}/enable", 200, show=("status",))
assert api("POST", f"{path}/verify", 200, show=("status",))["status"] == "active"

section("Definitions of the tools")
wanted = {
    "vimeo_my_videos_list",
    "vimeo_video_edit",
    "vimeo_showcase_create",
    "vimeo_showcase_video_add",
    "vimeo_webhook_create",
}
shapes = {
    "mcp": lambda tool: (tool["name"], tool["inputSchema"]),
    "anthropic": lambda tool: (tool["name"], tool["input_schema"]),
    "openai": lambda tool: (tool["function"]["name"], tool["function"]["parameters"]),
}
for shape, read in shapes.items():
    tools = api("GET", f"/v1/tools?format={shape}", 200)["tools"]
    found = dict(read(tool) for tool in tools)
    assert wanted <= set(found), wanted - set(found)
    assert all(schema["type"] == "object" for schema in found.values())
    tell(f"  {shape}", f"{len(found)} tools", sorted(tools[0]))

section("An upload token, and another server that uploads with it")
token_body = {"lifetime_s": 600, "max_uploads": 2, "max_bytes": 50_000_000, "video": {"name": "Q3 raw"}}
token = api(
    "POST", f"{path}/upload-tokens", 201, token_body, show=("id", "identifier", "uploads_left", "max_bytes", "video")
)
upload_url = token["upload_url"]
secrets[parse_qs(urlparse(upload_url).query)["token"][0]] = "<upload token>"
film = open(FILM, "rb").read()


def upload(status, size=len(film)):
    """Creates a video with the token alone, and sends the bytes straight to Vimeo."""
    tus = {"Tus-Resumable": "1.0.0"}
    begun = requests.post(upload_url, headers={**tus, "Upload-Length": str(size)}, timeout=TIMEOUT)
    tell(f"other server: POST {upload_url}", begun.status_code, begun.json())
    assert begun.status_code == status, begun.text
    if status != 201:
        return begun.json()
    to = begun.headers["location"]
    assert urlparse(to).netloc not in (urlparse(SERVICE).netloc, urlparse(SANDBOX).netloc), "not Vimeo's upload host"
    headers = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    sent = requests.patch(to, data=film, headers=headers, timeout=TIMEOUT)
    tell("other server: PATCH <upload link>", sent.status_code, {"Upload-Offset": sent.headers["upload-offset"]})
    assert sent.status_code == 204 and int(sent.headers["upload-offset"]) == size
    return begun.json()["video_uri"]


video_uri = upload(201)
assert upload(413, 60_000_000)["code"] == "file_too_large"
uploaded = video_at_vimeo(video_uri).json()
assert uploaded["name"] == "Q3 raw" and uploaded["upload"]["status"] == "complete", uploaded
left = api("GET", f"{path}/upload-tokens/{token['id']}", 200, show=("uploads_left",))
assert left["uploads_left"] == 1, left
api("DELETE", f"{path}/upload-tokens/{token['id']}", 204)
assert upload(401)["code"] == "unknown_upload_token"

section("Another server uploads in parts, before the size is known")
settings = {"lifetime_s": 600, "max_uploads": 1, "video": {"name": "Parts", "privacy_view": "nobody"}}
parts_token = api("POST", f"{path}/upload-tokens", 201, settings, show=("uploads_left", "video"))
parts_token = parse_qs(urlparse(parts_token["upload_url"]).query)["token"][0]
secrets[parts_token] = "<upload token>"
begun = requests.post(
    f"{SERVICE}/v1/progressive-uploads",
    json={"file_name": "parts.mp4"},
    headers={"Authorization": f"Bearer {parts_token}"},
    timeout=TIMEOUT,
)
assert begun.status_code == 201, begun.text
parts_url = begun.json()["upload_url"]
secrets[parse_qs(urlparse(parts_url).query)["secret"][0]] = "<secret of the upload>"
tell("other server: POST <service>/v1/progressive-uploads", begun.status_code, pick(begun.json(), "state", "upload_url"))


def part(first, end, total="*", status=200, content=None):
    """Sends the bytes from `first` to before `end`."""
    content_range = f"bytes {first}-{end - 1}/{total}"
    body = film[first:end] if content is None else content
    sent = requests.put(parts_url, data=body, headers={"Content-Range": content_range}, timeout=TIMEOUT)
    tell(f"other server: PUT {parts_url} {content_range}", sent.status_code, pick(sent.json(), "state", "received_bytes", "code"))
    assert sent.status_code == status, sent.text
    return sent.json()


third = len(film) // 3
part(third, 2 * third)
part(0, third)
part(0, third)
assert part(0, third, status=409, content=bytes(third))["code"] == "part_conflict"
assert part(2 * third, len(film), len(film))["state"] != "receiving"
deadline = time.monotonic() + TIMEOUT
while (state := requests.get(parts_url, timeout=TIMEOUT).json())["state"] == "sending" and time.monotonic() < deadline:
    time.sleep(0.05)
tell(f"other server: GET {parts_url}", 200, pick(state, "state", "received_bytes", "sent_bytes"))
assert state["state"] == "done" and state["sent_bytes"] == len(film), state
assembled = video_at_vimeo(state["video_uri"]).json()
assert assembled["name"] == "Parts" and assembled["upload"]["status"] == "complete", assembled

video_id = video_uri.rsplit("/", 1)[1]
EDIT = {
    "video_id": video_id,
    "name": "Q3 Product Demo — Final Cut",
    "description": "The final cut of the product demo.",
    "privacy_view": "anybody",
    "privacy_embed": "public",
    "privacy_download": False,
}
LIST = {"sort": "date", "direction": "desc", "per_page": 25}
WEBHOOK = {
    "url": "https://hooks.example.com/vimeo",
    "event_types": ["video.upload.complete", "video.transcode.complete", "video.privacy.change"],
}


def showcase_input(number):
    return {
        "name": f"Launch {number}",
        "description": "All films of the launch.",
        "privacy": "password",
        "password": "correct horse",
        "sort": "added_first",
    }


def changed_fields(before, after, prefix=""):
    """The names of the members that differ, with their paths. Times, counts and links follow other changes."""
    names = set()
    for name in before.keys() | after.keys():
        one, two = before.get(name), after.get(name)
        if isinstance(one, dict) and isinstance(two, dict):
            names |= changed_fields(one, two, f"{prefix}{name}.")
        elif one != two:
            names.add(prefix + name)
    return names


def play(way, call, number):
    """Plays the four inputs to the letter. `call` returns the result of a tool."""
    section(f"The tools, {way}")
    videos = call("vimeo_my_videos_list", LIST)
    entry = next(video for video in videos["items"] if video["uri"] == video_uri)
    assert entry.keys() >= {"uri", "name", "description", "privacy", "stats"}, entry
    tell("  first video", "has", sorted(entry))

    reset = {"name": "raw", "description": None, "privacy": {"view": "nobody", "embed": "private", "download": True}}
    headers = {"Authorization": f"bearer {TOKEN}"}
    assert requests.patch(SANDBOX + video_uri, json=reset, headers=headers, timeout=TIMEOUT).status_code == 200
    before = video_at_vimeo(video_uri).json()
    edited = call("vimeo_video_edit", EDIT)
    after = video_at_vimeo(video_uri).json()
    assert after["name"] == EDIT["name"] and after["description"] == EDIT["description"], after
    assert [after["privacy"][name] for name in ("view", "embed", "download")] == ["anybody", "public", False], after
    allowed = {"name", "description", "privacy.view", "privacy.embed", "privacy.download"}
    changed = changed_fields(before, after)
    derived = {name for name in changed if name in ("modified_time", "last_user_action_event_date", "embed.html")}
    assert changed - derived == allowed, changed
    tell("  changed at Vimeo", "only", sorted(changed))

    showcase = call("vimeo_showcase_create", showcase_input(number))
    assert showcase["name"] == f"Launch {number}", showcase
    album_id = showcase["uri"].rsplit("/", 1)[1]
    call("vimeo_showcase_video_add", {"album_id": album_id, "video_id": video_id})
    inside = video_at_vimeo(f"/me/albums/{album_id}/videos").json()
    assert [video["uri"] for video in inside["data"]] == [video_uri], inside

    webhooks = call("vimeo_webhook_create", WEBHOOK)
    print(hide(f"  {json.dumps(webhooks, ensure_ascii=False)}"))
    assert "video.privacy.change" in json.dumps(webhooks), webhooks
    assert edited["name"] == EDIT["name"], edited


def by_path(name, body):
    return api("POST", f"{path}/tools/{name}", 200, body)["result"]


def by_body(name, body):
    body = {"identifier": IDENTIFIER, "tool_name": name, "tool_input": body}
    return api("POST", "/v1/execute-tool", 200, body)["result"]


def by_protocol(name, body):
    """A call of the Model Context Protocol, written by hand."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
        "io.modelcontextprotocol/clientInfo": {"name": "by hand", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": name, "arguments": body, "_meta": meta},
    }
    headers = {
        "Authorization": f"Bearer {own_key}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": PROTOCOL,
        "Mcp-Method": "tools/call",
        "Mcp-Name": name,
    }
    response = requests.post(f"{SERVICE}/mcp", json=message, headers=headers, timeout=TIMEOUT)
    response.encoding = "utf-8"
    text = response.text
    for line in text.splitlines():
        if line.startswith("data: "):
            text = line[6:]
    assert response.status_code == 200, text
    result = json.loads(text)["result"]
    assert not result.get("isError"), result
    tell(f"POST /mcp tools/call {name} {json.dumps(body, ensure_ascii=False)}", response.status_code)
    return result["structuredContent"]


def by_command(name, body):
    output = vimeo("tools", "call", name, json.dumps(body))
    tell(f"vimeo tools call {name} '{json.dumps(body, ensure_ascii=False)}'", "done")
    return json.loads(output)


play("each at its own path", by_path, 1)
play("with execute_tool", by_body, 2)
play("over the Model Context Protocol", by_protocol, 3)
play("with the command", by_command, 4)
cautious = Api(create_key("cautious"))
cautious("POST", f"{path}/tools/vimeo_webhook_create", 403, WEBHOOK, show=("code", "detail"))
api("POST", f"{path}/tools/vimeo_video_edit", 400, {"video_id": video_id, "title": "No"}, show=("code", "field"))

section("Stored connections")
connection = {
    "name": "Marketing",
    "description": "The films of the marketing team",
    "enabled": True,
    "clientIdentifier": os.environ["VIMEO_CLIENT_ID"],
    "clientSecret": os.environ["VIMEO_CLIENT_SECRET"],
    "accessToken": TOKEN,
}
secrets[connection["clientSecret"]] = "<client secret>"
connection["name"] += hashlib.sha256(key.encode()).hexdigest()[:6]
members = {"connectionId", "name", "description", "enabled", "clientIdentifier", "version"}
stored = api("POST", "/v1/vimeo-connections", 201, connection, show=sorted(members))
assert set(stored) == members, stored
at = f"/v1/vimeo-connections/{stored['connectionId']}"
assert api("GET", at, 200) == stored
changed = api("PATCH", at, 200, {"version": stored["version"], "enabled": False}, show=("enabled", "version"))
errors = [
    api("PATCH", at, 409, {"version": stored["version"], "enabled": True}, show=("code", "field")),
    api("POST", "/v1/vimeo-connections", 409, connection, show=("code", "field")),
    api("POST", "/v1/vimeo-connections", 400, {**connection, "name": ""}, show=("code", "field")),
    api(
        "POST", "/v1/vimeo-connections", 422, {**connection, "name": "Other", "accessToken": "wrong"}, show=("code",)
    ),
    Api("wrong")("GET", at, 401, show=("code",)),
]
assert len({error["code"] for error in errors}) == len(errors), errors
assert [error.get("field") for error in errors[:3]] == ["version", "name", "name"], errors
api("DELETE", f"{at}?version={changed['version']}", 204)
api("GET", at, 404, show=("code",))

section("The end")
api("POST", f"{path}/tools/vimeo_video_get", 200, {"video_id": video_id})
api("DELETE", path, 204)
api("GET", path, 404, show=("code",))
print("\nok")
