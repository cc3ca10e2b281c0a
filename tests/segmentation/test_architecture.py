"""The modules import one way, and what STYLE.md does not want is nowhere: read from the source, not from memory."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = sorted((ROOT / "segmentation").rglob("*.py"))
JOBS = sorted((ROOT / "jobs").glob("*.py"))

# Folders of modules that belong together.
PACKAGES = {path.parent.name for path in LIBRARY if path.name == "__init__.py"} - {"segmentation"}
# What any module may import, and what it may not do without: these import no stage.
FOUNDATIONS = {"schemas", "config", "errors"}
STAGES = {
    *(
        "reading",
        "cleaning",
        "baskets",
        "features",
        "preparation",
        "fitting",
        "sweeping",
        "clustering",
        "choosing_k",
        "naming",
        "profiles",
        "rollups",
        "lake",
    ),
    *(
        "input_files",
        "identity",
        "charts.drawing",
        "progress",
        "audit",
        "manifest",
        "publishing",
        "acceptance",
        "small_tables",
        "report.page",
        "largest_rows",
        "run_warnings",
        "request",
        "segment_rows",
        "usable",
    ),
}
CHARTS = {
    *("charts.elbow", "charts.segments", "charts.profiles", "charts.pareto"),
    *("charts.heatmap", "charts.concentration", "charts.months", "charts.recency"),
}
# What draws, of plain rows: `charts.numbers` only writes numbers out.
DRAWING = {*CHARTS, "charts.bar_rows", "charts.marks", "charts.style", "charts.svg"}
# What the report says and draws, of rows that were collected.
REPORT = {
    *("report.formatting", "report.words", "report.suggestions", "report.marks", "report.examples"),
    *("report.segments", "report.tables", "report.run"),
}
# Every pair of modules, foundations apart, of which the first may import the second.
ALLOWED = {
    "pipeline": {*STAGES, "session", "input_size"} - {"audit"},  # the only module that joins the stages
    "request": {"publishing", "identity", "lake"},
    "segment_rows": {"choosing_k", "clustering", "fitting", "preparation"},
    "usable": {"cleaning", "input_files", "preparation"},
    "summary": {"charts.numbers", "pipeline", "plain_text", "report.formatting", "run_log", "screen"},
    "progress": {"plain_text", "screen"},
    "entry": {"plain_text", "screen"},
    "typed_command": {"plain_text"},
    "screen": {"plain_text"},
    "run_log": {"plain_text"},
    "command_line": {"config_messages"},
    "explanation": {"cleaning", "plain_text"},
    "guess.columns": {"guess.column_names", "headers"},
    "guess.values": {"guess.column_names", "config_text", "guess.samples", "text_files"},
    "guess.samples": {"input_files", "json_files", "plain_text", "storage", "text_files", "xlsx"},
    "guess.input": {
        "guess.columns",
        "config_document",
        "config_text",
        "guess.dates",
        "guess.samples",
        "headers",
        "guess.values",
    },
    "config": {"config_document", "config_messages"},
    "session": {"input_size"},
    "reading": {"input_files", "text_files", "json_files", "parquet_files", "xlsx", "storage", "line_values"},
    "input_files": {"storage", "plain_text"},
    "cleaning": {"line_values", "thin_lines"},
    "rollups": {"baskets"},
    "text_files": {"input_files", "headers", "open_quotes"},
    "json_files": {"input_files", "headers"},
    "parquet_files": {"input_files", "headers", "line_values"},
    "xlsx": {"headers", "config_messages", "workbook_parts", "sheet_xml"},
    "workbook_parts": {"sheet_xml"},
    "audit": {"cleaning"},
    "preparation": {"cluster_indices"},
    "fitting": {"preparation", "seeding", "warm_start", "cluster_indices"},
    "sweeping": {"preparation", "fitting", "seeding", "cluster_indices", "measuring", "sampling"},
    "clustering": {"preparation", "fitting", "warm_start", "cluster_indices"},
    "warm_start": {"cluster_indices"},
    "cluster_indices": {"seeding"},
    "measuring": {"cluster_indices"},
    "charts.drawing": {
        *CHARTS,
        "charts.style",
        "charts.svg",
        "charts.numbers",
        "charts.aggregates",
        "choosing_k",
        "sampling",
        "largest_rows",
    },
    "charts.elbow": {"charts.style", "charts.numbers", "choosing_k"},
    "charts.segments": {"charts.carrier", "charts.marks", "charts.style", "charts.numbers"},
    "charts.carrier": {"charts.numbers"},
    "charts.profiles": {"charts.marks", "charts.style", "charts.numbers", "charts.features"},
    "charts.heatmap": {"charts.marks", "charts.style", "charts.numbers", "charts.features"},
    "charts.concentration": {"charts.style", "charts.numbers"},
    "charts.months": {"charts.bar_rows", "charts.marks", "charts.style", "charts.numbers"},
    "charts.recency": {"charts.bar_rows", "charts.marks", "charts.style", "charts.numbers"},
    "charts.bar_rows": {"charts.marks", "charts.style", "charts.numbers"},
    "charts.features": {"charts.style", "charts.numbers"},
    "charts.pareto": {"charts.style", "charts.numbers"},
    "charts.marks": {"charts.style", "charts.numbers"},
    "charts.svg": {"charts.style", "charts.marks"},
    "identity": {"storage", "__version__"},
    "lake": {"storage", "identity"},
    "acceptance": {"audit", "quality_gates", "lake", "publishing"},
    "expiry": {"lake", "publishing"},
    "publishing": {"lake", "local_disk", "identity", "writing"},
    "storage": {"local_disk"},
    "manifest": {"choosing_k", "identity", "input_files"},
    "run_warnings": {"plain_text"},
    "report.page": {*REPORT, "largest_rows", "charts.numbers", "charts.svg", "choosing_k", "plain_text"}
    - {"report.suggestions", "report.examples"},
    "largest_rows": {"charts.numbers", "sampling"},
    "report.formatting": {"charts.numbers", "plain_text"},
    "report.words": {"report.formatting", "charts.carrier", "charts.features", "charts.numbers", "choosing_k"},
    "report.marks": {"charts.marks"},
    "report.examples": {"charts.numbers"},
    "report.segments": {
        *("report.formatting", "report.words", "report.suggestions", "report.marks", "largest_rows"),
        *("charts.numbers", "charts.features", "profiles"),
    },
    "report.tables": {
        *("report.formatting", "report.words", "report.marks", "report.examples", "largest_rows"),
        *("charts.numbers", "cleaning"),
    },
    "report.run": {"report.formatting", "plain_text"},
}
OF_FOUNDATIONS = {"errors": set(), "schemas": {"errors"}, "config": {"errors", "schemas"}}
# Row by row in Python, or everything to the driver.
UNWANTED_CALLS = {
    *("udf", "pandas_udf", "toPandas", "mapInPandas", "applyInPandas", "mapInArrow", "applyInArrow", "foreach"),
    *("foreachPartition", "mapPartitions", "toLocalIterator", "pandas_api", "show"),
}
# Reading a value by running what it says, or handing a text to a shell.
RUNS_WHAT_IT_READS = {"pickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "jsonpickle"}
RUNNING_CALLS = {"eval", "exec", "compile", "__import__", "system", "popen", "import_module"}
SAFE_YAML = {"yaml.safe_load", "yaml.safe_dump", "yaml.YAMLError"}
# What a command line is read with: the arguments themselves are given to it.
COMMAND_LINE = "command_line"


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path: Path) -> str:
    """A module's name inside the library, as `cleaning` or `charts.style`; a job's is that of its file."""
    if path in JOBS:
        return path.stem
    return ".".join(path.relative_to(ROOT / "segmentation").with_suffix("").parts)


def imported(path: Path) -> Iterator[str]:
    """The modules of the library that a file imports, without `segmentation.`, wherever in it the import stands."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import"
            if node.module == "segmentation":
                yield from (alias.name for alias in node.names)
            elif (node.module or "").startswith("segmentation."):
                within = str(node.module).removeprefix("segmentation.")
                yield from [f"{within}.{alias.name}" for alias in node.names] if within in PACKAGES else [within]
        elif isinstance(node, ast.Import):
            yield from (
                alias.name.removeprefix("segmentation.") for alias in node.names if "segmentation." in alias.name
            )


