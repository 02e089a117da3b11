"""The path that lineage keeps."""

from pathlib import Path

import pytest

from clickward.warehouse.loading.attempt import source_file

FILE = "lake/t=installs/dt=2026-01-02/part.parquet"


@pytest.mark.parametrize(
    ("where", "given", "kept"),
    [
        (".", FILE, FILE),
        ("lake", "t=installs/dt=2026-01-02/part.parquet", FILE.removeprefix("lake/")),
        ("lake/t=installs/dt=2026-01-02", "part.parquet", FILE.removeprefix("lake/")),
        ("lake/t=installs", "dt=2026-01-02/part.parquet", FILE.removeprefix("lake/")),
        ("other", "../lake/a.csv", "../lake/a.csv"),
        ("other", "../lake/t=clicks/dt=2026-01-02/a.csv", "../lake/t=clicks/dt=2026-01-02/a.csv"),
        ("lake", "a.csv", "a.csv"),
    ],
)
def test_source_file(
    where: str, given: str, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / where).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / where)
    assert source_file(Path(given)) == kept
    absolute = (tmp_path / where / given).resolve()
    if not given.startswith(".."):
        assert source_file(absolute) == kept
