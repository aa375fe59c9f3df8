"""MedMNIST's official files, with the names, addresses and checksums of the medmnist package."""

from pathlib import Path

from medmnist import INFO
from torchvision.datasets.utils import calculate_md5, download_url

from guided_imagination.config.datasets import MedmnistSource
from guided_imagination.data.sources.base import Opened
from guided_imagination.data.sources.network import downloading
from guided_imagination.data.sources.npz import open_arrays
from guided_imagination.utils.errors import InputError


def open_medmnist(source: MedmnistSource) -> Opened:
    """The parts of an official file, downloaded if it is not there.

    Raises InputError for an unknown name, a file with another checksum, or a failed download.
    """
    if source.name not in INFO:
        raise InputError(f"medmnist has no dataset {source.name!r}; it has {', '.join(INFO)}")
    info, suffix = INFO[source.name], _suffix(source)
    if f"url{suffix}" not in info:
        sizes = ", ".join(["28", *(key.removeprefix("url_") for key in info if key.startswith("url_"))])
        raise InputError(f"medmnist has no {source.name} of {source.size} pixels; it has {sizes}")
    url, md5 = info[f"url{suffix}"], info[f"MD5{suffix}"]
    path = path_of(source)
    if not path.exists():
        _download(url, path, md5)
    found = calculate_md5(path)
    if found != md5:
        raise InputError(
            f"{path} is not MedMNIST's official file (md5 {found} instead of {md5}): move it away and run again "
            f"to download that one, or use yours with source: {{kind: npz, path: {path}}}"
        )
    return open_arrays(path, [info["label"][str(label)] for label in range(len(info["label"]))])


def path_of(source: MedmnistSource) -> Path:
    """The file of a dataset and size."""
    return Path(source.root) / f"{source.name}{_suffix(source)}.npz"


def _suffix(source: MedmnistSource) -> str:
    return "" if source.size == 28 else f"_{source.size}"


def _download(url: str, path: Path, md5: str) -> None:
    partial = path.with_name(path.name + ".partial")
    with downloading(path.name, url, path.parent):
        try:
            download_url(url, str(path.parent), partial.name, md5)
        except RuntimeError as error:
            raise InputError(f"what {url} gave as {path.name} has another checksum than {md5}: run again") from error
    partial.replace(path)
