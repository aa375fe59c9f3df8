import pytest
from datasets import Dataset, Features, Image, Value

from guided_imagination.config.datasets import ParquetSource
from guided_imagination.data.sources import open_source
from guided_imagination.data.sources.parquet import ROWS_IN_MEMORY
from guided_imagination.utils.errors import InputError
from helpers.fabricate import encoded, picture
from helpers.toy import dataset


def opened(train, **settings):
    return open_source(ParquetSource(kind="parquet", train=[str(path) for path in train], **settings))


def saved(images, path):
    images.to_parquet(path)
    return path


def refusal(train, **settings):
    with pytest.raises(InputError) as caught:
        for part in opened([train], **settings).parts.values():
            part()
    return str(caught.value)


def content(images):
    return [row["image"]["bytes"] for row in images.cast_column("image", Image(decode=False))]


def test_images_are_those_of_the_files_in_any_order(tmp_path):
    first, second = dataset([0, 1] * ROWS_IN_MEMORY), dataset([1, 1, 0], side=6)
    paths = [saved(first, tmp_path / "0.parquet"), saved(second, tmp_path / "1.parquet")]
    part = opened(paths).parts["train"]()
    expected = content(first) + content(second)
    assert part.labels.tolist() == [*first["label"], *second["label"]]
    for row in (0, ROWS_IN_MEMORY, len(expected) - 1, 3, 3, len(first)):
        assert part.load(row) == expected[row]


def test_without_ids_rows_are_numbered_through_all_files(tmp_path):
    paths = [saved(dataset([0, 1]).remove_columns("id"), tmp_path / f"{number}.parquet") for number in range(2)]
    assert opened(paths).parts["train"]().ids == ["train/00000", "train/00001", "train/00002", "train/00003"]


def test_columns_may_have_other_names(tmp_path):
    images = dataset([0, 1]).rename_columns({"image": "img", "label": "fine_label"})
    path = saved(images, tmp_path / "train.parquet")
    source = opened([path], image_column="img", label_column="fine_label")
    assert source.classes == ["cat", "dog"]
    assert source.parts["train"]().load(1) == content(dataset([0, 1]))[1]


def test_images_may_be_files_beside_the_table(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(picture("a")))
    features = Features({"image": {"bytes": Value("binary"), "path": Value("string")}, "label": Value("int64")})
    rows = {"image": [{"bytes": None, "path": "a.png"}], "label": [0]}
    path = saved(Dataset.from_dict(rows, features=features), tmp_path / "train.parquet")
    assert opened([path]).parts["train"]().load(0) == encoded(picture("a"))


@pytest.mark.parametrize(
    "path", ["{folder}/secret.png", "../secret.png", "a/../../secret.png", r"..\\secret.png", r"C:\\x"]
)
def test_a_path_out_of_the_tables_folder_is_refused(tmp_path, path):
    (tmp_path / "secret.png").write_bytes(encoded(picture("secret")))
    (tmp_path / "data" / "a").mkdir(parents=True)
    features = Features({"image": {"bytes": Value("binary"), "path": Value("string")}, "label": Value("int64")})
    rows = {"image": [{"bytes": None, "path": path.format(folder=tmp_path)}], "label": [0]}
    table = saved(Dataset.from_dict(rows, features=features), tmp_path / "data" / "train.parquet")
    with pytest.raises(InputError, match="allowed are relative paths below the table's folder"):
        opened([table]).parts["train"]().load(0)


def test_integers_without_names_are_labels_too(tmp_path):
    path = saved(dataset([0, 1, 1]).cast_column("label", Value("int32")), tmp_path / "train.parquet")
    source = opened([path])
    assert source.classes is None
    assert source.parts["train"]().labels.tolist() == [0, 1, 1]


def test_a_missing_file_is_named(tmp_path):
    assert refusal(tmp_path / "nowhere.parquet") == f"{tmp_path / 'nowhere.parquet'} does not exist"


@pytest.mark.parametrize("cut", [0, 8, 300])
def test_a_file_that_is_cut_short_or_of_another_kind_is_refused(tmp_path, cut):
    path = saved(dataset([0, 1]), tmp_path / "train.parquet")
    path.write_bytes(path.read_bytes()[:cut])
    assert f"{path} is not a readable parquet file" in refusal(path)


@pytest.mark.parametrize("column", ["image", "label"])
def test_a_missing_column_is_named(tmp_path, column):
    path = saved(dataset([0, 1]).remove_columns(column), tmp_path / "train.parquet")
    assert f"has no column {column!r}, it has" in refusal(path)


def test_labels_of_another_type_are_refused(tmp_path):
    path = saved(dataset([0, 1]).cast_column("label", Value("string")), tmp_path / "train.parquet")
    assert "needed: a ClassLabel or integers" in refusal(path)


def test_different_class_lists_are_refused(tmp_path):
    train = saved(dataset([0, 1], names=["dog", "cat"]), tmp_path / "train.parquet")
    test = saved(dataset([0, 1]), tmp_path / "test.parquet")
    assert refusal(train, test=str(test)) == f"{train} and {test} have different classes"


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint64"])
def test_labels_may_be_integers_of_any_kind(tmp_path, kind):
    features = Features({"image": Image(), "label": Value(kind)})
    rows = {"image": [{"bytes": encoded(picture()), "path": None}] * 2, "label": [1, None]}
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    assert opened([tmp_path / "a.parquet"]).parts["train"]().labels.tolist() == [1, -1]
