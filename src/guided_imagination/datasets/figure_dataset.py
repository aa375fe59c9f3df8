"""A figure as a Kedro dataset."""

from kedro_datasets.matplotlib.matplotlib_dataset import MatplotlibDataset


class FigureDataset(MatplotlibDataset):  # type: ignore[misc]  # kedro_datasets is not typed
    """Takes a matplotlib figure; gives back the bytes of the PNG that it was saved as."""

    def load(self) -> bytes:
        return self._fs.cat_file(str(self._get_load_path()))
