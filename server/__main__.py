"""The command line of the server: ``python -m server --host 127.0.0.1 --port 8100``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emotion_component import BundleError
from server.security import new_key
from server.serve import serve
from server.settings import Settings, SettingsError, load_settings

USAGE_ERROR = 2


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
            serve(settings)
    except (BundleError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return USAGE_ERROR
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
