"""`clickward demo`: the main job over a simulated world, command by command."""

import os
import shutil
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from clickward.cli.options import on_project
from clickward.warehouse.profile import Project

FIRST_DAY = date(2026, 1, 1)


def register(app: typer.Typer) -> None:
    app.command("demo")(on_project(demo))


def demo(
    project: Project,
    context: typer.Context,
    days: Annotated[int, typer.Option("--days", min=21, help="Days of traffic.")] = 28,
    clicks: Annotated[int, typer.Option("--clicks", help="Clicks in all.")] = 200_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same world.")] = 7,
) -> None:
    """Simulate a small world, run the main job over it, and compare with the hidden truth.

    Works in .clickward/demo beside the project, which it makes anew; your own store is not
    touched. The model sees the verdicts known a week before the end and scores that week.

    Examples:

      clickward demo

      clickward demo --clicks 500000 --seed 3
    """
    from clickward.cli.output import say
    from clickward.warehouse.errors import UsageError, UserError

    if project.target_name not in (None, "local"):
        raise UsageError("the demo runs in the embedded engine only", "leave --target out")
    folder = project.home / "demo"
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    except OSError as error:
        raise UserError(
            f"cannot write {folder}: {error.strerror}",
            "run the demo in a project of your own: `clickward init DIR`",
        ) from error
    os.environ["CLICKWARD_STORE"] = str(folder / "store")
    test_from = FIRST_DAY + timedelta(days=days - 7)
    train_to = test_from - timedelta(days=4)
    world = folder / "world"
    steps = [
        f"simulate --out {world} --days {days} --clicks {clicks} --seed {seed} --start {FIRST_DAY}",
        f"load appsflyer {world}",
        f"load truth {world / 'truth.parquet'}",
        "build",
        f"train fs_install --model xgboost --to {train_to} --as-of {test_from}",
        f"score fs_install --from {test_from}",
        f"report --out {folder / 'report.html'}",
    ]
    for number, words in enumerate(steps, 1):
        say(f"\n[{number}/{len(steps)}] clickward {_short(words, project)}")
        _run(context, words, project)
    _report(project, folder, train_to, test_from)


def _short(words: str, project: Project) -> str:
    return words.replace(f"{project.profiles_dir.parent}/", "")


def _run(context: typer.Context, words: str, project: Project) -> None:
    shared: list[str] = []
    if not words.startswith("simulate"):
        shared = [
            "--project-dir",
            str(project.project_dir),
            "--profiles-dir",
            str(project.profiles_dir),
            "--target",
            "local",
        ]
    program = context.find_root()
    code = program.command.main([*words.split(), *shared], program.info_name, standalone_mode=False)
    if code:
        raise typer.Exit(code)


def _report(project: Project, folder: Path, train_to: date, test_from: date) -> None:
    from clickward.cli.output import print_table, say
    from clickward.warehouse.connection import connection

    with connection(project) as warehouse:
        marts = warehouse.target.database("marts")
        core = warehouse.target.database("core")
        trained = warehouse.query(
            f"""
            select attack, count() as installs
            from {marts}.install_truth
            where install_id in (
                select install_id from {core}.installs where event_at < '{train_to}'
            )
            group by attack
            """
        ).to_dicts()
        attacks = warehouse.query(
            f"select * from {marts}.mart_attack_recall order by attack = 'honest', attack"
        ).to_dicts()
        publishers = warehouse.query(
            f"""
            select publisher, sum(scored_installs) as scored, sum(flagged_installs) as flagged,
                sum(flagged_installs) / sum(scored_installs) as share, sum(spend_at_risk) as payout
            from {marts}.mart_publisher_daily
            group by publisher having scored >= 20 order by share desc limit 5
            """
        ).to_dicts()
    print(f"\n{sum(row['installs'] for row in attacks):,} installs scored from {test_from} on\n")
    seen = {row["attack"]: row["installs"] for row in trained}
    print_table(
        ["in truth", "in training", "installs", "flagged", "share", "95 % interval"],
        [_attack_row(row, seen) for row in attacks],
        title="Recall by attack; on the honest row the share is the false-positive rate",
    )
    print_table(
        ["publisher", "scored", "flagged", "share", "flagged payout"],
        [[r["publisher"], r["scored"], r["flagged"], r["share"], r["payout"]] for r in publishers],
        title="\nWorst publishers",
    )
    store = _short(str(folder / "store"), project)
    say(
        f"""
The explorer of these scores, for any browser:
  {_short(str(folder / "report.html"), project)}

Where to look next:{_activation(project)}
  export CLICKWARD_STORE={store}
  clickward sql "select * from clickward_marts.fct_scored_installs where is_flagged limit 5"
  clickward validate fs_install --models xgboost,logistic_regression,isolation_forest
  clickward features list --feature-set fs_install"""
    )


def _activation(project: Project) -> str:
    """The line that puts this environment on the path, where it is not there."""
    here = Path(sys.prefix)
    found = shutil.which("clickward")
    if found is not None and Path(found).parent == here / "bin":
        return ""
    return f"\n  source {_short(str(here), project)}/bin/activate"


def _attack_row(row: dict[str, Any], seen: dict[str, int]) -> list[Any]:
    """One attack: its installs in the training window, "never" where there were none."""
    attack = row["attack"]
    in_training = "" if attack == "honest" else seen.get(attack, "never")
    interval = f"{row['flagged_share_low']:.3f} to {row['flagged_share_high']:.3f}"
    return [attack, in_training, row["installs"], row["flagged"], row["flagged_share"], interval]
