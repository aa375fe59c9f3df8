"""`example`: images to try everything with, which ship in the package."""

from datasets import Dataset

from guided_imagination.api.wording import explained
from guided_imagination.config import DatasetSpec
from guided_imagination.config.defaults import defaults
from guided_imagination.data import ingestion


@explained
def example(seeds_per_class: int = 10) -> tuple[Dataset, Dataset]:
    """Garments of Fashion-MNIST: seeds, and 2,000 test images, as the embedded default of `kedro run` has them.

    >>> import guided_imagination
    >>> seeds, test = guided_imagination.example(seeds_per_class=1)
    >>> len(seeds), len(test), seeds.features["label"].names[9]
    (10, 2000, 'Ankle boot')
    """
    spec = DatasetSpec.model_validate(defaults()["dataset_specs"]["fashion"] | {"seeds_per_class": seeds_per_class})
    splits = ingestion.read(spec, draw=0)
    return splits.seeds, splits.test
