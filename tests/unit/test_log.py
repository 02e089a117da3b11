"""What functions report is logged; who still gives `say` is warned and hears it."""

import pytest

from clickward.warehouse.log import log, takes_say


@takes_say
def count(rows: int) -> int:
    log(f"{rows:,} rows")
    return rows


def test_lines_are_logged_and_heard_by_say_of_before(said: list[str]) -> None:
    heard: list[str] = []
    assert count(1_000) == 1_000
    with pytest.warns(DeprecationWarning, match="lines go to the log `clickward`"):
        assert count(2_000, say=heard.append) == 2_000  # type: ignore[call-arg]
    assert said == ["1,000 rows", "2,000 rows"]
    assert heard == ["2,000 rows"]
