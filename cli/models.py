"""`clickward models`: what is trained, and which version is the champion."""

from typing import Annotated

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import print_json, print_table, say
from clickward.warehouse.profile import Project

COLUMNS = (
    "model_version",
    "target",
    "role",
    "rows",
    "positives",
    "trained_from",
    "trained_to",
    "calibration",
    "threshold_name",
    "threshold",
)

FAMILY_COLUMNS = ("name", "kind", "library", "installed", "calibrated", "max_rows", "summary")


@on_project
def list_command(
    project: Project,
    feature_set: Annotated[
        str | None, typer.Option("--feature-set", help="Only models that read this one.")
    ] = None,
    available: Annotated[
        bool, typer.Option("--available", help="The families that can be trained, instead.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List trained models, the latest first, or the families there are.

    \b
    Examples:
      clickward models list --feature-set fs_install
      clickward models list --available --json
    """
    if available:
        _list_families(as_json)
        return
    from clickward.models_ml.training.registry import list_models
    from clickward.warehouse.connection import connection

    with connection(project) as warehouse:
        models = list_models(warehouse, feature_set)
    if as_json:
        print_json(models.to_dicts())
        return
    if models.is_empty():
        say("no model is trained yet: clickward train fs_install --model xgboost")
    print_table(COLUMNS, models.select(COLUMNS).iter_rows())


def _list_families(as_json: bool) -> None:
    from clickward.models_ml.estimators.catalogue import catalogue

    families = catalogue()
    if as_json:
        print_json(families)
        return
    rows = [
        {**one, "installed": one["is_installed"], "calibrated": one["is_calibrated"]}
        for one in families
    ]
    print_table(FAMILY_COLUMNS, ([one[name] for name in FAMILY_COLUMNS] for one in rows))


@on_project
def promote_command(
    project: Project,
    version: Annotated[str, typer.Argument(help="Model version, as `models list` gives it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the promotion.")],
    role: Annotated[
        str, typer.Option("--as", help="champion, challenger, or retired from either.")
    ] = "champion",
) -> None:
    """Give a model version a role: the champion scores, a challenger scores beside it.

    A challenger's scores flag nobody: they stand in fct_scored_installs_by_version, and `models
    agreement` compares them. A retired version does neither, and the champion before it is back.

    \b
    Examples:
      clickward models promote xgboost-fs_install-1a2b3c4d --reason "best recall at 0.5 %"
      clickward models promote xgboost-fs_install-5e6f7a8b --as challenger --reason "tuned"
    """
    from clickward.models_ml.training.registry import promote
    from clickward.warehouse.connection import connection

    with connection(project) as warehouse:
        feature_set = promote(warehouse, version, reason, role)
    called = "retired from" if role == "retired" else f"the {role} of"
    say(f"{version} is {called} {feature_set}")


@on_project
def agreement_command(
    project: Project,
    feature_set: Annotated[str, typer.Argument(help="Feature set, such as fs_install.")],
    top: Annotated[
        int, typer.Option("--top", min=0, help="Subjects to show on which they differ most.")
    ] = 10,
    champion: Annotated[
        str | None, typer.Option("--champion", help="Another version in the champion's place.")
    ] = None,
    challenger: Annotated[
        str | None, typer.Option("--challenger", help="Another version in the challenger's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare champion and challenger on the subjects that their latest runs both scored.

    \b
    Example:
      clickward models agreement fs_install --top 5
    """
    from clickward.models_ml.scoring.agreement import agreement
    from clickward.warehouse.connection import connection

    with connection(project) as warehouse:
        found = agreement(warehouse, feature_set, top, champion, challenger)
    if as_json:
        print_json(found.facts())
        return
    n = found.subjects
    counts = {
        "both": found.both,
        "champion only": found.champion_only,
        "challenger only": found.challenger_only,
        "none": found.none,
    }
    say(f"champion {found.champion}, challenger {found.challenger}: {n:,} subjects")
    print_table(["flagged by", "subjects", "share"], [[k, v, v / n] for k, v in counts.items()])
    correlation = found.rank_correlation
    print(f"\nrank correlation {'undefined' if correlation is None else f'{correlation:.4f}'}")
    if top:
        columns = ["subject_id", "subject_at", "champion_score", "challenger_score", "apart"]
        shown = found.top.select(columns).iter_rows()
        print_table(columns, shown, title="\nFurthest apart (apart: difference of ranks)")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="List trained models, promote and compare them.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("list")(list_command)
    group.command("promote")(promote_command)
    group.command("agreement")(agreement_command)
    app.add_typer(group, name="models")
