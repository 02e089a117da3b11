"""stdout is data, stderr is talk."""

import json
import re
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any, Self

UNPRINTABLE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)


def escaped(text: str) -> str:
    """Text that is one line and moves no terminal: control characters as `\\n`, `\\x1b`."""
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(text: str) -> None:
    """A line of talk."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """One JSON document; times as ISO text."""
    print(json.dumps(value, default=str, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """A plain aligned table that reads well without colour and in a pipe."""
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    numeric = [
        bool(cells) and all(_is_number(row[i]) for row in cells) for i in range(len(columns))
    ]

    def line(row: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    if title:
        print(title)
    print(line(list(columns)))
    print("  ".join("-" * width for width in widths))
    for row in cells:
        print(line(row))


class Line:
    """One line on a terminal that is drawn again and again; silent in a pipe."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._started = time.monotonic()
        self._is_drawn = False

    def __enter__(self) -> Self:
        return self

    def draw(self, text: str) -> None:
        """Show `text` in place of what was shown before."""
        if self._live:
            print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)
            self._is_drawn = True

    def __exit__(self, *error: object) -> None:
        if self._is_drawn:
            print(file=sys.stderr)


class Progress(Line):
    """Rows, rate and time left."""

    def __init__(self, label: str, total: int | None = None, unit: str = "rows") -> None:
        super().__init__()
        self.label = label
        self.total = total
        self.unit = unit
        self.done = 0
        self.extra = ""
        self._drawn = 0.0

    def advance(self, amount: int, extra: str = "") -> None:
        """Count `amount` more units; `extra` is shown at the end of the line."""
        self.done += amount
        self.extra = extra
        now = time.monotonic()
        if self._live and now - self._drawn > 0.1:
            self._drawn = now
            self._draw(now)

    def _draw(self, now: float) -> None:
        seconds = max(now - self._started, 1e-6)
        rate = self.done / seconds
        parts = [f"{self.label}: {self.done:,} {self.unit}", f"{rate:,.0f}/s"]
        if self.total:
            left = max(self.total - self.done, 0) / rate if rate else 0
            parts += [f"{100 * self.done / self.total:.0f} %", f"{left:,.0f} s left"]
        if self.extra:
            parts.append(self.extra)
        self.draw(", ".join(parts))

    def __exit__(self, *error: object) -> None:
        self._draw(time.monotonic())
        super().__exit__()


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 10 else f"{value:,.2f}"
    return escaped(str(value))


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(",", "").replace(".", "").replace("-", "").isdigit()
