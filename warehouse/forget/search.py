"""Finds rows and subjects of one id in every stage."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.forget.accounts import Accounts
from clickward.warehouse.forget.identity import ID_COLUMNS, QUOTED_FROM, TEXT_COLUMNS, Wanted
from clickward.warehouse.forget.plan import (
    ROW_KEY,
    SUBJECT_COLUMNS,
    UNLOGGED,
    Plan,
    any_of,
    columns_of_stages,
    count_rows,
    in_chunks,
    subject_tables,
)
from clickward.warehouse.forget.snapshots import snapshots_with
from clickward.warehouse.hash_key import key_of
from clickward.warehouse.sources import Report, Table, reports

_STAGED_KEY = "concat(toString(load_id), ':', toString(source_row))"
_BY_KEY = f"{_STAGED_KEY} in {{keys:Array(String)}}"
_EMPTY = "''"
_STAGED = dict.fromkeys(("table", "report", "key", "load", "day", "reason", "own_id"), pl.String)


class Search:
    """Finds rows and subjects of one id."""

    def __init__(self, warehouse: Warehouse, wanted: Wanted) -> None:
        self.warehouse = warehouse
        self.wanted = wanted
        self.columns = columns_of_stages(warehouse)
        self.reports = [
            report
            for report in reports(warehouse.project)
            if (report.table.stage, report.table.name) in self.columns
        ]
        self.keys: dict[str, set[str]] = defaultdict(set)
        self.subjects: set[str] = set()
        self.events: set[str] = set()
        self.staged = pl.DataFrame()

    def plan(self) -> Plan:
        self._match_raw()
        self._subjects_of_matched_rows()
        self._subjects_by_hash()
        self.subjects |= self._former_ids()
        ids = sorted(self.subjects | self.events)
        self.staged = self._staged_rows(ids)
        for table, key in self.staged.select("table", "key").iter_rows():
            self.keys[table].add(key)
        self._truth(ids)
        plan = Plan(
            raw={table: sorted(keys) for table, keys in sorted(self.keys.items()) if keys},
            subjects=ids,
        )
        plan.rows = {table: len(keys) for table, keys in plan.raw.items()}
        for name, condition in subject_tables(self.columns, self.warehouse).items():
            if rows := count_rows(self.warehouse, name, condition, ids):
                plan.rows[name] = rows
        plan.rows |= {
            str(path): rows for path, rows in snapshots_with(self.warehouse, set(ids)).items()
        }
        Accounts(self.warehouse, self.columns, plan, self.staged).settle()
        return plan

    def _name(self, table: Table) -> str:
        return self.warehouse.table(table.stage, table.name)

    def _match_raw(self) -> None:
        """Rows that carry the id; for a person's id, then all of the same AppsFlyer id."""
        wanted = self.wanted
        quoted = wanted.is_ip or len(wanted.lower[0]) >= QUOTED_FROM
        installs: set[str] = set()
        for report in self.reports:
            present = self.columns[report.table.stage, report.table.name]
            tests = [
                f"lower(trimBoth({name})) in {{ids:Array(String)}}"
                for name in ID_COLUMNS
                if name in present
            ]
            if quoted:
                tests += [
                    f"match(lower({name}), {{pattern:String}})"
                    for name in TEXT_COLUMNS
                    if name in present
                ]
            installs |= self._take(report.table, " or ".join(tests))
        if ("raw", "rejected_lines") in self.columns:
            name = self.warehouse.table("raw", "rejected_lines")
            found = self.warehouse.query(
                f"select {ROW_KEY} as key from {name} where match(lower(line), {{pattern:String}})"
                + UNLOGGED,
                pattern=wanted.pattern,
            )
            self.keys[name] |= set(found["key"])
        if not wanted.is_ip:
            self._take_installs(installs)

    def _former_ids(self) -> set[str]:
        """What a reading of raw before this one called the subjects: snapshots may hold that."""
        if ("raw", "moved_ids") not in self.columns:
            return set()
        found: set[str] = set()
        for chunk in in_chunks(sorted(self.subjects)):
            rows = self.warehouse.query(
                f"select former from {self.warehouse.table('raw', 'moved_ids')}"
                " where kind in ('install', 'click') and current in {ids:Array(String)}",
                ids=chunk,
            )
            found |= set(rows["former"])
        return found

    def _take(self, table: Table, condition: str, ids: Sequence[str] | None = None) -> set[str]:
        """Note the rows where `condition` holds; returns their AppsFlyer ids."""
        if not condition:
            return set()
        has_installs = "appsflyer_id" in self.columns[table.stage, table.name]
        found = self.warehouse.query(
            f"select {ROW_KEY} as key, {'appsflyer_id' if has_installs else _EMPTY} as install"
            f" from {self._name(table)} where {condition}{UNLOGGED}",
            ids=list(self.wanted.lower if ids is None else ids),
            pattern=self.wanted.pattern,
        )
        self.keys[self._name(table)] |= set(found["key"])
        return set(found["install"]) - {""}

    def _take_installs(self, installs: Iterable[str]) -> None:
        for chunk in in_chunks(sorted(installs)):
            for report in self.reports:
                if "appsflyer_id" in self.columns[report.table.stage, report.table.name]:
                    self._take(report.table, "appsflyer_id in {ids:Array(String)}", chunk)

    def _subjects_of_matched_rows(self) -> None:
        """An address owns the clicks, installs and events that came from it; an id its person's."""
        for report, view, ids in self._views():
            keys = sorted(self.keys[self._name(report.table)])
            for chunk in in_chunks(keys):
                rows = self._staged(report, view, ids, _BY_KEY, keys=chunk)
                valid = rows.filter(pl.col("reason").is_null())
                for column in ids:
                    found = set(valid[column].drop_nulls())
                    if column == "event_id":
                        self.events |= found
                    elif column != "event_install_id" or not self.wanted.is_ip:
                        self.subjects |= found

    def _subjects_by_hash(self) -> None:
        """Raw may have expired: the id's keyed hashes find what core holds."""
        if ("raw", "hash_key") not in self.columns:
            return
        key = key_of(self.warehouse.table("raw", "hash_key"))
        exact = list(self.wanted.exact)
        hashes = self.warehouse.query(
            f"select sipHash64Keyed({key}, arrayJoin({{ids:Array(String)}})) as hash{UNLOGGED}",
            ids=exact,
        )["hash"].to_list()
        for (stage, table), columns in self.columns.items():
            hashed = [name for name in ("device_hash", "ip_hash") if name in columns]
            id_column = next((c for c in ("click_id", "install_id") if c in columns), None)
            if stage == "core" and hashed and id_column:
                tests = " or ".join(f"{name} in {{hashes:Array(UInt64)}}" for name in hashed)
                self._add_subjects(
                    id_column, self.warehouse.table(stage, table), tests, hashes=hashes
                )
        install = (
            f"reinterpretAsUUID(sipHash128Keyed({key}, 'appsflyer', toString(app_id),"
            " {id:String}, toString(toUnixTimestamp64Milli(event_at))))"
        )
        if ("core", "installs") in self.columns:
            for text in exact:
                self._add_subjects(
                    "install_id",
                    self.warehouse.table("core", "installs"),
                    f"install_id = {install}",
                    id=text,
                )
        self._subject_itself()

    def _subject_itself(self) -> None:
        """The UUID of a click or install, only where it is one: others are somebody's id."""
        if self.wanted.subject is None:
            return
        ids = [self.wanted.subject]
        held = [*subject_tables(self.columns, self.warehouse).items()]
        held += [
            (self.warehouse.table("staging", view), any_of(columns))
            for _, view, columns in self._views()
        ]
        if any(count_rows(self.warehouse, name, condition, ids) for name, condition in held):
            self.subjects.add(self.wanted.subject)

    def _add_subjects(self, column: str, table: str, condition: str, **parameters: Any) -> None:
        found = self.warehouse.query(
            f"select toString({column}) as id from {table} where {condition}{UNLOGGED}",
            **parameters,
        )
        self.subjects |= set(found["id"])

    def _views(self) -> Iterator[tuple[Report, str, list[str]]]:
        """Staging models of reports with the columns that say whose a row is."""
        for report in self.reports:
            view = f"stg_{report.table.name}"
            columns = self.columns.get(("staging", view), set())
            ids = [name for name in SUBJECT_COLUMNS if name in columns]
            if ids:
                yield report, view, ids

    def _staged_rows(self, ids: Sequence[str]) -> pl.DataFrame:
        """Every row of staging that was matched or is of a subject."""
        frames = [pl.DataFrame(schema=_STAGED)]
        for report, view, columns in self._views():
            table = self._name(report.table)
            for chunk in in_chunks(sorted(self.keys[table])):
                frames.append(self._staged(report, view, columns, _BY_KEY, keys=chunk))
            for chunk in in_chunks(ids):
                frames.append(self._staged(report, view, columns, any_of(columns), ids=chunk))
        rows = pl.concat([frame.select(list(_STAGED)) for frame in frames])
        return rows.unique(["table", "key"], maintain_order=True)

    def _staged(
        self, report: Report, view: str, owners: Sequence[str], condition: str, **parameters: Any
    ) -> pl.DataFrame:
        columns = self.columns["staging", view]
        own = next(n for n in ("verdict_id", "event_id", *SUBJECT_COLUMNS) if n in columns)
        texts = ", ".join(f"toString({name}) as id_{name}" for name in owners)
        try:
            rows = self.warehouse.query(
                f"select {_STAGED_KEY} as key, toString(load_id) as load,"
                f" toString(event_date) as day, toString(reject_reason) as reason,"
                f" toString({own}) as own_id, {texts}"
                f" from {self.warehouse.table('staging', view)} where {condition}",
                **parameters,
            )
        except UserError as error:
            if "build staging too" in error.message:
                raise UserError(
                    "a load has a time zone that staging does not know yet", "run `clickward build`"
                ) from error
            raise
        return rows.rename({f"id_{name}": name for name in owners}).with_columns(
            table=pl.lit(self._name(report.table)), report=pl.lit(report.table.name)
        )

    def _truth(self, ids: Sequence[str]) -> None:
        """Hidden truth of the installs found, by AppsFlyer id and by the install's hash."""
        truth = next((r.table for r in self.reports if r.table.stage == "ml"), None)
        if truth is None:
            return
        installs: set[str] = set()
        for report in self.reports:
            stage, name = report.table.stage, report.table.name
            if stage == "raw" and "appsflyer_id" in self.columns[stage, name]:
                for chunk in in_chunks(sorted(self.keys[self._name(report.table)])):
                    installs |= set(
                        self.warehouse.query(
                            f"select distinct appsflyer_id as id from {self._name(report.table)}"
                            f" where {ROW_KEY} in {{keys:Array(String)}}",
                            keys=chunk,
                        )["id"]
                    )
        if not self.wanted.is_ip:
            for chunk in in_chunks(sorted(installs - {""})):
                self._take(truth, "appsflyer_id in {ids:Array(String)}", chunk)
        if ("raw", "hash_key") in self.columns:
            key = key_of(self.warehouse.table("raw", "hash_key"))
            install = (
                f"reinterpretAsUUID(sipHash128Keyed({key}, 'appsflyer', app_id, appsflyer_id,"
                " toString(toUnixTimestamp64Milli(assumeNotNull(coalesce("
                "parseDateTime64BestEffortOrNull(install_time, 3, 'UTC'),"
                " toDateTime64(0, 3, 'UTC')))))))"
            )
            for chunk in in_chunks(ids):
                self._take(truth, f"toString({install}) in {{ids:Array(String)}}", chunk)
