"""The command line of the server: ``python -m server --host 127.0.0.1 --port 8100``."""

from __future__ import annotations

import argparse
import functools
import json
import os
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from emotion_component import BundleError
from server.connections import BoundedProtocol, Bounds
from server.logs import log_config
from server.metrics import MULTIPROCESS_FOLDER
from server.security import new_key
from server.settings import Settings, SettingsError, load_settings

USAGE_ERROR = 2
SPARE_FILES = 100
"""Files that are no connections: listeners, the bundle, Redis."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="The sidecar: emotions for any bot, over HTTP.",
        epilog="Every setting of config/server.yaml is also an environment variable: "
        "EMOTION_LISTEN__PORT=9000. Flags win over these, and these over the file.",
    )
    parser.add_argument("--config", type=Path, help="YAML file, such as config/server.yaml")
    parser.add_argument("--host", help="address to bind (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to bind, 0 for a free one (default 8100)")
    parser.add_argument("--workers", type=int, help="processes (default 1)")
    parser.add_argument("--tls-certificate", type=Path, help="PEM file")
    parser.add_argument("--tls-key", type=Path, help="PEM file")
    parser.add_argument(
        "--allow-anonymous",
        action="store_const",
        const=True,
        help="listen beyond loopback without an API key",
    )
    parser.add_argument("--new-key", metavar="NAME", help="make an API key and its setting; exit")
    parser.add_argument("--openapi", action="store_true", help="write openapi.json; exit")
    return parser


def _flags(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    listen = ("host", "port", "workers", "tls_certificate", "tls_key")
    sections = {"listen": listen, "security": ("allow_anonymous",)}
    given = vars(options)
    return {
        section: {name: given[name] for name in names if given[name] is not None}
        for section, names in sections.items()
    }


def _write_key(name: str) -> None:
    key, digest = new_key()
    sys.stdout.write(
        f"The key, shown only now:\n  {key}\n\nIn the settings:\n"
        f"  security:\n    api_keys:\n      - name: {name}\n        sha256: {digest}\n"
    )


def _write_openapi(settings: Settings) -> None:
    from server.app import create_app

    text = json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False)
    sys.stdout.write(text + "\n")


def _uvicorn_config(settings: Settings) -> uvicorn.Config:
    listen = settings.listen
    bounds = Bounds(
        max_connections=listen.max_connections,
        header_seconds=listen.header_seconds,
        keep_alive_seconds=listen.keep_alive_seconds,
    )
    return uvicorn.Config(
        functools.partial(_create_app, settings),
        factory=True,
        host=listen.host,
        port=listen.port,
        workers=listen.workers,
        http=functools.partial(BoundedProtocol, bounds=bounds),  # type: ignore[arg-type]
        ws="none",
        access_log=False,  # ours knows the route and the request id
        log_config=log_config(settings.telemetry.log_level),
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=listen.keep_alive_seconds,
        timeout_graceful_shutdown=listen.shutdown_seconds,
        ssl_certfile=listen.tls_certificate,
        ssl_keyfile=listen.tls_key,
    )


def _create_app(settings: Settings) -> Any:  # noqa: ANN401 - uvicorn's factory of any ASGI app
    # Here, in the worker: prometheus_client looks for the folder when it is imported.
    from server.app import create_app

    return create_app(settings)


def _allow_connections(count: int) -> None:
    """Raises the limit of open files, if need be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE_FILES
    if soft >= wanted or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise SettingsError(
            f"listen.max_connections: {count} connections need {wanted} open files, but the "
            f"system allows {hard}; lower it or raise `ulimit -n`"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _serve(settings: Settings) -> None:
    _allow_connections(settings.listen.max_connections)
    if settings.listen.workers == 1:
        uvicorn.Server(_uvicorn_config(settings)).run()
        return
    with tempfile.TemporaryDirectory(prefix="emotion-metrics-") as folder:
        os.environ[MULTIPROCESS_FOLDER] = folder
        config = _uvicorn_config(settings)
        Multiprocess(config, sockets=[config.bind_socket()]).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the server until it is told to end.

    Args:
        arguments: The words after the program's name; those of the process if not given.

    Returns:
        0, or 2 for a mistake in the arguments, the settings or the bundle.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.new_key is not None:
            _write_key(options.new_key)
            return 0
        settings = load_settings(options.config, _flags(options))
        if options.openapi:
            _write_openapi(settings)
        else:
            _serve(settings)
    except (BundleError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return USAGE_ERROR
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