def packages(path: Path) -> set[str]:
    """The packages outside the library that a file imports."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
    return found - {"segmentation"}


def attributes(path: Path) -> set[str]:
    """Every name behind a dot, but for those behind another name of Python's own `sys` and `os`."""
    return {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}


def names(path: Path) -> set[str]:
    """Every bare name and every imported one."""
    bare = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
    statements = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return bare | {alias.name for node in statements for alias in node.names}


def dotted(path: Path) -> set[str]:
    """Every `name.attribute`, such as sys.argv."""
    return {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def test_there_is_a_library_and_a_job_to_look_at():
    assert {"pipeline", "session", *FOUNDATIONS, *STAGES} <= {name_of(path) for path in LIBRARY}
    assert "segment_customers" in {name_of(path) for path in JOBS}


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_a_module_imports_only_what_the_design_lets_it(path: Path):
    allowed = ALLOWED.get(name_of(path), set()) | OF_FOUNDATIONS.get(name_of(path), FOUNDATIONS)
    assert set(imported(path)) - allowed == set()


def test_every_allowed_import_is_made():
    made = {(name_of(path), module) for path in LIBRARY for module in imported(path)}
    assert {(module, other) for module, others in ALLOWED.items() for other in others} - made == set()


@pytest.mark.parametrize("path", JOBS, ids=name_of)
def test_a_job_joins_no_stages_and_holds_no_spark_expression(path: Path):
    assert set(imported(path)) <= {
        *("config", "errors", "identity", "pipeline", "progress", "request", "session", "summary", "entry", "lake"),
        *("expiry", "plain_text", "command_line", "config_text", "explanation", "guess.input", "run_log"),
        "typed_command",
    }
    assert "pyspark" not in packages(path)
    frames = {"select", "selectExpr", "withColumn", "withColumns", "where", "groupBy", "agg", "read", "sql", "write"}
    assert attributes(path) & {*frames, "join", "collect", "count", "createDataFrame"} == set()


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_only_the_session_module_builds_a_spark_session(path: Path):
    builds = attributes(path) & {"builder", "getOrCreate"} or names(path) & {"SparkConf"}
    assert bool(builds) == (name_of(path) == "session")


@pytest.mark.parametrize("path", [*LIBRARY, *JOBS], ids=name_of)
def test_no_code_names_the_master(path: Path):
    assert attributes(path) & {"master", "setMaster"} == set()
    assert "spark.master" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_no_module_reads_the_command_line_or_the_environment(path: Path):
    assert dotted(path) & {"sys.argv", "os.environ", "os.getenv"} == set()
    unwanted = {"argv", "environ", "getenv"} | ({"argparse"} if name_of(path) != COMMAND_LINE else set())
    assert names(path) & unwanted == set()


@pytest.mark.parametrize("path", [*LIBRARY, *JOBS], ids=name_of)
def test_no_python_on_the_row_path_and_no_inferred_schema(path: Path):
    assert (attributes(path) | names(path)) & UNWANTED_CALLS == set()
    assert "inferSchema" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*LIBRARY, *JOBS], ids=name_of)
