"""Where a subject came from: its raw rows, file by file, and what became of each."""

from typing import Any

from clickward.warehouse.connection import Warehouse

SUBJECTS = {"install": "installs", "click": "clicks"}


def staging_of(manifest: dict[str, Any], subject: str) -> list[str]:
    """Staging models that the core table of a kind of subject is made of."""
    core = next(node for node in manifest["nodes"].values() if node["name"] == SUBJECTS[subject])
    parents = (manifest["nodes"].get(key) for key in core["depends_on"]["nodes"])
    return [node["name"] for node in parents if node and node["name"].startswith("stg_")]


def raw_rows(
    warehouse: Warehouse, manifest: dict[str, Any], subject: str, subject_id: str
) -> list[dict[str, Any]]:
    """Every raw row that is this subject: file, row, load, the values it has, and a refusal."""
    found = []
    for model in staging_of(manifest, subject):
        source, _, report = model.removeprefix("stg_").partition("__")
        if not warehouse.has_table("staging", model):
            continue
        places = warehouse.query(
            "select load_id, source_file, source_row, toString(reject_reason) as reject_reason"
            f" from {warehouse.table('staging', model)} where {subject}_id = {{id:UUID}}"
            " order by load_id, source_row",
            id=subject_id,
        )
        raw = warehouse.table("raw", f"{source}__{report}")
        for place in places.to_dicts():
            row = warehouse.query(
                f"select * from {raw} where _load_id = {{load_id:String}}"
                " and _source_row = {source_row:UInt64} limit 1",
                load_id=place["load_id"],
                source_row=place["source_row"],
            ).row(0, named=True)
            found.append(
                {
                    "source": source,
                    "report": report,
                    "file": place["source_file"],
                    "row": place["source_row"],
                    "load_id": place["load_id"],
                    "timezone": _timezone(warehouse, place["load_id"]),
                    "loaded_at": row["_loaded_at"],
                    "refused_for": place["reject_reason"],
                    "values": {
                        name: value
                        for name, value in row.items()
                        if not name.startswith("_") and value not in (None, "")
                    },
                }
            )
    return found


def _timezone(warehouse: Warehouse, load_id: str) -> str:
    return str(
        warehouse.scalar(
            f"select timezone from {warehouse.table('raw', 'loads')}"
            " where load_id = {load_id:String}",
            load_id=load_id,
        )
    )
