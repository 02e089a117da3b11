"""The join by Feast's `get_historical_features`, in a Python that has Feast (`make setup-feast`).

    python -m benchmarks.asof.feast_stores duckdb|dask FOLDER

The registry is a file and the online store unused; making both is not timed.
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

VALUES = {"clicks": "Int64", "installs": "Int64", "ctit_under_10s_share": "Float64",
          "seconds_since_click": "Float64"}  # fmt: skip


def feature_store(folder: Path, offline: str) -> Any:
    """A Feast repository in `folder` with one feature view over `states.parquet`."""
    import feast
    from feast import types
    from feast.repo_config import RepoConfig

    config = RepoConfig(
        project="benchmark",
        provider="local",
        registry=str(folder / "registry.db"),
        offline_store={"type": offline},
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
        entity_key_serialization_version=3,
        repo_path=folder,
    )
    store = feast.FeatureStore(config=config)
    key = feast.Entity(name="key", join_keys=["key"], value_type=feast.ValueType.INT64)
    view = feast.FeatureView(
        name="states",
        entities=[key],
        # 0 days: a state holds until the next, as for every other engine.
        ttl=timedelta(0),
        schema=[feast.Field(name="key", dtype=types.Int64)]
        + [feast.Field(name=name, dtype=getattr(types, kind)) for name, kind in VALUES.items()],
        source=feast.FileSource(
            path=str(folder / "states.parquet"), timestamp_field="event_timestamp"
        ),
    )
    store.apply([key, view])
    return store


def job(folder: Path, offline: str) -> Callable[[], None]:
    """Entities into pandas, which both stores ask for; the join; the result as Parquet."""
    import pandas as pd
    import pyarrow.parquet as parquet
    import pytz

    store = feature_store(folder, offline)
    if offline == "duckdb":
        import ibis

        ibis.duckdb.connect(threads=2)
    else:
        import dask

        dask.config.set(scheduler="threads", num_workers=2)

    def run() -> None:
        entities = pd.read_parquet(folder / "entities.parquet")
        # Dask's store converts any other time zone row by row.
        entities["event_timestamp"] = entities["event_timestamp"].dt.tz_convert(pytz.UTC)
        features = [f"states:{name}" for name in VALUES]
        found = store.get_historical_features(entity_df=entities, features=features).to_arrow()
        parquet.write_table(found.select(["row_id", *VALUES]), folder / "found.parquet")

    return run


def main() -> None:
    """Make the repository, then time the join."""
    timed = job(Path(sys.argv[2]), sys.argv[1])
    started = time.monotonic()
    timed()
    print(time.monotonic() - started)


if __name__ == "__main__":
    main()
