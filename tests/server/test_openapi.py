"""The description of the API: committed, served, and true."""

from __future__ import annotations

import json
from pathlib import Path

from tests.server.running import Server

COMMITTED = Path(__file__).parents[2] / "server" / "openapi.json"


def test_the_committed_description_is_the_served_one(server: Server) -> None:
    served = server.http.get("/openapi.json").json()
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == served


def test_every_example_works(server: Server) -> None:
    schemas = json.loads(COMMITTED.read_text(encoding="utf-8"))["components"]["schemas"]
    paths = {
        "EmotionsRequest": "/v1/emotions",
        "TurnRequest": "/v1/conversations/example/messages",
        "PredictRequest": "/predict",
    }
    for name, path in paths.items():
        for example in schemas[name]["examples"]:
            assert server.http.post(path, json=example).status_code == 200
