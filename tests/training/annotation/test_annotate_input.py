"""What an annotation reads before any call: recipe, texts, the dry run."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from tests.training.annotation.scripted import Annotation
from tests.training.scripted_server import ScriptedServer
from training.cli import main
from training.distill.annotate import AnnotateRecipe
from training.recipe import load_recipe

ROOT = Path(__file__).parents[3]


def test_gzipped_input_with_other_fields_and_the_first_texts_alone(
    annotation: Annotation, server: ScriptedServer
) -> None:
    lines = [json.dumps({"number": n, "comment": f"text {n}"}) + "\n" for n in range(5)]
    lines[1] = json.dumps({"number": 1, "comment": "  "}) + "\n"
    path = annotation.folder / "texts.jsonl.gz"
    path.write_bytes(gzip.compress("".join(lines).encode()))
    annotation.change(
        "input",
        {"path": str(path), "id_field": "number", "text_field": "comment", "limit": 3},
    )
    assert main(annotation.command()) == 0
    assert server.asked == {"text 0": 1, "text 2": 1, "text 3": 1}
    assert annotation.descriptors().keys() == {"0", "2", "3"}


def test_texts_of_all_kinds_reach_the_model_unchanged(
    annotation: Annotation, server: ScriptedServer
) -> None:
    texts = ["{text} {unknown}", "a\nb\u2028c", "ユーモア", '"quoted" \\ back', "x" * 20_000]
    annotation.texts(texts)
    server.script = lambda h, text, nth: h.answer("j\u2028oy")
    assert main(annotation.command()) == 0
    assert set(server.asked) == set(texts)
    assert annotation.descriptors() == {text: ["j oy"] for text in texts}


def test_dry_run_tells_calls_tokens_and_cost_and_calls_nothing(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    annotation.texts(["four byte tokens", "x" * 400])
    annotation.change("llm.prices", {"prompt": 10_000.0, "answer": 30_000.0, "currency": "EUR"})
    annotation.change("llm.limits", {"requests_per_minute": 1, "tokens_per_minute": 10})
    annotation.change("expected_answer_tokens", 5)

    assert main(annotation.command("--dry-run")) == 0

    # Per call: two messages at 4, "Name the emotions." 18 bytes, "Text: <>" 8 bytes and the text.
    prompt = (4 + 5 + 4 + 6) + (4 + 5 + 4 + 102)
    assert capsys.readouterr().out.splitlines() == [
        "Texts: 2, answered before: 0",
        "Calls to make: 2",
        f"Prompt tokens: about {prompt}",
        "Answer tokens: about 10, at most 40",
        f"Cost: about {prompt * 0.01 + 10 * 0.03:.2f} EUR, at most {prompt * 0.01 + 40 * 0.03:.2f}",
        f"Cost by the Batch API: about {prompt * 0.005 + 10 * 0.015:.2f} EUR, "
        f"at most {prompt * 0.005 + 40 * 0.015:.2f}",
        f"Time: at least {(prompt + 40) / 10:.0f} minutes, by the limits of the recipe",
    ]
    assert server.asked.total() == 0
    assert not annotation.output.exists()


def test_dry_run_counts_what_is_left_with_the_models_own_tokenizer(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    path = annotation.folder / "tokenizer.json"
    tokenizer.save(str(path))
    annotation.change("input.limit", 4)
    assert main(annotation.command()) == 0
    annotation.change("input.limit", None)
    annotation.change("llm.tokenizer", str(path))
    capsys.readouterr()

    assert main(annotation.command("--dry-run")) == 0
    out = capsys.readouterr().out
    assert "Texts: 10, answered before: 4" in out
    assert "Calls to make: 6" in out
    assert f"Prompt tokens: about {6 * (4 + 3 + 4 + 3)}" in out  # 'Text: <text 5>' has 3 words
    assert "write the model's prices" in out


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("llm.modle", "x", "llm.modle: unknown key; known here: api_key_env, "),
        ("llm.temperature", "warm", "llm.temperature: Input should be a valid number"),
        ("llm.max_tokens", 0, "llm.max_tokens: Input should be greater than 0"),
        ("llm.base_url", "localhost:8000", "llm.base_url: Value error, give a web address"),
        ("llm.limits.concurrency", 1.5, "llm.limits.concurrency: Input should be a valid integer"),
        ("prompt.user", "Text:", "prompt: Value error, write {text} where the text goes"),
        ("prompt.user", "{text} {label}", "prompt: Value error, write {text} where the text goes"),
        ("input.path", "missing.jsonl", "input.path: no such file: missing.jsonl"),
        ("input.text_field", "comment", "line 1: no field 'comment' (input.text_field)"),
        ("llm.tokenizer", "missing/tokenizer.json", "llm.tokenizer: no such file"),
        ("llm.api_key_env", "NO_SUCH_KEY", "the environment variable NO_SUCH_KEY is not set"),
    ],
)
def test_a_wrong_recipe_stops_before_any_call(
    annotation: Annotation,
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    key: str,
    value: object,
    message: str,
) -> None:
    annotation.change(key, value)
    assert main(annotation.command()) == 2
    assert message in capsys.readouterr().err
    assert server.asked.total() == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 11: Expecting"),
        ("[]", "line 11: expected a JSON object"),
        ('{"id": "id-text 1", "text": "again"}', "line 11: the id 'id-text 1' has come before"),
        ('{"id": 1.5, "text": "x"}', "line 11: the id must be a string or an integer"),
        ('{"id": 1, "text": null}', "line 11: the id must be a string or an integer"),
    ],
)
def test_a_wrong_input_stops_before_any_call(
    annotation: Annotation,
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    line: str,
    message: str,
) -> None:
    with annotation.input.open("a") as file:
        file.write(line)
    assert main(annotation.command()) == 2
    assert message in capsys.readouterr().err
    assert server.asked.total() == 0


def test_the_recipe_that_comes_along_is_right() -> None:
    recipe = load_recipe(ROOT / "config/training/annotate.yaml", AnnotateRecipe)
    assert recipe.llm.api_key_env == "OPENAI_API_KEY"
