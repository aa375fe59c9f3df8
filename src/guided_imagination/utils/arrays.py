"""Arrays in files that may be larger than the memory, whose room is taken before anything is written to them."""

import errno
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import DTypeLike

from guided_imagination.utils.files import explaining_full_disk

UNABLE = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}  # file systems that cannot reserve


def reserve(file: IO[bytes], shape: tuple[int, ...], dtype: DTypeLike) -> None:
    """Write the header of an array and take the room of all of it: a full disk fails here, and no later write does."""
    kind = np.dtype(dtype)
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    file.flush()
    if not hasattr(os, "posix_fallocate"):  # not on every system
        return
    try:
        os.posix_fallocate(file.fileno(), 0, max(1, file.tell() + int(np.prod(shape)) * kind.itemsize))
    except OSError as error:
        if error.errno not in UNABLE:
            raise


def create(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> "np.memmap[Any, Any]":
    """An array of zeros in a file, to be written to. Raises InputError if the disk has no room for it."""
    with explaining_full_disk(path.parent), path.open("wb") as file:
        reserve(file, shape, dtype)
        file.truncate(file.tell() + int(np.prod(shape)) * np.dtype(dtype).itemsize)  # where nothing was reserved
    return open_memmap(path, "r+")
