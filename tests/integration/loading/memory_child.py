"""Reads one file through the loader's readers and prints what it gave and its peak of memory.

    python memory_child.py FILE

One JSON line: `base` and `peak` in MiB, `rows` given and refused, `error` where it is refused.
"""

import json
import re
import sys
from pathlib import Path

from clickward.warehouse.errors import UserError
from clickward.warehouse.loading.attempt import open_reader
from clickward.warehouse.loading.files import sniff
from clickward.warehouse.profile import find_project
from clickward.warehouse.sources import reports


def peak() -> int:
    """MiB of memory that this program has held at most; `ru_maxrss` begins with its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) >> 10  # type: ignore[index]


def main(path: Path) -> None:
    report = next(r for r in reports(find_project(), "appsflyer") if r.name == "installs")
    found: dict[str, object] = {"base": peak(), "rows": 0, "refused": 0, "error": ""}
    rows = refused = 0
    try:
        reader = open_reader(path, sniff(path), report, "UTC")
        for batch in reader.batches():
            rows += batch.rows.num_rows
            refused += len(batch.rejected)
        assert reader.records() == reader.rows_read == rows + refused
    except UserError as error:
        found["error"] = error.message.removeprefix(f"{path}: ")
    print(json.dumps(found | {"rows": rows, "refused": refused, "peak": peak()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
