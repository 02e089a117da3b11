"""What the product reports while it works: lines of Python's `logging`, under `clickward`."""

import functools
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")

LOGGER = logging.getLogger("clickward")
LOGGER.setLevel(logging.INFO)
log = LOGGER.info


class Listener(logging.Handler):
    """`hear` gets each line that is logged."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        super().__init__()
        self.hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self.hear(record.getMessage())


@contextmanager
def listening(hear: Callable[[str], None]) -> Iterator[None]:
    """`hear` gets each line that is logged while the block runs."""
    listener = Listener(hear)
    LOGGER.addHandler(listener)
    try:
        yield
    finally:
        LOGGER.removeHandler(listener)


def takes_say(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """`function` that still takes `say`, which heard what is logged now; it warns."""

    @functools.wraps(function)
    def call(*given: Given.args, **named: Given.kwargs) -> Result:
        say: Any = named.pop("say", None)
        if say is None:
            return function(*given, **named)
        text = "`say` goes with the next minor version; lines go to the log `clickward`"
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        with listening(say):
            return function(*given, **named)

    return call
