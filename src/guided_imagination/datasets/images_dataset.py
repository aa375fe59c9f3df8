"""A split of labelled images as a Kedro dataset that can be looked at."""

from kedro_datasets._typing import ImagePreview
from kedro_datasets.huggingface.arrow_dataset import ArrowDataset

from guided_imagination.datasets.preview import COLUMNS, ROWS, preview


class ImagesDataset(ArrowDataset):  # type: ignore[misc]  # kedro_datasets is not typed
    """A Hugging Face dataset with the columns id, image and label."""

    def preview(self) -> ImagePreview:
        """Images from all over the split, which may be sorted by class."""
        images = self.load()["image"]
        step = max(1, len(images) // (COLUMNS * ROWS))
        return preview(images[index] for index in range(0, len(images), step))
