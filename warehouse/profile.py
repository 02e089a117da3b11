"""Which engine to talk to: the same profile, target and environment variables as dbt."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clickward.warehouse.errors import UsageError
from clickward.warehouse.yaml_text import read_yaml

STAGES = ("raw", "staging", "core", "features", "marts", "ml")
# Names stand in statements as they are: what is no plain name could be a statement of its own.
SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
CLUSTER = re.compile(r"[A-Za-z0-9_.-]+")
HOST = re.compile(r"[A-Za-z0-9_.:-]+|\[[0-9A-Fa-f:.]+\]")
# As the engine reads it; the profile has taken the B of 4GB and 4GiB away.
SIZE = re.compile(r"[0-9]+([KMGT]i?)?")


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
    target = Target(name, output["type"], str(output.get("schema")), settings, output)
    refuse_schema(target.schema)
    _refuse_size(settings.get("max_memory_usage", 0))
    if not target.is_embedded:
        _refuse_address(output)
    return target


def refuse_schema(schema: str) -> None:
    """Raise `UsageError` for a schema that is no plain name, before it is in any statement."""
    if not SCHEMA.fullmatch(schema):
        raise UsageError(
            f"the schema {schema[:80]!r} is no plain name",
            "set CLICKWARD_SCHEMA to letters, digits and _, no digit first, 64 at most",
        )


def _refuse_size(size: Any) -> None:
    if not SIZE.fullmatch(str(size)):
        raise UsageError(
            f"the memory a query may take, {str(size)!r}, is no size",
            "set CLICKWARD_MAX_MEMORY to whole bytes, or to a size such as 512MB, 4GB or 4GiB",
        )


def in_bytes(size: Any) -> int:
    """A size such as 4GB, 4GiB, 4G or 4000000000. Raises `UsageError` where it is none, or 0."""
    text = re.sub(r"(?<=[KMGTi])B$", "", str(size).strip().upper().replace("I", "i"))
    text = text.replace(" ", "")
    _refuse_size(text)
    digits = text.rstrip("KMGTi")
    unit = text[len(digits) :]
    factor = 1024 if unit.endswith("i") else 1000
    # As the engine reads them: K is 1000, Ki is 1024.
    value = int(digits) * factor ** ("KMGT".index(unit[0]) + 1 if unit else 0)
    if not 0 < value < 1 << 63:
        raise UsageError(f"the memory a query may take, {size!r}, is no size", "say 4GB")
    return value


def _refuse_address(options: dict[str, Any]) -> None:
    host, port, cluster = options.get("host", ""), options.get("port"), options.get("cluster")
    if not HOST.fullmatch(str(host)):
        raise UsageError(
            f"{host!r} is no host",
            "set CLICKWARD_HOST to a name or address, without http:// or port",
        )
    if not (isinstance(port, int) and 0 < port < 65536):
        raise UsageError(f"{port!r} is no port", "set CLICKWARD_PORT to a number up to 65535")
    if cluster is not None and not CLUSTER.fullmatch(str(cluster)):
        raise UsageError(
            f"{cluster!r} is no name of a cluster", "set CLICKWARD_CLUSTER as the server spells it"
        )


def _render(value: Any, path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _render(item, path) for key, item in value.items()}
    if not isinstance(value, str) or "{{" not in value:
        return value
    # Jinja costs more to import than everything else here: only a rendered value pays for it.
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.nativetypes import NativeEnvironment

    environment = NativeEnvironment(undefined=StrictUndefined)
    environment.filters["as_number"] = _as_number
    environment.filters["as_bool"] = _as_bool
    environment.filters["as_native"] = environment.filters["as_text"] = lambda text: text
    kept_text = "|" not in value
    try:
        rendered = environment.from_string(value).render(env_var=_env_var)
    except TemplateError as error:
        raise UsageError(f"{path}: cannot render {value!r}: {error}") from error
    except (ValueError, TypeError, SyntaxError) as error:
        raise UsageError(f"{path}: cannot render {value!a}: {error}") from error
    return str(rendered) if kept_text else rendered


def _as_number(text: str) -> int | float:
    try:
        return float(text) if "." in text else int(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a number") from error


def _as_bool(text: str) -> bool:
    if text not in ("True", "False"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "True"


def _env_var(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if value is None:
        raise UsageError(f"the profile needs the environment variable {name}", f"set {name}")
    return value
