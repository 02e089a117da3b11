"""Which subjects to score again: new ones, and those whose features are not those last scored."""

from clickward.models_ml.dataset.reading import BETWEEN, Span
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet


def features_hash(feature_set: FeatureSet) -> str:
    """SQL of a number that differs where any feature of a row of `f` does, unknown from 0 too."""
    columns = ", ".join(f"f.`{feature.name}`" for feature in feature_set.features)
    return f"cityHash64(tuple({columns}))"


def unlike_last_score(
    warehouse: Warehouse, feature_set: FeatureSet, version: str, kind: str
) -> str:
    """SQL condition on a row of `f`: no run of this `kind` has scored it with these features
    by this model version."""
    last = _last_scores(warehouse, version, kind)
    return (
        f"(f.{feature_set.subject_id}, {features_hash(feature_set)}) not in"
        f" (select subject_id, last_hash from ({last}))"
    )


def count_changes(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    version: str,
    kind: str,
    span: Span,
    condition: str,
) -> dict[str, int]:
    """How many subjects of `span` meet the condition: `new` ones and `changed` ones."""
    scored = f"select subject_id from ({_last_scores(warehouse, version, kind)})"
    new, changed = warehouse.client.query(
        f"select countIf(is_new), countIf(not is_new) from"
        f" (select f.{feature_set.subject_id} not in ({scored}) as is_new"
        f" from {feature_set.relation} as f"
        f" where {BETWEEN.format(column='f.event_at')} and ({condition}))",
        parameters={"from_at": span.from_at, "to_at": span.to_at},
    ).result_rows[0]
    return {"new": int(new), "changed": int(changed)}


def _last_scores(warehouse: Warehouse, version: str, kind: str) -> str:
    """SQL of the features' hash at each subject's latest committed score by the version."""
    ml = {name: warehouse.table("ml", name) for name in ("scores", "runs")}
    return (
        "select s.subject_id as subject_id, argMax(s.features_hash, r.committed_at) as last_hash"
        f" from {ml['scores']} as s inner join {ml['runs']} as r"
        f" on r.run_id = s.run_id and r.kind = '{kind}'"
        f" where s.model_version = '{version}' group by subject_id"
    )
