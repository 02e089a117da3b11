"""`clickward features`: the feature contract, what the store holds of it, and proof of it."""

from datetime import datetime
from typing import Annotated

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import print_json, print_table, say
from clickward.warehouse.profile import Project


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

    from clickward.warehouse.contracts import list_features, read_feature_set

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


@on_project
def show_command(
    project: Project,
    name: Annotated[str, typer.Argument(help="A feature, as `features list` names it.")],
    as_json: Json = False,
) -> None:
    """Show one feature: its meaning, and what it looks like and costs in your store.

    \b
    Example:
      clickward features show subpublisher__ctit_entropy_7d
    """
    from dataclasses import asdict

    from clickward.warehouse.connection import connection
    from clickward.warehouse.contracts import feature_sets_with, find_feature
    from clickward.warehouse.feature_facts import feature_facts

    feature = find_feature(project, name)
    shown = asdict(feature) | {"feature_sets": feature_sets_with(project, feature)}
    with connection(project) as warehouse:
        facts = feature_facts(warehouse, feature)
    if as_json:
        print_json(shown | {"measured": facts})
        return
    if facts is None:
        say(f"{feature.model} has no rows in the store: nothing to measure")
    if feature.keys:
        unknown = " or ".join(feature.keys)
        say(f"in a feature set NULL, not 0, for a subject whose {unknown} is unknown")
    rows = shown | (facts or {})
    print_table(
        ["of the feature", "is"],
        (
            [key.replace("_", " "), ", ".join(value) if isinstance(value, list | tuple) else value]
            for key, value in rows.items()
        ),
    )


@on_project
def check_command(
    project: Project,
    name: Annotated[str, typer.Argument(help="A feature, as `features list` names it.")],
    days: Annotated[
        int, typer.Option("--days", min=1, max=3650, help="Last days of core to prove it on.")
    ] = 6,
    as_json: Json = False,
) -> None:
    """Prove on your own data that a feature does not see the future; exit code 1 if it does.

    The last days are copied into a scratch schema and the feature is built twice: without what came
    after their middle, and with it. Your own tables are only read.

    \b
    Example:
      clickward features check subpublisher__ctit_entropy_7d --days 6
    """
    from dataclasses import asdict

    from clickward.warehouse.causality import check_causality
    from clickward.warehouse.connection import connection
    from clickward.warehouse.contracts import find_feature

    feature = find_feature(project, name)
    with connection(project) as warehouse:
        found = check_causality(warehouse, feature, days)
    if as_json:
        print_json(asdict(found))
    else:
        print_table(
            ["feature", "cut", "later rows", "subjects compared", "changed"],
            [[found.feature, found.cut, found.future_rows, found.subjects, found.changed]],
        )
    if found.changed:
        say(f"{name} sees the future: {found.changed:,} of {found.subjects:,} values changed")
        raise typer.Exit(1)


@on_project
def as_arrived_command(
    project: Project,
    feature_set: Annotated[str, typer.Argument(help="A feature set of clicks or installs.")],
    from_: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, included (UTC).")
    ],
    to: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, excluded (UTC).")
    ],
    as_json: Json = False,
) -> None:
    """Show which features a live scorer would have had otherwise, for rows that came late.

    Arrivals are played again in a scratch schema: every subject is decided on when its row came,
    with what had come by then. Each arrival is a build. Your own tables are only read.

    \b
    Example:
      clickward features as-arrived fs_install --from 2026-01-20 --to 2026-01-23
    """
    from clickward.warehouse.as_arrived import features_as_arrived, share_changed
    from clickward.warehouse.connection import connection
    from clickward.warehouse.contracts import read_feature_set

    wanted = read_feature_set(project, feature_set)
    with connection(project) as warehouse:
        live = features_as_arrived(warehouse, wanted, from_, to)
        changed = share_changed(warehouse, wanted, live)
    say(f"{live.height:,} subjects, decided on at {live['decided_at'].n_unique():,} arrivals")
    order = sorted(changed, key=lambda name: -changed[name])
    if as_json:
        print_json([{"feature": name, "changed_share": changed[name]} for name in order])
        return
    print_table(["feature", "changed share"], [[name, changed[name]] for name in order])


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    group = typer.Typer(
        help="Show and prove the feature contract.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("list")(list_command)
    group.command("show")(show_command)
    group.command("check")(check_command)
    group.command("as-arrived")(as_arrived_command)
    app.add_typer(group, name="features")
