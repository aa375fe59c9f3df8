"""Contact sheets: which seeds, which variants, and what stands under them."""

from io import BytesIO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.report.contact_sheet import CELL, DPI, contact_sheet, criteria_text, for_page, turns
from helpers.toy import NAMES, ToyAugmenter, dataset, plan


def shown(figure):
    """Texts of the sheet's places, row by row."""
    return [axes.texts[0].get_text() for axes in figure.axes]


def test_classes_take_turns_until_none_is_left():
    assert list(turns([0, 0, 0, 1, 2, 2])) == [0, 3, 4, 1, 5, 2]


def test_seeds_of_different_classes_stand_beside_their_variants_with_criteria(tmp_path):
    expand(tmp_path, plan(ToyAugmenter()))
    figure = contact_sheet(dataset([0, 1, 0, 1], NAMES), Expansion(tmp_path), 2, 8, "toys")
    scores = "con 1.00\nent +2.00\ndiv 3.00"
    assert shown(figure) == ["cat", scores, scores, "dog", scores, scores]
    assert figure.texts[0].get_text() == "toys"


def test_more_seeds_than_the_smallest_class_has(tmp_path):
    expand(tmp_path, plan(ToyAugmenter(), seeds=dataset([0, 0, 0, 1])))
    figure = contact_sheet(dataset([0, 0, 0, 1], NAMES), Expansion(tmp_path), 4, 0, "")
    assert shown(figure) == ["cat", "dog", "cat", "cat"]


def test_only_so_many_variants_are_shown(tmp_path):
    expand(tmp_path, plan(ToyAugmenter()))
    assert len(contact_sheet(dataset([0, 1, 0, 1], NAMES), Expansion(tmp_path), 1, 1, "").axes) == 2


def test_dropped_variants_are_missing(tmp_path):
    expand(tmp_path, plan(ToyAugmenter(wrong=lambda call, labels: labels == 1)))
    figure = contact_sheet(dataset([0, 1, 0, 1], NAMES), Expansion(tmp_path), 2, 8, "toys")
    assert [text.split()[0] for text in shown(figure)] == ["cat", "con", "con", "dog"]


def test_captions_are_readable_at_full_size_and_stay_below_their_image(tmp_path):
    """Figures are at least 9 pixels high; a long name of a class ends in an ellipsis."""
    names = ["Chevrolet Silverado 1500 Hybrid Crew Cab 2012", "head of a crocodile"]
    expand(tmp_path, plan(ToyAugmenter(), seeds=dataset([0, 1], names)))
    figure = contact_sheet(
        dataset([0, 1], names), Expansion(tmp_path), 2, 2, "cars: gif_dalle_unperturbed_narrow, draw 3"
    )
    figure.set_dpi(DPI)
    renderer = FigureCanvasAgg(figure).get_renderer()
    whole = figure.bbox
    for axes in figure.axes:
        text, image = axes.texts[0], axes.get_window_extent(renderer)
        box = text.get_window_extent(renderer)
        assert text.get_fontsize() / 72 * DPI * 0.729 >= 9, "the height of DejaVu's figures, of its size"
        assert box.width <= image.width + 1
        assert whole.y0 <= box.y0 < box.y1 <= image.y0
    assert figure.axes[0].texts[0].get_text().endswith("…")
    assert figure.texts[0].get_window_extent(renderer).x1 <= whole.x1


def test_an_unscored_variant_has_no_text():
    assert criteria_text({"consistency": None, "entropy": None, "diversity": None}) == ""
    assert criteria_text({"consistency": 0.5, "entropy": -0.25, "diversity": None}) == "con 0.50\nent -0.25"


def test_large_images_do_not_make_large_sheets(tmp_path):
    large = dataset([0, 1], NAMES, side=600)
    expand(tmp_path, plan(ToyAugmenter(), seeds=large, resolution=600, seed_resolution=600))
    figure = contact_sheet(large, Expansion(tmp_path), 2, 2, "")
    assert max(image.get_size() for axes in figure.axes for image in axes.images) <= (CELL * DPI, CELL * DPI)
    file = BytesIO()
    figure.savefig(file, dpi=DPI)
    assert len(file.getvalue()) < 300_000
    picture = for_page(file.getvalue(), "gif_mae")
    carried = Image.open(BytesIO(picture.content))
    assert (carried.format, carried.size) == ("WEBP", Image.open(file).size)
    assert "gif_mae" in picture.alt
    assert np.asarray(carried).std() > 10, "there is something to see"
