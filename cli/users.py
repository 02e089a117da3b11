"""`clickward users`: who may use the door."""

import sys
from typing import Annotated

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.serve import RoleName
from clickward.warehouse.profile import Project


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Who may use the door, and as what."
    )
    group.command("add")(on_project(add))
    group.command("list")(on_project(list_))
    group.command("remove")(on_project(remove))
    app.add_typer(group, name="users")


def add(
    project: Project,
    name: Annotated[str, typer.Argument(help="Name of the user.")],
    role: Annotated[
        RoleName, typer.Option("--role", help="What the user may do.")
    ] = RoleName.READER,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Add a user, or give one a new role and password. A running door knows it at once.

    Examples:

      clickward users add ana --role engineer

      clickward users add dashboards --password-stdin < password.txt
    """
    from clickward.cli.output import say
    from clickward.server.roles import Role
    from clickward.server.serve import users_of
    from clickward.warehouse.errors import UsageError

    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        raise UsageError("there is no terminal to ask on", "use --password-stdin")
    is_new = users_of(project).add(name, Role(role.value), password)
    say(f"{'added' if is_new else 'changed'} {role.value} {name}")


def list_(project: Project, as_json: Json = False) -> None:
    """List users and their roles.

    Examples:

      clickward users list
    """
    from clickward.cli.output import print_json, print_table
    from clickward.server.serve import users_of

    users = [{"name": user.name, "role": user.role.value} for user in users_of(project).all()]
    if as_json:
        print_json(users)
    else:
        print_table(["name", "role"], [[user["name"], user["role"]] for user in users])


def remove(
    project: Project, name: Annotated[str, typer.Argument(help="Name of the user.")]
) -> None:
    """Remove a user. A running door forgets it at once.

    Examples:

      clickward users remove ana
    """
    from clickward.cli.output import say
    from clickward.server.serve import users_of

    users_of(project).remove(name)
    say(f"removed {name}")
