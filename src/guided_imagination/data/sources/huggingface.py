"""Parquet files of a dataset repository of the Hugging Face hub."""

from functools import partial
from pathlib import Path

from huggingface_hub import constants, hf_hub_download
from huggingface_hub.file_download import repo_folder_name

from guided_imagination.config.datasets import HuggingFaceSource
from guided_imagination.data.sources.base import Opened
from guided_imagination.data.sources.network import downloading
from guided_imagination.data.sources.parquet import open_files


def open_huggingface(source: HuggingFaceSource) -> Opened:
    """The parts of a repository; files that the hub's cache has are taken from there, others are downloaded."""
    files = {part: partial(_fetch, source, names) for part, names in source.parts.items()}
    place = f"{source.repository} in {snapshot(source)}"
    return open_files(place, files, source.image_column, source.label_column)


def snapshot(source: HuggingFaceSource) -> Path:
    """The folder of the commit in the hub's cache."""
    repository = repo_folder_name(repo_id=source.repository, repo_type="dataset")
    return Path(constants.HF_HUB_CACHE) / repository / "snapshots" / source.revision


def _fetch(source: HuggingFaceSource, names: list[str]) -> list[Path]:
    paths = []
    for name in names:
        folder = (snapshot(source) / name).parent
        with downloading(name, f"https://huggingface.co/datasets/{source.repository}", folder):
            downloaded = hf_hub_download(
                source.repository,
                name,
                repo_type="dataset",
                revision=source.revision,
                cache_dir=constants.HF_HUB_CACHE,
            )
        paths.append(Path(downloaded))
    return paths
