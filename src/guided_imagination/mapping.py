"""Datasets that are read from disk as they are needed."""

import pickle

from datasets import Dataset


def remapped(dataset: Dataset) -> Dataset:
    """The same rows through a mapping of its own, so that what was read is forgotten with it.

    A memory-mapped dataset keeps every page that was ever read in the process: walking through it with a
    fresh mapping now and then keeps memory flat. A dataset in memory is returned as it is.
    """
    # a mapped table is pickled as the path of its file
    copy: Dataset = pickle.loads(pickle.dumps(dataset)) if dataset.cache_files else dataset
    return copy
