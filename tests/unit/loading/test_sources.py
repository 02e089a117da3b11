"""The source YAML as the loader reads it, and the statements made from it."""

import shutil
from pathlib import Path

import pytest

from clickward.warehouse.errors import UsageError
from clickward.warehouse.profile import Project, Target, find_project
from clickward.warehouse.sources import find_table, reports
from clickward.warehouse.tables import create_database, create_table

LOCAL = Target("local", "chdb", "clickward", {}, {})
CLUSTER = Target("cluster", "clickhouse", "clickward", {}, {"cluster": "main"})
YAML = """
sources:
  - name: some
    schema: "{{ target.schema }}_raw"
    tables:
      - name: some__rows
        config: {meta: {load: some, report: rows, order_by: [b, a], %s}}
        columns:
          - {name: a, data_type: String, config: {meta: {header: The A, required: true}}}
          - {name: b, data_type: UInt64}
          - {name: _loaded_at, data_type: "DateTime64(3, 'UTC')"}
      - name: not_ours
        columns: [{name: a, data_type: String}]
"""


@pytest.fixture
def checkout() -> Project:
    return find_project()


@pytest.fixture
def written(tmp_path: Path, checkout: Project) -> Project:
    """A project of one source; tests fill in the meta of its table."""
    (tmp_path / "models").mkdir()
    shutil.copy(checkout.project_dir / "dbt_project.yml", tmp_path)
    return Project(tmp_path, checkout.profiles_dir)


def write(project: Project, meta: str) -> None:
    (project.project_dir / "models" / "_some__sources.yml").write_text(YAML % meta)


def test_reports_of_the_checkout(checkout: Project) -> None:
    assert [report.name for report in reports(checkout, "appsflyer")] == [
        "clicks",
        "installs",
        "in_app_events",
        "blocked_installs",
        "detection",
    ]
    [clicks] = reports(checkout, "talkingdata")
    assert clicks.required == ["ip", "app", "device", "os", "channel", "click_time"]
    assert clicks.table.ttl_days == 400
    with pytest.raises(UsageError, match="unknown source 'x'") as raised:
        reports(checkout, "x")
    assert raised.value.hint == "sources are appsflyer, economics, talkingdata, truth"


def test_statements(written: Project) -> None:
    write(written, "partition_by: toYYYYMM(_loaded_at), expires: raw_ttl_days")
    table = find_table(written, "raw", "some__rows")
    assert create_table(LOCAL, table) == (
        "create table if not exists clickward_raw.some__rows"
        " (`a` String, `b` UInt64, `_loaded_at` DateTime64(3, 'UTC'))"
        " engine = MergeTree partition by toYYYYMM(_loaded_at) order by (b, a)"
        " ttl toDateTime(_loaded_at) + toIntervalDay(400)"
    )
    assert create_database(LOCAL, "raw") == "create database if not exists clickward_raw"
    assert create_table(CLUSTER, table).startswith(
        "create table if not exists clickward_raw.some__rows on cluster `main` ("
    )
    assert " engine = ReplicatedMergeTree partition by" in create_table(CLUSTER, table)


def test_table_without_expiry_has_no_ttl(written: Project) -> None:
    write(written, "needs_timezone: true")
    [report] = reports(written)
    assert report.needs_timezone
    assert create_table(LOCAL, report.table).endswith("engine = MergeTree order by (b, a)")


def test_both_forms_of_required(written: Project) -> None:
    write(written, "required: [b]")
    [report] = reports(written)
    assert report.required == ["a", "b"]
    assert report.spellings == {"the a": "a", "a": "a", "b": "b"}


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ("required: [c]", "some__rows requires columns it does not have: c"),
        ("expires: weeks", "some__rows expires after the variable 'weeks', which is not set"),
    ],
)
def test_mistakes_in_the_yaml_are_told(written: Project, meta: str, message: str) -> None:
    write(written, meta)
    with pytest.raises(UsageError, match=message):
        reports(written)
