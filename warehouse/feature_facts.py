"""What a feature looks like in the store: unknowns, range and what it costs."""

from typing import Any

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import Feature


def feature_facts(warehouse: Warehouse, feature: Feature) -> dict[str, Any] | None:
    """Measured of the built model; None where it is not built or has no rows.

    `rows` and `null_share` of all days; `last_day` and its `least` and `greatest` value (lengths,
    of an array; of texts how many there are, as `distinct`); `bytes_per_row` on disk,
    compressed, None where the engine does not tell.
    """
    if not warehouse.has_table("features", feature.model):
        return None
    table, name = warehouse.table("features", feature.model), f"`{feature.name}`"
    value = f"length({name})" if feature.is_sequence else name
    # An array says "unknown" by being empty.
    unknown = f"empty({name})" if feature.is_sequence else f"{name} is null"
    held = warehouse.client.query(
        f"select count(), countIf({unknown}), max(event_date) from {table}"
    ).result_rows[0]
    if not held[0]:
        return None
    facts: dict[str, Any] = {
        "rows": held[0],
        "null_share": held[1] / held[0],
        "last_day": str(held[2]),
    }
    if feature.is_categorical:
        asked = {"distinct": f"uniqExact({value})"}
    else:
        asked = {"least": f"min({value})", "greatest": f"max({value})"}
    found = warehouse.client.query(
        f"select {', '.join(asked.values())} from {table} where event_date = {{day:Date}}",
        parameters={"day": held[2]},
    ).result_rows[0]
    facts |= dict(zip(asked, found, strict=True))
    size = warehouse.scalar(
        "select sum(column_data_compressed_bytes) from system.parts_columns where active"
        " and database = {database:String} and table = {table:String} and column = {column:String}",
        database=warehouse.target.database("features"),
        table=feature.model,
        column=feature.name,
    )
    # Small parts keep all columns in one file, of which none has a size of its own.
    return facts | {"bytes_per_row": size / held[0] if size else None}
