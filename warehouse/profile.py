"""Which engine to talk to: the same profile, target and environment variables as dbt."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clickward.warehouse.errors import UsageError
from clickward.warehouse.yaml_text import read_yaml

STAGES = ("raw", "staging", "core", "features", "marts", "ml")


@dataclass(frozen=True)
class Project:
    """Folders of one clickward project, all absolute."""

    project_dir: Path
    profiles_dir: Path
    target_name: str | None = None

    @property
    def home(self) -> Path:
        """What clickward keeps beside the project: store, artifacts, snapshots."""
        return self.profiles_dir.parent / ".clickward"

    @property
    def target_path(self) -> Path:
        """Where dbt writes its manifest: `DBT_TARGET_PATH`, as for dbt itself, or `target`."""
        return self.project_dir / (os.environ.get("DBT_TARGET_PATH") or "target")

    @property
    def log_path(self) -> Path:
        """dbt's log file: in `DBT_LOG_PATH`, as for dbt itself, or in `logs`."""
        folder = os.environ.get("DBT_LOG_PATH")
        return (Path(folder).absolute() if folder else self.project_dir / "logs") / "dbt.log"


@dataclass(frozen=True)
class Target:
    """One output of the profile, rendered."""

    name: str
    type: str
    schema: str
    settings: dict[str, Any]
    options: dict[str, Any] = field(repr=False)

    @property
    def is_embedded(self) -> bool:
        return self.type == "chdb"

    def database(self, stage: str) -> str:
        """Name of a stage's database, such as `clickward_core`."""
        if stage not in STAGES:
            raise UsageError(f"unknown stage {stage!r}", f"stages are {', '.join(STAGES)}")
        return f"{self.schema}_{stage}"


def find_project(
    project_dir: str | None = None, profiles_dir: str | None = None, target: str | None = None
) -> Project:
    """The project named by options, dbt's environment variables, or the folders above.

    Looks for `dbt_project/dbt_project.yml` from the working directory upwards, then in the
    checkout this program runs from; where it was installed from a wheel, there is none.
    """
    named = project_dir or os.environ.get("DBT_PROJECT_DIR")
    candidates = (
        [Path(named)]
        if named
        else [
            folder / "dbt_project"
            for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parent.parent)
        ]
    )
    found = next((c for c in candidates if (c / "dbt_project.yml").is_file()), None)
    if found is None:
        where = f"in {named}" if named else "in dbt_project/ here or in any folder above"
        raise UsageError(
            f"no dbt_project.yml {where}",
            "run `clickward init` to lay a project here, or name a folder with --project-dir",
        )
    profiles = Path(
        profiles_dir or os.environ.get("DBT_PROFILES_DIR") or found.resolve().parent / "profiles"
    )
    if not (profiles / "profiles.yml").is_file():
        raise UsageError(f"no profiles.yml in {profiles}", "name the folder with --profiles-dir")
    return Project(found.resolve(), profiles.resolve(), target or os.environ.get("DBT_TARGET"))


def read_target(project: Project) -> Target:
    """The chosen output of the profile, its `env_var(...)` calls rendered."""
    profile_name = read_yaml(project.project_dir / "dbt_project.yml")["profile"]
    path = project.profiles_dir / "profiles.yml"
    profiles = read_yaml(path) or {}
    if profile_name not in profiles:
        raise UsageError(
            f"{path} has no profile {profile_name!r}", "add it, or fix dbt_project.yml"
        )
    profile = profiles[profile_name]
    outputs = profile.get("outputs", {})
    name = project.target_name or _render(profile.get("target", "default"), path)
    if name not in outputs:
        raise UsageError(
            f"unknown target {name!r} in {path}", f"targets are {', '.join(sorted(outputs))}"
        )
    output = {key: _render(value, path) for key, value in outputs[name].items()}
    settings = output.pop("custom_settings", None) or {}
    if output.get("type") not in ("chdb", "clickhouse"):
        raise UsageError(
            f"target {name!r} in {path} has type {output.get('type')!r}",
            "use type chdb (embedded) or clickhouse (server, cluster)",
        )
    return Target(name, output["type"], output["schema"], settings, output)


def _render(value: Any, path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _render(item, path) for key, item in value.items()}
    if not isinstance(value, str) or "{{" not in value:
        return value
    # Jinja costs more to import than everything else here: only a rendered value pays for it.
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.nativetypes import NativeEnvironment

    environment = NativeEnvironment(undefined=StrictUndefined)
    environment.filters["as_number"] = float if "." in value else int
    environment.filters["as_bool"] = lambda text: str(text).strip().lower() in ("1", "true", "yes")
    environment.filters["as_native"] = environment.filters["as_text"] = lambda text: text
    kept_text = "|" not in value
    try:
        rendered = environment.from_string(value).render(env_var=_env_var)
    except TemplateError as error:
        raise UsageError(f"{path}: cannot render {value!r}: {error}") from error
    except ValueError as error:
        raise UsageError(f"{path}: {value!r} is not a number: {error}") from error
    return str(rendered) if kept_text else rendered


def _env_var(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if value is None:
        raise UsageError(f"the profile needs the environment variable {name}", f"set {name}")
    return value
