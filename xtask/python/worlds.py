"""Runs the scenario of pyvimeo.py in sixteen worlds of one sandbox at a time. No world may see another's requests."""

import json
import os
import subprocess
import sys
from pathlib import Path

from steps import control, run

WORLDS = 16
lines = os.environ["CLIENT_LINES"]
first = json.loads(control("GET", "/worlds/1"))
scenario = Path(__file__).with_name("pyvimeo.py")
worlds = []


def begin():
    for seed in range(WORLDS):
        worlds.append(json.loads(control("POST", "/worlds", {"seed": seed})))
    assert len({world["token"] for world in worlds}) == WORLDS


def play():
    running = []
    for world in worlds:
        own = lines
        for name in ("token", "client_id", "client_secret"):
            own = own.replace(first[name], world[name])
        environment = {name: value for name, value in os.environ.items() if name != "REQUEST_LOG"}
        environment["CLIENT_LINES"] = own
        running.append(
            subprocess.Popen(
                [sys.executable, scenario], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        )
    for process in running:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output.decode()


def look():
    logs = []
    for world in worlds:
        entries = control("GET", f"/requests?world={world['world']}").decode().splitlines()
        logs.append([json.loads(entry) for entry in entries])
        assert {entry["world"] for entry in logs[-1]} == {world["world"]}
    assert len({len(log) for log in logs}) == 1, [len(log) for log in logs]


run([("log in", begin), ("upload", play), ("get", look)])
