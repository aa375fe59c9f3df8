"""What runs in a worker."""

import logging
import os
import pickle
import signal
import threading
from collections.abc import Callable
from multiprocessing import parent_process
from typing import Any

import cloudpickle

from guided_imagination.utils.progress import WORKER

_function: Callable[..., Any] | None = None  # that of the last call, with what it has loaded


def begin(threads: int, gpu: str | None = None) -> None:
    """Make this process a worker: it ends when its driver does, however that is."""
    os.environ[WORKER] = "1"
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the driver says who ends
    import torch

    torch.set_num_threads(threads)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", datefmt="%X")
    logging.getLogger("guided_imagination").setLevel(logging.INFO)
    driver = parent_process()
    if driver is not None:

        def follow() -> None:
            driver.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()


def run(function: bytes | None, arguments: bytes) -> bytes:
    """The pickled result of a pickled function, None for that of the last call, with pickled arguments."""
    global _function
    if function is not None:
        _function = None  # what it has loaded makes room first
        _function = pickle.loads(function)
    assert _function is not None
    args, kwargs = pickle.loads(arguments)
    return cloudpickle.dumps(_function(*args, **kwargs))
