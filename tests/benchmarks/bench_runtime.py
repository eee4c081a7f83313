"""Speed, memory and load time of the runtime, against torch, in one run.

make bench
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch

from emotion_component import EmotionModel, Turn
from emotion_component.bundle import DEFAULT_BUNDLE
from tests.benchmarks.timing import measure
from tests.benchmarks.torch_pipeline import load_pipeline

TOKENS = (8, 32, 128)
WORD = "parcel "  # one token
CONTEXT = [
    Turn("user", "I ordered a lamp three weeks ago"),
    Turn("bot", "Let me look that up. What is the number of your order?"),
    Turn("user", "48213, I wrote that in my mail already"),
    Turn("bot", "Thank you. It left our warehouse on Monday."),
]

# Linux tells the resident memory of a process in /proc; elsewhere its peak has to do.
PROBE = """
import time
start = time.perf_counter()
import emotion_component
imported = time.perf_counter()
model = emotion_component.EmotionModel.load()
loaded = time.perf_counter()
model.predict("where is my parcel?")
from pathlib import Path
status = Path("/proc/self/status").read_text()
resident = int(status.split("VmRSS:")[1].split()[0]) / 1024
print(imported - start, loaded - imported, resident)
"""


def fresh_process(runs: int) -> dict[str, float]:
    """Imports, loads and predicts in new processes; medians of seconds and MiB."""
    rows = []
    for _ in range(runs):
        output = subprocess.run(
            [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True
        ).stdout
        rows.append([float(number) for number in output.split()])
    medians = [sorted(column)[runs // 2] for column in zip(*rows, strict=True)]
    return dict(zip(("import_seconds", "load_seconds", "resident_mib"), medians, strict=True))


def main() -> None:
    """Prints the table, and writes it to runs/bench/runtime.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--checkpoint", help="of `training joint`; without, random weights")
    options = parser.parse_args()
    report: dict[str, object] = {"threads": options.threads, **fresh_process(5)}
    torch.set_num_threads(options.threads)
    model = EmotionModel.load(threads=options.threads)
    pipeline = load_pipeline(DEFAULT_BUNDLE, len(model.labels), options.checkpoint)
    prefixes = model.manifest.window.role_prefixes
    spoken = " ".join(prefixes[turn.role] + turn.text for turn in CONTEXT)
    print("tokens  turns   predict p50 / p95 ms   torch p50 / p95 ms   times faster")
    for tokens in TOKENS:
        for turns in (0, len(CONTEXT)):
            text = WORD * (tokens - 2)
            context, history = CONTEXT[:turns], spoken if turns else ""
            latencies = measure(
                {
                    "predict": lambda: model.predict(text, context, context_turns=4),  # noqa: B023
                    "torch": lambda: pipeline({"text": text, "context": history}),  # noqa: B023
                },
                options.rounds,
            )
            ours, theirs = latencies["predict"], latencies["torch"]
            print(
                f"{tokens:6} {turns:6} {ours.p50:13.2f} / {ours.p95:5.2f} "
                f"{theirs.p50:14.2f} / {theirs.p95:5.2f} {theirs.p50 / ours.p50:14.1f}"
            )
            report[f"{tokens} tokens, {turns} turns"] = {
                name: vars(latency) for name, latency in latencies.items()
            }
    for name in ("import_seconds", "load_seconds", "resident_mib"):
        print(f"{name}: {report[name]:.2f}")
    target = Path("runs/bench/runtime.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"Written to {target}")


if __name__ == "__main__":
    main()
