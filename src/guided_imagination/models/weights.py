"""Where a pre-trained model lies and whether its files are whole: looked at without loading it."""

import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors import SafetensorError, safe_open

from guided_imagination.config.models import PretrainedModel
from guided_imagination.utils.errors import InputError, first_line
from guided_imagination.utils.network import NETWORK_ERROR

SETTINGS = ("*.json", "*.txt", "*.model")  # configurations and tokenizers
# the files of what stands beside networks, by the last word of its name: one of several sets
COMPANIONS = {
    "tokenizer": (("tokenizer.json",), ("vocab.json", "merges.txt"), ("spiece.model",)),  # CLIP, then SigLIP
    "processor": (("preprocessor_config.json",), ("processor_config.json",)),
    "extractor": (("preprocessor_config.json",),),
    "scheduler": (("scheduler_config.json",),),
}
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def locate(model: PretrainedModel, folder: Path) -> Path:
    """The local folder of a model: itself, below `folder` by its hub id, or in the hub's cache.

    What the cache lacks is downloaded, and no more than what is used. Raises InputError if there is no such
    folder, if the hub cannot be reached, or if it has no tokenizer or other companion of the networks.
    """
    if Path(model.model).is_dir():
        return Path(model.model)
    if not HUB_ID.fullmatch(model.model):
        raise InputError(f"no folder {model.model}: expected a folder that holds a model, or a hub id as org/name")
    by_hand = folder / model.model
    if by_hand.is_dir():
        return by_hand
    patterns = hub_patterns(model)
    try:
        cached = _cached(model, patterns)
        if cached:
            return cached
        found = Path(snapshot_download(model.model, revision=model.revision, allow_patterns=patterns))
    except (OSError, ValueError, NETWORK_ERROR) as error:  # no network, no such id or revision, no access
        reason = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else first_line(error)
        pinned = ["--revision", model.revision] if model.revision else []
        included = [word for pattern in patterns for word in ("--include", pattern)]
        command = shlex.join(["hf", "download", model.model, *pinned, *included])
        raise InputError(
            f"the model {model.model} is not on this machine ({reason}): get it by `{command}`, "
            f"or place its files in {by_hand}"
        ) from error
    check_companions(found, model.files_beside)  # without a network, the hub's library returns what is there
    return found


def found_locally(model: PretrainedModel, folder: Path) -> bool:
    """Whether `locate` needs no network for it."""
    if Path(model.model).is_dir() or (folder / model.model).is_dir():
        return True
    return HUB_ID.fullmatch(model.model) is not None and _cached(model, hub_patterns(model)) is not None


def _cached(model: PretrainedModel, patterns: list[str]) -> Path | None:
    """The model in the hub's cache if all of it is there: then the hub is not asked."""
    try:
        snapshot = snapshot_download(
            model.model, revision=model.revision, allow_patterns=patterns, local_files_only=True
        )
        folder = Path(snapshot)
        check_weights(folder, model.networks, model.variant)
        check_companions(folder, model.files_beside)
    except (LocalEntryNotFoundError, InputError):
        return None
    return folder


def locate_whole(model: PretrainedModel, folder: Path) -> Path:
    """`locate`, and `check_weights` of the networks that are used; files with a known checksum have it."""
    found = locate(model, folder)
    check_weights(found, model.networks, model.variant)
    for name, expected in model.checksums.items():
        file = found / name
        if not file.is_file():
            raise InputError(f"{file} is missing, which `checksums` names: the download is not complete")
        status = file.stat()
        got = _content(file, status.st_size, status.st_mtime_ns, status.st_ino, "sha256").hex()
        if got != expected:
            raise InputError(f"{file} does not match `checksums`: its SHA-256 is {got}, not {expected}")
    return found


def model_name(model: PretrainedModel) -> str:
    """What records call a model: its hub id, or its folder's name, which is the same wherever the folder lies."""
    return Path(model.model).resolve().name if Path(model.model).is_dir() else model.model


def model_checksum(model: PretrainedModel, folder: Path) -> str:
    """`weights_checksum` of the networks that are used."""
    return weights_checksum(locate(model, folder), model.networks, model.variant)


