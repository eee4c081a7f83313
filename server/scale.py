"""The server as a Ray Serve application: replicas that come and go with the load.

    serve run server.scale:app config=config/server.yaml

See docs/scale_serving.md. The API is that of ``python -m server``.
"""

# Ray reads the annotation of `app` as it stands: no `from __future__ import annotations` here.
import functools
import logging.config
import math
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ray import serve
from ray.serve.config import AutoscalingConfig
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig
from starlette.types import ASGIApp

from server import metrics
from server.app import create_app
from server.behind_ray import BehindRay
from server.logs import log_config
from server.problems import Problem
from server.settings import Settings, SettingsError, load_settings

NAME = "emotion"
METRICS_SECONDS = 8.0
"""For all replicas to tell their metrics; Prometheus waits for ten."""


class Arguments(BaseModel):
    """What ``serve run`` may be given.

    Attributes:
        config: YAML file of settings, such as config/server.yaml.
    """

    config: Path | None = None


@serve.ingress()
class Replica:
    """One replica: the whole server but its port, which Ray Serve holds.

    Args:
        settings: All settings.
    """

    def __init__(self, settings: Settings) -> None:
        logging.config.dictConfig(log_config(settings.telemetry.log_level))
        app = create_app(settings, exposition=self._of_all_replicas)
        self._behind_ray = BehindRay(app, settings.security)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return self._behind_ray

    def check_health(self) -> None:
        """Raises if Ray should put another replica in this one's place."""
        if not self._behind_ray.services.batcher.alive:
            raise RuntimeError("no batch is being served")

    def exposition(self) -> tuple[str, str]:
        """Returns the replica's id and its metrics."""
        return serve.get_replica_context().replica_tag, metrics.exposition().decode()

    @functools.cached_property
    def _all(self) -> DeploymentHandle[Any]:
        context = serve.get_replica_context()
        return serve.get_deployment_handle(context.deployment, context.app_name)

    async def _of_all_replicas(self) -> bytes:
        told = self._all.broadcast("exposition")
        try:
            answers = await told.results_async(timeout_s=METRICS_SECONDS, return_exceptions=True)
        except TimeoutError:
            raise Problem("deadline-exceeded", "A replica did not tell its metrics.") from None
        # One that ends meanwhile answers with an error.
        return metrics.merge(dict(a for a in answers if not isinstance(a, BaseException)))


def app(arguments: Arguments) -> serve.Application:
    """Makes the application, as ``serve run`` and ``serve deploy`` ask for it.

    Args:
        arguments: The words after the application's name.

    Raises:
        SettingsError: If a setting is unknown, ill-typed, or is Ray Serve's.
    """
    settings = _of_one_replica(load_settings(arguments.config))
    scale = settings.scale
    deployed = serve.deployment(
        name=NAME,
        # What waits in a replica is merged into batches, or refused by it.
        max_ongoing_requests=settings.listen.max_connections,
        autoscaling_config=AutoscalingConfig(
            min_replicas=scale.min_replicas,
            max_replicas=scale.max_replicas,
            target_ongoing_requests=scale.target_requests,
            upscale_delay_s=scale.upscale_seconds,
            downscale_delay_s=scale.downscale_seconds,
            look_back_period_s=scale.window_seconds,
        ),
        graceful_shutdown_timeout_s=settings.listen.shutdown_seconds,
        ray_actor_options={"num_cpus": scale.cpus},
        # Its lines hold paths, which hold the ids of conversations; ours do not.
        logging_config=LoggingConfig(enable_access_log=False),
    )
    return deployed(Replica).bind(settings)


def _of_one_replica(settings: Settings) -> Settings:
    """Returns the settings with the replica's share of the cores; refuses those that are Ray's."""
    listen = settings.listen
    if listen.workers > 1:
        raise SettingsError("listen.workers: one a replica; set scale.max_replicas")
    if listen.tls_certificate is not None:
        raise SettingsError(
            "listen.tls_certificate: Ray Serve holds the port; set ssl_certfile and ssl_keyfile "
            "of its http_options"
        )
    threads = settings.inference.threads or max(1, math.floor(settings.scale.cpus))
    inference = settings.inference.model_copy(update={"threads": threads})
    return settings.model_copy(update={"inference": inference})
