"""A feature is one model file with its YAML: what lists, checks or explains it follows."""

import json
import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from harness import take_parsed, with_fault
from test_features_commands import ask

from clickward.analysis.explain.windows import rows_inside, window_of
from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import (
    find_feature,
    list_features,
    read_feature_set,
    read_manifest,
)
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project

FOLDER = "models/features/country"
NAME = "feat_install_by_country"
MODEL = """\
{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        entity="country",
        keys=["publisher", "country"],
        windows=["1d", "7d"],
        columns=["device_model"],
        aggregates=[
            {"measure": "installs", "aggregate": "count"},
            {
                "measure": "models",
                "aggregate": "count_distinct",
                "of": "device_model",
                "windows": ["7d"],
            },
            {"measure": "installs_1d_share", "ratio": ["installs_1d", "installs_7d"]},
        ],
    )
}}
"""
CONTRACT = """\
models:
  - name: feat_install_by_country
    description: One row per install of a known country.
    columns:
      - {name: install_id, data_type: UUID, description: The install., data_tests: [unique]}
      - {name: event_at, data_type: "DateTime64(3, 'UTC')", description: Time of the install.}
      - {name: event_date, data_type: Date, description: UTC day of event_at.}
      - name: country__installs_1d
        data_type: UInt64
        description: Installs of the publisher in the country in the day before.
        config: {meta: {attacks: [device_farm]}}
      - {name: country__installs_7d, data_type: UInt64, description: The same in the 7 days before.}
      - {name: country__models_7d, data_type: UInt64, description: Distinct device models of them.}
      - name: country__installs_1d_share
        data_type: Nullable(Float64)
        description: Installs of the day before over those of the 7 days before; NULL without any.
"""
DAY = timedelta(days=1)
Row = tuple[Any, ...]


@pytest.fixture
def fresh(project: Project, tmp_path: Path) -> Project:
    """A fresh copy of the project with the two files."""
    copy = shutil.copytree(
        project.project_dir,
        tmp_path / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs"),
    )
    take_parsed(project.project_dir, copy)
    (copy / FOLDER).mkdir()
    (copy / FOLDER / f"{NAME}.sql").write_text(MODEL)
    (copy / FOLDER / f"{NAME}.yml").write_text(CONTRACT)
    return Project(copy, project.profiles_dir, project.target_name)


def by_hand(installs: Iterable[Row]) -> dict[str, Row]:
    """The four features of every install with a country, by looking at all others."""
    rows = [row for row in installs if row[2] is not None and row[3] is not None]
    wanted = {}
    for install, at, publisher, country, _ in rows:
        earlier = [
            (at - other[1], other[4]) for other in rows
            if other[2:4] == (publisher, country) and timedelta(0) < at - other[1] <= 7 * DAY
        ]  # fmt: skip
        last_day = sum(ago <= DAY for ago, _ in earlier)
        models = {model for _, model in earlier if model is not None}
        share = last_day / len(earlier) if earlier else None
        wanted[install] = (last_day, len(earlier), len(models), share)
    return wanted


def install_rows(warehouse: Warehouse) -> list[Row]:
    return warehouse.client.query(
        "select toString(install_id), event_at, toString(publisher), toString(country),"
        f" toString(device_model) from {warehouse.table('core', 'installs')}"
    ).result_rows  # type: ignore[return-value]


def test_a_model_file_with_its_yaml_is_built_listed_and_explained(
    fresh: Project, on_small: Warehouse
) -> None:
    run_dbt(fresh, ["build", "--select", NAME])
    installs = install_rows(on_small)
    columns = "toString(install_id), country__installs_1d, country__installs_7d, country__models_7d"
    built = on_small.client.query(
        f"select {columns}, country__installs_1d_share from {on_small.table('features', NAME)}"
    ).result_rows
    wanted = by_hand(installs)
    assert {row[0]: row[1:] for row in built} == wanted
    assert len({row[3] for row in wanted.values()}) > 20
    assert sum(row[3] is None for row in wanted.values()) > 5

    told = {one.name: one for one in list_features(fresh) if one.model == NAME}
    assert [(one.window, one.aggregate, one.available_after) for one in told.values()] == [
        ("1d", "count", "0"), ("7d", "count", "0"), ("7d", "count_distinct", "0"),
        ("7d", "ratio", "0"),
    ]  # fmt: skip
    share = told["country__installs_1d_share"]
    assert (share.entity, share.events, share.keys) == (
        "country",
        "installs",
        ("publisher", "country"),
    )
    assert told["country__installs_1d"].attacks == ("device_farm",)

    # What an explanation finds in the window is what the feature counted.
    window = window_of(read_manifest(fresh), told["country__installs_7d"])
    assert window is not None
    for install, at, publisher, country, _ in installs[:5]:
        subject = {"publisher": publisher, "country": country}
        inside = rows_inside(on_small, window, subject, at, "7d")
        assert (inside and inside[0]) == (wanted[install][1] if install in wanted else None)

    code, out = ask(fresh, "check", "country__installs_7d", "--days", "4", "--json")
    found = json.loads(out)
    assert (code, found["changed"], found["subjects"] > 20) == (0, 0, True)


