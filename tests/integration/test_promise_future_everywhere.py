"""Promise 1 for every feature of every feature set, whichever the project has: nobody lists them.

Everything that happened or became known from an instant on is taken away, and what is made of it
built anew: no feature of an earlier subject may differ.
"""

from datetime import datetime
from pathlib import Path

import pytest
from harness import run, with_fault, written_blocks

from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.models_ml.validation import read_history
from clickward.models_ml.validation.future import future_leaks
from clickward.models_ml.validation.leaks import Leak
from clickward.simulator import load_scenario, simulate
from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.contracts import FeatureSet, read_feature_set, read_manifest
from clickward.warehouse.profile import Project
from tests.integration.test_promise_future import START, random_clicks, write_clicks

DAYS = 12
CUT = datetime(2024, 3, 7, 12)
# What core is made of, and when each row was there to be seen.
SEEN_AT = {
    "clicks": "event_at",
    "installs": "event_at",
    "app_events": "event_at",
    "labels": "known_at",
}
# Subject -> the bytes of each of its features.
Values = dict[str, tuple[str | None, ...]]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports of a small world, on the days of the random clicks."""
    folder = tmp_path_factory.mktemp("world") / "reports"
    scenario = load_scenario("demo", days=DAYS, clicks=4000, seed=5, start=START.date())
    simulate(scenario, folder)
    return folder


def feature_sets(project: Project) -> list[FeatureSet]:
    """Every feature set of the project, as dbt knows it."""
    nodes = read_manifest(project)["nodes"].values()
    names = sorted(node["name"] for node in nodes if node["name"].startswith("fs_"))
    return [read_feature_set(project, name) for name in names]


def earlier_values(warehouse: Warehouse, feature_set: FeatureSet) -> Values:
    """Features of the subjects before the cut; NULL for one that was not yet available."""
    columns = [
        f"if(event_at < {{cut:DateTime64(3)}} - toIntervalSecond({_seconds(one.available_after)}),"
        f" hex(toString({one.name})), null)"
        for one in feature_set.features
    ]
    rows = warehouse.client.query(
        f"select toString({feature_set.subject_id}), {', '.join(columns)}"
        f" from {feature_set.relation} where event_at < {{cut:DateTime64(3)}}",
        parameters={"cut": CUT},
    ).result_rows
    return {row[0]: row[1:] for row in rows}


def _seconds(delay: str) -> int:
    return int(delay.rstrip("smhd")) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}.get(delay[-1], 1)


def take_away_what_came_later(project: Project, warehouse: Warehouse) -> None:
    """Delete it from core, and build all that is made of core from what is left."""
    for table, seen_at in SEEN_AT.items():
        warehouse.command(
            f"alter table {warehouse.table('core', table)} delete"
            f" where {seen_at} >= toDateTime64('{CUT}', 3, 'UTC') settings mutations_sync = 2"
        )
    selected = ["--select", *[f"{table}+" for table in SEEN_AT]]
    run_dbt(
        project,
        ["run", "--full-refresh", *selected, "--exclude", *SEEN_AT, "path:models/marts"],
    )  # fmt: skip


def build_all(project: Project, reports: Path, folder: Path) -> None:
    """Every feature set of the reports and of random clicks."""
    run(project, "load", "appsflyer", reports)
    run(project, "load", "talkingdata", write_clicks(folder / "c.csv", random_clicks(5, 400)))
    run_dbt(project, ["run", "--select", "+path:models/feature_sets"])


def features_that_change(project: Project) -> tuple[set[str], int]:
    """Features with another value once the future is gone, and how many were compared."""
    warehouse = connect(project)
    sets = feature_sets(project)
    whole = [earlier_values(warehouse, one) for one in sets]
    for one in sets:
        # A set whose subjects all came before the instant would prove nothing.
        later = f"select count() from {one.relation} where event_at >= {{cut:DateTime64(3)}}"
        assert warehouse.scalar(later, cut=CUT) > 10, one.name
    take_away_what_came_later(project, warehouse)
    changed, compared = set(), 0
    for one, with_future in zip(sets, whole, strict=True):
        without = earlier_values(warehouse, one)
        assert len(without) > 50
        assert without.keys() == with_future.keys()
        for place, feature in enumerate(one.features):
            compared += 1
            if any(row[place] != without[subject][place] for subject, row in with_future.items()):
                changed.add(feature.name)
    warehouse.close()
    return changed, compared


def named_by_validation(project: Project) -> set[str]:
    """Features that the check of `clickward validate` names by itself."""
    warehouse = connect(project)
    sets = feature_sets(project)
    named = {leak.feature for one in sets for leak in what_validation_finds(warehouse, one)}
    warehouse.close()
    return named


def what_validation_finds(warehouse: Warehouse, feature_set: FeatureSet) -> list[Leak]:
    """The check before a validation, which leaves nothing behind."""
    frame = read_frame(pull_snapshot(warehouse, feature_set).path)
    before = written_blocks(warehouse)
    found = future_leaks(warehouse, feature_set, read_history(warehouse, feature_set, frame), [])
    assert written_blocks(warehouse) == before
    return found


def test_no_feature_of_any_set_sees_the_future(
    project: Project, reports: Path, tmp_path: Path
) -> None:
    build_all(project, reports, tmp_path)
    changed, compared = features_that_change(project)
    assert changed == set()
    assert compared == sum(len(one.features) for one in feature_sets(project)) > 100


@pytest.mark.full
def test_validation_names_no_feature(project: Project, reports: Path, tmp_path: Path) -> None:
    build_all(project, reports, tmp_path)
    assert named_by_validation(project) == set()


@pytest.mark.full
def test_a_new_feature_that_does_is_caught(project: Project, reports: Path, tmp_path: Path) -> None:
    model = "models/features/install/feat_install_attributes"
    faulty = with_fault(
        project, tmp_path, f"{model}.sql", "    app_id as install__app,",
        "    count() over (partition by app_id) as install__app_popularity,\n"
        "    app_id as install__app,",
    )  # fmt: skip
    contract = faulty.project_dir / f"{model}.yml"
    entry = "      - name: install__app\n"
    assert entry in contract.read_text()
    # And one that says it is there before it is.
    after = faulty.project_dir / "macros/windows/stated_features.sql"
    told = '{"available_after": window}'
    assert told in after.read_text()
    early = '{"available_after": "1h" if name == "ip_app__later_clicks_1d" else window}'
    after.write_text(after.read_text().replace(told, early))
    contract.write_text(
        contract.read_text().replace(
            entry,
            "      - name: install__app_popularity\n        data_type: UInt64\n"
            "        description: Installs of the app, whenever.\n"
            "        config: {meta: {entity: install, aggregate: count}}\n" + entry,
        )
    )
    build_all(faulty, reports, tmp_path)
    named = named_by_validation(faulty)
    changed, _ = features_that_change(faulty)
    assert changed == named == {"install__app_popularity", "ip_app__later_clicks_1d"}
