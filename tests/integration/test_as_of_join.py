"""States as of a time against brute force, with ties, unknown keys and keys without a state."""

import random
from datetime import UTC, datetime, timedelta

from clickward.warehouse.build import render
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import Project

START = datetime(2024, 3, 1, tzinfo=UTC)


def test_as_of_join_equals_brute_force(project: Project, warehouse: Warehouse) -> None:
    dice = random.Random(8)

    def rows(count: int) -> list[tuple[int, datetime, str | None, int]]:
        return [
            (number, START + timedelta(seconds=dice.randint(0, 30)),
             dice.choice(["a", "a", "b", "", None, f"once{number}"]), dice.randint(1, 9))
            for number in range(count)
        ]  # fmt: skip

    warehouse.command(f"create database if not exists {warehouse.target.schema}")
    names = {kind: f"{warehouse.target.schema}.{kind}" for kind in ("subjects", "states")}
    made = {kind: rows(60) for kind in names}
    for kind, name in names.items():
        warehouse.command(
            f"create table {name} (id UInt32, event_at DateTime64(3, 'UTC'), key Nullable(String),"
            " value UInt8) engine = Memory"
        )
        columns = ["id", "event_at", "key", "value"]
        warehouse.client.insert(name, made[kind], column_names=columns)
    query = render(
        project,
        f"{{{{ as_of_join('{names['subjects']}', '{names['states']}', ['key'], ['value'], ['id'])"
        " }}",
    )
    found = dict(warehouse.client.query(query).result_rows)
    wanted = {}
    for number, at, key, _ in made["subjects"]:
        seen = [(when, value) for _, when, known, value in made["states"]
                if known == key and when <= at]  # fmt: skip
        if key is not None:
            wanted[number] = max(seen, default=(at, None))[1]
    assert found == wanted
    assert len(set(wanted.values())) > 5
    assert None in wanted.values()
