"""GoEmotions: 28 outputs, several may apply; thresholds from dev."""

from __future__ import annotations

from pathlib import Path

from scipy.special import expit

from training.pillars.corpus import Corpus, Floats
from training.pillars.decisions import THRESHOLDS, macro_f1
from training.pillars.fitting import (
    LABELS,
    fit_classifier,
    make_classifier,
    predict,
    starts_as_classifier,
)
from training.pillars.precision_recall import draw_precision_recall
from training.pillars.results import Figures, Result, averaged, by_class
from training.pillars.tune_recipe import TuneRecipe
from training.readers.benchmarks import read_benchmark


def tune_goemotions(recipe: TuneRecipe, data: Path | None, output: Path) -> list[Result]:
    """Tunes to GoEmotions and scores on its test split.

    Args:
        recipe: What to do.
        data: The data folder.
        output: The run's folder: `model`, precision_recall.png.

    Returns:
        One result.

    Raises:
        UserError: If a file is missing or ill-formed.
    """
    benchmark = read_benchmark("goemotions", data)
    train, dev, test = (
        Corpus(split.texts, [None] * len(split.texts), split.targets)
        for split in (benchmark.splits[name] for name in ("train", "dev", "test"))
    )
    classifier = make_classifier(recipe)
    choose = THRESHOLDS[recipe.thresholds]
    scores: dict[str, Figures] = {}
    if starts_as_classifier(recipe):
        thresholds = choose(expit(predict(classifier, dev)), dev.targets)
        predicted = expit(predict(classifier, test)) >= thresholds
        scores["as is"] = averaged(test.targets, predicted)

    def dev_score(logits: Floats, targets: Floats) -> float:
        return macro_f1(expit(logits), targets, choose(expit(logits), targets))

    best = fit_classifier(classifier, train, dev, recipe, output, dev_score)
    dev_scores, test_scores = (expit(predict(classifier, part)) for part in (dev, test))
    chosen = {name: way(dev_scores, dev.targets) for name, way in THRESHOLDS.items()}
    for name, thresholds in chosen.items():
        scores[f"thresholds: {name}"] = averaged(test.targets, test_scores >= thresholds)
    scores["thresholds: 0.5"] = averaged(test.targets, test_scores >= 0.5)
    main = chosen[recipe.thresholds]
    draw_precision_recall(test_scores, test.targets, main, LABELS, output / "precision_recall.png")
    classifier.save(output / "model", {"recipe": recipe.model_dump(exclude={"backbone", "data"})})
    notes = {
        "dev": best,
        "thresholds": {name: values.round(4).tolist() for name, values in chosen.items()},
        "differences": benchmark.differences,
    }
    classes = by_class(test.targets, test_scores >= main, LABELS)
    return [Result(f"seed {recipe.seed}", scores, classes, notes=notes)]
