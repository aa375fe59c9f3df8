"""Work times speed, by numbers that can be checked in the head."""

import pandas as pd
import pytest

from guided_imagination.report.planning.forecast import duration, forecast, markdown
from guided_imagination.report.planning.speeds import Speed
from guided_imagination.report.planning.work import Work
from helpers.names import ODD
from helpers.reading import Read

EXPAND = Work("cells", "gif_dalle", "expand", "gif_dalle", parts=10, units=3600)
TRAIN = Work("cells", "gif_dalle", "train", "resnet paper", parts=3, units=7200)
ADAPT = Work("cells", "expand_dalle", "adapt", "expand_dalle", parts=1, units=400)
SPEEDS = {
    EXPAND: Speed(start_seconds=36, unit_seconds=2, unit_bytes=1e6),
    TRAIN: Speed(start_seconds=12, unit_seconds=0.5, start_bytes=1e8),
    ADAPT: Speed(start_seconds=100, unit_seconds=2),
}


def costs(workers, price=None):
    return forecast(list(SPEEDS.items()), workers, price).set_index("stage")


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
    other = Work("cells", "original", "train", "resnet paper", parts=3, units=7200)
    speed = Speed(0, 1)
    table = forecast([(TRAIN, speed), (other, speed)], 6, None)
    assert table["wall_hours"].tolist() == [7200 / 6 / 3600] * 2


def test_disk_and_price():
    table = costs(4, price=2.5)
    assert table["gigabytes"].tolist() == pytest.approx([3.6, 0.3, 0])
    assert table.loc["expand", "price"] == pytest.approx(2.5 * (4 * 36 + 7200) / 3600)
    assert costs(4)["price"].isna().all()


def test_the_text_has_totals_per_dataset_and_stage_and_what_is_to_be_downloaded():
    second = Work("pets", "gif_dalle", "expand", "gif_dalle", parts=1, units=1800)
    work = [*SPEEDS.items(), (second, Speed(0, 2, 0, 1e6))]
    models = {"org/large": 5.28, "org/other": 1.0, "org/unknown": None}
    text = markdown(forecast(work, 1, 10), 1, models, 2.5e9)
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
    assert "download first: 6.3 GB (org/large 5.28, org/other 1.00; of unknown size: org/unknown)" in text
    assert "All models are on this machine" in markdown(forecast(work, 1, None), 1, {}, 0)


@pytest.mark.parametrize(
    ("hours", "text"), [(0.5 / 3600, "0.5 s"), (90 / 3600, "1.5 min"), (1, "1.0 h"), (1234.56, "1,234.6 h")]
)
def test_durations_are_in_the_unit_that_people_use(hours, text):
    assert duration(hours) == text


def test_an_empty_plan_is_a_table_too():
    assert isinstance(forecast([], 2, None), pd.DataFrame)


def test_names_of_any_kind_keep_their_cells():
    work = [(Work(name, "gif", "expand", "gif", parts=1, units=1), Speed(0, 1, 0, 0)) for name in ODD]
    read = Read(markdown(forecast(work, 1, None), 1, {"a*b*c": 1.0, "<d>": None}, 0))
    assert [row[:2] for row in read.rows[1:]] == [*([name, "expand"] for name in ODD), ["all", ""]]
    assert "(a*b*c 1.00; of unknown size: <d>)" in read.lines[-1]
