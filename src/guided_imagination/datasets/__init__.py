"""Kedro datasets of this project."""

from guided_imagination.datasets.expansion_dataset import ExpansionDataset as ExpansionDataset
from guided_imagination.datasets.figure_dataset import FigureDataset as FigureDataset
from guided_imagination.datasets.images_dataset import ImagesDataset as ImagesDataset
from guided_imagination.datasets.table_dataset import TableDataset as TableDataset