def test_one_line_more_brings_it_into_a_feature_set(fresh: Project, on_small: Warehouse) -> None:
    sets = fresh.project_dir / "models/feature_sets/fs_install.sql"
    line = '            "feat_install_attributes",\n'
    assert line in sets.read_text()
    sets.write_text(sets.read_text().replace(line, line + f'            "{NAME}",\n'))
    run_dbt(fresh, ["build", "--full-refresh", "--select", NAME, "fs_install"])
    contract = read_feature_set(fresh, "fs_install")
    assert "country__installs_1d_share" in contract.numeric
    pulled = pull_snapshot(Warehouse(fresh, on_small.target, on_small.client), contract)
    wanted = by_hand(install_rows(on_small))
    rows = pl.read_parquet(pulled.path).select(
        pl.col("install_id").cast(pl.String), "country__installs_7d", "country__installs_1d_share"
    )
    # A subject whose key is unknown has no window: its counts are NULL too, not 0.
    unknown = (None, None, None, None)
    for install, count, ratio in rows.iter_rows():
        assert (count, ratio) == wanted.get(install, unknown)[1::2]
    assert rows.height == len(install_rows(on_small))


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("sql", '"windows": ["7d"]', '"windows": ["1d", "7d"]',
         f"{NAME} states country__models_1d, of which its YAML says nothing"),
        ("yml", "country__models_7d, data_type: UInt64", "country__models_7d, data_type: UInt8",
         f"{NAME} states country__models_7d, of which its YAML says data_type UInt8"),
        ("yml", "attacks: [device_farm]", "window: 7d",
         f"{NAME} states country__installs_1d, of which its YAML says window 7d"),
    ],
)  # fmt: skip
def test_yaml_that_is_stale_is_named(
    fresh: Project, tmp_path: Path, file: str, old: str, new: str, told: str
) -> None:
    stale = with_fault(fresh, tmp_path / "stale", f"{FOLDER}/{NAME}.{file}", old, new)
    with pytest.raises(UserError) as refused:
        list_features(stale)
    assert str(refused.value).startswith(f"{told}\nhint: ")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"installs_7d"]', '"installs_2d"]',
         "ratio installs_1d_share of country__installs_2d: expected a number among"),
        ('"measure": "models"', '"measure": "installs"',
         "two features of one call are named country__installs_7d"),
    ],
)  # fmt: skip
def test_a_statement_that_makes_no_sense_is_refused(
    fresh: Project, tmp_path: Path, old: str, new: str, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        run_dbt(with_fault(fresh, tmp_path / "odd", f"{FOLDER}/{NAME}.sql", old, new), ["parse"])


def test_a_set_refuses_yaml_that_says_otherwise(project: Project, tmp_path: Path) -> None:
    faulty = with_fault(
        project, tmp_path, "models/features/ip/feat_click_after_by_ip.yml",
        'in the hour after."\n        config: {meta: {',
        'in the hour after."\n        config: {meta: {available_after: 0d, ',
    )  # fmt: skip
    with pytest.raises(
        UserError, match=r"its YAML says available_after 0d, but the model states 1h"
    ):
        run_dbt(faulty, ["build", "--select", "fs_click_after"])


def test_a_call_that_gives_relations_is_still_taken(
    fresh: Project, on_small: Warehouse, capfd: pytest.CaptureFixture[str]
) -> None:
    """As models were written before: relations, engine and order, and facts in the YAML."""
    model, contract = (fresh.project_dir / FOLDER / f"{NAME}.{kind}" for kind in ("sql", "yml"))
    config = '{{ config(engine=table_engine(), order_by="install_id") }}\n'
    model.write_text(
        config + model.read_text().replace('subjects="installs"', 'subjects=ref("installs")')
    )
    contract.write_text(
        contract.read_text().replace(
            "{attacks: [device_farm]}", "{entity: country, window: 1d, aggregate: installs}"
        )
    )
    run_dbt(fresh, ["build", "--select", NAME])
    rows = on_small.client.query(
        f"select toString(install_id), country__installs_1d from {on_small.table('features', NAME)}"
    ).result_rows
    wanted = by_hand(install_rows(on_small))
    assert dict(rows) == {install: values[0] for install, values in wanted.items()}
    order = on_small.scalar(
        f"select sorting_key from system.tables where name = '{NAME}'"
        f" and database = '{on_small.target.database('features')}'"
    )
    assert order.strip("()") == "install_id"
    feature = find_feature(fresh, "country__installs_1d")
    assert feature.aggregate == "installs"
    # What the YAML no longer says, the statement does.
    assert find_feature(fresh, "country__models_7d").aggregate == "count_distinct"
    window = window_of(read_manifest(fresh), feature)
    assert window is not None
    assert (window.events, window.keys) == ("installs", ("publisher", "country"))
