"""The modules import one way, and what STYLE.md does not want is nowhere: read from the source, not from memory."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = sorted((ROOT / "segmentation").glob("*.py"))
JOBS = sorted((ROOT / "jobs").glob("*.py"))

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
        "charting",
        "progress",
        "audit",
        "manifest",
        "publishing",
        "acceptance",
        "small_tables",
        "report",
        "report_rows",
        "run_warnings",
        "request",
        "segment_rows",
        "usable",
    ),
}
CHARTS = {
    *("elbow_chart", "segments_chart", "profiles_chart", "pareto_chart"),
    *("heatmap_chart", "concentration_chart", "months_chart", "recency_chart"),
}
# What draws, of plain rows: `chart_numbers` only writes numbers out.
DRAWING = {*CHARTS, "bar_rows", "segment_marks", "chart_style", "chart_svg"}
# What the report says and draws, of rows that were collected.
REPORT = {
    *("report_format", "report_words", "report_suggestions", "report_marks", "report_examples"),
    *("report_segments", "report_tables", "report_run"),
}
# Every pair of modules, foundations apart, of which the first may import the second.
ALLOWED = {
    "pipeline": {*STAGES, "session", "input_size"} - {"audit"},  # the only module that joins the stages
    "request": {"publishing", "identity", "lake"},
    "segment_rows": {"choosing_k", "clustering", "fitting", "preparation"},
    "usable": {"cleaning", "input_files", "preparation"},
    "summary": {"chart_numbers", "pipeline", "plain_text", "report_format", "run_log", "screen"},
    "progress": {"plain_text", "screen"},
    "entry": {"plain_text", "screen"},
    "screen": {"plain_text"},
    "run_log": {"plain_text"},
    "command_line": {"config_messages"},
    "explanation": {"cleaning", "plain_text"},
    "column_guess": {"headers"},
    "header_samples": {"input_files", "json_files", "plain_text", "storage", "text_files", "xlsx"},
    "input_guess": {
        "column_guess",
        "config_document",
        "config_text",
        "date_guess",
        "header_samples",
        "headers",
        "text_files",
    },
    "config": {"config_document", "config_messages"},
    "session": {"input_size"},
    "reading": {"input_files", "text_files", "json_files", "parquet_files", "xlsx", "storage", "line_values"},
    "input_files": {"storage", "plain_text"},
    "cleaning": {"line_values"},
    "text_files": {"input_files", "headers", "open_quotes"},
    "json_files": {"input_files", "headers"},
    "parquet_files": {"input_files", "headers", "line_values"},
    "xlsx": {"headers", "config_messages", "workbook_parts", "sheet_xml"},
    "workbook_parts": {"sheet_xml"},
    "audit": {"cleaning"},
    "preparation": {"cluster_indices"},
    "fitting": {"preparation", "seeding", "warm_start", "cluster_indices"},
    "sweeping": {"preparation", "fitting", "seeding", "cluster_indices", "sampling"},
    "clustering": {"preparation", "fitting", "warm_start", "cluster_indices"},
    "warm_start": {"cluster_indices"},
    "charting": {
        *CHARTS,
        "chart_style",
        "chart_svg",
        "chart_numbers",
        "chart_aggregates",
        "choosing_k",
        "sampling",
        "report_rows",
    },
    "elbow_chart": {"chart_style", "chart_numbers", "choosing_k"},
    "segments_chart": {"carrier", "segment_marks", "chart_style", "chart_numbers"},
    "carrier": {"chart_numbers"},
    "profiles_chart": {"segment_marks", "chart_style", "chart_numbers", "chart_features"},
    "heatmap_chart": {"segment_marks", "chart_style", "chart_numbers", "chart_features"},
    "concentration_chart": {"chart_style", "chart_numbers"},
    "months_chart": {"bar_rows", "segment_marks", "chart_style", "chart_numbers"},
    "recency_chart": {"bar_rows", "segment_marks", "chart_style", "chart_numbers"},
    "bar_rows": {"segment_marks", "chart_style", "chart_numbers"},
    "chart_features": {"chart_style", "chart_numbers"},
    "pareto_chart": {"chart_style", "chart_numbers"},
    "segment_marks": {"chart_style", "chart_numbers"},
    "chart_svg": {"chart_style", "segment_marks"},
    "identity": {"storage", "__version__"},
    "lake": {"storage", "identity"},
    "acceptance": {"audit", "quality_gates", "lake", "publishing"},
    "expiry": {"lake", "publishing"},
    "publishing": {"lake", "local_disk", "identity", "writing"},
    "storage": {"local_disk"},
    "manifest": {"choosing_k", "identity", "input_files"},
    "run_warnings": {"plain_text"},
    "report": {*REPORT, "report_rows", "chart_numbers", "chart_svg", "choosing_k", "plain_text"}
    - {"report_suggestions", "report_examples"},
    "report_rows": {"chart_numbers", "sampling"},
    "report_format": {"chart_numbers"},
    "report_words": {"report_format", "carrier", "chart_features", "chart_numbers", "choosing_k"},
    "report_marks": {"segment_marks"},
    "report_examples": {"chart_numbers"},
    "report_segments": {
        *("report_format", "report_words", "report_suggestions", "report_marks", "report_rows"),
        *("chart_numbers", "chart_features", "profiles"),
    },
    "report_tables": {
        *("report_format", "report_words", "report_marks", "report_examples", "report_rows"),
        *("chart_numbers", "cleaning"),
    },
    "report_run": {"report_format", "plain_text"},
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


def imported(path: Path) -> Iterator[str]:
    """The modules of the library that a file imports, without `segmentation.`, wherever in it the import stands."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import"
            if node.module == "segmentation":
                yield from (alias.name for alias in node.names)
            elif (node.module or "").startswith("segmentation."):
                yield str(node.module).split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("segmentation."))


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
    assert {"pipeline", "session", *FOUNDATIONS, *STAGES} <= {path.stem for path in LIBRARY}
    assert "segment_customers" in {path.stem for path in JOBS}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_a_module_imports_only_what_the_design_lets_it(path: Path):
    allowed = ALLOWED.get(path.stem, set()) | OF_FOUNDATIONS.get(path.stem, FOUNDATIONS)
    assert set(imported(path)) - allowed == set()


