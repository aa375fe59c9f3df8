"""Settings and results for the tests of the report."""

import pandas as pd
import pytest

from guided_imagination.config.report import ReportConfig
from helpers import results as fabricated


@pytest.fixture
def config() -> ReportConfig:
    return fabricated.config()


@pytest.fixture
def results() -> pd.DataFrame:
    return fabricated.results()
