"""The ``openai`` library's client, set up from a recipe; the key comes from the environment."""

from __future__ import annotations

import os

from openai import AsyncAzureOpenAI, AsyncOpenAI, OpenAI

from training.errors import UserError
from training.llm.settings import LLM

NO_KEY = "none"  # the library wants some key, a server without keys ignores it


def api_key(llm: LLM) -> str | None:
    """The key, or None for a server without keys.

    Raises:
        UserError: If the environment variable that the recipe names is not set.
    """
    if llm.api_key_env is None:
        return None
    key = os.environ.get(llm.api_key_env, "").strip()
    if not key:
        raise UserError(
            f"llm.api_key_env: the environment variable {llm.api_key_env} is not set; "
            "export it, or write null for a server without keys"
        )
    return key


def connect(llm: LLM) -> AsyncOpenAI:
    """A client of the endpoint, without retries of its own.

    Args:
        llm: Which endpoint.

    Returns:
        The client; close it after use.

    Raises:
        UserError: If the key is not in the environment.
    """
    key = api_key(llm) or NO_KEY
    timeout = llm.retries.timeout_seconds
    if llm.azure_api_version is None:
        return AsyncOpenAI(api_key=key, base_url=llm.base_url, timeout=timeout, max_retries=0)
    return AsyncAzureOpenAI(
        api_key=key,
        azure_endpoint=llm.base_url,
        api_version=llm.azure_api_version,
        timeout=timeout,
        max_retries=0,
    )


def connect_for_batches(llm: LLM) -> OpenAI:
    """A client for the few, large requests of the Batch API, with the library's own retries.

    Args:
        llm: Which endpoint; not Azure, whose batches differ.

    Returns:
        The client; close it after use.

    Raises:
        UserError: If the key is not in the environment, or the endpoint is Azure's.
    """
    if llm.azure_api_version is not None:
        raise UserError("llm.azure_api_version: the Batch API is OpenAI's; leave out --batch-api")
    return OpenAI(
        api_key=api_key(llm) or NO_KEY,
        base_url=llm.base_url,
        timeout=llm.retries.timeout_seconds,
        max_retries=llm.retries.attempts - 1,
    )
