import json
from contextlib import nullcontext

import pyarrow as pa
import pytest
import torch
from datasets import ClassLabel, Image, load_dataset

from guided_imagination.expansion import store
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion, is_complete
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.errors import InputError
from helpers.toy import NAMES, SIDE, ToyAugmenter, dataset, plan

COLUMNS = [
    "image",
    "label",
    "seed_id",
    "variant",
    "method",
    "consistency",
    "entropy",
    "diversity",
    "latent_scale",
    "latent_cosine",
    "prediction",
    "label_probability",
    "seed_similarity",
    "attempt",
    "random_seed",
]


def shards(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def test_shards_have_hub_names(tmp_path):
    expand(tmp_path, plan(ToyAugmenter()))
    assert sorted(shards(tmp_path)) == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]


def test_datasets_reads_shards_as_images_with_class_labels(tmp_path):
    expand(tmp_path / "made", plan(ToyAugmenter()))
    files = str(tmp_path / "made" / "*.parquet")
    loaded = load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.column_names == COLUMNS
    assert isinstance(loaded.features["image"], Image)
    assert loaded.features["label"] == loaded.features["prediction"] == ClassLabel(names=NAMES)
    assert loaded["seed_id"][:] == ["0", "0", "1", "1", "2", "2", "3", "3"]
    assert loaded["label"][:] == [0, 0, 1, 1, 0, 0, 1, 1]
    assert loaded[0]["image"].size == (SIDE, SIDE)


def test_an_expansion_reads_its_rows_in_order(tmp_path):
    expand(tmp_path, plan(ToyAugmenter()))
    rows = list(Expansion(tmp_path).stream())
    assert [(row["seed_id"], row["variant"]) for row in rows] == [(str(s), v) for s in range(4) for v in range(2)]
    assert rows[0]["image"].size == (SIDE, SIDE)


def test_an_expansion_finds_the_variants_of_a_seed(tmp_path):
    expand(tmp_path, plan(ToyAugmenter()))
    found = Expansion(tmp_path).of_seed("2")
    assert found["variant"][:] == [0, 1]
    assert found[0]["image"].size == (SIDE, SIDE)


def test_the_manifest_counts_what_was_drawn(tmp_path):
    # labels are 0 1 | 0 1: the two variants of each dog are rejected twice, then dropped
    manifest = expand(tmp_path, plan(ToyAugmenter(wrong=lambda call, labels: labels == 1), redraws=1))
    assert manifest["totals"] == {"drawn": 12, "lost_class": 8, "near_copy": 0, "kept": 4, "dropped": 4}
    assert [shard["rows"] for shard in manifest["shards"]] == [2, 2]
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest


def test_a_shard_without_a_kept_variant_can_be_read(tmp_path):
    maker = ToyAugmenter(wrong=lambda call, labels: labels == 1)
    expand(tmp_path, plan(maker, seeds=dataset([1, 1, 0, 0])))
    assert [row["seed_id"] for row in Expansion(tmp_path).stream()] == ["2", "2", "3", "3"]


def test_a_killed_run_resumes_with_the_missing_shards_and_ends_byte_identical(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        expand(tmp_path / "killed", plan(ToyAugmenter(fail_at=1)))
    assert len(shards(tmp_path / "killed")) == 1
    assert not is_complete(tmp_path / "killed")

    rest = ToyAugmenter()
    resumed = expand(tmp_path / "killed", plan(rest))
    whole = expand(tmp_path / "whole", plan(ToyAugmenter()))
    assert rest.calls == 1
    assert shards(tmp_path / "killed") == shards(tmp_path / "whole")
    assert resumed["totals"] == whole["totals"]
    assert resumed["shards"] == whole["shards"]


def test_a_finished_shard_is_never_written_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        expand(tmp_path, plan(ToyAugmenter(fail_at=1)))
    first = next(tmp_path.glob("*.parquet"))
    before = first.stat().st_mtime_ns
    expand(tmp_path, plan(ToyAugmenter()))
    assert first.stat().st_mtime_ns == before


def test_a_complete_expansion_is_not_made_again(tmp_path):
    first = expand(tmp_path, plan(ToyAugmenter()))
    assert expand(tmp_path, plan()) == first


def test_models_are_not_loaded_when_only_the_manifest_is_missing(tmp_path):
    expand(tmp_path, plan(ToyAugmenter()))
    (tmp_path / "manifest.json").unlink()
    assert expand(tmp_path, plan())["totals"]["kept"] == 8


@pytest.mark.parametrize("fail_at", [None, 1], ids=["complete", "killed"])
def test_another_fingerprint_is_refused_with_what_differs_and_both_ways_on(tmp_path, fail_at):
    with nullcontext() if fail_at is None else pytest.raises(KeyboardInterrupt):
        expand(tmp_path, plan(ToyAugmenter(fail_at=fail_at)))
    before = shards(tmp_path)
    with pytest.raises(InputError) as caught:
        expand(tmp_path, plan(ratio=3, inputs={"seeds": "xyz"}))
    message = str(caught.value)
    assert str(tmp_path) in message
    assert "ratio: 2 there, 3 now" in message
    assert "seeds: abc there, xyz now" in message
    assert "seed:" not in message
    assert "overwrite=true" in message
    assert "data_dir=" in message
    assert shards(tmp_path) == before


def test_overwrite_replaces_an_expansion_made_otherwise(tmp_path):
    expand(tmp_path, plan(ToyAugmenter(), seeds_per_shard=1))
    expand(tmp_path, plan(ToyAugmenter(), ratio=3, overwrite=True))
    assert sorted(shards(tmp_path)) == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]
    assert len(list(Expansion(tmp_path).stream())) == 12


