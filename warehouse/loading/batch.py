"""What both readers give: bounded batches of text columns, and the lines they refuse."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.uint64]
MAX_LINE = 65_536


@dataclass(frozen=True)
class RejectedLine:
    """A record that cannot be loaded: where, why, and what would have been right."""

    row: int
    reason: str
    expected: str
    line: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.reason}, expected {self.expected}"


@dataclass
class Batch:
    """Rows of one file in file order.

    `rows` holds text columns under API names, `numbers` the record number of each row from 1.
    """

    rows: pa.Table
    numbers: Numbers
    rejected: list[RejectedLine] = field(default_factory=list)


def shorten(line: str) -> str:
    """The line as it is stored: a quote that swallowed the rest must not fill the table."""
    return line if len(line) <= MAX_LINE else line[:MAX_LINE] + "…"
