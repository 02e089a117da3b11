"""What `clickward features` measures and proves on rows in the store."""

import json
from pathlib import Path

import pytest
from harness import run, where, with_fault
from typer.testing import CliRunner

from clickward.cli.main import app
from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import connect
from clickward.warehouse.profile import Project
from tests.integration.test_promise_future import random_clicks, write_clicks

MODEL = "models/features/click/feat_click_attributes"


@pytest.fixture
def leaking(project: Project, tmp_path: Path) -> Project:
    """Clicks in the store, and a feature that counts an app's clicks, whenever they are."""
    run(project, "load", "talkingdata", write_clicks(tmp_path / "c.csv", random_clicks(5, 400)))
    faulty = with_fault(
        project, tmp_path, f"{MODEL}.sql", "    app_id as click__app,",
        "    count() over (partition by app_id) as click__popularity,\n    app_id as click__app,",
    )  # fmt: skip
    contract = faulty.project_dir / f"{MODEL}.yml"
    entry = "      - name: click__app\n"
    assert entry in contract.read_text()
    contract.write_text(
        contract.read_text().replace(
            entry,
            "      - name: click__popularity\n        data_type: UInt64\n"
            "        description: Clicks of the app, whenever.\n"
            "        config: {meta: {entity: click, aggregate: count}}\n" + entry,
        )
    )
    core = ["clicks", "installs", "app_events", "labels", "feat_click_attributes"]
    run_dbt(faulty, ["run", "--select", *[f"+{name}" for name in core]])
    return faulty


def ask(project: Project, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["features", *words, *where(project)])
    return result.exit_code, result.stdout


def test_a_leak_is_told_from_a_feature_on_own_rows(leaking: Project) -> None:
    warehouse = connect(leaking)
    databases = "select groupArray(name) from system.databases where name like '%\\_check\\_%'"
    core = f"select count(), sum(cityHash64(tuple(*))) from {warehouse.table('core', 'clicks')}"
    untouched = warehouse.client.query(core).result_rows
    code, out = ask(leaking, "check", "click__popularity", "--days", "10", "--json")
    found = json.loads(out)
    assert (code, found["changed"] > 0, found["future_rows"] > 100) == (1, True, True)
    code, out = ask(leaking, "check", "click__hour_utc", "--days", "10", "--json")
    found = json.loads(out)
    assert (code, found["changed"], found["subjects"] > 100) == (0, 0, True)
    # Nothing of it stays, and the rows are the user's own.
    assert warehouse.scalar(databases) == []
    assert warehouse.client.query(core).result_rows == untouched
    shown = json.loads(ask(leaking, "show", "click__hour_utc", "--json")[1])
    hours = warehouse.client.query(
        f"select min(click__hour_utc), max(click__hour_utc), count() from"
        f" {warehouse.table('features', 'feat_click_attributes')}"
        " where event_date = {day:Date}",
        parameters={"day": shown["measured"]["last_day"]},
    ).result_rows[0]
    assert (shown["measured"]["least"], shown["measured"]["greatest"]) == hours[:2]
    assert shown["measured"]["null_share"] == 0
    assert shown["feature_sets"] == ["fs_click", "fs_click_after"]
    warehouse.close()


def test_an_unknown_feature_is_told_with_those_like_it(project: Project) -> None:
    result = CliRunner().invoke(app, ["features", "show", "ip__click_1h", *where(project)])
    assert result.exit_code != 0
    assert "ip__clicks_1h" in str(result.exception)
