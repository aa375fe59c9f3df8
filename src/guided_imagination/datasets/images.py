"""The images of a split as a folder of the `datasets` library."""

from pathlib import Path

from datasets import Dataset
from kedro_datasets._typing import ImagePreview
from kedro_datasets.huggingface.arrow_dataset import ArrowDataset

from guided_imagination.data.dataset import checksum, is_saved_in, record_checksum
from guided_imagination.datasets.preview import COLUMNS, ROWS, preview
from guided_imagination.utils.files import replacing_folder


class ImagesDataset(ArrowDataset):  # type: ignore[misc]  # kedro_datasets is not typed
    """A Hugging Face dataset with the columns id, image and label; its folder is replaced as a whole.

    Others may have the files of the old one mapped: those stay as they were until they are closed.
    """

    def load(self) -> Dataset:
        while True:  # not half of an old and half of a new folder
            before = self._inode()
            images = super().load()
            if self._inode() == before:
                return images

    def _inode(self) -> int:
        folder = Path(self._get_load_path())
        return folder.stat().st_ino if folder.exists() else 0

    def _save_dataset(self, data: Dataset, save_path: str) -> None:
        if is_saved_in(Path(save_path), data):
            return
        with replacing_folder(Path(save_path)) as new:
            super()._save_dataset(data, str(new))
            record_checksum(new, checksum(data))

    def preview(self) -> ImagePreview:
        """Images from all over the split, which may be sorted by class."""
        images = self.load()["image"]
        step = max(1, len(images) // (COLUMNS * ROWS))
        return preview(images[index] for index in range(0, len(images), step))
