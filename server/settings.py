"""Settings: a YAML file, then ``EMOTION_...`` environment variables, then flags; the last wins.

``EMOTION_LISTEN__PORT=9000`` sets ``listen.port``. Unknown keys are rejected.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from server.fields import field_path

ENVIRONMENT_PREFIX = "EMOTION_"
MAX_PORT = 65_535

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class SettingsError(ValueError):
    """Settings that cannot be used; the text names the setting and the fix."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Listen(_Section):
    """Where and how the server listens.

    Attributes:
        host: Address to bind; beyond loopback an API key is needed.
        port: Port to bind; 0 for a free one.
        workers: Processes; each loads the model and gets its share of the cores.
        max_connections: Open connections of one worker; when full, idle ones give way.
        header_seconds: A connection that sends no whole request header within this is closed.
        keep_alive_seconds: How long a connection may rest between requests.
        drain_seconds: After SIGTERM, how long the server goes on, not ready, asking clients to
            reconnect elsewhere, before it closes the door.
        shutdown_seconds: How long requests that still run have after that.
        tls_certificate: PEM file; with `tls_key`, serves HTTPS.
        tls_key: PEM file.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=MAX_PORT)] = 8100
    workers: Count = 1
    max_connections: Count = 1000
    header_seconds: Seconds = 10
    keep_alive_seconds: Annotated[int, Field(ge=1)] = 30
    drain_seconds: Annotated[float, Field(ge=0)] = 2
    shutdown_seconds: Annotated[int, Field(ge=1)] = 30
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    @property
    def beyond_loopback(self) -> bool:
        """Whether other machines can reach the server."""
        if self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Listen:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together; give both or neither")
        return self


class Inference(_Section):
    """How the model runs.

    Attributes:
        bundle: Folder of another bundle than the shipped one.
        runs: Batches computed at the same time; with two, the cores that one leaves idle, between
            its parallel parts, work on the other.
        threads: Threads of one run; None for the worker's share of the cores.
        batch_tokens: Tokens of a batch, about; 1 turns batching off.
        queue_messages: Messages that may wait; further requests get 429.
        deadline_seconds: A request not answered by then gets 504.
    """

    bundle: Path | None = None
    runs: Count = 2
    threads: Count | None = None
    batch_tokens: Count = 512
    queue_messages: Count = 1024
    deadline_seconds: Seconds = 5


class Limits(_Section):
    """What one request may hold.

    Attributes:
        body_bytes: Of a request that is no stream.
        body_seconds: A body that is not there by then gets 408; of a stream, each line.
        inputs: Messages of a request.
        text_characters: Of one message or turn; the model reads the first 10,000.
        context_turns: Earlier turns sent with a message.
        labels: Labels of a request.
        label_characters: Of one label.
    """

    body_bytes: Count = 2_000_000
    body_seconds: Seconds = 10
    inputs: Count = 256
    text_characters: Count = 20_000
    context_turns: Count = 100
    labels: Count = 100
    label_characters: Count = 200


class Conversations(_Section):
    """Where conversations are kept.

    Attributes:
        store: "memory" (of one worker), "redis" (of all workers and replicas) or "off".
        redis_url: Such as redis://localhost:6379/0.
        redis_seconds: Redis is called unreachable if it takes longer.
        turns: Last turns kept of a conversation.
        conversations: Conversations kept in memory; the least recently used go first.
        expiry_seconds: A conversation without a turn for so long is forgotten.
    """

    store: Literal["memory", "redis", "off"] = "memory"
    redis_url: SecretStr = SecretStr("redis://localhost:6379/0")
    redis_seconds: Seconds = 0.5
    turns: Count = 100
    conversations: Count = 10_000
    expiry_seconds: Count = 86_400

    @field_validator("store", mode="before")
    @classmethod
    def _as_meant(cls, store: object) -> object:
        return "off" if store is False else store  # YAML takes a bare off for false


class ApiKey(_Section):
    """A key that clients present; `python -m server --new-key NAME` makes one.

    Attributes:
        name: Whose it is; conversations of different names never meet.
        sha256: Hash of the key, in hexadecimal.
        requests_per_minute: Rate of one worker; None for no limit.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    requests_per_minute: Count | None = None


