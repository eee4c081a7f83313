"""`serve run`, on a small Ray of its own: python -m tests.server.ray_serve PORT CONFIG."""

from __future__ import annotations

import signal
import sys

import ray
from ray import serve
from ray.serve.config import HTTPOptions
from ray.serve.scripts import cli


def main(port: str, config: str) -> None:
    # `serve run` takes what is there, and has no options for either.
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=150_000_000,
        namespace="serve",
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ray.init has set its own
    serve.start(http_options=HTTPOptions(host="127.0.0.1", port=int(port)))
    cli(["run", "server.scale:app", f"config={config}"])


if __name__ == "__main__":
    main(*sys.argv[1:])
