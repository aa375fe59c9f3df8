"""What `verify` and a run say to a damaged or changed expansion."""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from guided_imagination.expansion.augmenters import Augmentation
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.records import verify
from guided_imagination.expansion.store import Expansion, is_complete
from guided_imagination.expansion.store.shards import checksum, means
from guided_imagination.utils.errors import InputError
from helpers.stores import CLASSES, checksums, toy_plan
from helpers.toy import ToyAugmenter, dataset

SECOND = "train-00001-of-00003.parquet"


@pytest.fixture
def made(tmp_path):
    """A complete expansion of seeds 0 to 5 in three shards of two seeds by two variants."""
    expand(tmp_path / "made", toy_plan(ToyAugmenter()))
    return tmp_path / "made"


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def forge(folder, change, file=SECOND):
    """Rewrite a shard with `change(rows)` and a manifest that agrees, as a faulty writer would."""
    table = pq.read_table(folder / file)
    rows = table.to_pylist()
    rows = change(rows) or rows
    forged = pa.Table.from_pylist(rows, schema=table.schema)
    pq.write_table(forged, folder / file)
    manifest = json.loads((folder / "manifest.json").read_text())
    for shard in manifest["shards"]:
        if shard["file"] == file:
            size = (folder / file).stat().st_size
            shard |= {"rows": len(rows), "bytes": size, "checksum": checksum(folder / file)}
            shard["means"] = means(forged, shard["means"])
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_sound_expansion_has_no_findings(made):
    assert verify(made) == []


def test_a_classical_augmentation_has_no_criteria_to_check(tmp_path):
    expand(tmp_path, toy_plan(load_augmenter=lambda: Augmentation(lambda images, rngs: 1 - images)))
    assert verify(tmp_path) == []
    assert Expansion(tmp_path).manifest["means"] == dict.fromkeys(
        ["consistency", "entropy", "diversity", "latent_scale", "latent_cosine"]
    )


def test_dropped_variants_are_not_missed(tmp_path):
    manifest = expand(tmp_path, toy_plan(ToyAugmenter(wrong=lambda call, labels: labels == 1)))
    assert manifest["totals"]["dropped"] == 2
    assert verify(tmp_path) == []


def test_a_flipped_byte(made):
    before = checksums(made)
    flip_a_byte(made / SECOND)
    assert verify(made) == [
        f"{SECOND}: was changed or damaged, its checksum is not the manifest's: "
        "delete it and run its pipeline, which makes it again"
    ]
    expand(made, toy_plan())  # a run looks at names and sizes alone
    (made / SECOND).unlink()
    rest = ToyAugmenter()
    expand(made, toy_plan(rest))
    assert rest.calls == 1
    assert checksums(made) == before
    assert verify(made) == []


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (lambda path: path.unlink(), "is missing: run its pipeline, which makes it again"),
        (
            lambda path: os.truncate(path, 1000),
            "has 1000 bytes instead of {size}: run its pipeline, which makes it again",
        ),
    ],
    ids=["deleted", "truncated"],
)
def test_a_deleted_or_truncated_shard(made, damage, finding, caplog):
    before, size = checksums(made), (made / SECOND).stat().st_size
    damage(made / SECOND)
    assert verify(made) == [f"{SECOND}: {finding.format(size=size)}"]
    assert not is_complete(made)
    with pytest.raises(InputError, match=f"there is no complete expansion in {made}: run its pipeline first"):
        next(Expansion(made).stream())
    rest = ToyAugmenter()
    expand(made, toy_plan(rest))
    assert f"{made / SECOND} is missing or damaged: rebuilding it" in caplog.text
    assert rest.calls == 1
    assert checksums(made) == before
    assert verify(made) == []


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"settings": {"eps": 0.2}}, "settings.eps: 0.1 there, 0.2 now"),
        ({"settings": {"eps": 0.1, "weights": {"entropy": 1}}}, "settings.weights.entropy: absent there, 1 now"),
        ({"inputs": {"seeds": "abc", "generator weights": "def"}}, "inputs.generator weights: absent there, def now"),
        ({"inputs": {"seeds": "xyz"}}, "inputs.seeds: abc there, xyz now"),
    ],
    ids=["parameter", "nested parameter", "weights", "seeds"],
)
def test_a_changed_parameter_weight_file_or_seed(made, changes, difference):
    before = checksums(made)
    with pytest.raises(InputError) as caught:
        expand(made, toy_plan(**changes))
    assert str(caught.value) == (
        f"{made} contains an expansion with other settings ({difference}): "
        "replace it with --params overwrite=true, or keep it and use another --params data_dir=FOLDER"
    )
    assert checksums(made) == before
    assert verify(made) == []


