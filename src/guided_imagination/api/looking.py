"""`audit` and `contact_sheet`: what an expansion is worth, in numbers and to look at."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from datasets import Dataset

from guided_imagination.api import settings as asked
from guided_imagination.api.expansions import opened, side
from guided_imagination.api.images import Images, read_images, read_side, same_classes
from guided_imagination.api.settings import NAME
from guided_imagination.api.wording import explained
from guided_imagination.data.copies import between
from guided_imagination.data.dataset import class_names, write
from guided_imagination.data.ingestion import warned
from guided_imagination.expansion.audit_row import audit_rows
from guided_imagination.report import contact_sheet as sheets
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.figures import Figure
from guided_imagination.utils.workers import call


@explained
def audit(
    expansion: Dataset | str | os.PathLike[str],
    images: Images,
    *,
    real: Images | None = None,
    guide: str | None = None,
    templates: str | Sequence[str] | None = None,
    device: str = "auto",
    settings: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """What one CLIP sees in an expansion, and in the images that it was made of: a row each.

    >>> import guided_imagination
    >>> seeds, test = guided_imagination.example(seeds_per_class=2)
    >>> expansion = guided_imagination.expand(seeds, ratio=2)
    >>> audited = guided_imagination.audit(expansion, seeds)
    >>> list(audited["method"]), list(audited.columns[1:5])
    (['original', 'gif_dalle'], ['images', 'label_agreement', 'entropy_gain', 'diversity'])

    expansion: what `expand` returned, or its folder `out`, which alone knows what was refused and how fast it went.
    images: those that it was made of. real: other images of the same classes, for FID and KID;
        those with the pixels of `images` are warned of, in the log and in the table's attrs["warnings"].
    guide: a name under `guides` in conf/base/parameters_models.yml, None: embedded_clip, which knows garments alone
        (blood_clip knows blood cells).
    The CLIP that guided flatters what it guided.
    """
    changes = {"audit": {"guide": guide}} if guide is not None else {}
    shared = {"compute": asked.compute(device, 1), "dataset_specs": {NAME: asked.spec(1, templates)}}
    seeds, side_of_seeds = read_side(images, asked.changed(shared, changes, settings or {}).dataset_specs[NAME], "seed")
    method, made = opened(expansion, seeds)
    shared["dataset_specs"] = {NAME: asked.spec(side(made), templates)}
    row = asked.changed(shared, changes, settings or {}).dataset(NAME)
    others, sides = write([], class_names(seeds)), [side_of_seeds]
    if real is not None:
        others, side_of_real = read_side(real, row.spec, "real image", every_class=False)
        sides.append(side_of_real)
    if not same_classes(others, seeds):
        raise InputError("the classes of the real images and of the expansion differ")
    notes = warned("audit", between(*sides))
    table = call(partial(audit_rows, seeds, others, row, {"original": None, method: made}), row.compute)
    table.attrs["warnings"] = [str(note) for note in notes]
    return table


@explained
def contact_sheet(
    expansion: Dataset | str | os.PathLike[str],
    images: Images,
    *,
    rows: int | None = None,
    columns: int | None = None,
    title: str = "",
) -> Figure:
    """Images of the classes in turn, each with its variants and their criteria beside it.

    >>> import guided_imagination
    >>> seeds, test = guided_imagination.example(seeds_per_class=1)
    >>> expansion = guided_imagination.expand(seeds, ratio=2, method="cutout")
    >>> figure = guided_imagination.contact_sheet(expansion, seeds, rows=3)
    >>> len(figure.axes)  # three images and six variants; figure.savefig("sheet.png") keeps them
    9

    expansion and images: as `audit` takes them. rows, columns: at most so many images, and variants of each; None: as
    in conf/base/parameters_report.yml.
    """
    own = {"contact_seeds": rows, "contact_variants": columns}
    given = {name: value for name, value in own.items() if value is not None}
    parameters = asked.changed({"report": given, "dataset_specs": {NAME: asked.spec(1, None)}})
    seeds = read_images(images, parameters.dataset_specs[NAME])
    _, made = opened(expansion, seeds)
    sizes = parameters.report
    return sheets.contact_sheet(seeds, made, sizes.contact_seeds, sizes.contact_variants, title)
