import pandas as pd

from guided_imagination.expansion.audit import table
from guided_imagination.report.expansions import audited_table
from guided_imagination.report.summary import summarise

ROWS = [("original", 60.0), ("original", 64.0), ("gif", 70.0)]
RESULTS = pd.DataFrame(
    [
        {"dataset": "pets", "method": method, "ratio": 0, "architecture": "a", "recipe": "r", "seed": 0, "run_id": ""}
        | {"accuracy": accuracy}
        for method, accuracy in ROWS
    ]
)


def test_accuracy_stands_beside_what_clip_sees():
    audits = table([{"method": "gif", "images": 4, "label_agreement": 0.75}, {"method": "original", "images": 2}])
    made = audited_table(summarise(RESULTS), audits.assign(dataset="pets"), ["original", "gif"])
    rows = made.frame().set_index("method")
    assert list(rows.index) == ["original", "gif"], "in the order of the methods"
    assert rows.loc["gif", ["accuracy", "gain", "images", "label agreement"]].tolist() == ["70.0", "+8.0", "4", "75.0%"]
    assert rows.loc["original", ["accuracy", "gain", "fid"]].tolist() == ["62.0", "", ""]


def test_an_expansion_that_nothing_was_trained_on_has_no_accuracy():
    made = audited_table(summarise(RESULTS), table([{"method": "new", "images": 1}]).assign(dataset="pets"), ["new"])
    assert made.frame()["accuracy"].tolist() == [""]
