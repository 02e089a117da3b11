"""`clickward thresholds`: where a model begins to flag, who set it, when and why."""

from typing import Annotated

import typer

from clickward.cli.options import Json, finite, on_project
from clickward.cli.output import print_json, print_table, say
from clickward.warehouse.profile import Project

COLUMNS = ("model_version", "name", "threshold", "is_operating", "is_current", "set_by", "set_at",
           "reason")  # fmt: skip
Version = Annotated[str, typer.Argument(help="Model version, as `models list` gives it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the threshold.")]
RecordOnly = Annotated[
    bool, typer.Option("--record-only", help="Keep it, but go on scoring with the one before.")
]


@on_project
def list_command(
    project: Project,
    version: Annotated[
        str | None, typer.Argument(help="Model version; all of them without one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List every threshold ever set, the latest first; `score` uses the operating one.

    \b
    Example:
      clickward thresholds list xgboost-fs_install-1a2b3c4d
    """
    from clickward.models_ml.training.registry import list_thresholds
    from clickward.warehouse.connection import connection

    with connection(project) as warehouse:
        found = list_thresholds(warehouse, version)
    if as_json:
        print_json(found.to_dicts())
        return
    print_table(COLUMNS, found.select(COLUMNS).iter_rows())


@on_project
def set_command(
    project: Project,
    version: Version,
    name: Annotated[str, typer.Argument(help="What to call it, such as launch_week.")],
    threshold: Annotated[
        float, typer.Argument(callback=finite, help="A score at or above it is flagged.")
    ],
    reason: Reason,
    record_only: RecordOnly = False,
    as_json: Json = False,
) -> None:
    """Set a threshold by hand. Scores already given keep the one they were given under.

    \b
    Example:
      clickward thresholds set xgboost-fs_install-1a2b3c4d launch_week 0.8 --reason "few reviewers"
    """
    from clickward.models_ml.evaluation.thresholds import Choice

    _keep(project, version, Choice(name, threshold), reason, record_only, as_json)


@on_project
def choose_command(
    project: Project,
    version: Version,
    by: Annotated[str, typer.Option("--by", help="money, fpr, capacity or balanced.")],
    reason: Reason = "",
    fpr: Annotated[
        float | None,
        typer.Option("--fpr", callback=finite, help="Share of negatives flagged at most: 0.005."),
    ] = None,
    capacity: Annotated[
        str | None, typer.Option("--capacity", help="What reviewers can look at: 200/day.")
    ] = None,
    payout: Annotated[
        float,
        typer.Option(
            "--payout",
            min=0,
            callback=finite,
            help="Paid for an install that names no payout, in the marts' currency.",
        ),
    ] = 1.0,
    dispute_cost: Annotated[
        float,
        typer.Option(
            "--dispute-cost",
            min=0,
            callback=finite,
            help="Cost of a wrong rejection beside the payout.",
        ),
    ] = 0.4,
    review_cost: Annotated[
        float,
        typer.Option(
            "--review-cost", min=0, callback=finite, help="Cost of looking at one flagged install."
        ),
    ] = 0.15,
    record_only: RecordOnly = False,
    as_json: Json = False,
) -> None:
    """Choose a threshold on the model's holdout, the last fifth of its training time.

    By money: the greatest net saving, frauds stopped x payout - false positives x (payout +
    dispute cost) - flags x review cost, in the currency of the marts. Payouts are those of the
    table app_economics, else of the installs, else --payout; rows with amounts that no rate of the
    seed exchange_rates converts are left out and counted. By fpr: at most that share of negatives.
    By capacity: no more a day than reviewers can look at. `score` uses it from then on; past scores
    stay as they are.

    \b
    Examples:
      clickward thresholds choose xgboost-fs_install-1a2b3c4d --by money --dispute-cost 2
      clickward thresholds choose xgboost-fs_install-1a2b3c4d --by capacity --capacity 200/day
      clickward thresholds choose xgboost-fs_install-1a2b3c4d --by fpr --fpr 0.002
    """
    from clickward.models_ml.evaluation.economics import Costs
    from clickward.models_ml.scoring.choosing import choose_threshold
    from clickward.warehouse.connection import connection

    with connection(project) as warehouse:
        choice = choose_threshold(
            warehouse,
            version,
            by,
            rate=fpr,
            capacity=capacity,
            costs=Costs(payout, dispute_cost, review_cost),
        )
    for name, value in choice.basis.items():
        say(f"{name.replace('_', ' ')}: {value}")
    _keep(project, version, choice, reason or f"chosen by {by}", record_only, as_json)


def _keep(
    project: Project, version: str, choice: object, reason: str, record_only: bool, as_json: bool
) -> None:
    from clickward.models_ml.evaluation.thresholds import Choice
    from clickward.models_ml.training.registry import set_threshold
    from clickward.warehouse.connection import connection

    assert isinstance(choice, Choice)
    with connection(project) as warehouse:
        set_threshold(warehouse, version, choice, reason, is_operating=not record_only)
    if as_json:
        print_json(vars(choice) | {"model_version": version, "is_operating": not record_only})
        return
    used = "kept, not used" if record_only else "scoring uses it from now on"
    say(f"threshold {choice.name} of {version}: {choice.threshold:.6g}; {used}")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="List, set and choose where models flag.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("list")(list_command)
    group.command("set")(set_command)
    group.command("choose")(choose_command)
    app.add_typer(group, name="thresholds")
