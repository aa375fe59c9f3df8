"""Settings and results for the tests of the report."""

import fabricated
import pandas as pd
import pytest

from guided_imagination.config import ReportConfig


@pytest.fixture
def config() -> ReportConfig:
    return fabricated.config()


@pytest.fixture
def results() -> pd.DataFrame:
    return fabricated.results()
