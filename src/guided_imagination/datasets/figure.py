"""A figure as a PNG."""

from kedro_datasets.matplotlib.matplotlib_dataset import MatplotlibDataset

from guided_imagination.datasets.files import Whole


class FigureDataset(Whole, MatplotlibDataset):  # type: ignore[misc]  # kedro_datasets is not typed
    """Takes a matplotlib figure; gives back the bytes of the PNG that it was saved as."""

    def load(self) -> bytes:
        return self._fs.cat_file(str(self._get_load_path()))
