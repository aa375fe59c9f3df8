"""What the manifest tells of an expansion."""

import hashlib
import json
import platform
from datetime import datetime
from importlib.metadata import version

import pytest

from guided_imagination import __version__
from guided_imagination.expansion.expand import expand
from helpers.stores import toy_plan
from helpers.toy import ToyAugmenter


def test_shards_are_listed_with_rows_and_checksums(tmp_path):
    manifest = expand(tmp_path, toy_plan(ToyAugmenter()))
    assert [shard["file"] for shard in manifest["shards"]] == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    for shard in manifest["shards"]:
        content = (tmp_path / shard["file"]).read_bytes()
        assert shard["bytes"] == len(content)
        assert shard["checksum"] == hashlib.sha256(content).hexdigest()
        assert shard["rows"] == 4
        assert shard["counts"] == {"drawn": 4, "lost_class": 0, "near_copy": 0, "kept": 4, "dropped": 0}
    assert manifest == json.loads((tmp_path / "manifest.json").read_text())


def test_the_fingerprint_names_code_parameters_and_inputs(tmp_path):
    fingerprint = expand(tmp_path, toy_plan(ToyAugmenter()))["fingerprint"]
    assert fingerprint["code"] == __version__
    assert fingerprint["ratio"] == 2
    assert fingerprint["settings"] == {"eps": 0.1}
    assert fingerprint["inputs"] == {"seeds": "abc"}
    assert fingerprint == json.loads((tmp_path / "plan.json").read_text())


def test_criteria_are_means_over_kept_variants(tmp_path):
    class Rising(ToyAugmenter):
        """The consistency of the n-th call's images is n/10."""

        def make(self, *args):
            made = super().make(*args)
            made.criteria["consistency"] = made.criteria["consistency"] * self.calls / 10
            return made

    # five seeds: two shards of four images at 0.1 and 0.2, one of two at 0.3
    seeds = toy_plan().seeds.select(range(5))
    manifest = expand(tmp_path, toy_plan(Rising(), seeds=seeds))
    assert manifest["means"]["consistency"] == pytest.approx((4 * 0.1 + 4 * 0.2 + 2 * 0.3) / 10)
    assert manifest["means"]["entropy"] == pytest.approx(2)
    assert manifest["shards"][2]["means"]["consistency"] == pytest.approx(0.3)


def test_sessions_add_up_over_resumes(tmp_path):
    for fail_at in (1, 1, None):  # a shard in each of the first two sessions, the rest in the last
        try:
            expand(tmp_path, toy_plan(ToyAugmenter(fail_at=fail_at)))
        except KeyboardInterrupt:
            assert fail_at == 1
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert [(session["shards"], session["images"]) for session in manifest["sessions"]] == [(1, 4)] * 3
    seconds = sum(session["seconds"] for session in manifest["sessions"])
    assert manifest["images_per_second"] == pytest.approx(12 / seconds, abs=0.01)
    assert 0 < manifest["seconds"]["write"] < seconds
    # what comes before the first shard is paid for too
    assert 0 < manifest["seconds"]["prepare"] < seconds
    assert manifest["started"] == manifest["sessions"][0]["started"]
    assert manifest["ended"] == manifest["sessions"][-1]["ended"]
    moments = [datetime.fromisoformat(moment) for moment in (manifest["started"], manifest["ended"])]
    assert moments[0] <= moments[1]


def test_a_session_tells_the_machine_but_not_its_name(tmp_path):
    expand(tmp_path, toy_plan(ToyAugmenter()))
    (session,) = json.loads((tmp_path / "manifest.json").read_text())["sessions"]
    assert session["python"] == platform.python_version()
    assert session["versions"]["torch"] == version("torch")
    assert session["versions"]["diffusers"] == version("diffusers")
    assert session["platform"] == platform.platform()
    assert "host" not in session
    assert "versions" not in json.loads((tmp_path / "plan.json").read_text())


def test_other_versions_of_packages_are_recorded_not_refused(tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        expand(tmp_path, toy_plan(ToyAugmenter(fail_at=1)))
    monkeypatch.setattr("guided_imagination.expansion.store.manifest.version", lambda package: "0.0")
    manifest = expand(tmp_path, toy_plan(ToyAugmenter()))
    versions = [session["versions"]["torch"] for session in manifest["sessions"]]
    assert versions == [version("torch"), "0.0"]