def test_no_rdd_but_the_java_one_that_spark_kmeans_is_started_with(path: Path):
    assert ("rdd" in attributes(path)) == (name_of(path) == "warm_start")


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_the_library_logs_and_does_not_print(path: Path):
    assert "print" not in names(path)


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_built_in_names_are_not_replaced_by_spark_functions(path: Path):
    statements = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)]
    assert [node.lineno for node in statements if node.module == "pyspark.sql.functions"] == []


@pytest.mark.parametrize(
    "module",
    [
        *(
            "choosing_k",
            "naming",
            *sorted(DRAWING),
            "charts.numbers",
            "charts.features",
            "report.page",
            *sorted(REPORT),
        ),
        *("seeding", "quality_gates", "local_disk"),
        *("guess.columns", "guess.column_names", "guess.values", "guess.dates"),
        *("config_text", "command_line", "screen", "typed_command"),
    ],
)
def test_plain_python_modules_do_not_import_spark(module: str):
    assert "pyspark" not in packages(ROOT / "segmentation" / f"{module.replace('.', '/')}.py")


def test_plotting_is_kept_to_the_charts_and_workbooks_to_their_reader():
    by_package = {
        package: {name_of(path) for path in LIBRARY if package in packages(path)}
        for package in ("matplotlib", "fastexcel", "jinja2")
    }
    assert by_package == {"matplotlib": DRAWING, "fastexcel": {"xlsx"}, "jinja2": {"report.page"}}


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_a_column_is_used_by_its_constant(path: Path):
    """A column's name as text stands in `schemas` alone; settings and chart labels have their own words."""
    if name_of(path) in {"schemas", "config", "naming", *DRAWING, "cluster_indices"}:
        return
    spark_calls = {"col", "select", "groupBy", "orderBy", "alias", "withColumn", "drop", "partitionBy"}
    texts = {
        argument.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in spark_calls
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    source = (ROOT / "segmentation" / "schemas.py").read_text(encoding="utf-8")
    declared = set(re.findall(r'^[A-Z_]+ = "([a-z_]+)"$', source, flags=re.MULTILINE))
    assert texts & declared == set()


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


def called(node: ast.Call) -> str:
    """What is called: the name, with all that stands before its dots."""
    return ast.unparse(node.func)


@pytest.mark.parametrize("path", [*LIBRARY, *JOBS], ids=name_of)
def test_nothing_that_is_read_is_run(path: Path):
    assert packages(path) & RUNS_WHAT_IT_READS == set()
    made = {called(node) for node in calls(path)} - {"re.compile"}
    assert {call for call in made if call.rpartition(".")[2] in RUNNING_CALLS} == set()
    assert [node.lineno for node in calls(path) for keyword in node.keywords if keyword.arg == "shell"] == []


@pytest.mark.parametrize("path", [*LIBRARY, *JOBS], ids=name_of)
def test_yaml_is_read_as_plain_values_alone(path: Path):
    assert {name for name in dotted(path) if name.startswith("yaml.")} <= SAFE_YAML
    imports = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) and node.module == "yaml"]
    assert imports == []
