import pytest
import torch

from guided_imagination.config.pretraining import Attribute, Foreground
from guided_imagination.pretraining.captions import levels, measure, write
from guided_imagination.utils.randomness import seeded

LABELS = torch.tensor([0, 0, 0, 1, 1, 1])
LEVELS = torch.tensor([[-1, 0, 1, 0], [1, 0, 1, -1], [-1, 0, 1, 0], [-1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
TEMPLATES = ["a photo of a {}.", "this is a {}.", "a {}."]
SAID = [("dark", "bright"), ("narrow", "wide"), ("short", "long"), ("plain", "patterned")]
WORDS = {word: (a, level) for a, pair in enumerate(SAID) for word, level in zip(pair, (-1, 1), strict=True)}


@pytest.fixture(params=range(20))
def written(request):
    with seeded(request.param):
        return write(TEMPLATES, SAID, ["shoe", "bag"], LABELS, LEVELS)


def said(text):
    """The attributes that a caption mentions: {attribute: level}."""
    return dict(WORDS[word] for word in text.strip(".").split() if word in WORDS)


def test_a_caption_is_a_template_with_the_class_and_true_words(written):
    texts, _ = written
    for text, label, level in zip(texts, LABELS.tolist(), LEVELS, strict=True):
        assert ["shoe", "bag"][label] in text
        assert any(text.startswith(template.split("{")[0]) for template in TEMPLATES)
        assert all(level[a] == value for a, value in said(text).items())


def test_every_caption_is_true_of_its_own_image(written):
    assert written[1].diagonal().all()


def test_no_caption_is_true_of_another_class(written):
    assert not written[1][LABELS[:, None] != LABELS[None]].any()


def test_a_caption_is_true_of_images_of_its_class_that_have_all_it_mentions(written):
    texts, matches = written
    for j, text in enumerate(texts):
        for i in range(len(LABELS)):
            true = LABELS[i] == LABELS[j] and all(LEVELS[i, a] == level for a, level in said(text).items())
            assert matches[i, j] == true


def test_extremes_are_mentioned_half_of_the_time_and_the_middle_never():
    with seeded("captions"):
        seen = torch.tensor([[-1, 0, 1, 0]]).expand(1000, -1)
        texts, _ = write(TEMPLATES, SAID, ["shoe"], torch.zeros(1000, dtype=torch.long), seen)
    assert {word for text in texts for word in text.strip(".").split() if word in WORDS} == {"dark", "long"}
    assert 450 < sum("dark" in text for text in texts) < 550  # 500 +- 3 standard deviations


def test_levels_are_thirds_within_each_class():
    measures = torch.tensor([1.0, 2, 3, 4, 5, 6, 101, 102, 103, 104, 105, 106])[:, None]
    labels = torch.tensor([0] * 6 + [1] * 6)
    # the thirds of 1..6 end at 1 + 5/3 = 2.67 and 1 + 10/3 = 4.33
    assert levels(measures, labels).flatten().tolist() == [-1, -1, 0, 0, 1, 1] * 2


def attribute(measure):
    return Attribute(measure=measure, low="low", high="high")


def measured(image, *names, **foreground):
    return measure(image[None], [attribute(name) for name in names], Foreground(**foreground))[0].tolist()


def test_what_is_brighter_than_the_background_is_measured():
    image = torch.zeros(3, 8, 8)
    image[:, 2:4, 1:6] = 0.5  # 2 rows, 5 columns
    found = measured(image, "brightness", "width", "height", "area", "texture", "redness", threshold=0.1)
    # 10 vertical steps and 4 horizontal ones of 0.5, each over 7 x 8 differences
    assert found == pytest.approx([0.5, 5, 2, 10, (10 + 4) * 0.5 / 56, 0], abs=1e-6)


def test_what_is_darker_than_the_background_is_measured():
    image = torch.ones(3, 8, 8)
    image[:, 3, :4] = torch.tensor([0.4, 0.1, 0.6])[:, None]  # luminance 0.299 x 0.4 + 0.587 x 0.1 + 0.114 x 0.6
    found = measured(image, "brightness", "area", "redness", darker=True, threshold=0.5)
    assert found == pytest.approx([0.2467, 4, 4 * (0.4 - 0.6) / 64], abs=1e-6)


def test_an_image_without_an_object_can_be_measured():
    assert measured(torch.zeros(3, 8, 8), "brightness", "width", "area", threshold=0.1) == [0, 0, 0]


def test_a_domain_may_have_no_attributes():
    labels = torch.zeros(2, dtype=torch.long)
    seen = levels(measure(torch.zeros(2, 3, 8, 8), [], Foreground(threshold=0.1)), labels)
    assert seen.shape == (2, 0)
    texts, matches = write(["a {}."], [], ["shoe"], labels, seen)
    assert texts == ["a shoe."] * 2
    assert matches.all()
