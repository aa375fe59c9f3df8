"""Settings and results for the tests of the report."""

import fabricated
import pandas as pd
import pytest

from guided_imagination.config import ReportConfig


@pytest.fixture
def config() -> ReportConfig:
    return ReportConfig(
        contact_seeds=2,
        contact_variants=2,
        groups={"natural": ["cars"], "medical": ["pathmnist"]},
        compare=[("gif_dalle", "randaugment")],
        price_per_hour=3.6,
        hand_price_per_image=0.05,
        tracking_url="http://127.0.0.1:5000",
    )


@pytest.fixture
def results() -> pd.DataFrame:
    return fabricated.results()
