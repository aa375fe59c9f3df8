"""Work times speed, by numbers that can be checked in the head."""

import pandas as pd
import pytest

from guided_imagination.planning.costs import Speed, duration, forecast, markdown, to_table
from guided_imagination.planning.work import Work
from helpers.names import ODD
from helpers.reading import Read
from helpers.settings import row

CELLS = row(dataset="cells", method="gif_dalle")
EXPAND = Work(CELLS, "expand", "gif_dalle", parts=10, units=3600)
TRAIN = Work(CELLS, "train", "resnet paper", parts=3, units=7200)
ADAPT = Work(CELLS, "adapt", "expand_dalle", parts=1, units=400)
SPEEDS = {
    ("cells", "expand", "gif_dalle"): Speed(start_seconds=36, unit_seconds=2, unit_bytes=1e6),
    ("cells", "train", "resnet paper"): Speed(start_seconds=12, unit_seconds=0.5, start_bytes=1e8),
    ("cells", "adapt", "expand_dalle"): Speed(start_seconds=100, unit_seconds=2),
}


def costs(workers, price=None):
    return forecast([EXPAND, TRAIN, ADAPT], to_table(SPEEDS), workers, price).set_index("stage")


def test_one_worker_does_one_thing_after_the_other():
    table = costs(1)
    # 36 s to load, 3,600 images of 2 s; three trainings that begin in 12 s each and see 7,200 images of 0.5 s together
    assert table.loc["expand", "worker_hours"] == pytest.approx((36 + 7200) / 3600)
    assert table.loc["train", "worker_hours"] == pytest.approx((36 + 3600) / 3600)
    assert table.loc["adapt", "worker_hours"] == pytest.approx(900 / 3600)
    assert table["wall_hours"].tolist() == table["worker_hours"].tolist()


def test_workers_share_parts_and_each_loads_the_models_of_an_expansion():
    table = costs(4)
    assert table.loc["expand", "worker_hours"] == pytest.approx((4 * 36 + 7200) / 3600)
    assert table.loc["expand", "wall_hours"] == pytest.approx((36 + 1800) / 3600)
    assert table.loc["train", "wall_hours"] == pytest.approx((12 + 1200) / 3600), "there are three trainings"
    assert table.loc["adapt", "wall_hours"] == table.loc["adapt", "worker_hours"], "nobody can help"


def test_trainings_of_all_rows_are_shared():
    other = Work(row(dataset="cells", method="original"), "train", "resnet paper", parts=3, units=7200)
    table = forecast([TRAIN, other], to_table({("*", "train", "resnet paper"): Speed(0, 1)}), 6, None)
    assert table["wall_hours"].tolist() == [7200 / 6 / 3600] * 2


def test_disk_and_price():
    table = costs(4, price=2.5)
    assert table["gigabytes"].tolist() == pytest.approx([3.6, 0.3, 0])
    assert table.loc["expand", "price"] == pytest.approx(2.5 * (4 * 36 + 7200) / 3600)
    assert costs(4)["price"].isna().all()


def test_the_text_has_totals_per_dataset_and_stage_and_what_is_to_be_downloaded():
    second = Work(row(dataset="pets", method="gif_dalle"), "expand", "gif_dalle", parts=1, units=1800)
    speeds = to_table({**SPEEDS, ("*", "expand", "gif_dalle"): Speed(0, 2, 0, 1e6)})
    models = {"org/large": 5.28, "org/other": 1.0, "org/unknown": None}
    table = forecast([TRAIN, EXPAND, ADAPT, second], speeds, 1, 10)
    text = markdown(table, 1, models, 2.5e9)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert lines[0] == ["dataset", "stage", "amount", "one worker", "in all", "GB", "price"]
    assert [line[:3] for line in lines[2:]] == [
        ["cells", "adapt", "400 updates"],
        ["cells", "expand", "3,600 images"],
        ["cells", "train", "7,200 images"],
        ["pets", "expand", "1,800 images"],
        ["all", "", ""],
    ]
    assert lines[-1][3:] == ["4.3 h", "4.3 h", "5.70", "42.70"]  # 900 + 7,236 + 3,636 + 3,600 s
    assert "5,400 new images" in text
    assert "2.50 GB more" in text
    assert "download first: 6.3 GB (org/large 5.28, org/other 1.00, org/unknown of unknown size)" in text
    assert "All models are on this machine" in markdown(table, 1, {}, 0)


@pytest.mark.parametrize(
    ("hours", "text"), [(0.5 / 3600, "0.5 s"), (90 / 3600, "1.5 min"), (1, "1.0 h"), (1234.56, "1,234.6 h")]
)
def test_durations_are_in_the_unit_that_people_use(hours, text):
    assert duration(hours) == text


def test_an_empty_plan_is_a_table_too():
    assert isinstance(forecast([], to_table({}), 2, None), pd.DataFrame)


def test_names_of_any_kind_keep_their_cells():
    work = [Work(row(dataset=name, method="gif"), "expand", "gif", parts=1, units=1) for name in ODD]
    speeds = to_table({(name, "expand", "gif"): Speed(0, 1) for name in ODD})
    read = Read(markdown(forecast(work, speeds, 1, None), 1, {"a*b*c": 1.0, "<d>": None}, 0))
    assert [cells[:2] for cells in read.rows[1:]] == [*([name, "expand"] for name in ODD), ["all", ""]]
    assert "(a*b*c 1.00, <d> of unknown size)" in read.lines[-1]
