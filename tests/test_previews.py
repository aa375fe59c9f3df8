"""What Kedro-Viz shows of images, tables and figures, and what their datasets give back."""

from base64 import b64decode
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from guided_imagination.datasets.expansion import ExpansionDataset
from guided_imagination.datasets.figure import FigureDataset
from guided_imagination.datasets.findings import FindingsDataset
from guided_imagination.datasets.images import ImagesDataset
from guided_imagination.datasets.preview import SIDE, preview
from guided_imagination.datasets.table import TableDataset
from guided_imagination.expansion.expand import expand
from guided_imagination.report.confusion import Confusion
from guided_imagination.report.table import Entry, Table
from helpers.results import cells, findings, tidy
from helpers.toy import ToyAugmenter, dataset, plan

TABLE = Table(
    "small", "Small", ["method", "cars"], 1, [[Entry("gif"), Entry("50.0", 50.0, ("a",), best=True)]], "Words."
)


def opened(picture: str) -> Image.Image:
    return Image.open(BytesIO(b64decode(picture)))


def test_images_stand_in_rows_of_eight():
    colours = ["red", "lime", "blue"] * 4
    sheet = opened(preview(Image.new("RGB", (5, 9), colour) for colour in colours))
    assert sheet.size == (8 * SIDE, 2 * SIDE)
    middle = [sheet.getpixel((column * SIDE + SIDE // 2, SIDE // 2)) for column in range(3)]
    assert middle == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_only_a_few_of_many_images_are_read():
    read = []
    preview(read.append(index) or Image.new("L", (4, 4)) for index in range(1000))
    assert len(read) == 32


def test_an_empty_split_has_a_preview_too():
    assert opened(preview([])).size == (SIDE, SIDE)


def test_splits_and_expansions_show_their_images(tmp_path):
    images = ImagesDataset(path=str(tmp_path / "seeds"))
    images.save(dataset([0, 1, 0]))
    assert opened(images.preview()).size == (3 * SIDE, SIDE)
    expansion = ExpansionDataset(filepath=str(tmp_path / "made"))
    expand(tmp_path / "made", plan(ToyAugmenter()))
    assert opened(expansion.preview()).size == (8 * SIDE, SIDE)


def test_a_table_is_a_folder_of_its_forms_and_comes_back(tmp_path):
    table = TableDataset(filepath=str(tmp_path / "small"))
    assert not table.exists()
    table.save(TABLE)
    assert table.exists()
    assert table.load() == TABLE
    assert {path.name for path in (tmp_path / "small").iterdir()} == {
        f"small.{end}" for end in ("csv", "md", "tex", "json")
    }
    assert (tmp_path / "small" / "small.csv").read_text() == "method,cars\ngif,50.0\n"
    assert table.preview() == {"index": [0], "columns": ["method", "cars"], "data": [["gif", "50.0"]]}


def test_findings_are_files_beside_others_and_come_back(tmp_path):
    kept = FindingsDataset(filepath=str(tmp_path))
    (tmp_path / "report.html").write_text("<p>")
    assert not kept.exists()
    results = tidy(cells("cars", "gif", 5, 41.1, 43.3), recipe_key="0012", code="0.10")
    confusions = {"cars": Confusion("cars", "tiny", ["a"], ("gif", "original"), [[[3]], [[2]]])}
    made = findings(results, confusions=confusions, notes={"cars": {"2 have": [1]}}, failures={"cell": "boom"})
    kept.save(made)
    assert kept.exists()
    found = kept.load()
    assert found.results.equals(results), "digits are text: as numbers, 0012 and 12, or 0.1 and 0.10 would be the same"
    assert found.intervals.columns.equals(made.intervals.columns)
    assert found.confusions["cars"].shares.tolist() == [[[100]], [[100]]]
    assert (found.notes, found.failures, found.looks) == (made.notes, made.failures, {})
    assert (tmp_path / "results.csv").read_text() == results.to_csv(index=False)
    assert kept.preview()["columns"] == list(results)
    (tmp_path / "audits.csv").unlink()
    assert not kept.exists()


def test_a_figure_comes_back_as_its_png(tmp_path):
    kept = FigureDataset(filepath=str(tmp_path / "figure.png"), save_args={"dpi": 50})
    kept.save(Figure(figsize=(2, 1), facecolor="red"))
    image = Image.open(BytesIO(kept.load()))
    assert (image.format, image.size) == ("PNG", (100, 50))
    assert np.asarray(image.convert("RGB"))[0, 0].tolist() == [255, 0, 0]
