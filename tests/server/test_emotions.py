"""POST /v1/emotions: what the model says, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emotion_component import EmotionModel
from tests.server.running import Server

CONTEXT = [{"role": "user", "text": "My parcel is lost."}, {"role": "bot", "text": "I am sorry."}]
TEXT = "I hate this so much!"


def post(server: Server, **body: object) -> dict[str, Any]:
    response = server.http.post("/v1/emotions", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_one_message_alone_is_what_the_model_says(server: Server, model: EmotionModel) -> None:
    answer = post(server, inputs=[{"text": TEXT, "context": CONTEXT}])
    assert answer["results"] == [model.predict(TEXT, CONTEXT).to_dict()]
    assert answer["model"] == {"name": model.bundle.name, "version": model.bundle.version}


def test_many_messages_keep_their_order(server: Server, model: EmotionModel) -> None:
    texts = [TEXT, "thank you so much", "", "why though?"] * 10
    answer = post(server, inputs=[{"text": text} for text in texts])
    assert [r["label"] for r in answer["results"]] == [model.predict(t).label for t in texts]


@pytest.mark.parametrize(
    "options",
    [
        {"multi_label": True, "threshold": 0.2},
        {"multi_label": False},
    ],
)
def test_any_labels(server: Server, model: EmotionModel, options: dict[str, Any]) -> None:
    labels = ["wants a refund", "is satisfied", "an odd label nobody has seen"]
    result = server.ask(TEXT, labels=labels, **options)
    assert result.pop("rank") == model.rank(TEXT, labels, **options).to_dict()
    assert result == model.predict(TEXT).to_dict()


def test_descriptors_and_embedding(server: Server, model: EmotionModel) -> None:
    result = server.ask(TEXT, descriptors=3, embedding=True)
    assert result["descriptors"] == model.describe(TEXT, 3).descriptors
    assert result["embedding"] == pytest.approx(model.encode([TEXT]).embeddings[0].tolist())


@pytest.mark.parametrize("thresholds", [0.0, {"anger": 0.999}])
def test_thresholds(server: Server, model: EmotionModel, thresholds: object) -> None:
    expected = model.predict(TEXT, thresholds=thresholds).to_dict()
    assert server.ask(TEXT, thresholds=thresholds) == expected


def test_top_k_keeps_the_strongest(server: Server) -> None:
    whole = server.ask(TEXT, labels=["rage", "praise", "calm"], thresholds=0.0)
    cut = server.ask(TEXT, labels=["rage", "praise", "calm"], thresholds=0.0, top_k=2)
    best = sorted(whole["scores"].items(), key=lambda item: -item[1])[:2]
    assert list(cut["scores"].items()) == list(cut["labels"].items()) == best
    assert len(cut["rank"]["scores"]) == 2


@pytest.mark.parametrize("turns", [0, 1, 5])
def test_context_turns(server: Server, model: EmotionModel, turns: int) -> None:
    context = [{"role": "user", "text": f"I won prize {i}!"} for i in range(4)]
    answer = post(server, inputs=[{"text": "no way", "context": context}], context_turns=turns)
    expected = model.predict("no way", context, context_turns=turns).to_dict()
    assert answer["results"] == [expected]


def test_messages_of_every_language_and_kind(server: Server, model: EmotionModel) -> None:
    for text in ["", "   ", "\x00", "😂", "дякую", "x" * 20_000, "\ufeff\u202e!"]:
        assert server.ask(text) == model.predict(text).to_dict()


def test_lone_surrogates_are_read_as_replacement_characters(server: Server) -> None:
    body = json.dumps({"inputs": [{"text": "hi \ud800"}], "labels": ["a \udfff"]})
    headers = {"Content-Type": "application/json"}
    response = server.http.post("/v1/emotions", content=body, headers=headers)
    assert list(response.json()["results"][0]["rank"]["scores"]) == ["a \ufffd"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"inputs": ["hi"]}, "inputs[0]"),
        ({"inputs": [{"text": 3}]}, "inputs[0].text"),
        ({"inputs": [{"text": "x" * 20_001}]}, "inputs[0].text"),
        ({"inputs": [{"text": "hi"}] * 257}, "inputs"),
        ({"inputs": [{"text": "hi", "context": [{"role": "cat", "text": ""}]}]}, "role"),
        ({"inputs": [{"text": "hi", "context": CONTEXT * 51}]}, "inputs[0].context"),
        ({"inputs": [{"text": "hi"}], "label": ["a"]}, "label"),
        ({"inputs": [{"text": "hi"}], "labels": []}, "labels"),
        ({"inputs": [{"text": "hi"}], "labels": ["a", "a"]}, "labels"),
        ({"inputs": [{"text": "hi"}], "labels": ["a", " "]}, "labels[1]"),
        ({"inputs": [{"text": "hi"}], "labels": ["a" * 201]}, "labels[0]"),
        ({"inputs": [{"text": "hi"}], "labels": list(map(str, range(101)))}, "labels"),
        ({"inputs": [{"text": "hi"}], "thresholds": {"rage": 0.5}}, "thresholds"),
        ({"inputs": [{"text": "hi"}], "thresholds": 1.5}, "thresholds"),
        ({"inputs": [{"text": "hi"}], "descriptors": 0}, "descriptors"),
        ({"inputs": [{"text": "hi"}], "top_k": 0}, "top_k"),
        ({"inputs": [{"text": "hi"}], "context_turns": -1}, "context_turns"),
    ],
)
def test_a_bad_field_is_named(server: Server, body: dict[str, Any], field: str) -> None:
    content, headers = json.dumps(body), {"Content-Type": "application/json"}
    response = server.http.post("/v1/emotions", content=content, headers=headers)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "/problems/invalid"
    assert problem["status"] == 422
    assert field in problem["errors"][0]["field"]
    assert problem["errors"][0]["message"]
    assert "xxx" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "content", "media_type", "status"),
    [
        ("POST", "/v1/emotions", b"{", "application/json", 400),
        ("POST", "/v1/emotions", b"\xff", "application/json", 400),
        ("POST", "/v1/emotions", b'{"inputs": [{"text": "hi"}]}', "text/plain", 422),
        ("POST", "/v1/emotions", b" " * 2_000_001, "application/json", 413),
        ("GET", "/v1/emotions", b"", "application/json", 405),
        ("GET", "/v2/emotions", b"", "application/json", 404),
        ("GET", "/problems/none", b"", "application/json", 404),
        ("GET", "/v1/conversations/a%20b", b"", "application/json", 422),
        ("GET", "/v1/conversations/nobody", b"", "application/json", 404),
    ],
)
def test_every_error_is_a_problem(
    server: Server, method: str, path: str, content: bytes, media_type: str, status: int
) -> None:
    headers = {"Content-Type": media_type}
    response = server.http.request(method, path, content=content, headers=headers)
    assert response.status_code == response.json()["status"] == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]
    kind = server.http.get(response.json()["type"]).json()
    assert kind["title"] == response.json()["title"]


def test_a_large_body_without_a_length_is_refused(server: Server) -> None:
    chunks = (b" " * 100_000 for _ in range(30))
    response = server.http.post(
        "/v1/emotions", content=chunks, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 413


def test_every_answer_tells_version_timings_and_request_id(
    server: Server, model: EmotionModel
) -> None:
    body = {"inputs": [{"text": TEXT}]}
    response = server.http.post("/v1/emotions", json=body, headers={"X-Request-Id": "mine-1"})
    assert response.headers["x-model-version"] == f"{model.bundle.name}/{model.bundle.version}"
    assert response.headers["x-request-id"] == "mine-1"
    for stage in ("queue", "inference", "total"):
        assert f"{stage};dur=" in response.headers["server-timing"]
    missing = server.http.get("/nothing")
    assert missing.headers["x-model-version"]
    assert missing.headers["x-request-id"] not in ("", "mine-1")


def test_a_request_id_that_is_none_is_replaced(plain_server: Server) -> None:
    """Ray Serve's proxy hands back whatever it was given."""
    response = plain_server.http.get("/nothing", headers={"X-Request-Id": "not one {}"})
    assert response.headers["x-request-id"] not in ("", "not one {}")


