"""Models that versions 0.1.0 and 0.2.0 wrote are read, and score to the bit, as they are."""

import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from clickward.models_ml.estimators import EXTRAS, FAMILIES, family
from clickward.models_ml.estimators.parts import load_part
from clickward.models_ml.training.artifacts import load_artifact
from clickward.renamed import today
from clickward.warehouse.content import hash_folder
from clickward.warehouse.errors import UserError

OLD, LAST = (Path(__file__).parent / f"artifacts_{version}" for version in ("0_1", "0_2"))
FACTS: dict[str, Any] = json.loads((OLD / "scores.json").read_text())
OF_LAST: dict[str, Any] = json.loads((LAST / "scores.json").read_text())
MODELS = [(OLD, name) for name in FACTS] + [(LAST, name) for name in OF_LAST]
SEQUENCE = "device__last_2_click_seconds_7d"
# Keep nothing that names a class by its path: plain JSON, or nothing at all.
WITHOUT_PARTS = {"prior", "rules"}


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    types = {"ctit": pl.Float64, "network": pl.String, SEQUENCE: pl.List(pl.Float32)}
    return pl.read_ndjson(OLD / "rows.jsonl", schema_overrides=types)


def unpacked(name: str, folder: Path, made: Path = OLD) -> Path:
    shutil.unpack_archive(made / f"{name}.zip", folder / name)
    return folder / name


def test_every_family_that_keeps_parts_is_here() -> None:
    assert set(FACTS) == set(FAMILIES) - WITHOUT_PARTS
    assert set(OF_LAST) == set(FAMILIES)


@pytest.mark.parametrize(
    ("made", "name"),
    [
        pytest.param(
            made, name, id=f"{made.name}-{name}",
            marks=pytest.mark.needs("torch") if name in EXTRAS else (),
        )
        for made, name in MODELS
    ],
)  # fmt: skip
def test_it_scores_to_the_bit(made: Path, name: str, rows: pl.DataFrame, tmp_path: Path) -> None:
    facts = (FACTS if made == OLD else OF_LAST)[name]
    folder = unpacked(name, tmp_path, made)
    loaded = load_artifact(folder, facts["hash"]).estimator
    given = rows if family(name).reads_sequences else rows.drop(SEQUENCE)
    assert [score.hex() for score in loaded.predict_score(given).tolist()] == facts["scores"]
    assert len(set(facts["scores"])) >= (1 if name == "prior" else 3)
    # Reading maps the old paths in memory only.
    assert hash_folder(folder) == facts["hash"]
    copy = tmp_path / "again"
    copy.mkdir()
    loaded.save(copy)
    again = family(name).load(copy)
    assert (again.predict_score(given) == loaded.predict_score(given)).all()
    for part in copy.glob("*.skops"):
        named = set(re.findall(r'"__module__": "([^"]+)"', schema_of(part)))
        assert named == {today(module) for module in named}


def test_the_old_paths_are_really_in_them(tmp_path: Path) -> None:
    old = {
        name
        for name in FACTS
        for part in unpacked(name, tmp_path).glob("*.skops")
        if '"__module__": "models_ml.' in schema_of(part)
    }
    assert old == set(FACTS)


def test_a_changed_old_artifact_is_refused(tmp_path: Path) -> None:
    folder = unpacked("linear_svm", tmp_path)
    part = folder / "dense.skops"
    part.write_bytes(part.read_bytes() + b"\0")
    with pytest.raises(UserError, match="was changed after training"):
        load_artifact(folder, FACTS["linear_svm"]["hash"])


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("models_ml.os", "system"),
        ("models_ml", "os.system"),
        ("models_ml.artifacts.shutil", "rmtree"),
        ("models_ml.dense", "np.load"),
        ("models_ml.preprocessing.os", "Standard"),
        ("models_ml.artifacts", "Artifact"),
        ("models_ml_more.dense", "Dense"),
        ("clickward.models_ml.dense.os", "system"),
        ("clickward.models_ml.artifacts", "Artifact"),
        ("os", "system"),
    ],
)
@pytest.mark.parametrize("loader", ["FunctionNode", "TypeNode", "ObjectNode"])
def test_a_forged_path_is_refused(loader: str, module: str, name: str, tmp_path: Path) -> None:
    part = unpacked("linear_svm", tmp_path) / "dense.skops"
    schema = json.loads(schema_of(part))
    assert schema["__module__"] == "models_ml.dense"
    load_part(part)
    # As a whole, and as one attribute of a whole that is trusted.
    forged = {"__module__": module, "__class__": name, "__loader__": loader, "__id__": 1}
    forged["content"] = schema["content"]
    inside = json.loads(json.dumps(schema))
    inside["content"]["content"]["logs_"] = forged
    for planted in (schema | forged, inside):
        write_schema(part, planted)
        with pytest.raises(UserError, match="types that are not trusted") as refused:
            load_part(part)
        assert name in refused.value.message


def schema_of(part: Path) -> str:
    with zipfile.ZipFile(part) as archive:
        return archive.read("schema.json").decode()


def write_schema(part: Path, schema: dict[str, Any]) -> None:
    with zipfile.ZipFile(part) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(part, "w") as archive:
        for name, data in (kept | {"schema.json": json.dumps(schema).encode()}).items():
            archive.writestr(name, data)
