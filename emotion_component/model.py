"""EmotionModel: text -> turns -> tokens -> scores -> emotions, by one encoder pass a message."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional, Union

import numpy as np
import numpy.typing as npt

from emotion_component import bundle as bundles
from emotion_component.calibration import calibrated_logits
from emotion_component.dialogue import InputError, TurnLike, check_text, parse_context
from emotion_component.encoder import Encoded, MessageEncoder
from emotion_component.label_vectors import LabelVectors
from emotion_component.labels import coarse_label
from emotion_component.results import BundleVersion, DescribeResult, EmotionResult, RankResult
from emotion_component.session import FloatArray, Session
from emotion_component.tokens import MessageTokenizer

Thresholds = Union[float, Mapping[str, float], None]

NEUTRAL = "neutral"


def _sigmoid(x: FloatArray) -> FloatArray:
    y: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * x))
    return y


def _softmax(x: FloatArray) -> FloatArray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    y: FloatArray = e / e.sum(axis=-1, keepdims=True)
    return y


def _named(names: Sequence[str], values: npt.NDArray[np.floating]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in zip(names, values)}


def _strongest_first(scores: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


class EmotionModel:
    """Emotions of messages, from a bundle. Make it with `load`; thread-safe; no network.

    Every method reads a message with its earlier turns (oldest first, `Turn` or
    `{"role": "user"|"bot", "text": ...}`). A message without words is neutral.
    """

    _loaded: dict[tuple[str, str, int], EmotionModel] = {}  # noqa: RUF012 - shared on purpose
    _load_lock = threading.Lock()

    def __init__(self, folder: Path, threads: int) -> None:
        self._manifest = bundles.read_manifest(folder)
        tokenizer = MessageTokenizer.of_bundle(folder, self._manifest)
        encoder = label_encoder = Session(folder / bundles.ENCODER, threads)
        encoder.open()  # an encoder that cannot be opened shows here, not at the first message
        if bundles.LABEL_ENCODER in self._manifest.files:
            label_encoder = Session(folder / bundles.LABEL_ENCODER, threads)  # opened when needed
        self._encoder = MessageEncoder(tokenizer, encoder)
        poles = (*self._manifest.space.valence, *self._manifest.space.arousal)
        self._label_vectors = LabelVectors(folder, tokenizer, label_encoder, poles)
        self._calibration = tuple(
            np.array(numbers, dtype=np.float32)
            for numbers in (
                self._manifest.calibration_scales,
                self._manifest.calibration_biases,
                self._manifest.calibration_bends,
            )
        )
        self.bundle = BundleVersion(self._manifest.name, self._manifest.version)

    @classmethod
    def load(
        cls, path: Union[str, Path, None] = None, *, threads: Optional[int] = None
    ) -> EmotionModel:
        """Opens a bundle; the same bundle is opened once a process.

        Args:
            path: The bundle's folder; None for the one shipped in the package.
            threads: Threads of one encoder run; None for two, or one on a single core.

        Returns:
            The model.

        Raises:
            BundleError: If the bundle is missing, incomplete, changed or of an unknown format.
            InputError: If `threads` is no positive integer.
        """
        if threads is None:
            threads = min(2, os.cpu_count() or 1)
        if not isinstance(threads, int) or threads < 1:
            raise InputError(f"threads: expected a positive integer, got {threads!r}")
        folder = Path(path) if path is not None else bundles.DEFAULT_BUNDLE
        manifest = folder / bundles.MANIFEST
        state = bundles.file_hash(manifest) if manifest.is_file() else ""
        key = (str(folder.resolve()), state, threads)
        with cls._load_lock:
            if key not in cls._loaded:
                cls._loaded[key] = cls(folder, threads)
            return cls._loaded[key]

    @property
    def manifest(self) -> bundles.Manifest:
        """What the bundle says of itself: labels, thresholds, window, training, scores."""
        return self._manifest

    @property
    def labels(self) -> tuple[str, ...]:
        """The classifier's labels, in the order of `scores`."""
        return self._manifest.labels

    @property
    def axis_vectors(self) -> FloatArray:
        """Vectors of the pleasant, unpleasant, activated and calm pole, (4, dimensions)."""
        return self._label_vectors.axes

    # One pass -----------------------------------------------------------------------------------

    def encode(
        self,
        texts: Sequence[str],
        contexts: Optional[Sequence[Sequence[TurnLike]]] = None,
        *,
        context_turns: Optional[int] = None,
    ) -> Encoded:
        """Runs the encoder once over n messages, for `classify`, `rank_encoded` and the like.

        Args:
            texts: n messages.
            contexts: For each message its earlier turns, oldest first; None for no context.
            context_turns: How many of the last turns to read; None for the bundle's number.

        Returns:
            Logits and embeddings of the n messages, in order.

        Raises:
            InputError: If an argument is ill-typed; the message names it and its index.
        """
        return self._encoder.encode(texts, contexts, context_turns)

    # The bundle's labels ------------------------------------------------------------------------

    def predict(
        self,
        text: str,
        context: Sequence[TurnLike] = (),
        *,
        thresholds: Thresholds = None,
        context_turns: Optional[int] = None,
    ) -> EmotionResult:
        """Returns the emotions of one message.

        Args:
            text: The message.
            context: Earlier turns, oldest first.
            thresholds: From which score a label counts as present: one number, or label to
                number (others keep the bundle's); None for the bundle's.
            context_turns: How many of the last turns to read; None for the bundle's number.

        Raises:
            InputError: If an argument is ill-typed; the message names it.
        """
        context = parse_context(context)
        check_text(text)
        encoded = self.encode([text], [context], context_turns=context_turns)
        return self.classify(encoded, thresholds=thresholds)[0]

    def predict_batch(
        self,
        texts: Sequence[str],
        contexts: Optional[Sequence[Sequence[TurnLike]]] = None,
        *,
        thresholds: Thresholds = None,
        context_turns: Optional[int] = None,
    ) -> list[EmotionResult]:
        """Returns the emotions of many messages, in order; see `predict` and `encode`."""
        if not isinstance(texts, str) and len(texts) == 0:
            return []
        encoded = self.encode(texts, contexts, context_turns=context_turns)
        return self.classify(encoded, thresholds=thresholds)

    def classify(self, encoded: Encoded, *, thresholds: Thresholds = None) -> list[EmotionResult]:
        """Reads the bundle's labels, valence and arousal from an encoder pass."""
        limits = self._thresholds(thresholds)
        calibrated = calibrated_logits(encoded.logits, *self._calibration)
        scores = _softmax(calibrated) if self._manifest.single_label else _sigmoid(calibrated)
        axes = self._read_axes(encoded.embeddings)
        return [
            self._result(scores[row], limits, axes[row], encoded, row)
            for row in range(len(encoded))
        ]

    def _thresholds(self, thresholds: Thresholds) -> dict[str, float]:
        limits = dict(zip(self.labels, self._manifest.thresholds))
        if isinstance(thresholds, Mapping):
            unknown = sorted(set(thresholds) - set(limits))
            if unknown:
                raise InputError(
                    f"thresholds: unknown label {unknown[0]!r}; known: {', '.join(self.labels)}"
                )
            limits.update(thresholds)
        elif thresholds is not None:
            limits = dict.fromkeys(limits, thresholds)
        for label, limit in limits.items():
            if isinstance(limit, bool) or not isinstance(limit, (int, float)):
                raise InputError(f"thresholds: {label}: expected a number, got {limit!r}")
        return limits

    def _read_axes(self, embeddings: FloatArray) -> FloatArray:
        """Returns valence and arousal in [-1, 1], (n, 2): differences of two similarities."""
        similarities = embeddings @ self.axis_vectors.T
        differences = similarities[:, 0::2] - similarities[:, 1::2]
        axes: FloatArray = np.tanh(differences * self._manifest.space.axis_scales)
        return axes

    def _result(
        self,
        row_scores: FloatArray,
        limits: Mapping[str, float],
        axes: FloatArray,
        encoded: Encoded,
        row: int,
    ) -> EmotionResult:
        if encoded.blank[row]:
            label, score, present = NEUTRAL, 1.0, {NEUTRAL: 1.0}
            scores = {name: float(name == NEUTRAL) for name in self.labels}
            axes = np.zeros(2, dtype=np.float32)
        else:
            label = self.labels[int(row_scores.argmax())]
            scores = _named(self.labels, row_scores)
            score = scores[label]
            eligible = [label] if self._manifest.single_label else self.labels
            present = {name: scores[name] for name in eligible if scores[name] >= limits[name]}
        return EmotionResult(
            label=label,
            score=score,
            labels=_strongest_first(present),
            scores=scores,
            group=coarse_label(label),
            valence=round(float(axes[0]), 4),
            arousal=round(float(axes[1]), 4),
            truncated=bool(encoded.truncated[row]),
            bundle=self.bundle,
        )

    # Any labels ---------------------------------------------------------------------------------

    def rank(
        self,
        text: str,
        labels: Sequence[str],
        context: Sequence[TurnLike] = (),
        *,
        multi_label: bool = True,
        threshold: float = 0.5,
        context_turns: Optional[int] = None,
    ) -> RankResult:
        """Scores any labels against one message, zero-shot.

        Args:
            text: The message.
            labels: Words or short phrases; "_" reads as a space.
            context: Earlier turns, oldest first.
            multi_label: Whether several labels may apply (each score is the probability that the
                label does, if it is as likely to as not) or just one (the scores sum to 1).
            threshold: Multi-label score from which a label counts as present.
            context_turns: How many of the last turns to read; None for the bundle's number.

        Raises:
            InputError: If an argument is ill-typed, or `labels` is empty or has repeats.
        """
        context = parse_context(context)
        check_text(text)
        encoded = self.encode([text], [context], context_turns=context_turns)
        return self.rank_encoded(encoded, labels, multi_label=multi_label, threshold=threshold)[0]

    def rank_encoded(
        self,
        encoded: Encoded,
        labels: Sequence[str],
        *,
        multi_label: bool = True,
        threshold: float = 0.5,
    ) -> list[RankResult]:
        """Scores any labels against the messages of an encoder pass; see `rank`."""
        vectors = self.label_vectors(labels)
        space = self._manifest.space
        similarities = encoded.embeddings @ vectors.T
        limit: Optional[float] = None
        if multi_label:
            limit = threshold
            scores = _sigmoid(similarities * space.match_scale + space.match_bias)
        else:
            scores = _softmax(similarities / space.temperature)
        return [
            self._rank_result(labels, scores[row], limit, encoded, row)
            for row in range(len(encoded))
        ]

    def _rank_result(
        self,
        labels: Sequence[str],
        row_scores: FloatArray,
        limit: Optional[float],
        encoded: Encoded,
        row: int,
    ) -> RankResult:
        blank = bool(encoded.blank[row])
        scores = _named(labels, row_scores * (not blank))
        ranked = _strongest_first(scores)
        best = next(iter(ranked))
        present = {k: v for k, v in ranked.items() if (k == best if limit is None else v >= limit)}
        return RankResult(
            label=None if blank else best,
            labels={} if blank else present,
            scores=scores,
            truncated=bool(encoded.truncated[row]),
            bundle=self.bundle,
        )

    def label_vectors(self, labels: Sequence[str]) -> FloatArray:
        """Returns the unit vectors of labels in the emotion space, (labels, dimensions).

        Raises:
            InputError: If `labels` is empty, has repeats, or holds anything but words.
        """
        if isinstance(labels, str) or not isinstance(labels, Sequence):
            raise InputError("labels: expected a list of strings")
        if not labels:
            raise InputError("labels: expected at least one label")
        for i, label in enumerate(labels):
            if not check_text(label, f"labels[{i}]").strip():
                raise InputError(f"labels[{i}]: is empty; give a word or short phrase")
        if len(set(labels)) < len(labels):
            raise InputError("labels: each label may stand only once")
        return self._label_vectors.of(labels)

    # Free-form descriptors ----------------------------------------------------------------------

    def describe(
        self,
        text: str,
        k: int = 5,
        context: Sequence[TurnLike] = (),
        *,
        context_turns: Optional[int] = None,
    ) -> DescribeResult:
        """Returns the `k` free-form descriptors nearest to one message.

        Raises:
            InputError: If an argument is ill-typed; the message names it.
        """
        context = parse_context(context)
        check_text(text)
        encoded = self.encode([text], [context], context_turns=context_turns)
        return self.describe_encoded(encoded, k)[0]

    def describe_encoded(self, encoded: Encoded, k: int = 5) -> list[DescribeResult]:
        """Finds the `k` nearest descriptors of an encoder pass; see `describe`."""
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise InputError(f"k: expected a positive integer, got {k!r}")
        terms, vectors = self._label_vectors.vocabulary()
        similarities = encoded.embeddings @ vectors.T
        nearest = np.argsort(-similarities, axis=1)[:, :k]
        return [
            DescribeResult(
                descriptors={}
                if encoded.blank[row]
                else _named([terms[i] for i in nearest[row]], similarities[row, nearest[row]]),
                truncated=bool(encoded.truncated[row]),
                bundle=self.bundle,
            )
            for row in range(len(encoded))
        ]
