import pandas as pd
import pytest

from guided_imagination.planning.costs import Speed, forecast, read, to_table
from guided_imagination.planning.work import Work
from guided_imagination.utils.errors import InputError
from helpers.settings import row

HEAD = "dataset,stage,name,start_seconds,unit_seconds\n"


def hours(dataset, speeds):
    """Of 3,600 images, which is the seconds of one."""
    work = Work(row(dataset=dataset, draw=1, method="gif_sd"), "expand", "gif_sd", 1, 3600)
    return forecast([work], speeds, 1, None)["worker_hours"].item()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "speeds.csv"


def test_what_is_saved_is_read_again(file):
    speeds = {
        ("pets", "expand", "gif_sd"): Speed(1.5, 12.65, 0, 4e5),
        ("*", "train", "resnet50 paper"): Speed(3, 0.002, 1e8, 0),
    }
    to_table(speeds).to_csv(file, index=False)
    pd.testing.assert_frame_equal(read(file), to_table(speeds), check_dtype=False)


def test_bytes_may_be_left_out_and_a_star_stands_for_every_dataset(file):
    file.write_text(HEAD + "*,expand,gif_sd,0,10\ncars,expand,gif_sd,0,20\n")
    speeds = read(file)
    assert hours("pets", speeds) == 10
    assert hours("cars", speeds) == 20


def test_of_two_rows_the_later_counts(file):
    file.write_text(HEAD + "*,expand,gif_sd,0,10\n*,expand,gif_sd,0,20\n")
    assert hours("pets", read(file)) == 20


def test_a_speed_that_is_missing_is_named(file):
    file.write_text(HEAD + "cars,expand,gif_sd,0,20\n")
    with pytest.raises(InputError, match=r"no row with dataset pets \(or \*\), stage expand, name gif_sd: add one"):
        hours("pets", read(file))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "cannot read"),
        ("dataset,stage,name,start_seconds\n", "has no column unit_seconds; needed: dataset, stage"),
        (HEAD.strip() + ",speed\n", "has a column speed; known: dataset, stage"),
        (HEAD + "*,decode,gif_sd,0,1\n", "line 2: no stage 'decode'; known: adapt, prepare"),
        (HEAD + "*,expand,a,0,1\n*,expand,gif_sd,0,-1\n", "line 3: unit_seconds is -1, not a number from 0"),
        (HEAD + "*,expand,gif_sd,0,fast\n", "line 2: unit_seconds is fast, not a number"),
        (HEAD + "*,expand,gif_sd,,1\n", "line 2: start_seconds is nan, not a number"),
    ],
)
def test_a_wrong_table_is_one_sentence(text, sentence, file):
    file.write_text(text)
    with pytest.raises(InputError) as error:
        read(file)
    assert str(error.value).startswith("plan.speeds: ")
    assert sentence in str(error.value)


def test_a_missing_file_is_one_sentence(file):
    with pytest.raises(InputError, match=r"plan\.speeds: cannot read .*speeds\.csv"):
        read(file)
