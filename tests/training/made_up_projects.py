"""The open sets' projects in miniature: their files, what is made of them, and a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from tests.training.scripted_server import Handler, ScriptedServer
from training.readers.data_folder import CHECKOUT
from training.readers.rows import read_rows

DESCRIPTORS = CHECKOUT / "training" / "data" / "descriptors" / "goemotions.jsonl.gz"
IDS = [row["id"] for row in read_rows(DESCRIPTORS)[:2]]  # so that the joint recipe finds them

# What the projects' files look like, in words of our own.
RAW = {
    "train.tsv": f'The gate is open, “twice”.\t4,27\t{IDS[0]}\n""Soup"" again. \t25\t{IDS[1]}\n',
    "dev.tsv": "Where did my hat go?\t7\tdev1\n",
    "test.tsv": "A kite!\t13\ttest1\nMud\u2028on the stairs.\t3\ttest2\n",
    "1. MTurk_groundtruth_labels_9K.csv": (
        "Count,Index,DialogID,Dialog,Agreed emotion (2/3 vote),"
        "Worker 1 answer,Worker 2 answer,Worker 3 answer\n"
        '1,0.9-1,11,"Is the ""boat"" back , Tom ?\nNo . \n",Anxious,Anxious,Afraid,Anxious\n'
        "2,0.9-2,12,Snow .,-,Joyful,Sad,Bored (Other)\n"
    ),
    "2. Similar_dialogs_3K.csv": (
        ",emotion,cos_sim,amt_dialog_id,amt_dialog,os_dialog_id,os_dialog\n"
        '1,Proud,0.99,11,- Mine .,21,"- I did it .\n- All of it - really ."\n'
    ),
    "3. Self-labeled_dialogs_4K.csv": (
        ",Unnamed: 0,os_dialog_id,emotion,confidence,os_dialog\n"
        '7,7,31,afraid,0.9,"- What was that ?\n- A cellar door ."\n'
    ),
    "4. Similar_self-labeled_dialogs_2K.csv": (
        ",emotion,cos_sim,high_dialog_id,high_dialog,os_dialog_id,os_dialog\n"
        '0,wishing,0.95,31,"- - Bye .\n- - Bye .",41,"- Off I go .\n- Safe travels !"\n'
    ),
    "en-annotated.tsv": "The lamp fell !\t7, 1\r\nWe keep bees . \t8\r\n",
    "neu_en.txt": "9\tThe bus stops here.\n\t\t\t\t\n",
}

TABLES: dict[str, list[dict[str, Any]]] = {
    "goemotions/train": [
        {
            "id": IDS[0],
            "text": "The gate is open, “twice”.",
            "labels": ["approval", "neutral"],
        },
        {"id": IDS[1], "text": '""Soup"" again. ', "labels": ["sadness"]},
    ],
    "goemotions/dev": [{"id": "dev1", "text": "Where did my hat go?", "labels": ["curiosity"]}],
    "goemotions/test": [
        {"id": "test1", "text": "A kite!", "labels": ["excitement"]},
        {"id": "test2", "text": "Mud\u2028on the stairs.", "labels": ["annoyance"]},
    ],
    "edos/mturk": [
        {
            "dialogue_id": "11",
            "turns": ['Is the "boat" back , Tom ?', "No ."],
            "label": "anxious",
            "votes": ["anxious", "afraid", "anxious"],
        },
        {
            "dialogue_id": "12",
            "turns": ["Snow ."],
            "label": None,
            "votes": ["joyful", "sad", "bored (other)"],
        },
    ],
    "edos/auto": [
        {
            "dialogue_id": "21",
            "turns": ["I did it .", "All of it - really ."],
            "label": "proud",
            "method": "similar",
        },
        {
            "dialogue_id": "31",
            "turns": ["What was that ?", "A cellar door ."],
            "label": "afraid",
            "method": "self",
        },
        {
            "dialogue_id": "41",
            "turns": ["Off I go .", "Safe travels !"],
            "label": "wishing",
            "method": "similar_self",
        },
    ],
    "xed_en/all": [
        {"text": "The lamp fell !", "labels": ["surprise", "anger"]},
        {"text": "We keep bees .", "labels": ["trust"]},
    ],
    "xed_en/neutral": [
        {"text": "The bus stops here.", "labels": ["neutral"]},
        {"text": "", "labels": ["neutral"]},
    ],
}
ROWS = {
    "train.tsv": 2,
    "dev.tsv": 1,
    "test.tsv": 2,
    "1. MTurk_groundtruth_labels_9K.csv": 2,
    "2. Similar_dialogs_3K.csv": 1,
    "3. Self-labeled_dialogs_4K.csv": 1,
    "4. Similar_self-labeled_dialogs_2K.csv": 1,
    "en-annotated.tsv": 2,
    "neu_en.txt": 2,
}

Answer = Callable[[Handler, bytes, int], None]


class Projects(ScriptedServer):
    """Serves the made-up files; `answers` says what it does with a file instead."""

    def __init__(self) -> None:
        super().__init__()
        self.files = {name: text.encode() for name, text in RAW.items()}
        self.answers: dict[str, Answer] = {}

    def get(self, handler: Handler) -> None:
        name = unquote(handler.path).rsplit("/", 1)[-1]
        self.asked[name] += 1
        answer = self.answers.get(name, lambda handler, body, nth: handler.send(body))
        answer(handler, self.files[name], self.asked[name])