def test_overwrite_leaves_an_expansion_made_alike(tmp_path):
    expand(tmp_path, plan(ToyAugmenter()))
    before = shards(tmp_path)
    expand(tmp_path, plan(overwrite=True))
    assert shards(tmp_path) == before


def test_the_checksum_is_that_of_what_shaped_the_images(tmp_path):
    expand(tmp_path / "a", plan(ToyAugmenter()))
    expand(tmp_path / "b", plan(ToyAugmenter()))
    expand(tmp_path / "c", plan(ToyAugmenter(), settings={"eps": 0.2}))
    a, b, c = (Expansion(tmp_path / name).checksum for name in "abc")
    assert a == b != c


def test_expansions_do_not_depend_on_the_global_random_state(tmp_path):
    for name in ("a", "b"):
        torch.manual_seed(ord(name))
        expand(tmp_path / name, plan(ToyAugmenter()))
    assert shards(tmp_path / "a") == shards(tmp_path / "b")


def test_a_store_keeps_any_table_and_makes_only_what_is_missing(tmp_path):
    """It takes a fingerprint, a number of shards and their tables; what is in them is not its business."""
    asked = []

    def tables(folder, missing):
        asked.append(list(missing))
        for shard in reversed(missing):
            yield store.Made(shard, pa.table({"n": [shard, shard + 2]}), {"drawn": 2}, Clock())

    manifest, made = store.write(tmp_path, {"size": 2}, 3, tables, overwrite=False, averaged=["n"])
    assert made
    assert manifest["means"] == {"n": 2.0}  # of 0, 2, 1, 3, 2, 4
    assert manifest["totals"] == {"drawn": 6}
    assert [shard["file"] for shard in manifest["shards"]] == sorted(shards(tmp_path))
    (tmp_path / "train-00001-of-00003.parquet").unlink()
    again, made = store.write(tmp_path, {"size": 2}, 3, tables, overwrite=False, averaged=["n"])
    assert asked == [[0, 1, 2], [1]]
    assert again["shards"] == manifest["shards"]
    assert store.verify(tmp_path, lambda *rows: iter(())) == []


def with_old_journals(folder):
    """The journal of two shards as runs of an older version left it, which made one each."""
    session, *shards = (folder / "journal.jsonl").read_text().splitlines(keepends=True)
    made = [line for line in shards if '"shard"' in line]
    (folder / "journal-1of2.jsonl").write_text(session + "".join(line for line in shards if line != made[1]))
    (folder / "journal-2of2.jsonl").write_text(session + made[1])
    (folder / "journal.jsonl").unlink()


def test_what_runs_of_an_older_version_made_together_is_gone_on_with(tmp_path):
    expand(tmp_path, plan(ToyAugmenter()))
    before = shards(tmp_path)
    with_old_journals(tmp_path)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "train-00000-of-00002.parquet").unlink()
    rest = ToyAugmenter()
    made = expand(tmp_path, plan(rest))
    assert rest.calls == 1, "the other shard is kept"
    assert [session["shards"] for session in made["sessions"]] == [1, 1, 1]
    assert shards(tmp_path) == before


def test_an_overwritten_expansion_has_no_sessions_of_the_old_one(tmp_path):
    expand(tmp_path, plan(ToyAugmenter()))
    with_old_journals(tmp_path)
    expand(tmp_path, plan(ToyAugmenter(), ratio=3, overwrite=True))
    (tmp_path / "train-00000-of-00002.parquet").unlink()
    made = expand(tmp_path, plan(ToyAugmenter(), ratio=3))
    assert [session["shards"] for session in made["sessions"]] == [2, 1]
    assert not list(tmp_path.glob("journal-*"))


def test_going_on_with_other_versions_is_said(tmp_path, monkeypatch, caplog):
    expand(tmp_path, plan(ToyAugmenter()))
    (tmp_path / "train-00000-of-00002.parquet").unlink()
    (tmp_path / "manifest.json").unlink()
    monkeypatch.setattr("guided_imagination.expansion.store.manifest._version", lambda package: "99")
    expand(tmp_path, plan(ToyAugmenter()))
    assert "the finished shards were made with other versions (" in caplog.text
    assert "torchvision" in caplog.text
