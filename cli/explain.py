"""`clickward explain`: one click or install, from raw row to decision."""

from typing import Annotated, Any

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import print_json, print_table
from clickward.warehouse.profile import Project


@on_project
def explain(
    project: Project,
    subject_id: Annotated[str, typer.Argument(help="An install_id or click_id of the marts.")],
    as_json: Json = False,
) -> None:
    """Tell a score's whole story: what came in, how it was cleaned, why it scored so, the decision.

    Raw values are shown as received, ids and addresses among them: for people who may read raw.

    \b
    Examples:
      clickward explain 5c1b1d1e-2f0a-4b7e-9a52-0e6f3f0f1c11
      clickward explain 5c1b1d1e-2f0a-4b7e-9a52-0e6f3f0f1c11 --json
    """
    from clickward.analysis.explain.story import explain as tell
    from clickward.warehouse.connection import connection

    with connection(project) as warehouse:
        story = tell(warehouse, subject_id)
    if as_json:
        print_json(story)
        return
    _print(story)


def _print(story: dict[str, Any]) -> None:
    print(f"{story['subject']} {story['subject_id']}")
    for number, row in enumerate(story["came_in"], 1):
        title = f"\n1.{number} What came in: {row['source']} {row['report']}, row {row['row']} of"
        print_table(
            ["column", "value"],
            row["values"].items(),
            title=f"{title} {row['file']} (load {row['load_id']}, {row['loaded_at']})",
        )
    print("\n2 How it was cleaned")
    for sentence in story["cleaning"]:
        print(f"  - {sentence}")
    if story["cleaned"]:
        kept = {name: str(value) for name, value in story["cleaned"].items() if value is not None}
        print_table(["column", "value"], kept.items())
    print("\n3 Verdicts")
    for verdict in story["verdicts"] or [None]:
        print(f"  - {_verdict(verdict)}")
    if story["around"]:
        rows = [[", ".join(one["keys"]), one["window"], one["clicks"]] for one in story["around"]]
        print_table(["same", "in the time before", "clicks"], rows, title="\n4 Around it")
    for number, score in enumerate(story["scores"], 1):
        _print_score(number, score)
    if story["evidence"]:
        _print_evidence(story["evidence"])
    print(f"\n5 Decision\n  {story['decision']['says']}")


def _verdict(verdict: dict[str, Any] | None) -> str:
    if verdict is None:
        return "none is known"
    what = verdict["target"] if verdict["value"] else f"{verdict['target']} taken back"
    named = ", ".join(filter(None, (verdict["attack_type"], verdict["reason"])))
    return f"{verdict['known_at']}: {what} by {verdict['verdict_source']} ({named or 'no reason'})"


def _print_score(number: int, score: dict[str, Any]) -> None:
    force = "in force" if score["is_in_force"] else "beside it"
    threshold = "no threshold"
    if score["threshold"] is not None:
        threshold = f"threshold {score['threshold']:.4f} ({score['threshold_name']})"
    print(
        f"\n4.{number} Score {score['score']:.4f} by {score['model_version']} ({force}),"
        f" {threshold}, run {score['run_id']}"
    )
    for reason in score["reasons"]:
        print(f"  - {reason['feature']} = {reason['value']} (+{reason['contribution']:.3f})")
        print(f"    {reason['meaning']}")
        if reason.get("attacks"):
            print(f"    A sign of {', '.join(reason['attacks'])}.")
        if reason["rows_inside"] is None:
            continue
        keys = ", ".join(reason["keys"])
        print(
            f"    {reason['rows_inside']:,} rows of {reason['events']} with the same {keys}"
            f" in the {reason['window']} before"
        )


def _print_evidence(evidence: list[dict[str, Any]]) -> None:
    """The rows behind the reasons, each once with the features that counted it."""
    print("\n  The latest of these rows:")
    for one in evidence:
        said = "  ".join(str(value) for value in one["row"].values() if value is not None)
        print(f"  - {one['events']}: {said}\n    counted by {', '.join(one['relations'])}")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("explain")(explain)
