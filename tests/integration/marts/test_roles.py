"""Roles decide whose scores count, whatever scored last and however it was asked for."""

from collections.abc import Callable

import polars as pl
import pytest
from scored_world import SCORE_FROM, World

from clickward.analysis.monitoring.model_checks import model_in_force
from clickward.models_ml.training.registry import choose_model, promote
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import read_feature_set
from clickward.warehouse.errors import UserError

OnCopy = Callable[..., None]


def last_run(warehouse: Warehouse) -> tuple[str, str, str]:
    """Kind, model version and id of the run committed last."""
    return warehouse.client.query(
        f"select kind, model_version, run_id from {warehouse.table('ml', 'runs')}"
        " order by committed_at desc limit 1"
    ).result_rows[0]


def by_version(warehouse: Warehouse, version: str) -> pl.DataFrame:
    """Each install's latest score by a version, straight from `ml`."""
    return warehouse.query(
        "select toString(s.subject_id) as id, argMax(s.score, r.committed_at) as score,"
        " argMax(s.is_flagged, r.committed_at) as is_flagged"
        f" from {warehouse.table('ml', 'scores')} as s"
        f" inner join {warehouse.table('ml', 'runs')} as r on r.run_id = s.run_id"
        " where s.model_version = {version:String} and s.subject = 'install'"
        " group by id order by id",
        version=version,
    )


def counted(warehouse: Warehouse, mart: str) -> pl.DataFrame:
    """What a mart counts of each scored install."""
    return warehouse.query(
        "select toString(install_id) as id, score, is_flagged"
        f" from {warehouse.table('marts', mart)} where score is not null order by id"
    )


def assert_in_force(warehouse: Warehouse, version: str, *marts: str) -> None:
    """Every mart has each scored install once, with the version's score."""
    expected = by_version(warehouse, version)
    assert expected.height > 500
    for mart in ("fct_scored_installs", *marts):
        assert counted(warehouse, mart).equals(expected), mart


def forget_promotions(warehouse: Warehouse) -> None:
    warehouse.command(f"truncate table {warehouse.table('ml', 'promotions')}")


def test_a_challenger_asked_for_by_name_takes_over_nothing(
    copied: Warehouse, world: World, on_copy: OnCopy, capsys: pytest.CaptureFixture[str]
) -> None:
    """No champion was ever promoted, and the challenger scores last: twice stored, once anew."""
    forget_promotions(copied)
    # Stored before there were roles: production runs, of which the challenger's is the latest.
    assert_in_force(copied, world.challenger)
    promote(copied, world.challenger, "try it", "challenger")
    assert_in_force(copied, world.champion)
    assert model_in_force(copied) == world.champion
    capsys.readouterr()
    on_copy("score", "fs_install", "--from", SCORE_FROM, "--model-version", world.challenger)
    kind, version, shadow = last_run(copied)
    assert (kind, version) == ("shadow", world.challenger)
    told = capsys.readouterr().err
    assert "a shadow run, for this version is challenger" in told
    assert "--production" in told
    # The marts were built by the command: tables and views alike.
    assert_in_force(copied, world.champion, "install_facts")
    # Every version stands in a table of its own, once.
    facts = copied.query(
        "select toString(model_version) as version, toString(role) as role, is_shadow,"
        f" count() as n, uniqExact(install_id) as installs, any(run_id) as run_id"
        f" from {copied.table('marts', 'fct_scored_installs_by_version')}"
        " group by version, role, is_shadow"
    )
    installs = by_version(copied, world.champion).height
    assert {row[:5] for row in facts.iter_rows()} == {
        (world.champion, "", 0, installs, installs),
        (world.challenger, "challenger", 1, installs, installs),
    }
    assert facts.filter(pl.col("is_shadow") == 1)["run_id"].to_list() == [shadow]
    # And is judged: the challenger's flags are in quality and recall, beside the champion's.
    for mart in ("mart_model_quality_daily", "mart_attack_recall"):
        found = copied.query(f"select distinct toString(model_version) as v"
                             f" from {copied.table('marts', mart)}")["v"]  # fmt: skip
        assert sorted(found) == sorted([world.champion, world.challenger]), mart


def test_production_is_asked_for_and_lasts_until_roles_are_decided_again(
    copied: Warehouse, world: World, on_copy: OnCopy
) -> None:
    asked = ("score", "fs_install", "--from", SCORE_FROM, "--model-version", world.challenger)
    promote(copied, world.challenger, "no good", "retired")
    on_copy(*asked, "--production")
    assert last_run(copied)[:2] == ("score", world.challenger)
    assert_in_force(copied, world.challenger, "install_facts")
    promote(copied, world.champion, "it was right")
    assert_in_force(copied, world.champion)
    on_copy("build", "--select", "source:ml+")
    assert_in_force(copied, world.champion, "install_facts")