def test_every_allowed_import_is_made():
    made = {(path.stem, module) for path in LIBRARY for module in imported(path)}
    assert {(module, other) for module, others in ALLOWED.items() for other in others} - made == set()


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_joins_no_stages_and_holds_no_spark_expression(path: Path):
    assert set(imported(path)) <= {
        *("config", "errors", "identity", "pipeline", "progress", "request", "session", "summary", "entry", "lake"),
        *("expiry", "plain_text", "command_line", "config_text", "explanation", "input_guess", "run_log"),
    }
    assert "pyspark" not in packages(path)
    frames = {"select", "selectExpr", "withColumn", "withColumns", "where", "groupBy", "agg", "read", "sql", "write"}
    assert attributes(path) & {*frames, "join", "collect", "count", "createDataFrame"} == set()


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_only_the_session_module_builds_a_spark_session(path: Path):
    builds = attributes(path) & {"builder", "getOrCreate"} or names(path) & {"SparkConf"}
    assert bool(builds) == (path.stem == "session")


@pytest.mark.parametrize("path", [*LIBRARY, *JOBS], ids=lambda path: path.stem)
def test_no_code_names_the_master(path: Path):
    assert attributes(path) & {"master", "setMaster"} == set()
    assert "spark.master" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_no_module_reads_the_command_line_or_the_environment(path: Path):
    assert dotted(path) & {"sys.argv", "os.environ", "os.getenv"} == set()
    unwanted = {"argv", "environ", "getenv"} | ({"argparse"} if path.stem != COMMAND_LINE else set())
    assert names(path) & unwanted == set()


@pytest.mark.parametrize("path", [*LIBRARY, *JOBS], ids=lambda path: path.stem)
def test_no_python_on_the_row_path_and_no_inferred_schema(path: Path):
    assert (attributes(path) | names(path)) & UNWANTED_CALLS == set()
    assert "inferSchema" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*LIBRARY, *JOBS], ids=lambda path: path.stem)
def test_no_rdd_but_the_java_one_that_spark_kmeans_is_started_with(path: Path):
    assert ("rdd" in attributes(path)) == (path.stem == "warm_start")


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_the_library_logs_and_does_not_print(path: Path):
    assert "print" not in names(path)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_built_in_names_are_not_replaced_by_spark_functions(path: Path):
    statements = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)]
    assert [node.lineno for node in statements if node.module == "pyspark.sql.functions"] == []


@pytest.mark.parametrize(
    "module",
    [
        *("choosing_k", "naming", *sorted(DRAWING), "chart_numbers", "chart_features", "report", *sorted(REPORT)),
        *("seeding", "quality_gates", "local_disk"),
        *("column_guess", "date_guess", "config_text", "command_line", "screen"),
    ],
)
def test_plain_python_modules_do_not_import_spark(module: str):
    assert "pyspark" not in packages(ROOT / "segmentation" / f"{module}.py")


def test_plotting_is_kept_to_the_charts_and_workbooks_to_their_reader():
    by_package = {
        package: {path.stem for path in LIBRARY if package in packages(path)}
        for package in ("matplotlib", "fastexcel", "jinja2")
    }
    assert by_package == {"matplotlib": DRAWING, "fastexcel": {"xlsx"}, "jinja2": {"report"}}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_a_column_is_used_by_its_constant(path: Path):
    """A column's name as text stands in `schemas` alone; settings and chart labels have their own words."""
    if path.stem in {"schemas", "config", "naming", *DRAWING, "cluster_indices"}:
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


@pytest.mark.parametrize("path", [*LIBRARY, *JOBS], ids=lambda path: path.stem)
def test_nothing_that_is_read_is_run(path: Path):
    assert packages(path) & RUNS_WHAT_IT_READS == set()
    made = {called(node) for node in calls(path)} - {"re.compile"}
    assert {call for call in made if call.rpartition(".")[2] in RUNNING_CALLS} == set()
    assert [node.lineno for node in calls(path) for keyword in node.keywords if keyword.arg == "shell"] == []


@pytest.mark.parametrize("path", [*LIBRARY, *JOBS], ids=lambda path: path.stem)
def test_yaml_is_read_as_plain_values_alone(path: Path):
    assert {name for name in dotted(path) if name.startswith("yaml.")} <= SAFE_YAML
    imports = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) and node.module == "yaml"]
    assert imports == []
