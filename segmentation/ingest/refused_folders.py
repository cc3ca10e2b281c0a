"""Refuse folders whose files must not be added up: tables with a log of their own, and the lake of the run."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from segmentation.errors import ConfigError, InputError
from segmentation.filesystem import FileSystem, readable_path, warn_of_hidden
from segmentation.redaction import without_secrets

# Hidden folders and files by which a format shows itself, with its name and how to write its current version.
TABLE_LOGS = {
    "_delta_log": (
        "a Delta table",
        "spark.read.format('delta').load('{table}').write.parquet('NEW_FOLDER') in Spark with Delta, or "
        "pyarrow.parquet.write_table(deltalake.DeltaTable('{table}').to_pyarrow_table(), 'NEW_FILE.parquet') in Python",
    ),
    ".hoodie": ("a Hudi table", "spark.read.format('hudi').load('{table}').write.parquet('NEW_FOLDER')"),
    ".hoodie_partition_metadata": (
        "a part of a Hudi table",
        "spark.read.format('hudi').load('TABLE').write.parquet('NEW_FOLDER')",
    ),
    "_spark_metadata": (
        "the output of a Spark stream",
        "spark.read.parquet('{table}').write.parquet('NEW_FOLDER') (or .json, .csv as the stream writes)",
    ),
}
ICEBERG = ("an Iceberg table", "spark.table('CATALOG.DATABASE.TABLE').write.parquet('NEW_FOLDER')")
ICEBERG_METADATA = re.compile(r"metadata/[^/]+\.metadata\.json(\.gz)?$")
PAIMON = ("a Paimon table", "spark.table('CATALOG.DATABASE.TABLE').write.parquet('NEW_FOLDER')")
# As Hive names the folders of a transaction, of which later ones replace or delete lines of earlier ones.
HIVE_TRANSACTION = re.compile(r"/(base_\d{7,}|(delete_)?delta_\d{7,}_\d{7,})[^/]*/")
HIVE = ("a transactional Hive table", "spark.table('DATABASE.TABLE').write.parquet('NEW_FOLDER')")
# What the lake of a run holds.
OF_THE_LAKE = ("runs", "_staging", ".refused", "latest.json")
# As Databricks marks a transaction, and names the files that it writes.
STARTED, COMMITTED = re.compile(r"_started_(\d+)"), re.compile(r"_committed_(\d+)")
OF_TRANSACTION = re.compile(r"-tid-(\d+)-")
DUCKLAKE = ("a part of a DuckLake", "COPY (FROM TABLE) TO 'NEW_FILE.parquet' in DuckDB")


def refuse_hidden_log(path: str) -> None:
    """Raise InputError for the log of a table, as met below an input folder."""
    folder, _, name = path.rpartition("/")
    if name in TABLE_LOGS:
        raise _table_error(folder, *TABLE_LOGS[name])


def refuse_log_or_warn(path: str) -> None:
    """Raise InputError for the log of a table, as met below an input folder; warn of any other hidden path."""
    refuse_hidden_log(path)
    warn_of_hidden(path)


def refuse_tables(
    paths: Iterable[str],
    exists: Callable[[str], bool],
    names_in: Callable[[str], Sequence[str]],
    read_text: Callable[[str], str],
) -> None:
    """Raise InputError where a found file belongs to a table whose log decides which of its files count.

    All folders above the files are looked at: a path may name a part of a table, or a glob inside of it. Also refused
    are files that count no more, or not yet, by the marks that Databricks writes.
    """
    folders: set[str] = set()
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        if ICEBERG_METADATA.search(path):
            raise _table_error(path.rpartition("/metadata/")[0], *ICEBERG)
        transaction = HIVE_TRANSACTION.search(path)
        if transaction:
            raise _table_error(path[: transaction.start()], *HIVE)
        folder, _, name = path.rpartition("/")
        found[folder].append(name)
        if name.startswith("ducklake-") and name.endswith(".parquet"):
            raise _table_error(folder, *DUCKLAKE)
        while folder and not folder.endswith(("/", ":")) and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    for folder in sorted(folders):
        _refuse_table(folder, exists, names_in)
    for folder, names in found.items():
        _refuse_uncommitted(folder, [name for name in names if name], names_in, read_text)


def refuse_local_tables(paths: Iterable[str]) -> None:
    """Raise InputError as `refuse_tables` for files of this machine, also where a link leads into a table."""
    named = list(paths)
    folders = {path.rpartition("/")[0] for path in named}
    resolved = [f"{Path(folder).resolve()}/" for folder in folders]
    refuse_tables(
        [*named, *resolved],
        lambda path: Path(path).exists(),
        lambda path: [entry.name for entry in Path(path).iterdir()],
        lambda path: Path(path).read_text(encoding="utf-8"),
    )


def require_apart(inputs: Iterable[str], lake: str) -> None:
    """Raise ConfigError where an input is what the lake holds, the lake inside of an input, or both are one folder.

    The next run would read what this one publishes. A file of one's own next to the runs is no part of the lake. A glob
    is compared as it is written: the lake may not exist yet.
    """
    lake_parts = _parts(lake)
    for path in inputs:
        for pattern in _without_braces(path):
            parts = _parts(pattern)
            pairs = zip(lake_parts, parts, strict=False)
            is_above_or_below = all(part == wanted or fnmatchcase(part, wanted) for part, wanted in pairs)
            below = parts[len(lake_parts) :][:1]
            is_of_the_lake = not below or any(fnmatchcase(name, below[0]) for name in OF_THE_LAKE)
            if is_above_or_below and is_of_the_lake:
                relation = (
                    "are the same folder"
                    if len(parts) == len(lake_parts)
                    else "overlap: the lake is inside of the input"
                    if len(parts) < len(lake_parts)
                    else "overlap: the input is inside of the lake"
                )
                raise ConfigError(
                    f"--input {without_secrets(path)} and --output {without_secrets(readable_path(lake))} {relation}; "
                    "name a lake apart from the input, or the next run would read what this one publishes"
                )


def require_output_apart(output: str, inputs: Iterable[str], lake: str) -> None:
    """Raise ConfigError where an output overlaps with an input or the lake: it would replace them, or be read next."""
    parts = _parts(output)
    for option, path in [*[("--input", path) for path in inputs], ("the lake", lake)]:
        for pattern in _without_braces(path):
            pairs = zip(parts, _parts(pattern), strict=False)
            if all(part == wanted or fnmatchcase(part, wanted) for part, wanted in pairs):
                raise ConfigError(
                    f"--output {without_secrets(output)} and {option} {without_secrets(path)} overlap: name an output "
                    "that is no part of the other, nor has it inside"
                )


def existence_in(filesystem: FileSystem) -> Callable[[str], bool]:
    """Return a function that says whether a path exists; False where that cannot be known."""

    def exists(path: str) -> bool:
        try:
            return filesystem.exists(path)
        except Exception:  # noqa: BLE001 - py4j raises every Java exception as its own kind; a folder of others
            return False

    return exists


def _refuse_table(folder: str, exists: Callable[[str], bool], names_in: Callable[[str], Sequence[str]]) -> None:
    for log, (table, remedy) in TABLE_LOGS.items():
        if exists(f"{folder}/{log}"):
            raise _table_error(folder, table, remedy)
    if exists(f"{folder}/metadata") and any(
        ICEBERG_METADATA.search(f"metadata/{name}") for name in names_in(f"{folder}/metadata")
    ):
        raise _table_error(folder, *ICEBERG)
    if exists(f"{folder}/snapshot/LATEST"):
        raise _table_error(folder, *PAIMON)


def _refuse_uncommitted(
    folder: str,
    found: Sequence[str],
    names_in: Callable[[str], Sequence[str]],
    read_text: Callable[[str], str],
) -> None:
    """Raise InputError where a found file is of a transaction that was not committed, or was removed by a later one."""
    try:
        marks = {name for name in names_in(folder or "/") if name.startswith("_")}
        committed = {mark[1] for name in marks if (mark := COMMITTED.fullmatch(name))}
        commits = [json.loads(read_text(f"{folder}/_committed_{number}")) for number in sorted(committed)]
        removed = {name for commit in commits for name in commit.get("removed", ())}
    except Exception:  # noqa: BLE001 - py4j raises every Java exception as its own kind; files of others
        return
    started = {mark[1] for name in marks if (mark := STARTED.fullmatch(name))}
    for name in found:
        number = OF_TRANSACTION.search(name)
        is_open = bool(started - committed) if number is None else number[1] in started - committed
        if is_open or name in removed:
            shown = without_secrets(readable_path(folder))
            reason = "may be of a transaction that was started and never committed" if is_open else "was replaced later"
            raise InputError(
                f"{shown}: by the marks of Databricks (_started_…, _committed_…), {name} {reason}, and does not count. "
                "Write what counts to a folder of its own and name that: "
                f"spark.read.parquet('{shown}').write.parquet('NEW_FOLDER') in Databricks"
            )


def _table_error(folder: str, table: str, remedy: str) -> InputError:
    shown = without_secrets(readable_path(folder))
    return InputError(
        f"{shown}: is {table}: its own log decides which files count, and all of them together would count lines "
        f"several times. Write its current version to a folder of its own and name that: {remedy.format(table=shown)}"
    )


def _parts(path: str) -> list[str]:
    """Return the parts of a path as links resolve; those of a path on another machine as they are written."""
    local = re.sub("^file:(//)?(?=/)", "", path)
    if re.match("[A-Za-z][A-Za-z0-9+.-]*:/", local):
        scheme, _, rest = local.partition(":")
        return [scheme.lower(), *[part for part in rest.split("/") if part and part != "."]]
    plain = Path(local).absolute()
    # Links are resolved up to the first part with a glob.
    globs = [number for number, part in enumerate(plain.parts) if set(part) & set("*?[")]
    fixed = globs[0] if globs and not plain.exists() else len(plain.parts)
    try:
        resolved = Path(*plain.parts[:fixed]).resolve()
    except (OSError, RuntimeError):  # a loop of links
        resolved = Path(*plain.parts[:fixed])
    return [*resolved.parts, *plain.parts[fixed:]]


def _without_braces(pattern: str) -> list[str]:
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if not braces:
        return [pattern]
    before, after = pattern[: braces.start()], pattern[braces.end() :]
    return [path for choice in braces[1].split(",") for path in _without_braces(before + choice + after)]
