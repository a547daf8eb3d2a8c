"""What schemathesis needs for this API: the ids of a world that is always the same, and a check of our own.

On import it makes one of each thing in the world of the sandbox, and reads which ids their URIs contain.
"""

import atexit
import json
import os
import re
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import schemathesis
from schemathesis.core.failures import Failure

base, token = os.environ["VIMEO_BASE_URL"].rstrip("/"), os.environ["VIMEO_ACCESS_TOKEN"]
JSON = {"Content-Type": "application/json"}
API = {"Authorization": f"bearer {token}", **JSON}
with open(os.environ["DESCRIPTION"]) as file:
    description = json.load(file)


def send(method, url, body=None, headers=JSON):
    with urlopen(Request(url, data=body, method=method, headers=headers)) as answer:
        return answer.read(), answer.headers.get_content_type()


def control(method, path, body=None):
    return send(method, f"{base}/_sandbox{path}", body)[0]


def call(method, path, body=None):
    """Calls the API. Gives nothing if the call was rejected, as it is where the sandbox has no such thing."""
    try:
        text, kind = send(method, base + path, None if body is None else json.dumps(body).encode(), API)
    except HTTPError as error:
        assert error.code < 500 or error.code == 501, f"{method} {path}: {error.code}"
        return None
    return json.loads(text) if text and kind.endswith("json") else {}


def names(path):
    return re.findall(r"\{(\w+)\}", path)


def patterns():
    """The paths of the description and their beginnings, as patterns whose groups are the parameters."""
    beginnings = set()
    for path in description["paths"]:
        parts = path.split("/")
        beginnings |= {"/".join(parts[: end + 1]) for end, part in enumerate(parts) if part.startswith("{")}
    return [re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/?]+)", path) + "$") for path in sorted(beginnings)]


known = patterns()
ids = {}


def learn(uri):
    """Takes the ids out of a URI. The first of each kind is kept."""
    for pattern in known:
        found = pattern.match(uri)
        for name, value in found.groupdict().items() if found else ():
            ids.setdefault(name, value)


def uris(value):
    if isinstance(value, dict):
        if isinstance(value.get("uri"), str):
            yield value["uri"]
        for member in value.values():
            yield from uris(member)
    elif isinstance(value, list):
        for item in value:
            yield from uris(item)


def upload():
    content = b"film"
    made = call("POST", "/me/videos", {"name": "Surf", "upload": {"approach": "tus", "size": len(content)}})
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    send("PATCH", made["upload"]["upload_link"], content, headers)
    return made["uri"]


def make_world():
    control("POST", "/limits", b'{"plain": 1000000000, "with_fields": 1000000000}')
    me = call("GET", "/me?fields=uri")["uri"]
    video = upload()
    learn(me)
    learn(video)
    for path, body in [
        ("/me/albums", {"name": "Best of"}),
        ("/me/projects", {"name": "Holidays"}),
        ("/channels", {"name": "Films", "privacy": "anybody"}),
        ("/groups", {"name": "Surfers", "description": "Waves"}),
        ("/me/live_events", {"title": "Concert"}),
        ("/me/live_events/{live_event_id}/pictures", {}),
        (
            "/me/ondemand/pages",
            {"name": "Series", "description": "Waves", "type": "series", "content_rating": "safe"},
        ),
        ("/me/presets", {"name": "Plain"}),
        ("/me/customlogos", {}),
        ("/me/pictures", {}),
        ("/videos/{video_id}/comments", {"text": "Where is this?"}),
        ("/videos/{video_id}/texttracks", {"type": "captions", "language": "en", "name": "captions.vtt"}),
        ("/videos/{video_id}/pictures", {}),
        ("/videos/{video_id}/chapters", {"title": "One", "timecode": 0}),
        (
            "/videos/{video_id}/credits",
            {"name": "Somebody", "role": "director", "email": "somebody@example.com", "user_uri": me},
        ),
    ]:
        made = call("POST", path.format(**ids), body)
        if made and "uri" in made:
            learn(made["uri"])
    for path in ("/me/albums/{album_id}", "/me/projects/{project_id}", "/channels/{channel_id}", "/groups/{group_id}"):
        call("PUT", path.format(**ids) + video)
    call("PUT", f"{video}/tags/summer")
    ids["word"] = "summer"
    # What lists and things name, until nothing is new.
    unread = [path for path, methods in description["paths"].items() if "get" in methods]
    found = True
    while found:
        found = [path for path in unread if set(names(path)) <= set(ids)]
        unread = [path for path in unread if path not in found]
        for path in found:
            for uri in uris(call("GET", path.format(**ids))):
                learn(uri)


make_world()
state = control("GET", "/state")
control("DELETE", "/requests")
current = None


def parameter_names(operation):
    for parameter in operation.get("parameters", ()):
        yield (parameter.get("name") or parameter["$ref"].rsplit("/", 1)[-1]).lower()


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Reads the description as the generator does: Vimeo's has some pages as bare arrays."""
    for methods in raw_schema["paths"].values():
        for operation in (methods[method] for method in ("get", "put", "post", "patch") if method in methods):
            if "page" not in parameter_names(operation):
                continue
            for answer in operation["responses"].values():
                content = answer.get("content", {}).get("application/json", {})
                if content.get("schema", {}).get("type") == "array":
                    content["schema"] = {
                        "type": "object", "required": ["data"], "properties": {"data": content["schema"]},
                    }


@schemathesis.hook
def map_path_parameters(context, parameters):
    """Puts ids of the world in the place of most generated ones."""
    for name, value in (parameters or {}).items():
        is_kept = value % 5 == 4 if isinstance(value, int) else not isinstance(value, str) or len(value) % 2 == 1
        if name in ids and not is_kept:
            parameters[name] = ids[name]
    return parameters


@schemathesis.hook
def before_call(context, case, kwargs):
    """Restores the world for each operation that writes, and for each DELETE. Otherwise little would be left of it."""
    global current
    method, operation = case.method.upper(), case.operation.label
    if method != "GET" and (method == "DELETE" or operation != current):
        control("PUT", "/state", state)
    current = operation


@schemathesis.hook
def after_call(context, case, response):
    """Vimeo names the kind of JSON, as in `application/vnd.vimeo.video+json`. The description has it as plain JSON.

    schemathesis looks at no body whose type is not described.
    """
    response.headers["content-type"] = [
        "application/json" if re.match(r"application/vnd\.vimeo\.[\w.*-]+\+json", kind) else kind
        for kind in response.headers.get("content-type", [])
    ]


class UndescribedSuccess(Failure):
    """A 2xx status that the description does not have. Its `default` is for errors."""

    def __init__(self, *, operation, status):
        super().__init__(
            operation=operation, title="Success with a status that is not described", message=str(status)
        )


@schemathesis.check
def described_success(context, response, case):
    status = response.status_code
    if 200 <= status < 300 and str(status) not in case.operation.definition.raw["responses"]:
        raise UndescribedSuccess(operation=case.operation.label, status=status)


@atexit.register
def store_request_log():
    with open(os.environ["REQUEST_LOG"], "wb") as log:
        log.write(control("GET", "/requests"))
