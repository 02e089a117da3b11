"""Times are those of the calendar, spelt one way."""

import polars as pl
import pytest

from clickward.warehouse.loading.checks import is_time

GOOD = [
    "2017-11-07 09:30:38",
    "2016-02-29 00:00:00",
    "2017-11-07 23:59:59.123",
    "2017-11-07 09:30:38.123456",
]
BAD = [
    "",
    "2017-11-07",
    "2017-02-29 09:30:38",
    "2017-13-01 00:00:00",
    "2017-11-07 24:00:00",
    "2017-11-07 09:60:00",
    "2017-11-07T09:30:38",
    "2017-11-07 9:30:38",
    "2017-11-7 09:30:38 ",
    "07.11.2017 09:30:38",
    "0000-00-00 00:00:00",
    "2017-11-07 09:30:38Z",
    "2017-11-07 09:30:38.",
    "2017-11-07 09:30:38\n",
    " 2017-11-07 09:30:3",
    "null",
    "1510047038",
    "2017-11-07 09:30:38.1234567",
    "٢٠١٧-11-07 09:30:38",
]


@pytest.mark.parametrize("text", GOOD)
def test_time_is_accepted(text: str) -> None:
    assert is_time(pl.Series([text])).to_list() == [True]
    assert is_time(pl.Series([text]), "date").to_list() == [True]


@pytest.mark.parametrize("text", BAD)
def test_other_text_is_not(text: str) -> None:
    assert is_time(pl.Series([text])).to_list() == [False]


def test_date_may_lack_its_time() -> None:
    values = pl.Series(["2017-11-07", "2017-02-29", "2017-11-7 ", "2017-11-07 09:30:38", ""])
    assert is_time(values, "date").to_list() == [True, False, False, True, False]
