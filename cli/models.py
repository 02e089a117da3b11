"""`clickward models`: what is trained, and which version is the champion."""

from typing import Annotated

import typer

from cli.options import Json, on_project
from cli.output import print_json, print_table, say
from warehouse.profile import Project

COLUMNS = (
    "model_version",
    "target",
    "is_champion",
    "rows",
    "positives",
    "trained_from",
    "trained_to",
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
    from models_ml.registry import list_models
    from warehouse.connection import connection

    with connection(project) as warehouse:
        models = list_models(warehouse, feature_set)
    if as_json:
        print_json(models.to_dicts())
        return
    if models.is_empty():
        say("no model is trained yet: clickward train fs_install --model xgboost")
    print_table(COLUMNS, models.select(COLUMNS).iter_rows())


def _list_families(as_json: bool) -> None:
    from models_ml.estimators.catalogue import catalogue

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
) -> None:
    """Make a model version the champion of its feature set: `score` uses it from then on.

    \b
    Example:
      clickward models promote xgboost-fs_install-1a2b3c4d --reason "best recall at 0.5 %"
    """
    from models_ml.registry import promote
    from warehouse.connection import connection

    with connection(project) as warehouse:
        feature_set = promote(warehouse, version, reason)
    say(f"{version} is the champion of {feature_set}")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="List trained models and promote one.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("list")(list_command)
    group.command("promote")(promote_command)
    app.add_typer(group, name="models")
