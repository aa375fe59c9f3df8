"""Lists of images to weed: what training and export get, and which lists are refused."""

import json
from pathlib import Path

import pytest

from guided_imagination.expansion import weeding
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.export import splits, write_shards
from guided_imagination.expansion.store import Expansion
from guided_imagination.training.grid import Cell
from guided_imagination.training.sources import Sources
from guided_imagination.utils.errors import InputError
from helpers.settings import SPEC, row
from helpers.stores import checksums
from helpers.toy import NAMES, ToyAugmenter, dataset, plan

SEEDS = dataset([0, 1, 0, 1], NAMES)
BAD = [("0", 0), ("3", 1)]  # in the first shard, and in the last


@pytest.fixture
def expanded(tmp_path):
    """Two variants of four seeds in two shards."""
    expand(tmp_path / "made", plan(ToyAugmenter(), seeds=SEEDS))
    return Expansion(tmp_path / "made")


@pytest.fixture
def write(tmp_path):
    def write(name="weed.json", images=BAD, **changes):
        named = [{"method": "gif", "seed_id": seed, "variant": variant} for seed, variant in images]
        path = tmp_path / name
        path.write_text(json.dumps({"dataset": "toys", "weed": named, **changes}))
        return str(path)

    return write


def weeded(expanded, *paths, draw=0, method="gif"):
    return weeding.weeded(expanded, paths, "toys", draw, method)


def images(expanded):
    return [(row["seed_id"], row["variant"]) for row in expanded.stream()]


def test_what_is_named_is_left_out_wherever_an_expansion_is_read(expanded, write):
    left = weeded(expanded, write())
    kept = [image for image in images(expanded) if image not in BAD]
    assert images(left) == kept
    assert left.count == len(kept) == 6
    assert [row["variant"] for row in left.of_seed("0")] == [1]
    assert [table.num_rows for table in left.tables(["label"])] == [3, 3]


def test_what_is_on_disk_stays_as_it_is(expanded, write):
    before = checksums(expanded.folder), (expanded.folder / "manifest.json").read_bytes()
    list(weeded(expanded, write()).parts())
    assert (checksums(expanded.folder), (expanded.folder / "manifest.json").read_bytes()) == before


def test_only_a_weeded_set_has_another_checksum(expanded, write):
    assert weeded(expanded).checksum == weeded(expanded, write(images=[])).checksum == expanded.checksum
    found = {weeded(expanded, write(images=bad)).checksum for bad in ([BAD[0]], [BAD[1]], BAD)}
    assert len(found | {expanded.checksum}) == 4
    assert weeded(expanded, write(images=BAD)).checksum == weeded(expanded, write(images=BAD[::-1])).checksum


def test_several_lists_count_together_and_an_image_that_both_name_once(expanded, write):
    left = weeded(expanded, write("a.json", BAD), write("b.json", [BAD[1], ("1", 0)]))
    assert left.weeded == {*BAD, ("1", 0)}
    assert left.count == 5


def test_lists_of_other_rows_and_draws_leave_all(expanded, write):
    assert weeded(expanded, write(), method="mae") == expanded
    assert weeded(expanded, write(draw=1)) == expanded
    assert weeded(expanded, write(draw=1), draw=1).weeded == set(BAD)


def test_a_row_trains_on_what_is_left_at_every_ratio(expanded, write, tmp_path):
    """Variants keep their numbers: at ratio 1 nothing takes the place of the first variant of seed 0."""
    sources = Sources(SEEDS, weeded(expanded, write()), SEEDS, SEEDS, "test", 4)
    load = sources.decode(tmp_path / "images", "gif")
    whole = Sources(SEEDS, expanded, SEEDS, SEEDS, "test", 4).decode(tmp_path / "images", "gif")
    sizes = {
        ratio: [len(made(Cell("toys", "gif", ratio, "tiny", "short", 0)).train) for made in (whole, load)]
        for ratio in (1, 2)
    }
    assert sizes == {1: [8, 7], 2: [12, 10]}
    labels = load(Cell("toys", "gif", 1, "tiny", "short", 0)).train.labels
    assert labels.tolist() == [0, 1, 0, 1, 1, 0, 1]


