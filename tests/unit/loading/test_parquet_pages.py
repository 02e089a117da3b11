"""Sizes of pages as their headers have them, against what the writer was given."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from clickward.warehouse.loading.parquet_pages import Damaged, Pages, opened, pages_of

TEXTS = [f"{number:050}" for number in range(300)]
# Each text stands with the four bytes of its length.
ALL = sum(4 + len(text) for text in TEXTS)


def pages(path: Path, values: pa.Array, **options: Any) -> Pages:
    parquet.write_table(pa.table({"before": [1] * len(values), "text": values}), path, **options)
    with opened(path) as content:
        return pages_of(content, parquet.ParquetFile(path).metadata, 0, 1)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
def test_a_dictionary_and_its_largest_page(tmp_path: Path, version: str, compression: str) -> None:
    values = pa.array(random.Random(5).choices(TEXTS, k=20_000) + TEXTS)
    found = pages(
        tmp_path / "a.parquet", values, compression=compression, data_page_version=version
    )
    assert found.dictionary == ALL
    assert found.largest >= ALL


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_pages_of_plain_texts(tmp_path: Path, version: str) -> None:
    options = {"use_dictionary": False, "data_page_version": version}
    one = pages(tmp_path / "a.parquet", pa.array(TEXTS), **options)
    assert one.dictionary == 0
    # The levels of a column that may have NULL are some bytes more.
    assert ALL <= one.largest < ALL + 64
    many = pages(
        tmp_path / "b.parquet", pa.array(TEXTS * 100), data_page_size=4_096, write_batch_size=10,
        **options,
    )  # fmt: skip
    assert 4_096 <= many.largest < 8_192


def test_bytes_that_are_no_page(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pages(path, pa.array(TEXTS), use_dictionary=False)
    metadata = parquet.ParquetFile(path).metadata
    whole = bytearray(path.read_bytes())
    start = metadata.row_group(0).column(1).data_page_offset
    for seed in range(200):
        spoiled = whole.copy()
        spoiled[start : start + 16] = random.Random(seed).randbytes(16)
        path.write_bytes(spoiled)
        try:
            with opened(path) as content:
                found = pages_of(content, metadata, 0, 1)
        except Damaged:
            continue
        assert found.largest >= 0
