"""`clickward`: verbs in the order of the data."""

import os
import signal
import sys
from collections.abc import Callable

try:
    from typing import Annotated

    import typer

    from clickward.cli import (
        block,
        build,
        claims,
        compare,
        demo,
        doctor,
        explain,
        features,
        forget,
        init,
        load,
        loads,
        models,
        monitor,
        publish,
        report,
        score,
        scores,
        serve,
        simulate,
        snapshot,
        sql,
        thresholds,
        train,
        tune,
        unload,
        users,
        validate,
    )
    from clickward.cli.interrupts import listen
    from clickward.cli.output import say
    from clickward.warehouse.errors import UserError
    from clickward.warehouse.log import LOGGER, Listener
except KeyboardInterrupt:
    # Nothing has begun yet.
    print("interrupted: nothing was done", file=sys.stderr)
    raise SystemExit(130) from None

app = typer.Typer(
    name="clickward",
    help="Feature store and models against mobile ad fraud, on ClickHouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


# One for the process: added again, by a verb that runs others, it is still one.
TALK = Listener(say)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("clickward"))
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and end.", callback=_tell_version, is_eager=True
        ),
    ] = False,
) -> None:
    """What stands before a verb."""
    LOGGER.addHandler(TALK)
    LOGGER.propagate = False


# In the order of the data.
VERBS = (
    init, simulate, load, loads, unload, forget, build, features, snapshot, train, tune, validate,
    compare, models, thresholds, score, scores, explain, report, block, claims, monitor, sql,
    publish, serve, users, doctor, demo,
)  # fmt: skip
for module in VERBS:
    module.register(app)


# What stands after Ctrl-C, where it is not only that ledgers commit.
AS_COMMITTED = "what was committed stays; run the same command again to go on"
KEPT = {
    "init": "files that were laid stay; run the same command again to go on",
    "simulate": "the folder appears whole or not at all; run the same command again",
    "load": "files that were loaded stay, of the one at work nothing counts; run it again to go on",
    "build": "days that were built stay; the next build goes on there",
    "report": "the file is written whole or not at all; run the same command again",
    "publish": "readers have a whole publication, this one or that before; run it again",
    "sql": "the statement was stopped",
    "serve": "the server has ended; what was published stays",
    "demo": "your own store was not touched; run the same command again",
}


def main() -> None:
    """Run the command line. Exit codes: 0, 1 data, 2 usage, 3 no connection, 130 interrupted."""
    try:
        # The servers have handlers of their own.
        is_serving = "serve" in sys.argv[1:]
        _run((lambda: False) if is_serving else listen(_tell_interrupted))
        if sys.stdout is not None:
            sys.stdout.flush()
    except UserError as error:
        if os.environ.get("CLICKWARD_DEBUG"):
            raise
        say(f"error: {error.message}")
        if error.hint:
            say(f"hint: {error.hint}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        # Another one must not end the process by the signal, as Python's own end would let it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _tell_interrupted()
        sys.exit(130)
    except UnicodeError as error:
        if os.environ.get("CLICKWARD_DEBUG"):
            raise
        say(f"error: text that cannot be read or written here: {error}")
        say("hint: give UTF-8, and run with PYTHONIOENCODING=utf-8 or a locale of UTF-8")
        sys.exit(1)
    except BrokenPipeError:
        _leave_stdout()
        sys.exit(1)
    except OSError as error:
        if os.environ.get("CLICKWARD_DEBUG"):
            raise
        what = repr(error.filename) if error.filename else "the output"
        say(f"error: cannot read or write {what}: {error.strerror or error}")
        _leave_stdout()
        sys.exit(1)


def _tell_interrupted() -> None:
    verb = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    say(f"interrupted: {KEPT.get(verb, AS_COMMITTED)}")


def _run(is_interrupted: Callable[[], bool]) -> None:
    """The command; every end that Ctrl-C brings about as `KeyboardInterrupt`."""
    try:
        app()
    except SystemExit as end:
        if end.code == 130 or isinstance(end.__context__, typer.Abort):
            raise KeyboardInterrupt from end
        if end.code:
            raise
    except BaseException as error:
        if is_interrupted():
            raise KeyboardInterrupt from error
        raise


def _leave_stdout() -> None:
    """What could not be written is not tried again when Python ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
