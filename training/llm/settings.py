"""The parts of a recipe that say which model to call, and how."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator

from training.recipe import Recipe

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Limits(Recipe):
    """How much may be asked of the endpoint at once.

    Attributes:
        concurrency: Calls in flight at the same time.
        requests_per_minute: Requests in any 60 seconds, retries counted; null for no limit.
        tokens_per_minute: Tokens of prompts and greatest answers in any 60 seconds; null for no
            limit.
    """

    concurrency: PositiveInt = 16
    requests_per_minute: PositiveInt | None = None
    tokens_per_minute: PositiveInt | None = None


class Retries(Recipe):
    """What to do when a call fails for a reason that may pass (429, 5xx, lost connections).

    Attributes:
        attempts: Tries of one call, the first one counted.
        first_wait_seconds: The wait before the second try; it doubles with every try. As much
            again at random is added, so that calls that failed together do not return together.
        longest_wait_seconds: Cap of the doubling, and the longest Retry-After that is waited for;
            a longer one stops the run.
        timeout_seconds: The time for one try, from sending to the last byte.
        failures_in_a_row: Calls failing one after the other after which the run stops.
    """

    attempts: PositiveInt = 6
    first_wait_seconds: PositiveFloat = 1.0
    longest_wait_seconds: PositiveFloat = 120.0
    timeout_seconds: PositiveFloat = 60.0
    failures_in_a_row: PositiveInt = 20


class Prices(Recipe):
    """Prices of the model, in any one currency.

    Attributes:
        prompt: Price of a million prompt tokens.
        answer: Price of a million answer tokens.
        batch_factor: What the Batch API charges of it.
        currency: How the currency is written.
    """

    prompt: NonNegativeFloat
    answer: NonNegativeFloat
    batch_factor: NonNegativeFloat = 0.5
    currency: str = "USD"

    def cost(self, prompt_tokens: float, answer_tokens: float) -> float:
        """The price of so many tokens."""
        return (prompt_tokens * self.prompt + answer_tokens * self.answer) / 1_000_000


class LLM(Recipe):
    """A model behind an OpenAI-compatible endpoint.

    Attributes:
        model: The model's name at the endpoint (for Azure: the deployment's).
        base_url: Where the endpoint lies, up to and with ``/v1`` (for Azure: the resource).
        endpoints: Addresses of copies of the server, such as several vLLM, that are asked in place
            of ``base_url``, through Ray; the limits hold for each. Empty for ``base_url`` alone.
        azure_api_version: For Azure's own API, e.g. ``2024-10-21``; null for everything else.
        api_key_env: The environment variable that holds the key; null for a server without keys.
        temperature: Sampling temperature, 0 for greedy decoding; null leaves it to the server,
            as some reasoning models demand.
        max_tokens: The longest answer, in tokens.
        max_tokens_parameter: What the server calls it.
        extra_body: Further keys of the request, e.g. ``{repetition_penalty: 1.03}`` for vLLM.
        tokenizer: A ``tokenizer.json``, or a model on the Hugging Face hub, to count tokens with;
            null for the rule of thumb of four bytes a token.
        limits: Concurrency and rates.
        retries: Tries, waits, time-outs.
        prices: For the cost in a dry run and at the end; null if there is none.
    """

    model: str = Field(min_length=1)
    base_url: str = "https://api.openai.com/v1"
    endpoints: tuple[str, ...] = ()
    azure_api_version: str | None = None
    api_key_env: str | None = "OPENAI_API_KEY"
    temperature: NonNegativeFloat | None = 0.0
    max_tokens: PositiveInt
    max_tokens_parameter: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    extra_body: dict[str, Any] = Field(default_factory=dict)
    tokenizer: str | None = None
    limits: Limits = Limits()
    retries: Retries = Retries()
    prices: Prices | None = None

    @field_validator("base_url", "endpoints")
    @classmethod
    def _web_address(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (value,) if isinstance(value, str) else value:
            if not address.startswith(("http://", "https://")):
                raise ValueError("give a web address that opens with http:// or https://")
        if not isinstance(value, str) and len(set(value)) < len(value):
            raise ValueError("name each address once")
        return value

    def parameters(self) -> dict[str, Any]:
        """The keys of a request that follow from these settings, but for the model's name."""
        sampling = {} if self.temperature is None else {"temperature": self.temperature}
        return {**sampling, self.max_tokens_parameter: self.max_tokens, **self.extra_body}


Message = dict[str, str]


class Prompt(Recipe):
    """A prompt with placeholders such as ``{text}``.

    Attributes:
        system: The system message; null for none.
        user: The user message.
    """

    system: str | None = None
    user: str = Field(min_length=1)

    def placeholders(self) -> set[str]:
        """The names that stand in braces."""
        return set(_PLACEHOLDER.findall(f"{self.system or ''}{self.user}"))

    def messages(self, **values: str) -> list[Message]:
        """The messages of one call.

        Args:
            **values: What to put for each placeholder; braces in a value stay as they are.

        Returns:
            Messages in OpenAI's format.

        Raises:
            KeyError: If a placeholder has no value.
        """

        def filled(template: str) -> str:
            return _PLACEHOLDER.sub(lambda match: values[match[1]], template)

        user = {"role": "user", "content": filled(self.user)}
        if self.system is None:
            return [user]
        return [{"role": "system", "content": filled(self.system)}, user]
