"""`clickward doctor`."""

import typer

from clickward.cli.options import Json, on_project
from clickward.warehouse.profile import Project


def register(app: typer.Typer) -> None:
    app.command("doctor")(on_project(doctor, any_version=True))


def doctor(project: Project, as_json: Json = False) -> None:
    """Check Python, packages, project, profile, store, engine, disk and memory, and say what to do.

    Ends with exit code 1 where something has failed.

    Examples:

      clickward doctor

      clickward doctor --target server --json
    """
    from dataclasses import asdict

    from clickward.cli.output import print_json, print_table, say
    from clickward.warehouse.doctor import examine

    findings = examine(project)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_table(["check", "state", "seen"], [[f.check, f.state, f.seen] for f in findings])
        for finding in findings:
            if finding.advice:
                say(f"hint: {finding.check}: {finding.advice}")
    if any(finding.state == "failed" for finding in findings):
        raise typer.Exit(1)
