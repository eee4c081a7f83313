"""What goes over the wire; the source of the OpenAPI description."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue


def _valid_unicode(text: str) -> str:
    """Joins surrogate pairs; lone ones, which have no UTF-8 form, become U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


Text = Annotated[str, AfterValidator(_valid_unicode)]
Role = Literal["user", "bot"]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Scores = dict[str, float]

EXAMPLE_TEXT = "Oh great, and now it is broken again."
EXAMPLE_CONTEXT: list[JsonValue] = [{"role": "bot", "text": "Your new phone has arrived!"}]
EXAMPLE_RESULT: dict[str, JsonValue] = {
    "label": "annoyance",
    "score": 0.61,
    "labels": {"annoyance": 0.61},
    "scores": {"admiration": 0.01, "annoyance": 0.61, "neutral": 0.2},
    "group": "negative",
    "valence": -0.54,
    "arousal": 0.21,
    "truncated": False,
    "bundle": {"name": "emotion-minilm", "version": "0.3.0"},
}


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TurnSchema(_Request):
    """An earlier utterance."""

    role: Role
    text: Text


class MessageSchema(_Request):
    """A message and the turns before it."""

    text: Text = Field(description="The message; the model reads the first 10,000 characters.")
    context: list[TurnSchema] | None = Field(
        default=None, description="Earlier turns, oldest first."
    )


class Options(_Request):
    """What to say of each message."""

    labels: list[Text] | None = Field(
        None,
        min_length=1,
        description="Any labels (words or short phrases) to score besides the model's own; the "
        "result then has a `rank`.",
    )
    multi_label: bool = Field(
        True, description="Whether several of `labels` may apply, or just one."
    )
    threshold: Score = Field(0.5, description="Score from which one of `labels` applies.")
    top_k: int | None = Field(
        None, ge=1, description="Only the k strongest of each set of labels and scores."
    )
    descriptors: int | None = Field(
        None,
        ge=1,
        le=100,
        description="How many free-form descriptors to find; the result then has `descriptors`.",
    )
    embedding: bool = Field(
        False, description="Whether to give the vector in the emotion space, as `embedding`."
    )
    context_turns: int | None = Field(
        None,
        ge=0,
        description="How many of the last turns to read; the model's own number if unset.",
    )


class BodyOptions(Options):
    """Options of a JSON body."""

    thresholds: Score | dict[str, Score] | None = Field(
        None,
        description="Scores from which the model's own labels apply: one number, or label to "
        "number; the model's own if unset.",
    )


class EmotionsRequest(BodyOptions):
    """Messages whose emotions are asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"inputs": [{"text": EXAMPLE_TEXT, "context": EXAMPLE_CONTEXT}]},
                {
                    "inputs": [{"text": EXAMPLE_TEXT}],
                    "labels": ["wants a refund", "is satisfied"],
                    "multi_label": False,
                    "descriptors": 3,
                },
            ]
        }
    )

    inputs: list[MessageSchema] = Field(min_length=1)


class ModelVersion(BaseModel):
    """The bundle that made a result."""

    name: str
    version: str


class Ranking(BaseModel):
    """How well each of the caller's labels fits."""

    label: str | None = Field(description="The best; null for a message without words.")
    labels: Scores = Field(description="Those that apply, best first.")
    scores: Scores
    truncated: bool
    bundle: ModelVersion