def test_labels_and_models(server: Server, model: EmotionModel) -> None:
    labels = server.http.get("/v1/labels").json()
    assert tuple(label["name"] for label in labels["labels"]) == model.labels
    assert {label["group"] for label in labels["labels"]} == set(labels["groups"])
    assert {label["ekman"] for label in labels["labels"]} == set(labels["ekman"])
    (entry,) = server.http.get("/v1/models").json()["models"]
    assert (entry["name"], entry["version"]) == (model.bundle.name, model.bundle.version)
    assert entry["labels"] == len(model.labels)


def test_predict_is_that_of_text_embeddings_inference(server: Server, model: EmotionModel) -> None:
    one = server.http.post("/predict", json={"inputs": TEXT}).json()
    assert {p["label"]: p["score"] for p in one} == model.predict(TEXT).scores
    assert [p["score"] for p in one] == sorted((p["score"] for p in one), reverse=True)

    context = [{"role": "bot", "text": "Your parcel is lost."}]
    pair = server.http.post("/predict", json={"inputs": [context[0]["text"], TEXT]}).json()
    assert {p["label"]: p["score"] for p in pair} == model.predict(TEXT, context).scores

    several = server.http.post("/predict", json={"inputs": [[TEXT], ["thanks"]]}).json()
    assert [predictions[0]["label"] for predictions in several] == ["anger", "gratitude"]

    raw = server.http.post("/predict", json={"inputs": TEXT, "raw_scores": True}).json()
    logits = dict(zip(model.labels, model.encode([TEXT]).logits[0]))
    assert {p["label"]: p["score"] for p in raw} == pytest.approx(logits)


@pytest.mark.parametrize("inputs", [[], ["a"], ["a", "b", "c"], [[]], [["a", "b", "c"]], 3, None])
def test_predict_refuses_what_it_cannot_read(server: Server, inputs: object) -> None:
    assert server.http.post("/predict", json={"inputs": inputs}).status_code == 422