class Security(_Section):
    """Who may ask.

    Attributes:
        api_keys: Keys; none leaves the server open to whoever reaches it.
        allow_anonymous: Listens beyond loopback without a key.
        cors_origins: Web pages that may ask from a browser; none by default.
    """

    api_keys: tuple[ApiKey, ...] = ()
    allow_anonymous: bool = False
    cors_origins: tuple[str, ...] = ()

    @field_validator("api_keys")
    @classmethod
    def _names_differ(cls, keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        if len({key.name for key in keys}) < len(keys):
            raise ValueError("each name may stand only once")
        return keys


class Telemetry(_Section):
    """What the server tells of itself, beside /metrics.

    Attributes:
        log_level: Of the JSON lines on standard error.
        access_log: A line for each request.
        otlp_endpoint: OpenTelemetry collector to send traces to, such as http://localhost:4318.
    """

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    access_log: bool = True
    otlp_endpoint: str | None = None


class Scale(_Section):
    """Replicas under Ray Serve; see server/scale.py.

    Attributes:
        min_replicas: That are always there.
        max_replicas: With more than one, conversations need Redis, or none are kept.
        target_requests: Of one replica, waiting or computed; with more, there are more replicas.
        window_seconds: That this number is averaged over; more than the ten between two counts.
        upscale_seconds: It must be too high for so long.
        downscale_seconds: It must be too low for so long.
        cpus: Cores of one replica.
    """

    min_replicas: Count = 1
    max_replicas: Count = 1
    target_requests: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 16
    window_seconds: Seconds = 30
    upscale_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 10
    downscale_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 300
    cpus: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1

    @model_validator(mode="after")
    def _in_order(self) -> Scale:
        if self.max_replicas < self.min_replicas:
            raise ValueError("max_replicas must not be below min_replicas")
        return self


class Settings(BaseSettings):
    """All settings of the server; see each section."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        extra="forbid",
        frozen=True,
    )

    listen: Listen = Listen()
    inference: Inference = Inference()
    limits: Limits = Limits()
    conversations: Conversations = Conversations()
    security: Security = Security()
    telemetry: Telemetry = Telemetry()
    scale: Scale = Scale()

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        for count, name in (
            (self.listen.workers, "workers"),
            (self.scale.max_replicas, "replicas"),
        ):
            if count > 1 and self.conversations.store == "memory":
                raise ValueError(
                    f"conversations.store: {count} {name} would each remember their own "
                    "conversations; set it to redis or off"
                )
        if self.limits.inputs > self.inference.queue_messages:
            raise ValueError("limits.inputs: must not exceed inference.queue_messages")
        security = self.security
        if self.listen.beyond_loopback and not (security.api_keys or security.allow_anonymous):
            raise ValueError(
                f"security.api_keys: other machines can reach {self.listen.host}; add a key "
                "(python -m server --new-key NAME) or set security.allow_anonymous "
                "(--allow-anonymous)"
            )
        return self

    @property
    def threads(self) -> int:
        """Threads of one encoder run."""
        if self.inference.threads is not None:
            return self.inference.threads
        return max(1, (os.cpu_count() or 1) // self.listen.workers)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; check the path") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: expected sections such as listen: or security:")
    return content


def load_settings(
    path: Path | None = None, flags: Mapping[str, Mapping[str, Any]] | None = None
) -> Settings:
    """Reads the settings.

    Args:
        path: YAML file; None for the environment alone.
        flags: Section to setting to value; they win over everything.

    Returns:
        The settings, checked.

    Raises:
        SettingsError: If a setting is unknown, ill-typed or does not fit the others.
    """
    content = _read_yaml(path) if path is not None else {}

    class Source(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, content)

    try:
        given: dict[str, Any] = {name: dict(section) for name, section in (flags or {}).items()}
        merged = Source(**given)
        sections = {name: getattr(merged, name) for name in Settings.model_fields}
        return Settings.model_construct(**sections)
    except ValidationError as error:
        first = error.errors()[0]
        where = field_path(first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{where}: {message}" if where else message) from None