class Emotions(BaseModel):
    """The emotions of one message."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_RESULT]})

    label: str = Field(description="The strongest emotion.")
    score: float = Field(description="Its score, 0 to 1.")
    labels: Scores = Field(description="Emotions above their thresholds, strongest first.")
    scores: Scores = Field(description="Every emotion's score, 0 to 1.")
    group: str = Field(description="positive, negative, ambiguous or neutral.")
    valence: float = Field(description="Unpleasant (-1) to pleasant (1).")
    arousal: float = Field(description="Calm (-1) to activated (1).")
    truncated: bool = Field(description="Whether the message or its context was cut.")
    bundle: ModelVersion
    rank: Ranking | None = Field(None, description="Of the caller's labels, if asked for.")
    descriptors: Scores | None = Field(
        None, description="Nearest free-form descriptors and their cosine similarity, if asked for."
    )
    embedding: list[float] | None = Field(
        None, description="Unit vector in the emotion space, if asked for."
    )


class EmotionsResponse(BaseModel):
    """One result a message, in order."""

    results: list[Emotions]
    model: ModelVersion


class TurnRequest(BodyOptions):
    """A turn of a conversation that the server keeps."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"role": "user", "text": EXAMPLE_TEXT, "message_id": "a1b2c3"}]
        }
    )

    role: Role
    text: Text
    message_id: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="Yours; a retry with the same one counts once.",
    )


class KeptTurn(BaseModel):
    """A turn as the server remembers it."""

    number: int = Field(description="1 for the conversation's first turn.")
    message_id: str
    role: Role
    text: str
    label: str
    score: float
    group: str
    valence: float
    arousal: float
    strong: bool = Field(description="Whether the emotion is above its threshold and not neutral.")


class StrongEmotion(BaseModel):
    """A turn of the user whose emotion is above its threshold and not neutral."""

    number: int
    label: str
    score: float
    group: str


class GroupRun(BaseModel):
    """The user's last turns, all of one group."""

    group: str
    turns: int


class ConversationState(BaseModel):
    """How the user has been feeling; read from the user's turns alone."""

    valence_mean: float | None = Field(description="Over the user's last five turns.")
    valence_trend: float | None = Field(
        description="Change of valence a turn over the user's last five turns (least squares); "
        "below 0 it gets worse. Null with fewer than two."
    )
    last_strong: StrongEmotion | None
    same_group: GroupRun | None


class TurnResponse(BaseModel):
    """A turn's emotions and where the conversation stands."""

    conversation: str
    number: int | None = Field(description="The turn's number; null without memory.")
    message_id: str
    result: Emotions
    state: ConversationState
    memory: bool = Field(
        description="False if the memory cannot be reached: the turn was read alone and not kept."
    )
    repeated: bool = Field(description="Whether this message_id was already there.")
    model: ModelVersion


class ConversationResponse(BaseModel):
    """A conversation as the server remembers it."""

    conversation: str
    turns: list[KeptTurn]
    state: ConversationState


class LabelSchema(BaseModel):
    """One of the model's labels."""

    name: str
    threshold: float
    group: str
    ekman: str


class LabelsResponse(BaseModel):
    """The model's labels, and the coarse sets that they sum up to."""

    labels: list[LabelSchema]
    groups: list[str]
    ekman: list[str]


class ModelSchema(ModelVersion):
    """What a bundle says of itself."""

    labels: int
    context_turns: int
    max_tokens: int
    training: dict[str, Any]
    scores: dict[str, Any]


class ModelsResponse(BaseModel):
    """The models that answer here."""

    models: list[ModelSchema]


class PredictRequest(BaseModel):
    """The body of text-embeddings-inference's /predict."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": EXAMPLE_TEXT}]})

    inputs: (
        Text
        | Annotated[list[Text], Field(min_length=2, max_length=2)]
        | Annotated[
            list[Annotated[list[Text], Field(min_length=1, max_length=2)]], Field(min_length=1)
        ]
    ) = Field(
        description="A message, or an earlier turn of the bot and a message, or a list of "
        "either, each in a list."
    )
    raw_scores: bool = Field(False, description="Logits instead of sigmoid scores.")
    truncate: bool = Field(True, description="Accepted; long messages are always cut.")


class Prediction(BaseModel):
    """A label's score."""

    score: float
    label: str


Memory = Literal["ok", "unavailable", "off"]


class Health(BaseModel):
    """Whether the server is well."""

    status: Literal["live", "ready", "draining", "failed"]
    memory: Memory | None = None
