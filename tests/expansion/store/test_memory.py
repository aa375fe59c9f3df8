"""Memory does not depend on the number of seeds (the figures are those of `benchmarks/memory.py`)."""

import os

from benchmarks import memory
from datasets import load_from_disk

from guided_imagination.data.dataset import forget
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.records import verify
from helpers.stores import fork, outcome
from helpers.toy import dataset


def peak_of(seeds, folder) -> float:
    """Peak MiB of a process that expands `seeds` and verifies the result."""
    reading, writing = os.pipe()

    def measure() -> None:
        expand(folder, memory.plan(seeds))
        assert verify(folder) == []
        os.write(writing, str(memory.peak()).encode())

    assert outcome(fork(measure)) == 0
    return float(os.read(reading, 100))


def test_ten_times_the_seeds_take_no_more_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "SIDE", 64)  # noise of 12 KiB per image
    memory.make_seeds(tmp_path, 2000)
    seeds = load_from_disk(str(tmp_path / "seeds"))
    few, many = (peak_of(seeds.select(range(count)), tmp_path / str(count)) for count in (200, 2000))
    written = sum(path.stat().st_size for path in (tmp_path / "2000").glob("*.parquet")) / 2**20
    assert written > 40
    assert many - few < written / 2, "what was written is kept in memory"


def test_pages_of_a_mapped_dataset_are_given_back_and_read_again(tmp_path):
    memory.make_seeds(tmp_path, 500)
    seeds = load_from_disk(str(tmp_path / "seeds"))
    file = seeds.cache_files[0]["filename"]

    def resident() -> int:
        """KiB of the mapped file in this process."""
        lines = iter(open("/proc/self/smaps"))  # noqa: SIM115, PTH123
        return sum(
            int(next(line for line in lines if line.startswith("Rss:")).split()[1]) for line in lines if file in line
        )

    before = seeds.with_format("arrow")[:]
    assert before["image"].nbytes > 0
    images = [row["bytes"] for row in before["image"].to_pylist()]
    read = resident()
    forget(seeds)
    assert resident() < read / 4
    assert [row["bytes"] for row in seeds.with_format("arrow")[:]["image"].to_pylist()] == images


def test_a_dataset_in_memory_is_left_alone():
    seeds = dataset([0, 1])
    before = seeds.to_list()
    forget(seeds)
    assert seeds.to_list() == before
