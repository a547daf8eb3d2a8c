"""Sends generated requests for each operation of the service's own document, and checks every response against it.

The environment has the address of the service, an API key and an access token; the arguments are the schemathesis command, a
folder for its files, the number of cases and the seed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

SERVICE, KEY = os.environ["SERVICE"].rstrip("/"), os.environ["API_KEY"]
schemathesis, folder, cases, seed = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]

# 501 is the answer of a service without a poller. A stream does not end by itself, and without its account every other
# operation would answer 404.
CONFIG = """
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 501]

[parameters]
"path.identifier" = "fuzz"

[[operations]]
include-name = "GET /v1/events"
enabled = false

[[operations]]
include-name = "DELETE /v1/accounts/{identifier}"
enabled = false
"""


def call(method, path, body=None):
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = Request(SERVICE + path, method=method, headers=headers, data=body and json.dumps(body).encode())
    with urlopen(request, timeout=30) as response:
        return json.load(response)


call("PUT", "/v1/accounts/fuzz/access-token", {"access_token": os.environ["VIMEO_ACCESS_TOKEN"]})
document = call("GET", "/openapi.json")
(folder / "openapi.json").write_text(json.dumps(document))
(folder / "schemathesis.toml").write_text(CONFIG)
checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
status = subprocess.run(
    [
        schemathesis, "--config-file", "schemathesis.toml", "run", "openapi.json", "--url", SERVICE, "--no-color",
        "--header", f"Authorization: Bearer {KEY}", "--checks", checks, "--phases", "examples,fuzzing",
        "--max-examples", cases, "--seed", seed, "--generation-database", "none", "--request-timeout", "20",
    ],
    cwd=folder,
).returncode
operations = sum(len(methods) for methods in document["paths"].values())
print(f"{operations} operations in the document")
sys.exit(status)
