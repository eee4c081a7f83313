"""The recipe of the synthesis, the analysis and the survey: one file, since one corpus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from training.distill.texts import RecipePath
from training.llm.settings import LLM
from training.pillars import actors, cleaning, context, rewriting, soft_labels, utterances
from training.pillars.narratives import Narratives
from training.pillars.step import Step, StepSettings
from training.recipe import Recipe

STEPS: tuple[Step, ...] = (
    actors.STEP,
    utterances.STEP,
    soft_labels.STEP,
    context.STEP,
    cleaning.STEP,
    rewriting.STEP,
)
STEP_NAMES = tuple(step.name for step in STEPS)


class AnalysisSettings(Recipe):
    """How a corpus is analysed.

    Attributes:
        examples: So many examples, drawn by chance, are compared with one another.
        neighbours: A text is linked to so many texts nearest to it.
        topic_similarity: The least cosine of a link.
        topic_terms: So many terms describe a topic.
    """

    examples: PositiveInt = 5000
    neighbours: PositiveInt = 10
    topic_similarity: float = Field(default=0.3, ge=-1, le=1)
    topic_terms: PositiveInt = 8


class SurveySettings(Recipe):
    """What a survey holds.

    Attributes:
        examples: So many examples with context.
        distractors: So many labels that the model did not give are offered beside its own.
    """

    examples: PositiveInt = 30
    distractors: PositiveInt = 3


class PillarsRecipe(Recipe):
    """The recipe.

    Attributes:
        narratives: What actors are taken from.
        output: The folder of all results.
        emotions: YAML of the emotions and their definitions.
        label_mapping: YAML of the labels outside of them.
        llm: The model that writes.
        steps: Prompt and longest answer of each step.
        encoder: The sentence encoder for near-duplicates and the analysis.
        duplicate_similarity: The cosine from which on two utterances are near-duplicates.
        most_per_emotion: Keep so many examples of an emotion, by chance; null for all.
        splits: Shares of train, dev and test, by the folder that they are written to.
        seed: Of all that is drawn by chance.
        analysis: How the corpus is analysed.
        survey: What its survey holds.
    """

    narratives: Narratives
    output: RecipePath
    emotions: RecipePath
    label_mapping: RecipePath
    llm: LLM
    steps: dict[str, StepSettings]
    encoder: str
    duplicate_similarity: PositiveFloat = 0.9
    most_per_emotion: PositiveInt | None = None
    splits: dict[str, tuple[PositiveFloat, PositiveFloat, PositiveFloat]]
    seed: NonNegativeInt = 0
    analysis: AnalysisSettings = AnalysisSettings()
    survey: SurveySettings = SurveySettings()

    @field_validator("steps")
    @classmethod
    def _all_steps(cls, steps: Mapping[str, StepSettings]) -> Mapping[str, StepSettings]:
        if set(steps) != set(STEP_NAMES):
            raise ValueError(f"write these steps, each once: {', '.join(STEP_NAMES)}")
        for step in STEPS:
            if steps[step.name].prompt.placeholders() != step.placeholders:
                names = ", ".join(f"{{{name}}}" for name in sorted(step.placeholders))
                raise ValueError(f"{step.name}: write {names}, and no other name in braces")
        return steps

    @field_validator("splits")
    @classmethod
    def _folder_names(cls, splits: Mapping[str, object]) -> Mapping[str, object]:
        for name in splits:
            if Path(name).name != name:
                raise ValueError(f"{name!r} is no name of a folder")
        return splits

    @property
    def corpus(self) -> Path:
        """Where the finished examples lie."""
        return self.output / "corpus.jsonl"
