"""Runs the steps of a scenario. Prints a line of JSON per step, and stops at the first that fails."""

import json
import os
import sys
import traceback
from urllib.request import Request, urlopen

sandbox = os.environ["VIMEO_BASE_URL"].rstrip("/") + "/_sandbox"


def control(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(sandbox + path, data=data, method=method)) as response:
        return response.read()


def run(steps):
    if "FAULT" in os.environ:
        control("POST", "/faults", json.loads(os.environ["FAULT"]))
    for name, step in steps:
        try:
            step()
        except Exception as error:  # the table shows every error of a client
            print(json.dumps({"step": name, "failed": f"{type(error).__name__}: {error}"}), flush=True)
            traceback.print_exc()
            sys.exit(1)
        print(json.dumps({"step": name}), flush=True)
    fired = json.loads(control("GET", "/faults/fired"))
    print(json.dumps({"fired": fired}), flush=True)
    if "REQUEST_LOG" in os.environ:
        with open(os.environ["REQUEST_LOG"], "wb") as file:
            file.write(control("GET", "/requests"))
