"""What dbt's manifest must and must not hold."""

import re
from typing import Any

import pytest

from clickward.warehouse.build import run_dbt
from clickward.warehouse.contracts import list_features, read_feature_set, read_manifest
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project
from tests.harness import with_fault

BEFORE_MARTS = {"staging", "core", "features", "feature_sets"}


@pytest.fixture
def manifest(project: Project) -> dict[str, Any]:
    return read_manifest(project)


def ancestors(manifest: dict[str, Any], key: str) -> set[str]:
    found: set[str] = set()
    waiting = [key]
    while waiting:
        for parent in manifest["parent_map"].get(waiting.pop(), []):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {key: node for key, node in manifest["nodes"].items() if key.startswith("model.")}


def test_nothing_before_the_marts_refers_to_the_truth_or_to_scores(
    manifest: dict[str, Any],
) -> None:
    checked = 0
    for key, node in models(manifest).items():
        if node["fqn"][1] in BEFORE_MARTS:
            reached = ancestors(manifest, key)
            assert not [parent for parent in reached if ".ml." in parent], node["name"]
            assert not re.search(r"truth|_ml\b", node["raw_code"]), node["name"]
            checked += 1
    assert checked > 30
    truth = [key for key in manifest["sources"] if key.endswith(".ml.truth")]
    readers = {child.split(".")[-1] for child in manifest["child_map"][truth[0]]}
    assert readers == {"install_truth"}


def test_only_staging_reads_raw_and_only_marts_read_ml(manifest: dict[str, Any]) -> None:
    for node in models(manifest).values():
        for source in node["sources"]:
            if source[0] == "ml":
                assert node["fqn"][1] == "marts", node["name"]
            elif source[0] in ("talkingdata", "appsflyer"):
                assert node["fqn"][1] == "staging", node["name"]


def test_every_model_says_what_a_row_is(manifest: dict[str, Any]) -> None:
    for node in models(manifest).values():
        assert node["description"].startswith("One row per"), node["name"]


def test_every_feature_column_follows_its_contract(project: Project) -> None:
    features = list_features(project)
    assert len(features) > 90
    for feature in features:
        entity, _, measure = feature.name.partition("__")
        assert entity == feature.entity, feature.name
        assert measure
        assert feature.description
        if feature.aggregate not in ("value", "seconds_since_last", "seconds_to_next", "ratio"):
            assert feature.name.endswith(f"_{feature.window}"), feature.name
    for name in ("fs_click", "fs_install"):
        contract = read_feature_set(project, name)
        names = [feature.name for feature in contract.features]
        assert len(names) == len(set(names)) > 40


def test_a_feature_that_knows_too_much_is_refused(project: Project, tmp_path: Any) -> None:
    faulty = with_fault(
        project, tmp_path, "models/features/ip/feat_click_by_ip.yml",
        'in the hour before."\n        config: {meta: {',
        'in the hour before."\n        config: {meta: {available_after: 1d, ',
    )  # fmt: skip
    with pytest.raises(UserError, match=r"ip__clicks_1h is available 1d after it: leave it out"):
        run_dbt(faulty, ["build", "--select", "+fs_click"])


def test_a_window_beyond_thirty_days_is_refused(project: Project, tmp_path: Any) -> None:
    faulty = with_fault(
        project, tmp_path, "models/features/ip/feat_click_by_ip.sql", '"1d"', '"31d"'
    )
    with pytest.raises(UserError, match=r"'31d' is longer than 30 days"):
        run_dbt(faulty, ["parse"])
