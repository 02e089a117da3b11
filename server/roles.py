"""What each role may do, and the engine's configuration that makes it so."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.sax.saxutils import escape

from clickward.server.settings import BOUNDED, changeable

# What clients ask for to find their way; every other system table fails for readers.
OPEN_SYSTEM_TABLES = {
    "aggregate_function_combinators", "build_options", "codecs", "collations", "columns",
    "completions", "contributors", "data_type_families", "databases", "dictionaries",
    "documentation", "formats", "functions", "keywords", "licenses", "macros", "numbers",
    "numbers_mt", "one", "privileges", "processes", "projections", "settings", "settings_changes",
    "table_engines", "table_functions", "tables", "time_zones", "unicode", "zeros", "zeros_mt",
}  # fmt: skip
# Of a reader's process: the store and its scratch folder, by which the engine calls them.
DESCRIPTORS = "/proc/self/fd"
STORE_FILE, SCRATCH_FILE = 200, 201
# A query is shown, and may be stopped, by who knows the comment it was given.
OWN_QUERIES = "Settings['log_comment'] = getSetting('log_comment')"
REFUSED = "(select throwIf(1, 'Readers may not read this table'))"


class Role(StrEnum):
    """`engineer`: everything. `reader`: the marts of a publication."""

    ENGINEER = "engineer"
    READER = "reader"


@dataclass(frozen=True)
class Limits:
    """Bytes and seconds one query may take, and queries at once."""

    memory: int
    seconds: int
    queries: int

    def as_settings(self) -> dict[str, str]:
        """The limits as defaults that a request may change."""
        return {"max_memory_usage": str(self.memory), "max_execution_time": str(self.seconds)}


@dataclass(frozen=True)
class Known:
    """Names that the engine knows: of its system tables, and of its settings but for aliases."""

    system_tables: list[str]
    settings: list[str]


def write_reader_config(folder: Path, marts: str, known: Known, limits: Limits) -> Path:
    """The configuration a reader's engine is opened with; returns its main file.

    ClickHouse itself enforces it: the one user may SELECT from the database `marts`, is `readonly`
    (2: the settings of `settings.py` may change), and sees of system tables what clients need.
    """
    (folder / "empty").mkdir()
    users = folder / "users.xml"
    config = folder / "config.xml"
    policies = {name: REFUSED for name in known.system_tables if name not in OPEN_SYSTEM_TABLES}
    policies["processes"] = OWN_QUERIES
    users.write_text(
        USERS.format(
            marts=escape(marts.replace("\\", "\\\\").replace("`", "\\`")),
            memory=limits.memory,
            seconds=limits.seconds,
            constraints=_constraints(limits, known.settings),
            policies="".join(
                f"<{name}><filter>{escape(condition)}</filter></{name}>"
                for name, condition in policies.items()
            ),
        )
    )
    config.write_text(CONFIG.format(users=escape(str(users)), folder=escape(_called(folder))))
    return config


def _called(folder: Path) -> str:
    return f"{DESCRIPTORS}/{SCRATCH_FILE}" if Path(DESCRIPTORS).is_dir() else str(folder)


def _constraints(limits: Limits, settings: list[str]) -> str:
    """What of the engine's `settings` may not change, and how far what costs more may."""
    greatest = BOUNDED | {"max_memory_usage": limits.memory, "max_execution_time": limits.seconds}
    fixed = sorted(set(settings) - changeable() - set(greatest))
    return "".join(f"<{name}><const/></{name}>" for name in fixed) + "".join(
        f"<{name}><min>1</min><max>{most}</max></{name}>" for name, most in greatest.items()
    )


USERS = """<clickhouse>
  <profiles>
    <default>
      <readonly>2</readonly>
      <implicit_select>0</implicit_select>
      <allow_introspection_functions>0</allow_introspection_functions>
      <input_format_defaults_for_omitted_fields>0</input_format_defaults_for_omitted_fields>
      <input_format_values_interpret_expressions>0</input_format_values_interpret_expressions>
      <input_format_values_deduce_templates_of_expressions>0</input_format_values_deduce_templates_of_expressions>
      <max_memory_usage>{memory}</max_memory_usage>
      <max_execution_time>{seconds}</max_execution_time>
      <constraints>
        {constraints}
      </constraints>
    </default>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password></password>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants><query>GRANT SELECT ON `{marts}`.*</query></grants>
      <databases><system>{policies}</system></databases>
    </default>
  </users>
</clickhouse>
"""

# Idle threads end, so that a burst of them does not keep its memory for good.
FEW_IDLE_THREADS = """<max_thread_pool_free_size>16</max_thread_pool_free_size>
  <max_parts_cleaning_thread_pool_size>4</max_parts_cleaning_thread_pool_size>"""
ENGINEER_CONFIG = f"<clickhouse>\n  {FEW_IDLE_THREADS}\n</clickhouse>\n"
# Nothing is merged: a publication is served as it was made.
NO_MERGES = """<merge_tree>
    <max_bytes_to_merge_at_max_space_in_pool>1</max_bytes_to_merge_at_max_space_in_pool>
  </merge_tree>"""
CONFIG = f"""<clickhouse>
  <users_config>{{users}}</users_config>
  <user_files_path>{{folder}}/empty/</user_files_path>
  <format_schema_path>{{folder}}/empty/</format_schema_path>
  {FEW_IDLE_THREADS}
  {NO_MERGES}
</clickhouse>
"""
PUBLISHING_CONFIG = f"<clickhouse>{NO_MERGES}</clickhouse>\n"
