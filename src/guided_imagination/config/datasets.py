"""Typed settings of datasets: where images come from, and how they are split."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from string import Formatter
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from guided_imagination.config.strict import Count, Share, Strict

REST = "rest"  # in place of a part: what is left of the pool


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _inside(name: str) -> str:
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise ValueError("a file of the repository is named by its path inside it")
    return name


def _template(text: str) -> str:
    """Raises ValueError unless `text.format(name)` puts a name into exactly one place."""
    try:
        fields = [field[1:] for field in Formatter().parse(text) if field[1] is not None]
    except ValueError:
        fields = []
    if fields != [("", "", None)]:
        raise ValueError(
            f"{text!r} must hold {{}} exactly once, where the name of the class goes; other braces are doubled"
        )
    return text


Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], BeforeValidator(_as_list)]
Template = Annotated[str, AfterValidator(_template)]
RepositoryFile = Annotated[Text, AfterValidator(_inside)]


class ParquetSource(Strict):
    """Files with an image column, a label column (a ClassLabel, or integers) and perhaps ids in a column `id`.

    `train`, `val` and `test` are the files of each part. `image_column` and `label_column` name the columns.
    """

    kind: Literal["parquet"]
    train: Texts = Field(min_length=1)
    val: Texts = Field([])
    test: Texts = Field([])
    image_column: Text = "image"
    label_column: Text = "label"


class Download(Strict):
    """A class of torchvision.datasets that fetches the files: `name`(root=`root`, download=True)."""

    name: Text
    root: Text


class FolderSource(Strict):
    """Images in one folder per class; `path` is the part `train`, `val` and `test` are further folders of classes.

    With `class_pattern`, a regular expression whose first group is the class is matched against an image's
    path below the folder instead.
    """

    kind: Literal["folder"]
    path: Text
    val: Text | None = None
    test: Text | None = None
    class_pattern: Annotated[str, Field(pattern=r"\(")] | None = None
    download: Download | None = None


class NpzSource(Strict):
    """Arrays `<part>_images` (N, H, W) or (N, H, W, 3) uint8 and `<part>_labels` (N,) or (N, 1), as in MedMNIST."""

    kind: Literal["npz"]
    path: Text


class MedmnistSource(Strict):
    """An official file of MedMNIST, checked against its checksum, in the folder `root`.

    `name` is MedMNIST's, such as pathmnist. `size` is the side of its images in pixels.
    """

    kind: Literal["medmnist"]
    name: Text
    root: Text
    size: Literal[28, 64, 128, 224] = 28


class TorchvisionSource(Strict):
    """A class of torchvision.datasets, whose files are in the folder `root`.

    `name` is that of the class. `parts` are the keyword arguments that it is made with, by the name of the part.
    """

    kind: Literal["torchvision"]
    name: Text
    root: Text
    parts: dict[str, dict[str, Any]] = Field(min_length=1)


class HuggingFaceSource(Strict):
    """Parquet files of a dataset repository of the Hugging Face hub, at one commit.

    `repository` is its id. `revision` is the commit, in full. `parts` are files of it by the name of the part.
    `image_column` and `label_column` name the columns.
    """

    kind: Literal["huggingface"]
    repository: Text
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    parts: dict[str, Annotated[list[RepositoryFile], Field(min_length=1)]] = Field(min_length=1)
    image_column: Text = "image"
    label_column: Text = "label"


AnySource = ParquetSource | FolderSource | NpzSource | MedmnistSource | TorchvisionSource | HuggingFaceSource
KEYS_BY_KIND = {
    get_args(kind.model_fields["kind"].annotation)[0]: set(kind.model_fields) for kind in get_args(AnySource)
}


def _of_one_kind(source: object) -> object:
    """Without keys that only other kinds have: they stay behind when an environment changes the kind."""
    if not isinstance(source, Mapping) or source.get("kind") not in KEYS_BY_KIND:
        return source
    foreign = set().union(*KEYS_BY_KIND.values()) - KEYS_BY_KIND[source["kind"]]
    return {key: value for key, value in source.items() if key not in foreign}


Source = Annotated[AnySource, Field(discriminator="kind"), BeforeValidator(_of_one_kind)]


Section = Annotated[str, Field(pattern="^(generators|recipes|expand_mae|expand_dalle|expand_sd|train|audit)$")]


class ImagesSpec(Strict):
    """Where images are, and what they are made into.

    `seeds` name parts of the source. `sizes` are the images that a part must have, `classes` names by label for sources
    without names, `exclude` classes to leave out. `names` are the words that CLIP and Stable Diffusion are told for
    classes of the source, in place of their cleaned names (`blue_jay`: "blue jay"); tables and exports keep the names.
    `max_unreadable` is the share of images that may be unreadable; they are left out. `resolution` is the side in
    pixels at which networks see images. `fit` says how images become square: the middle is kept (crop), or all squeezed
    when it is read. `licence` of the images, in the hub's spelling, stands on the cards of what is made of them.
    """

    source: Source
    seeds: Texts = Field(["train"], min_length=1)
    sizes: dict[str, Count] | None = None
    classes: list[Text] | None = None
    names: dict[str, Text] = Field({})
    exclude: list[str] = Field([])
    max_unreadable: Share = 0.01
    resolution: Count = 224
    fit: Literal["crop", "squeeze"] = "crop"
    licence: Text | None = None


class DatasetSpec(ImagesSpec):
    """How a dataset is split beside where its images are, and what is special to it.

    `seeds`, `validation` and `test` name parts of the source. The parts of `seeds` are a pool: all of it, or
    `seeds_per_class`, or `seeds_total` images balanced as the pool is, become seeds. `rest` stands for what is
    left of the pool. Without `test`, the part of that name is the test set, or `test_share` of the pool if
    there is none. `validation_per_class` images are drawn for validation; null means all of the named parts.
    `split` is an index file, as `ingest` writes it, that is used instead of any draw.
    `ratio` is how many new images each seed gets where the parameter of that name is null. `templates` are what CLIP
    reads, with {} for the name of the class; their mean is taken.
    `weed` are lists (JSON, docs/weeding.md) of new images that are left out of training and export.
    `overrides` are changes to the settings of a pipeline, and of generators and recipes by name, for this dataset; of
    `train` and `audit` the guides alone.
    """

    validation: Texts = Field([REST])
    test: Texts = Field([])
    seeds_per_class: Count | None = None
    seeds_total: Count | None = None
    validation_per_class: Annotated[int, Field(ge=0)] | None = None
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    split: Text | None = None
    ratio: Count = 5
    templates: list[Template] = Field(["a photo of a {}."], min_length=1)
    weed: Texts = Field([])
    overrides: dict[Section, dict[str, Any]] = Field({})

    @property
    def draws_seeds(self) -> bool:
        return self.seeds_per_class is not None or self.seeds_total is not None

    @model_validator(mode="after")
    def one_number_of_seeds(self) -> "DatasetSpec":
        if self.seeds_per_class is not None and self.seeds_total is not None:
            raise ValueError("give either seeds_per_class or seeds_total")
        return self

    @model_validator(mode="after")
    def validation_images_are_used(self) -> "DatasetSpec":
        given = isinstance(self.source, FolderSource | ParquetSource) and self.source.val
        if given and "val" not in [*self.seeds, *self.validation, *self.test]:
            raise ValueError("source.val is given, but neither seeds, validation nor test name it: validation: val")
        return self

    @model_validator(mode="after")
    def parts_are_apart(self) -> "DatasetSpec":
        used = [*self.seeds, *(part for part in [*self.validation, *self.test] if part != REST)]
        twice = sorted({part for part in used if used.count(part) > 1})
        if twice:
            raise ValueError(f"the part {twice[0]!r} is used twice in seeds, validation and test")
        if REST in self.seeds or any(REST in parts and len(parts) > 1 for parts in (self.validation, self.test)):
            raise ValueError("'rest' stands alone, as validation or as test")
        if self.test == [REST] and not self.draws_seeds and self.split is None:
            raise ValueError("test = rest needs seeds_per_class, seeds_total or split, or nothing is left for it")
        return self
