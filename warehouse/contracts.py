"""Feature contracts, read from dbt's manifest: Python never retypes a feature's name."""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from clickward.warehouse.durations import parse_duration
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project, read_target


@dataclass(frozen=True)
class Feature:
    """One column of a `feat_` model: what the model states of it, and what its YAML entry says."""

    name: str
    data_type: str
    description: str
    model: str
    entity: str
    window: str
    aggregate: str
    available_after: str
    attacks: tuple[str, ...]
    # Whether it repeats a rule by which verdicts are made: read results without it too.
    encodes_rule: bool = False
    # What stands in its window: rows of the model `events` with the subject's values of `keys`,
    # before it or after. No window has a subject for which one of them is unknown.
    keys: tuple[str, ...] = ()
    events: str = ""
    is_after: bool = False

    @property
    def delay(self) -> timedelta:
        """`available_after` of the subject's event: seconds where it names no unit."""
        text = self.available_after
        return parse_duration(f"{text}s" if text.isdigit() else text)

    @property
    def is_sequence(self) -> bool:
        """Whether it is an array of the last events' values, which only some families read."""
        return self.data_type.startswith("Array(")

    @property
    def is_categorical(self) -> bool:
        return "String" in self.data_type and not self.is_sequence


@dataclass(frozen=True)
class FeatureSet:
    """What a model is trained on: subjects, their features, and the target."""

    name: str
    relation: str
    subject: str
    subject_id: str
    target: str
    decision_at: str
    features: tuple[Feature, ...]
    # The core table of its subjects' verdicts.
    labels: str = "labels"

    @property
    def contract_hash(self) -> str:
        """Hash of what a model depends on: target, decision time, names and types in order."""
        facts = [self.name, self.target, self.decision_at]
        facts += [f"{feature.name}:{feature.data_type}" for feature in self.features]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]

    @property
    def categorical(self) -> list[str]:
        return [feature.name for feature in self.features if feature.is_categorical]

    @property
    def numeric(self) -> list[str]:
        return [f.name for f in self.features if not f.is_categorical and not f.is_sequence]

    @property
    def sequences(self) -> list[str]:
        return [feature.name for feature in self.features if feature.is_sequence]


def read_manifest(project: Project) -> dict[str, Any]:
    """dbt's manifest, parsed anew where a file of the project is newer than it."""
    path = project.target_path / "manifest.json"
    if not path.is_file() or path.stat().st_mtime < _newest(project.project_dir):
        from clickward.warehouse.build import run_dbt

        run_dbt(project, ["parse"])
    return json.loads(path.read_text())


def read_feature_set(project: Project, name: str) -> FeatureSet:
    """The feature set `name`. Raises `UserError` naming those that exist."""
    manifest = read_manifest(project)
    sets = {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["name"].startswith("fs_")
    }
    if name not in sets:
        raise UserError(f"no feature set {name!r}", f"feature sets are {', '.join(sorted(sets))}")
    node = sets[name]
    meta = node["config"]["meta"]
    features: list[Feature] = []
    for parent in node["depends_on"]["nodes"]:
        upstream = manifest["nodes"].get(parent)
        if upstream is not None and upstream["name"].startswith("feat_"):
            features += features_of(upstream)
    return FeatureSet(
        name=name,
        # Not the manifest's schema: it is that of whichever schema was parsed last.
        relation=f"{read_target(project).database('features')}.{node['alias']}",
        subject=meta["subject"],
        subject_id=f"{meta['subject']}_id",
        target=meta["target"],
        decision_at=meta["decision_at"],
        features=tuple(features),
        labels=meta.get("labels", "labels"),
    )


def list_features(project: Project) -> list[Feature]:
    """Every feature of every `feat_` model, by model and name."""
    manifest = read_manifest(project)
    nodes = sorted(
        (node for node in manifest["nodes"].values() if node["name"].startswith("feat_")),
        key=lambda node: node["name"],
    )
    return [feature for node in nodes for feature in features_of(node)]


def find_feature(project: Project, name: str) -> Feature:
    """The feature `name`. Raises `UserError` naming those that resemble it."""
    from difflib import get_close_matches

    features = {feature.name: feature for feature in list_features(project)}
    if name not in features:
        close = get_close_matches(name, features, 3)
        raise UserError(
            f"no feature {name!r}",
            f"did you mean {', '.join(close)}?" if close else "see `clickward features list`",
        )
    return features[name]


def feature_sets_with(project: Project, feature: Feature) -> list[str]:
    """Names of the feature sets that hold a feature."""
    nodes = read_manifest(project)["nodes"].values()
    return sorted(
        node["name"]
        for node in nodes
        if node["name"].startswith("fs_")
        and any(parent.endswith(f".{feature.model}") for parent in node["depends_on"]["nodes"])
    )


def features_of(node: dict[str, Any]) -> list[Feature]:
    """The features among a `feat_` model's columns, in the order of its YAML.

    They are those that the model states (dbt_project/macros/windows/statement.sql) and those whose
    own meta names an entity. Raises `UserError` where YAML and statement do not agree.
    """
    model, found = node.get("config", {}).get("meta", {}), []
    stated = model.get("features", {})
    # A call that gives relations refers to its events last, and its YAML may say otherwise.
    events = model.get("events") or "".join(ref["name"] for ref in node.get("refs", [])[-1:])
    if "events" in model and node["config"].get("contract", {}).get("enforced"):
        _refuse_stale(node, stated)
    for column in node["columns"].values():
        meta = stated.get(column["name"], {}) | _meta(column)
        if "entity" in meta:
            keys = tuple(meta.get("keys", model.get("keys", ()))) if "window" in meta else ()
            found.append(
                Feature(
                    name=column["name"],
                    data_type=column["data_type"],
                    description=column["description"],
                    model=node["name"],
                    entity=meta["entity"],
                    window=str(meta.get("window", "")),
                    aggregate=meta["aggregate"],
                    available_after=str(meta.get("available_after", 0)),
                    attacks=tuple(meta.get("attacks", ())),
                    encodes_rule=bool(meta.get("encodes_rule", False)),
                    keys=keys,
                    events=events if keys else "",
                    is_after=bool(model.get("is_after", False)),
                )
            )
    return found


def _meta(column: dict[str, Any]) -> dict[str, Any]:
    return column["config"].get("meta") or column.get("meta") or {}


def _refuse_stale(node: dict[str, Any], stated: dict[str, dict[str, Any]]) -> None:
    for name, facts in stated.items():
        column = node["columns"].get(name)
        said = _meta(column) | {"data_type": column["data_type"]} if column else {}
        other = [f"{key} {said[key]}" for key in said if facts.get(key, said[key]) != said[key]]
        if other or not column:
            raise UserError(
                f"{node['name']} states {name}, of which its YAML says"
                f" {', '.join(other) or 'nothing'}",
                f"its columns have {{name: {name}, data_type: {facts['data_type']!r}}} with a"
                " description, and need no entity, window or aggregate",
            )


def _newest(folder: Path) -> float:
    skipped = {"target", "logs", "dbt_packages"}
    return max(
        path.stat().st_mtime
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in skipped
    )