def test_stored_runs_are_judged_by_the_roles_of_then_and_now(
    copied: Warehouse, world: World
) -> None:
    """A challenger's stored run reaches installs the champion never scored; a champion that was
    retired later keeps what nobody else has scored.
    """
    champions = by_version(copied, world.champion)
    half = champions["id"][: champions.height // 2].to_list()
    copied.command(
        f"alter table {copied.table('ml', 'scores')} delete where"
        f" model_version = '{world.champion}'"
        " and toString(subject_id) in {half:Array(String)} settings mutations_sync = 2",
        half=half,
    )
    challengers = by_version(copied, world.challenger)
    # Without a role the challenger's run counts where the champion has none, as ever.
    mixed = counted(copied, "fct_scored_installs")
    expected = pl.concat(
        [champions.filter(~pl.col("id").is_in(half)), challengers.filter(pl.col("id").is_in(half))]
    ).sort("id")
    assert mixed.equals(expected)
    # As a challenger's, begun after it was named so, it counts nowhere.
    promote(copied, world.challenger, "try it", "challenger")
    copied.command(
        f"alter table {copied.table('ml', 'runs')}"
        " update started_at = now64(3, 'UTC') where kind = 'score'"
        f" and model_version = '{world.challenger}' settings mutations_sync = 2"
    )
    assert counted(copied, "fct_scored_installs").equals(
        champions.filter(~pl.col("id").is_in(half))
    )
    # Champion by now: its stored run counts, for it is the champion's.
    promote(copied, world.challenger, "better")
    assert_in_force(copied, world.challenger)
    # Retired: the champion before speaks where it has scored.
    promote(copied, world.challenger, "it was not", "retired")
    assert counted(copied, "fct_scored_installs").equals(
        champions.filter(~pl.col("id").is_in(half))
    )
    # A champion retired later was in production when it scored, and nobody else may speak.
    promote(copied, world.champion, "gone", "retired")
    assert counted(copied, "fct_scored_installs").equals(
        champions.filter(~pl.col("id").is_in(half))
    )
    fs_install = read_feature_set(copied.project, "fs_install")
    with pytest.raises(UserError, match="no model of fs_install may score in production"):
        choose_model(copied, fs_install)


def test_without_a_champion_the_latest_trained_is_no_challenger(
    copied: Warehouse, world: World
) -> None:
    forget_promotions(copied)
    fs_install = read_feature_set(copied.project, "fs_install")
    latest, why = choose_model(copied, fs_install)
    assert (latest.model_version, why) == (
        world.challenger, "the latest trained; none is promoted"
    )  # fmt: skip
    promote(copied, world.challenger, "try it", "challenger")
    assert choose_model(copied, fs_install)[0].model_version == world.champion
    promote(copied, world.challenger, "no", "retired")
    assert choose_model(copied, fs_install)[0].model_version == world.champion
    reference = copied.query(
        f"select toString(model_version) as v from {copied.table('marts', 'drift_references')}"
        " where feature_set = 'fs_install'"
    )
    assert reference["v"].to_list() == [world.champion]


def test_scored_clicks_have_one_row_each(copied: Warehouse) -> None:
    """A second version scored the same clicks, later and lower."""
    for table, change in (("scores", "score / 2 as score,"), ("runs", "'{}' as parameters,")):
        name = copied.table("ml", table)
        later = "committed_at + interval 1 hour as committed_at," if table == "runs" else ""
        copied.command(
            f"insert into {name} select * replace('again' as run_id, {change} {later}"
            f" 'made-2' as model_version) from (select * from {name} where run_id = 'of-clicks')"
        )
    clicks = copied.query(
        "select count() as n, uniqExact(click_id) as clicks, any(model_version) as version,"
        f" max(score) as top from {copied.table('marts', 'fct_scored_clicks')}"
    ).row(0)
    assert clicks[0] == clicks[1] > 1000
    assert clicks[2] == "made-2"
    assert clicks[3] < 0.5
    both = copied.query(
        "select model_version as v, count() as n"
        f" from {copied.table('marts', 'fct_scored_clicks_by_version')} group by v order by v"
    )
    assert both.rows() == [("made-1", clicks[0]), ("made-2", clicks[0])]