def test_a_seed_and_a_whole_shard_may_lose_all(expanded, write, tmp_path):
    left = weeded(expanded, write(images=[(seed, variant) for seed in "01" for variant in (0, 1)]))
    sources = Sources(SEEDS, left, SEEDS, SEEDS, "test", 4)
    assert len(sources.decode(tmp_path / "images", "gif")(Cell("toys", "gif", 2, "tiny", "short", 0)).train) == 8


def test_the_export_leaves_it_out(expanded, write, tmp_path):
    rows = write_shards(tmp_path / "out", splits(SEEDS, weeded(expanded, write()), None))
    assert rows == {"train": 4 + 6}


WRONG = {
    "no JSON": ("{", "is no list of images to weed, it holds no JSON"),
    "no text": (b"\xff\xfe\x00", "is no list of images to weed, it holds no JSON"),
    "an array": ("[]", r"is no list of images to weed \(the file: "),
    "an unknown key": ('{"dataset": "toys", "weed": [], "seeds": 1}', r"\(seeds: Extra inputs"),
    "a number for a seed": (
        '{"dataset": "toys", "weed": [{"method": "gif", "seed_id": 1, "variant": 0}]}',
        r"\(weed.0.seed_id: Input should be a valid string",
    ),
    "another dataset": ('{"dataset": "pets", "weed": []}', "is a list for the dataset 'pets'"),
}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_an_editor_s_encoding_is_no_mistake(expanded, write, encoding):
    path = Path(write())
    path.write_text(path.read_text(), encoding=encoding)
    assert weeded(expanded, str(path)).count == 6


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_is_one_sentence(expanded, tmp_path, wrong):
    content, sentence = WRONG[wrong]
    path = tmp_path / "weed.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=sentence) as refused:
        weeded(expanded, str(path))
    assert str(refused.value).startswith(f"dataset_specs.toys.weed: {path} ")
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_one_sentence(expanded):
    with pytest.raises(InputError, match=r"dataset_specs.toys.weed: none.json cannot be read \(No such file"):
        weeded(expanded, "none.json")


@pytest.mark.parametrize("image", [("9", 0), ("0", 2)], ids=["seed", "variant"])
def test_images_that_are_not_there_are_named(expanded, write, image):
    with pytest.raises(InputError, match=f"has no variant {image[1]} of seed '{image[0]}'"):
        weeded(expanded, write(images=[image]))


def test_a_list_of_images_that_were_made_anew_is_refused(expanded, write):
    assert weeded(expanded, write(expansions={"gif": expanded.checksum})).count == 6
    with pytest.raises(InputError, match=r"was made of other images than .* holds now"):
        weeded(expanded, write(expansions={"gif": "0" * 16}))


def check(expanded, path, ratio=2):
    spec = SPEC.model_copy(update={"weed": [path]})
    weeding.check(expanded, row(dataset="toys", method="gif", ratio=ratio, spec=spec), ["gif", "mae"])


def test_before_any_work_all_is_checked_that_can_be(expanded, write):
    check(expanded, write())
    with pytest.raises(InputError, match="has no variant 0 of seed '9'"):
        check(expanded, write(images=[("9", 0)]))
    named = [{"method": "gan", "seed_id": "0", "variant": 0}]
    with pytest.raises(InputError, match="names the row 'gan', which has no new images here; allowed: gif, mae"):
        check(expanded, write(weed=named))
    yet = Expansion(Path("not/made/yet"))
    check(yet, write(images=[("9", 0)]))
    with pytest.raises(InputError, match="names variant 2 of seed '0', but gif has 2 variants of each seed"):
        check(yet, write(images=[("0", 2)]))
