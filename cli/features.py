"""`clickward features`: the feature contract, as dbt's YAML states it."""

from typing import Annotated

import typer

from cli.options import Json, on_project
from cli.output import print_json, print_table
from warehouse.profile import Project


@on_project
def list_command(
    project: Project,
    feature_set: Annotated[
        str | None, typer.Option("--feature-set", help="Only features of this one, in its order.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List features with their entity, window and description.

    \b
    Examples:
      clickward features list
      clickward features list --feature-set fs_install --json
    """
    from dataclasses import asdict

    from warehouse.contracts import list_features, read_feature_set

    features = (
        list(read_feature_set(project, feature_set).features)
        if feature_set
        else list_features(project)
    )
    if as_json:
        print_json([asdict(feature) for feature in features])
        return
    print_table(
        ["feature", "type", "entity", "window", "available after", "attacks", "description"],
        (
            [
                feature.name,
                feature.data_type,
                feature.entity,
                feature.window,
                feature.available_after,
                ", ".join(feature.attacks),
                " ".join(feature.description.split()),
            ]
            for feature in features
        ),
    )


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    group = typer.Typer(
        help="Show the feature contract.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("list")(list_command)
    app.add_typer(group, name="features")
