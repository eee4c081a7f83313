"""One process or several, on one port."""

from __future__ import annotations

import functools
import os
import resource
import tempfile

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from server.connections import BoundedProtocol, Bounds
from server.logs import log_config
from server.metrics import MULTIPROCESS_FOLDER
from server.settings import Settings, SettingsError

SPARE_FILES = 100
"""Files that are no connections: listeners, the bundle, Redis."""


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


class _Workers(Multiprocess):
    """uvicorn's supervisor; lets go of the port, so that it closes when the workers close it."""

    def terminate_all(self) -> None:
        super().terminate_all()
        for listener in self.sockets:
            listener.close()


def _create_app(settings: Settings) -> FastAPI:
    # Here, in the worker: prometheus_client looks for the folder when it is imported.
    from server.app import create_app

    return create_app(settings)


def allow_connections(count: int) -> None:
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


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT.

    Args:
        settings: All settings.

    Raises:
        BundleError: If the bundle cannot be used.
        SettingsError: If the system does not allow as many connections.
    """
    allow_connections(settings.listen.max_connections)
    if settings.listen.workers == 1:
        uvicorn.Server(_uvicorn_config(settings)).run()
        return
    with tempfile.TemporaryDirectory(prefix="emotion-metrics-") as folder:
        os.environ[MULTIPROCESS_FOLDER] = folder
        config = _uvicorn_config(settings)
        _Workers(config, sockets=[config.bind_socket()]).run()
