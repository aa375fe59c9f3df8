"""Memory-mapped datasets, walked through without filling memory."""

import ctypes
from pathlib import Path

from datasets import Dataset

MAPS = Path("/proc/self/maps")  # Linux; elsewhere the system alone decides what stays in memory
MADV_DONTNEED = 4


def forget(dataset: Dataset) -> None:
    """Give back the pages of a memory-mapped dataset that were read; they are read again when they are needed.

    Otherwise every page that was ever read counts as memory of the process, and of a container that limits it.
    """
    files = {str(Path(file["filename"]).resolve()) for file in dataset.cache_files}
    if not files or not MAPS.exists():
        return
    for line in MAPS.read_text().splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5] in files and fields[1].startswith("r-"):  # never pages that can be written
            start, stop = (int(address, 16) for address in fields[0].split("-"))
            ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), MADV_DONTNEED)
