"""A real Ray cluster of several nodes on this machine, whose workers can be killed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from ray.cluster_utils import Cluster

PATIENCE = 600  # seconds, on a machine with much else to do


@contextmanager
def running_cluster(nodes: int) -> Iterator[Cluster]:
    """A head that does no work, and nodes of one CPU."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Ray spells it so; its 15 would starve them on a machine with other work.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    cluster = Cluster()
    try:
        _add_node(cluster, num_cpus=0, include_dashboard=False)
        for _ in range(nodes):
            _add_node(cluster, num_cpus=1)
        yield cluster
    finally:
        cluster.shutdown()


def _add_node(cluster: Cluster, **settings: object) -> None:
    """Tries again where Ray's 30 seconds are too few, on a machine with much else to do."""
    for attempt in range(5):
        try:
            cluster.add_node(**settings)
            return
        except Exception as error:  # Ray raises it bare
            if "timed out during startup" not in str(error) or attempt == 4:
                raise


def kill_worker(cluster: Cluster, name: str) -> None:
    """Kills a process of this cluster, by the task or actor that it runs, once there is one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < deadline, f"no process runs {name}"
        for node in cluster.list_all_nodes():
            (raylet,) = node.all_processes["raylet"]
            for child in psutil.Process(raylet.process.pid).children():
                if name in "".join(child.cmdline()):
                    child.kill()
                    return
        time.sleep(0.02)
