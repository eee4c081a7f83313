"""An ONNX Runtime session that survives forking."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from emotion_component.bundle import BundleError

FloatArray = npt.NDArray[np.float32]


class Session:
    """Opens a model on first use, once a process; thread-safe.

    A forked child opens its own, since the parent's thread pool does not exist there and waiting
    on it would hang (Sanic, gunicorn and multiprocessing fork).

    Args:
        path: The ONNX file.
        threads: Threads of one run.
    """

    def __init__(self, path: Path, threads: int) -> None:
        self._path = path
        self._threads = threads
        self._lock = threading.Lock()
        # By process id: a child keeps its parent's session, since closing it would wait for
        # threads that do not exist there.
        self._sessions: dict[int, Any] = {}

    def _open(self) -> Any:  # noqa: ANN401 - onnxruntime has no types
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Spinning threads would take the cores from the bot between messages.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return onnxruntime.InferenceSession(
                str(self._path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's exceptions share no public base
            raise BundleError(
                f"{self._path}: onnxruntime {onnxruntime.__version__} cannot open it: {error}"
            ) from None

    def open(self) -> Any:  # noqa: ANN401 - onnxruntime has no types
        """Returns this process's session, opening it if need be.

        Raises:
            BundleError: If ONNX Runtime cannot open the file.
        """
        process = os.getpid()
        if process not in self._sessions:
            with self._lock:
                if process not in self._sessions:
                    self._sessions[process] = self._open()
        return self._sessions[process]

    def run(self, feeds: Mapping[str, npt.NDArray[np.int64]]) -> dict[str, FloatArray]:
        """Runs the model.

        Args:
            feeds: Input name to array; names that the model does not have are left out.

        Returns:
            Output name to array.
        """
        session = self.open()
        wanted = {i.name for i in session.get_inputs()}
        outputs = [o.name for o in session.get_outputs()]
        arrays = session.run(outputs, {k: v for k, v in feeds.items() if k in wanted})
        return dict(zip(outputs, arrays))
