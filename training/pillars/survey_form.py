"""The survey: which examples, which labels are offered, and the form as one HTML file."""

from __future__ import annotations

import hashlib
import html
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from training.llm.journal import Record

CONTEXT_QUESTION = "Does the situation, as it is told, name or hint at an emotion of anyone?"
CONTEXT_ANSWERS = {"neutral": "No", "emotive": "Yes"}
ALONE_QUESTION = "From these words alone, can you tell the speaker's emotion?"
ALONE_ANSWERS = {"ambiguous": "No", "clear": "Yes"}


def choose_items(
    examples: Sequence[Record], emotions: Sequence[str], count: int, distractors: int, seed: int
) -> list[dict[str, Any]]:
    """Draws examples and the labels offered for each.

    Args:
        examples: With context and rewritten utterance.
        emotions: All labels.
        count: How many examples.
        distractors: Labels offered that the model did not give; so that ticking all is told from
            agreeing.
        seed: Of the draw.

    Returns:
        Items with ``id``, ``actor``, ``context``, ``text``, ``rewritten``, ``emotion``,
        ``labels`` (the model's) and ``offered`` (those and the distractors, shuffled).
    """
    dice = random.Random(seed)
    items = []
    for example in dice.sample(list(examples), min(count, len(examples))):
        others = [emotion for emotion in emotions if emotion not in example["labels"]]
        offered = [*example["labels"], *dice.sample(others, min(distractors, len(others)))]
        dice.shuffle(offered)
        fields = ("id", "actor", "context", "text", "rewritten", "emotion")
        item = {field: example[field] for field in fields}
        items.append({**item, "labels": list(example["labels"]), "offered": offered})
    return items


def survey_id(items: Sequence[Mapping[str, Any]]) -> str:
    """Tells surveys apart, so that answers to another one are not scored."""
    return hashlib.sha256(json.dumps(list(items), sort_keys=True).encode()).hexdigest()[:16]


def render(items: Sequence[Mapping[str, Any]], definitions: Mapping[str, str]) -> str:
    """The form: no network, no other file; the answers are a file that the reader saves.

    Args:
        items: From `choose_items`.
        definitions: Of the emotions, shown beside the labels.

    Returns:
        The page.
    """
    sections = "\n".join(
        _section(number, len(items), item, definitions) for number, item in enumerate(items)
    )
    page = _PAGE.replace("SURVEY_ID", survey_id(items)).replace("TOTAL", str(len(items)))
    return page.replace("SECTIONS", sections)


def _section(
    number: int, total: int, item: Mapping[str, Any], definitions: Mapping[str, str]
) -> str:
    def text(value: str) -> str:
        return html.escape(value)

    labels = "\n".join(
        f'<label><input type="checkbox" name="{number}.labels" value="{text(label)}"> '
        f"<b>{text(label)}</b>: {text(definitions[label])}</label>"
        for label in item["offered"]
    )
    return f"""<section aria-labelledby="title-{number}">
<h2 id="title-{number}">Example {number + 1} of {total}</h2>
<h3>Somebody says</h3>
<blockquote>{text(item["rewritten"])}</blockquote>
{_choice(f"{number}.alone", ALONE_QUESTION, ALONE_ANSWERS)}
<h3>The situation</h3>
<p>{text(item["context"])}</p>
{_choice(f"{number}.context", CONTEXT_QUESTION, CONTEXT_ANSWERS)}
<h3>In this situation, {text(item["actor"])} says</h3>
<blockquote>{text(item["text"])}</blockquote>
<fieldset>
<legend>Which of these does the speaker express? Tick all that apply, or none.</legend>
{labels}
</fieldset>
</section>"""


def _choice(name: str, question: str, answers: Mapping[str, str]) -> str:
    options = "\n".join(
        f'<label><input type="radio" name="{name}" value="{value}" required> {caption}</label>'
        for value, caption in answers.items()
    )
    return f"<fieldset>\n<legend>{question}</legend>\n{options}\n</fieldset>"


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Emotions in context: survey</title>
<style>
:root { color-scheme: light dark; }
body { font: 1.1rem/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 2px solid; margin-top: 2rem; }
blockquote { border-inline-start: .3rem solid; margin-inline: 0; padding-inline-start: 1rem; }
fieldset { margin: 1rem 0; }
legend { font-weight: bold; }
label { display: block; padding: .3rem 0; }
input { width: 1.2rem; height: 1.2rem; vertical-align: middle; }
input[type=text] { width: 16rem; height: auto; font: inherit; }
button { font: inherit; padding: .5rem 1rem; }
:focus-visible { outline: 3px solid; outline-offset: 2px; }
</style>
</head>
<body>
<main>
<h1>Emotions in context</h1>
<p>TOTAL short examples. Judge what the speaker feels while speaking, not what you would feel.
Your answers stay in this browser until you save them as a file; send that file to whoever asked
you.</p>
<form id="survey">
<p><label for="annotator">Your name or a nickname</label>
<input type="text" id="annotator" name="annotator" required autocomplete="off"></p>
SECTIONS
<p id="progress" role="status">0 of TOTAL examples answered</p>
<p><button type="submit">Save my answers</button></p>
</form>
</main>
<script>
"use strict";
const survey = "SURVEY_ID", total = TOTAL;
const form = document.getElementById("survey");
function collect() {
  const data = new FormData(form);
  const answers = [];
  for (let n = 0; n < total; n++) {
    answers.push({context: data.get(n + ".context"), labels: data.getAll(n + ".labels"),
                  alone: data.get(n + ".alone")});
  }
  return {survey: survey, annotator: data.get("annotator"), answers: answers};
}
function keep() {
  const all = collect();
  try { localStorage.setItem(survey, JSON.stringify(all)); } catch { /* private window */ }
  const done = all.answers.filter(a => a.context && a.alone).length;
  document.getElementById("progress").textContent = done + " of " + total + " examples answered";
}
function restore() {
  let all = null;
  try { all = JSON.parse(localStorage.getItem(survey)); } catch { return; }
  if (!all) return;
  form.elements.annotator.value = all.annotator;
  all.answers.forEach((answer, n) => {
    for (const [question, chosen] of Object.entries(answer)) {
      for (const input of form.querySelectorAll('input[name="' + n + "." + question + '"]')) {
        input.checked = [chosen].flat().includes(input.value);
      }
    }
  });
}
form.addEventListener("input", keep);
form.addEventListener("submit", event => {
  event.preventDefault();
  const link = document.createElement("a");
  const content = JSON.stringify(collect(), null, 1);
  link.href = URL.createObjectURL(new Blob([content], {type: "application/json"}));
  const name = form.elements.annotator.value.replace(/[^A-Za-z0-9]+/g, "-");
  link.download = "answers-" + name + ".json";
  link.click();
});
restore();
keep();
</script>
</body>
</html>
"""
