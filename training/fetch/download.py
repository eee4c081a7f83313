"""One file from the web, whole or not at all."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
)
from tqdm import tqdm

from training.errors import UserError
from training.fetch.recipe import Retries

LONGEST_WAIT_SECONDS = 60.0

log = logging.getLogger(__name__)


def download(client: httpx.Client, url: str, path: Path, retries: Retries) -> None:
    """Downloads a file, making its folder.

    Args:
        client: Which client asks.
        url: Where the file lies.
        path: Where it goes; nothing lies there until all of it has come.
        retries: How often failures that may pass are tried again.

    Raises:
        UserError: If it cannot be had; the message says how to bring it by hand.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    tries = Retrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(retries.attempts),
        wait=wait_exponential(retries.first_wait_seconds, LONGEST_WAIT_SECONDS),
        before_sleep=_note,
        reraise=True,
    )
    unfinished = path.with_name(f"{path.name}.part")
    try:
        tries(_stream, client, url, unfinished)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        unfinished.unlink(missing_ok=True)
        raise UserError(
            f"{url}: {_describe(error)}; download it by hand to {path} and run the same command "
            "again, or give a folder that holds the data (make model DATA=folder)"
        ) from None
    unfinished.replace(path)


def _stream(client: httpx.Client, url: str, path: Path) -> None:
    with client.stream("GET", url) as response, path.open("wb") as file:
        response.raise_for_status()
        length = response.headers.get("Content-Length")
        with tqdm(
            desc=path.stem,
            total=int(length) if length else None,
            unit="B",
            unit_scale=True,
            file=sys.stderr,
        ) as progress:
            for piece in response.iter_bytes():
                file.write(piece)
                progress.update(response.num_bytes_downloaded - progress.n)


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in (408, 429) or error.response.is_server_error
    # A broken-off body is a RemoteProtocolError or, if it came compressed, a DecodingError.
    return isinstance(error, (httpx.TransportError, httpx.DecodingError))


def _note(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.info("%s; trying again", _describe(error) if error else "failed")


def _describe(error: BaseException) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"status {error.response.status_code} {error.response.reason_phrase}".rstrip()
    return str(error) or type(error).__name__
