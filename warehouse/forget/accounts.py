"""What the ledgers say once the rows are gone, so that plain accounting still holds."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import polars as pl

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.forget.plan import (
    MADE_OF_RAW,
    NO_DAY,
    REFUSED,
    ROW_KEY,
    SUBJECT_COLUMNS,
    Plan,
    any_of,
    in_chunks,
)


class Accounts:
    """What the ledgers say once the rows are gone, so that plain accounting still holds."""

    def __init__(
        self,
        warehouse: Warehouse,
        columns: dict[tuple[str, str], set[str]],
        plan: Plan,
        staged: pl.DataFrame,
    ) -> None:
        self.warehouse = warehouse
        self.columns = columns
        self.plan = plan
        self.staged = staged

    def settle(self) -> None:
        """Fill in everything of the plan that is about ledgers."""
        if ("raw", "loads") not in self.columns or not self.plan.rows:
            return
        loads = {
            row["load_id"]: row
            for row in self.warehouse.query(
                "select load_id, toString(source) || '__' || toString(report) as report,"
                f" rows_loaded, rows_rejected from {self.warehouse.table('raw', 'loads')}"
            ).to_dicts()
        }
        lines = self.warehouse.table("raw", "rejected_lines")
        loaded, refused = self._present(loads), self._rows_by_load([lines])
        gone_rows = _by_load(keys for table, keys in self.plan.raw.items() if table != lines)
        gone_lines = _by_load([self.plan.raw.get(lines, [])])
        expired = {
            load
            for load, row in loads.items()
            if loaded[load] < row["rows_loaded"] or refused[load] < row["rows_rejected"]
        }
        for load in sorted((gone_rows.keys() | gone_lines.keys()) & loads.keys()):
            row = loads[load]
            self.plan.loads[load] = [
                max(row["rows_loaded"] - gone_rows[load], 0),
                max(row["rows_rejected"] - gone_lines[load], 0),
            ]
        if ("staging", "load_days") in self.columns:
            self._settle_days(loads, expired, gone_lines)

    def _settle_days(
        self, loads: dict[str, dict[str, Any]], expired: set[str], gone_lines: Counter[str]
    ) -> None:
        days = self.warehouse.query(
            "select distinct load_id, toString(event_date) as day"
            f" from {self.warehouse.table('staging', 'load_days')}"
        )
        frozen = set(days.filter(pl.col("load_id").is_in(sorted(expired)))["day"])
        touched: dict[str, set[str]] = defaultdict(set)
        for load, day in self.staged.select("load", "day").unique().iter_rows():
            touched[load].add(day)
        for load in gone_lines:
            touched[load].add(NO_DAY)
        kept_back = {load for load, of in touched.items() if of & frozen or load in expired}
        self.plan.recount = sorted(touched.keys() - kept_back)
        held = self._held(frozen)
        self.plan.frozen = sorted(held["day"].unique()) if held.height else []
        if kept_back or held.height:
            self._settle_accounting(loads, kept_back, expired, held)
            self._settle_refused(loads, kept_back)

    def _settle_accounting(
        self,
        loads: dict[str, dict[str, Any]],
        kept_back: set[str],
        expired: set[str],
        held: pl.DataFrame,
    ) -> None:
        """Loads that stay counted: less what raw shows of them, the rest off expired loads."""
        if ("staging", "load_accounting") not in self.columns:
            return
        accounts = {
            f"{load}:{day}": list(numbers)
            for load, day, *numbers in self.warehouse.query(
                "select toString(load_id) as load, toString(event_date) as day,"
                " toUInt64(kept) as kept, toUInt64(duplicates) as duplicates,"
                " toUInt64(rejected) as rejected"
                f" from {self.warehouse.table('staging', 'load_accounting')}"
            ).iter_rows()
        }
        changed: set[str] = set()
        seen: Counter[tuple[str, str, int]] = Counter()
        for (load, day, report), (kept, copies, refused) in self._visible().items():
            kind = _held_in(report)
            seen[kind, day, 0] += kept
            seen[kind, day, 1] += copies
            numbers = accounts.get(f"{load}:{day}")
            if load in kept_back and numbers is not None:
                taken = min(kept, numbers[0])
                copies += kept - taken
                for place, amount in enumerate((taken, copies, refused)):
                    numbers[place] -= min(amount, numbers[place])
                changed.add(f"{load}:{day}")
        of_kind: dict[str, list[str]] = defaultdict(list)
        for load in sorted(expired):
            of_kind[_held_in(loads[load]["report"])].append(load)
        for kind, day, rows, copies in held.select("kind", "day", "rows", "copies").iter_rows():
            for place, amount in enumerate((rows, copies)):
                left = amount - seen[kind, day, place]
                for load in of_kind[kind]:
                    numbers = accounts.get(f"{load}:{day}")
                    if left <= 0 or numbers is None:
                        continue
                    taken = min(left, numbers[place])
                    numbers[place] -= taken
                    left -= taken
                    if taken:
                        changed.add(f"{load}:{day}")
                        row = self.plan.loads.setdefault(
                            load, [loads[load]["rows_loaded"], loads[load]["rows_rejected"]]
                        )
                        row[0] -= taken
        self.plan.accounting = {key: accounts[key] for key in sorted(changed)}

    def _visible(self) -> dict[tuple[str, str, str], tuple[int, int, int]]:
        """Kept, duplicates and rejected that raw's rows stand for, as load_accounting counts."""
        keeper: dict[tuple[str, str, str], str] = {}
        rows = self.staged.select("load", "day", "report", "own_id", "reason").rows()
        for load, day, report, own, reason in rows:
            if reason is None:
                # Installs and blocked installs are copies of each other.
                kind = (_held_in(report), day, own)
                keeper[kind] = min(keeper.get(kind, load), load)
        counts: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        counted = set()
        for load, day, report, own, reason in rows:
            place = 2
            if reason is None:
                kind = (_held_in(report), day, own)
                place = 0 if keeper[kind] == load and kind not in counted else 1
                if place == 0:
                    counted.add(kind)
            counts[load, day, report][place] += 1
        return {key: (kept, copies, refused) for key, (kept, copies, refused) in counts.items()}

    def _held(self, frozen: set[str]) -> pl.DataFrame:
        """Rows of core to be removed on days that raw cannot rebuild, by kind and day."""
        frames = [
            pl.DataFrame(
                schema={
                    "kind": pl.String, "day": pl.String, "rows": pl.UInt64, "copies": pl.UInt64,
                }
            )
        ]  # fmt: skip
        for table in MADE_OF_RAW:
            columns = self.columns.get(("core", table))
            if columns is None or not frozen:
                continue
            kind = f"'{table}'"
            if table == "clicks":
                kind = "'clicks:' || toString(source)"
            elif table == "labels":
                kind = "if(verdict_source = 'appsflyer_detection', 'labels', '')"
            condition = any_of([c for c in SUBJECT_COLUMNS if c in columns])
            for chunk in in_chunks(self.plan.subjects):
                frames.append(
                    self.warehouse.query(
                        f"select {kind} as kind, toString(event_date) as day, count() as rows,"
                        " toUInt64(sum(duplicate_count)) as copies"
                        f" from {self.warehouse.table('core', table)}"
                        f" where {condition} and day in {{days:Array(String)}}"
                        " group by kind, day order by kind, day",
                        ids=chunk,
                        days=sorted(frozen),
                    )
                )
        return pl.concat(frames).group_by("kind", "day", maintain_order=True).sum()

    def _settle_refused(self, loads: dict[str, dict[str, Any]], kept_back: set[str]) -> None:
        """What stays of `rejected_rows` where the next build does not count them again."""
        if ("core", "rejected_rows") not in self.columns:
            return
        gone: Counter[tuple[str, str, str, str]] = Counter()
        refused = self.staged.filter(
            pl.col("reason").is_not_null() & pl.col("load").is_in(sorted(kept_back))
        )
        for report, reason in refused.select("report", "reason").iter_rows():
            gone[report, "staging", reason, ""] += 1
        lines = self.warehouse.table("raw", "rejected_lines")
        for chunk in in_chunks(self.plan.raw.get(lines, [])):
            found = self.warehouse.query(
                "select toString(_load_id) as load, toString(reason) as reason, expected"
                f" from {lines} where {ROW_KEY} in {{keys:Array(String)}}",
                keys=chunk,
            )
            for load, reason, expected in found.iter_rows():
                if load in kept_back and load in loads:
                    gone[loads[load]["report"], "loading", reason, expected] += 1
        self.plan.refused = [[*key, rows] for key, rows in sorted(gone.items())]
        for entry in self.plan.refused:
            entry[4] = max(self._refused_now(*entry[:4]) - entry[4], 0)

    def _refused_now(self, report: str, by: str, reason: str, expected: str) -> int:
        rows = self.warehouse.scalar(
            f"select sum(rows) from {self.warehouse.table('core', 'rejected_rows')}"
            f" where {REFUSED}",
            report=report, by=by, reason=reason, expected=expected,
        )  # fmt: skip
        return int(rows or 0)

    def _present(self, loads: dict[str, dict[str, Any]]) -> Counter[str]:
        names = {row["report"] for row in loads.values()}
        return self._rows_by_load(
            self.warehouse.table(stage, table)
            for stage, table in self.columns
            if (stage == "raw" and table in names) or (stage, table) == ("ml", "truth")
        )

    def _rows_by_load(self, tables: Iterable[str]) -> Counter[str]:
        counts: Counter[str] = Counter()
        for table in tables:
            rows = self.warehouse.query(
                f"select toString(_load_id) as load, count() as rows from {table} group by load"
            )
            counts.update(dict(rows.iter_rows()))
        return counts


def _held_in(report: str) -> str:
    """Where core holds a report's rows: `appsflyer__blocked_installs` are installs."""
    source, _, name = report.partition("__")
    tables = {"in_app_events": "app_events", "detection": "labels", "blocked_installs": "installs"}
    held = tables.get(name, name)
    return f"clicks:{source}" if held == "clicks" else held


def _by_load(keys: Iterable[Iterable[str]]) -> Counter[str]:
    return Counter(key.partition(":")[0] for of in keys for key in of)
