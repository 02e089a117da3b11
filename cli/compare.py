"""`clickward compare`: the latest validation as a table."""

from typing import Annotated, Any

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import print_json, print_table, say
from clickward.warehouse.profile import Project


@on_project
def compare(
    project: Project,
    feature_set: Annotated[str, typer.Argument(help="Feature set, such as fs_install.")],
    run: Annotated[
        str | None, typer.Option("--run", help="A validation run, by the beginning of its id.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Show this one; may be repeated.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option("--labels", help="known, matured or true; default the last there.")
    ] = None,
    folds: Annotated[bool, typer.Option("--folds", help="Show each fold too.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    as_json: Json = False,
) -> None:
    """Show what the latest committed validation found, the best model first.

    Each figure stands with its 95 % interval. The last column is the recall on attacks that
    training never saw, at the balanced threshold; where an attack is held out, on that attack.
    What each metric means: docs/reference/validation.md.

    \b
    Examples:
      clickward compare fs_install
      clickward compare fs_install --folds --metric average_precision --metric calibration_error
      clickward compare fs_install --labels matured --markdown
    """
    from clickward.models_ml.evaluation.comparison import METRICS, read_comparison
    from clickward.warehouse.connection import connection
    from clickward.warehouse.contracts import read_feature_set

    resolved = read_feature_set(project, feature_set)
    wanted = tuple(metric) if metric else METRICS
    with connection(project) as warehouse:
        comparison = read_comparison(warehouse, resolved, run, wanted, labels)
    table = comparison.table(folds)
    if as_json:
        facts = {"run_id": comparison.run_id, "labels": comparison.labels, "models": table}
        print_json(facts)
        return
    say(f"run {comparison.run_id}, committed {comparison.committed_at}, {comparison.labels} labels")
    columns, rows = tabulated(table, wanted)
    if markdown:
        print(as_markdown(columns, rows))
    else:
        print_table(columns, rows)


def tabulated(table: list[dict[str, Any]], metrics: tuple[str, ...]) -> tuple[list[str], list[Any]]:
    """Columns and rows of text; what is the same in every row is left out."""
    columns = ["model", "variant", "trained on", "fold", *metrics, "unseen recall_at_balanced"]
    rows = [
        [
            entry["model"],
            entry["variant"],
            entry["train_labels"],
            "all" if entry["fold"] < 0 else str(entry["fold"]),
            *(figure(entry["metrics"].get(name)) for name in metrics),
            figure(entry.get("unseen")),
        ]
        for entry in table
    ]
    dull = {1: "as_is", 2: "known"}
    for place in (2, 1):
        if all(row[place] == dull[place] for row in rows):
            columns.pop(place)
            rows = [[*row[:place], *row[place + 1 :]] for row in rows]
    return columns, rows


def figure(found: dict[str, Any] | None) -> str:
    """`0.812 [0.790, 0.833]`; money without decimals; empty where there is none."""
    if found is None:
        return ""
    if found["value"] is None:
        return "undefined"
    digits = 0 if abs(found["value"]) >= 100 else 3
    if found["low"] is None:
        return f"{found['value']:,.{digits}f}"
    return f"{found['value']:,.{digits}f} [{found['low']:,.{digits}f}, {found['high']:,.{digits}f}]"


def as_markdown(columns: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown."""
    rule = "|".join([" --- "] * len(columns))
    lines = [f"| {' | '.join(columns)} |", f"|{rule}|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("compare")(compare)