def hub_patterns(model: PretrainedModel) -> list[str]:
    """Which files of a hub repository are used; `*` stands for slashes too, as the hub reads it."""
    weights = _weights(model.variant)
    top = [pattern.removeprefix("*") for pattern in weights]
    return [*SETTINGS, *top, *(f"{network}/{pattern}" for network in model.networks for pattern in weights)]


def check_weights(folder: str | Path, networks: Sequence[str] = (), variant: str | None = None) -> None:
    """Raise InputError unless every network has all of its weights, in files whose headers agree with their sizes.

    networks: the subfolders that are used if `folder` holds a pipeline; by default all that have weights to load.
    """
    folder = Path(folder)
    for place in _network_folders(folder, networks):
        files = _matching(place, _weights(variant))
        for index in place.glob(f"*model.safetensors.index{_dotted(variant)}.json"):
            files += [place / name for name in _indexed(index)]
        if not files:
            raise InputError(
                f"no weights in {place}: expected *{_dotted(variant)}.safetensors{_advice(place, variant)}"
            )
        for file in files:
            _check_header(file)


def _indexed(index: Path) -> list[str]:
    """The files that an index of weights names. Raises InputError if it is broken."""
    try:
        return sorted(set(json.loads(index.read_text())["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index} is not an index of weights: download it again") from error


def check_companions(folder: Path, names: Sequence[str]) -> None:
    """Raise InputError unless the files of these tokenizers, image processors and schedulers are there.

    names: subfolders if `folder` holds a pipeline; else the files lie in `folder` itself.
    """
    for name in names:
        place = folder / name if (folder / "model_index.json").is_file() else folder
        choices = COMPANIONS[name.split("_")[-1]]
        if not any(all((place / file).is_file() for file in files) for files in choices):
            expected = ", or ".join(" and ".join(files) for files in choices)
            raise InputError(
                f"no {name} in {place}: expected {expected}; the download is not complete, "
                "start it again with a network"
            )


def weights_checksum(folder: str | Path, networks: Sequence[str] = (), variant: str | None = None) -> str:
    """A checksum of a model: every configuration and used weight file by name and content."""
    folder = Path(folder)
    files = {file for file in _matching(folder, (f"**/{pattern}" for pattern in SETTINGS)) if not _hidden(file, folder)}
    files.update(file for place in _network_folders(folder, networks) for file in _matching(place, _weights(variant)))
    digest = hashlib.blake2b(digest_size=8)
    for name, file in sorted((file.relative_to(folder).as_posix(), file) for file in files):
        status = file.stat()
        digest.update(name.encode() + _content(file, status.st_size, status.st_mtime_ns, status.st_ino))
    return digest.hexdigest()


@cache  # the same gigabytes serve many expansions of one run
def _content(file: Path, size: int, modified: int, inode: int, kind: str = "blake2b") -> bytes:
    """The content's digest; the other arguments tell versions of a file apart."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, kind).digest()


def _weights(variant: str | None) -> tuple[str, str]:
    """One file or shards: of this variant alone, as in model.fp16.safetensors."""
    return f"*model{_dotted(variant)}.safetensors", f"*model{_dotted(variant)}-*-of-*.safetensors"


def _dotted(variant: str | None) -> str:
    return f".{variant}" if variant else ""


def _advice(place: Path, variant: str | None) -> str:
    if variant and _matching(place, _weights(None)):
        return ", but there are files without this variant: set variant to null"
    if pickles := _matching(place, ("*.bin", "*.pth")):
        convert = f"python -m guided_imagination.models.convert {pickles[0]}"
        return f", but there is a pickle, which this project does not load: `{convert}` makes a safe file of it"
    return ", as save_pretrained writes them"


def _network_folders(folder: Path, networks: Sequence[str]) -> list[Path]:
    """`folder`, or in a pipeline the folders of its networks: those that have a config.json."""
    if not (folder / "model_index.json").is_file():
        return [folder]
    return [folder / name for name in networks] or sorted(file.parent for file in folder.glob("*/config.json"))


def _matching(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted(file for pattern in patterns for file in folder.glob(pattern) if file.is_file())


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _check_header(file: Path) -> None:
    if not file.is_file():
        raise InputError(f"{file} is missing: the download is incomplete, run it again")
    try:
        with safe_open(file, framework="np"):
            pass
    except (SafetensorError, OSError) as error:
        raise InputError(f"{file} is truncated or not a safetensors file ({error})") from error