def test_other_code_is_refused(made, monkeypatch):
    monkeypatch.setattr("guided_imagination.expansion.plan.__version__", "99")
    with pytest.raises(InputError, match=r"code: [\d.]+ there, 99 now"):
        expand(made, toy_plan())


def test_an_expansion_without_manifest_is_unfinished(made):
    (made / "manifest.json").unlink()
    assert verify(made) == [
        f"{made} is unfinished, it has no manifest.json: run its pipeline, which makes what is missing"
    ]


def test_a_broken_manifest_is_made_again(made):
    (made / "manifest.json").write_text('{"shards": [')
    (finding,) = verify(made)
    assert finding.startswith("manifest.json cannot be read (")
    assert not is_complete(made)
    expand(made, toy_plan())
    assert verify(made) == []


def test_a_foreign_shard_is_found(made):
    (made / "train-00000-of-00002.parquet").write_bytes((made / SECOND).read_bytes())
    assert verify(made) == [
        "train-00000-of-00002.parquet is no part of the expansion, but would be loaded with it: delete it"
    ]


def change(**columns):
    """Give the last row (seed 3, variant 1, label 3) other values."""
    return lambda rows: rows[-1].update(columns)


ONE = "1 of 4 images "
FIRST = ", first variant 1 of seed '3'"
RANGE = (
    "have criteria or moves out of range (consistency in [0, 1], entropy within ±2.08, diversity >= 0, "
    "latent_scale >= 0, latent_cosine within ±1.00)"
)


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        (change(label=2), f"{ONE}have another label than their seed{FIRST}"),
        (change(label=3, prediction=8), f"{ONE}have a prediction outside [0, 8){FIRST}"),
        (
            change(image={"bytes": b"\x89PNG but not really", "path": None}),
            f"{ONE}cannot be decoded to 4x4 pixels{FIRST}",
        ),
        (change(image={"bytes": None, "path": "elsewhere.png"}), f"{ONE}cannot be decoded to 4x4 pixels{FIRST}"),
        (change(consistency=1.1), f"{ONE}{RANGE}{FIRST}"),
        (change(latent_cosine=1.1), f"{ONE}{RANGE}{FIRST}"),
        (change(latent_scale=-0.5), f"{ONE}{RANGE}{FIRST}"),
        (change(consistency=float("nan")), f"{ONE}{RANGE}{FIRST}"),
        (change(entropy=-2.2), f"{ONE}{RANGE}{FIRST}"),
        (change(diversity=-0.5), f"{ONE}{RANGE}{FIRST}"),
        (change(diversity=None), f"{ONE}{RANGE}{FIRST}"),
        (change(random_seed=1), f"{ONE}have a random seed that their name and attempt do not give{FIRST}"),
        (change(attempt=1), f"{ONE}have a random seed that their name and attempt do not give{FIRST}"),
        (change(method="other"), f"{ONE}are of another method than 'toy'{FIRST}"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_that_cannot_be_true(made, changed, finding):
    forge(made, changed)
    # NaN is equal to nothing, not even to the mean in the manifest
    assert f"{SECOND}: {finding}" in verify(made)
    assert all(line.startswith(SECOND) or "means" in line for line in verify(made))


def test_a_label_outside_the_classes(made):
    forge(made, change(label=8))
    assert f"{SECOND}: {ONE}have a label outside [0, 8){FIRST}" in verify(made)


def test_a_lost_image_is_missed(made):
    forge(made, lambda rows: rows[:-1])
    assert verify(made) == [
        f"{SECOND}: 1 images are missing, but 0 were dropped, first variant 1 of seed '3'",
        "manifest.json: its total of 12 kept images is not the 11 rows of its shards",
    ]


def test_a_lost_seed_is_missed(made):
    forge(made, lambda rows: rows[:2])
    assert f"{SECOND}: 2 images are missing, but 0 were dropped, first variant 0 of seed '3'" in verify(made)


def test_an_image_that_is_there_twice(made):
    forge(made, lambda rows: [*rows[:-1], rows[0]])
    findings = verify(made)
    assert f"{SECOND}: 1 images are there more than once, first variant 0 of seed '2'" in findings
    assert f"{SECOND}: 1 images are missing, but 0 were dropped, first variant 1 of seed '3'" in findings


def test_an_image_of_another_shard(made):
    stranger = pq.read_table(made / "train-00000-of-00003.parquet").to_pylist()[0]
    forge(made, lambda rows: [*rows, stranger])
    assert f"{SECOND}: 1 of 5 images are of a seed that does not belong here, first variant 0 of seed '0'" in verify(
        made
    )


def test_a_seed_in_two_shards(tmp_path):
    seeds = dataset([0, 1, 2, 3], CLASSES).map(lambda row: {"id": {"3": "0"}.get(row["id"], row["id"])})
    seeds = seeds.map(lambda row: {"label": 0 if row["id"] == "0" else row["label"]})
    expand(tmp_path, toy_plan(ToyAugmenter(), seeds=seeds))
    assert verify(tmp_path) == ["train-00001-of-00002.parquet: 1 seeds are in an earlier shard too, first '0'"]


def test_forged_totals(made):
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["totals"]["drawn"] += 1
    manifest["means"]["entropy"] = 0.5
    (made / "manifest.json").write_text(json.dumps(manifest))
    first, second = verify(made)
    assert first.startswith("manifest.json: its totals {")
    assert second == "manifest.json: its means of columns are not those of its shards"


def test_parts_of_the_fingerprint_may_use_the_same_names(tmp_path):
    """A generator's `steps` and the guidance's are two settings: changing either is another expansion."""
    both = {"generator": {"steps": 50, "eps": 1}, "guidance": {"steps": 2, "eps": 1}}
    expand(tmp_path, toy_plan(ToyAugmenter(), settings=both))
    for part, name in (("generator", "steps"), ("guidance", "steps"), ("generator", "eps"), ("guidance", "eps")):
        other = both | {part: both[part] | {name: 7}}
        with pytest.raises(InputError, match=rf"\(settings\.{part}\.{name}: {both[part][name]} there, 7 now\)"):
            expand(tmp_path, toy_plan(settings=other))


def test_an_expansion_of_an_older_version_is_read_but_not_continued(tmp_path):
    """Until 0.5 the fingerprint had no parts."""
    expand(tmp_path, toy_plan(ToyAugmenter()))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    parts = [manifest["fingerprint"].pop(part) for part in ("filter", "settings", "inputs")]
    manifest["fingerprint"] |= {**parts[0], **parts[1], **parts[2], "code": "0.4.0"}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "plan.json").write_text(json.dumps(manifest["fingerprint"]))
    old = Expansion(tmp_path)
    assert old.seeds_checksum == "abc"
    assert len(list(old.stream())) == 12
    with pytest.raises(InputError, match=r"code: 0\.4\.0 there, .* now.*and \d+ more\)"):
        expand(tmp_path, toy_plan())
