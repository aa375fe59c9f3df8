"""`expand`: new labelled images for those that there are, in one call."""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from datasets import Dataset

from guided_imagination.api import settings as asked
from guided_imagination.api.expansions import as_dataset
from guided_imagination.api.images import Images, read_images, same_classes
from guided_imagination.api.settings import NAME, Filter, LeastKappa
from guided_imagination.api.wording import explained
from guided_imagination.config.expansion import Preset
from guided_imagination.config.models import HeadChoice
from guided_imagination.config.rows import RowSettings
from guided_imagination.data.dataset import class_names, saved
from guided_imagination.expansion.expand import expand as make
from guided_imagination.expansion.plan import plan_of
from guided_imagination.expansion.store.reader import MANIFEST, PLAN
from guided_imagination.models.device import place
from guided_imagination.models.weights import locate_whole
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import check_name, explaining_full_disk, temporary_folder
from guided_imagination.utils.workers import worker_count


@explained
def expand(
    images: Images,
    *,
    ratio: int = 5,
    method: str = "gif_dalle",
    preset: str | Preset = "embedded",
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    seed: int = 0,
    resolution: int | None = None,
    templates: str | Sequence[str] | None = None,
    filter: Filter = None,
    least_kappa: LeastKappa = "preset",
    head: HeadChoice | None = None,
    device: str = "auto",
    workers: int | None = 1,
    settings: Mapping[str, Any] | None = None,
) -> Dataset:
    """New labelled images: `ratio` variants of each image, but for those that CLIP refuses.

    >>> import guided_imagination
    >>> seeds, test = guided_imagination.example(seeds_per_class=2)
    >>> expansion = guided_imagination.expand(seeds, ratio=2)
    >>> sorted(set(expansion["seed_id"])) == sorted(seeds["id"])
    True
    >>> expansion[0]["image"].size, expansion.features["label"].names[:3]
    ((32, 32), ['T-shirt', 'Trouser', 'Pullover'])

    images: a folder with a subfolder of images for each class, a `datasets.Dataset` with the columns image and label
        (and perhaps id), or a tuple of images, labels (N,) and class names: the images an array or tensor (N, 3, H, W)
        or (N, H, W, 3), uint8 or floats in [0, 1], or a list of Pillow's images or of arrays, whose sizes may differ;
        the names in the order of their labels, or a mapping such as {"cat": 0, "dog": 1}. Class names stay as they
        are; CLIP is told "Black footed Albatross" for 001.Black_footed_Albatross.
    method: gif_mae, gif_dalle, gif_sd (guided imagination); mae, dalle, sd (the same without guidance and filter);
        cutout, gridmask, randaugment.
    preset: the models, by name: embedded (knows garments alone), blood (knows blood cells alone), mae_large, kandinsky,
        stable_unclip, stable_diffusion; or a `Preset`. All but the first two come from the Hugging Face hub and want a
        GPU.
    out: a folder that keeps the expansion, shard by shard: a killed call goes on where it stopped, a second one reads
        what is there. `overwrite` replaces what was made there otherwise. Without `out` nothing is kept on disk.
    seed: of everything random: equal arguments give equal images.
    resolution: side of the new images in pixels; None: the preset's.
    templates: how CLIP is told a class, "a photo of a {}.".
    filter: whether CLIP refuses variants in which it sees another class, or a `RejectConfig`. None: guided methods do.
    least_kappa: how well CLIP has to know the classes, by Cohen's kappa with the labels, before it may guide or refuse;
        None: however little. By default as the preset has it (0.2), but None with filter=False.
    head: how the guide classifies: text (by the class names), seeds (by a linear head that it learns from the images,
        for classes that its text encoder does not know), both, or auto (what recognises most images when each is left
        out). None: the preset's.
    device: auto, cpu, cuda, cuda:1, mps. workers: processes; None: one per GPU, or as many as the cores allow. More
        than one start the caller's script anew, which then needs its `if __name__ == "__main__":`.
    settings: changes to any other default, nested as in conf/base: {"compute": {"precision": "float32"}}.

    Returns the new images alone, in the order of seeds and variants, with the columns image, label, seed_id, variant,
    method, the criteria, what CLIP sees (prediction, label_probability, seed_similarity), attempt and random_seed.

    Raises InputError, one sentence, for whatever is wrong with the arguments or the images.
    """
    changes, models = asked.making(method, preset, filter, least_kappa, head)
    own = {
        "ratio": ratio,
        "seed": seed,
        "overwrite": overwrite,
        "compute": asked.compute(device, workers),
        "dataset_specs": {NAME: asked.spec(models.resolution if resolution is None else resolution, templates)},
    }
    row = asked.changed(changes, own, settings or {}).row(NAME, method)
    folder = None if out is None else usable(Path(out), images)
    if row.compute.workers.engine == "local":
        place(row.compute)
    seeds = read_images(images, row.spec)
    _check_classes(row, class_names(seeds))
    for model in row.makers:
        locate_whole(model, row.hub)
    with _kept(folder) as kept, temporary_folder() as passing:
        if row.compute.workers.engine == "local" and worker_count(row.compute) > 1:
            seeds = saved(passing / "seeds", seeds)
        make(kept, plan_of(seeds, row))
        new = as_dataset(kept)
    if not same_classes(new, seeds):  # without a guide, nothing that shaped the images tells their names
        raise InputError(
            f"out = {str(out)!r} holds an expansion of the classes {', '.join(class_names(new))}, the images have "
            f"{', '.join(class_names(seeds))}: use another folder"
        )
    return new


def _kept(folder: Path | None) -> AbstractContextManager[Path]:
    """`folder`, or one that is gone when the block ends. Raises InputError for a folder that cannot be made."""
    if folder is None:
        return temporary_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"out = {str(folder)!r} cannot be made ({error.strerror}): use another folder") from error
    return nullcontext(folder)


def usable(out: Path, images: object) -> Path:
    """Raises InputError for a place where an expansion would mix with other files."""
    check_name(out)
    with explaining_full_disk(out):
        a_file = out.exists() and not out.is_dir()
    if a_file:
        raise InputError(f"out = {str(out)!r} is a file: give an empty or a new folder")
    if isinstance(images, str | os.PathLike) and out.resolve().is_relative_to(Path(images).resolve()):
        raise InputError(
            f"out = {str(out)!r} is inside the image folder and would be read as a class: use another folder"
        )
    with explaining_full_disk(out):
        names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    foreign = sorted(name for name in names if not name.startswith((".", "writer")))
    if foreign and not names & {PLAN, MANIFEST}:
        raise InputError(f"out = {str(out)!r} contains other files, e.g. {foreign[0]!r}: use an empty or a new folder")
    return out


def _check_classes(row: RowSettings, names: Sequence[str]) -> None:
    """Raises InputError for one class where a guide would have to tell it from others."""
    guided = row.guided or row.filtered_by is not None
    if guided and len(names) < 2:
        able = ", ".join(name for name, method in asked.METHODS.items() if not method.get("guided"))
        raise InputError(
            f"method = {row.method!r}: there is one class, {names[0]!r}, which CLIP cannot distinguish from anything; "
            f"allowed without a filter: {able}"
        )
