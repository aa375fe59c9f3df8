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

_loaded: tuple[str, Callable[[Any], Any]] | None = None  # of the work that this worker is at


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


def do(work: bytes | str, key: str, unit: bytes) -> bytes:
    """The pickled result of a pickled unit. `work` is pickled too, or the path of a file that holds it."""
    global _loaded
    if _loaded is None or _loaded[0] != key:
        _loaded = None  # what the last work has loaded makes room first
        if isinstance(work, str):
            with open(work, "rb") as file:  # noqa: PTH123
                work = file.read()
        _loaded = key, pickle.loads(work)()
    return cloudpickle.dumps(_loaded[1](pickle.loads(unit)))
