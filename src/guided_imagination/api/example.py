"""`example`: images to try everything with, which ship in the package."""

from datasets import Dataset

from guided_imagination.api.wording import explained
from guided_imagination.config.datasets import DatasetSpec, ParquetSource
from guided_imagination.config.defaults import defaults, embedded
from guided_imagination.data import ingestion
from guided_imagination.utils.errors import InputError


@explained
def example(seeds_per_class: int = 10, dataset: str = "fashion") -> tuple[Dataset, Dataset]:
    """Seeds and test images as `kedro run --params datasets=...` has them: garments of Fashion-MNIST, or blood cells.

    >>> import guided_imagination
    >>> seeds, test = guided_imagination.example(seeds_per_class=1)
    >>> len(seeds), len(test), seeds.features["label"].names[9]
    (10, 2000, 'Ankle boot')
    >>> cells, test = guided_imagination.example(dataset="blood")
    >>> len(cells), len(test), cells.features["label"].names[3]
    (80, 1600, 'immature granulocyte')

    The preset `embedded` knows the garments, `blood` the cells. Raises InputError for a dataset that does not ship.
    """
    specs = {name: DatasetSpec.model_validate(spec) for name, spec in defaults()["dataset_specs"].items()}
    ships = [name for name, spec in specs.items() if _is_shipped(spec)]
    if dataset not in ships:
        raise InputError(f"dataset = {dataset!r} does not ship; allowed: {', '.join(ships)}")
    splits = ingestion.read(specs[dataset].model_copy(update={"seeds_per_class": seeds_per_class}), draw=0)
    return splits.seeds, splits.test


def _is_shipped(spec: DatasetSpec) -> bool:
    source = spec.source
    return isinstance(source, ParquetSource) and all(
        file.startswith(embedded()) for file in (*source.train, *source.test)
    )
