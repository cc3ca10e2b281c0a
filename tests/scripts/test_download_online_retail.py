"""The download of the real data set, against a server on this machine."""

import importlib.machinery
import importlib.util
import io
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "download_online_retail"
COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
ROWS = 541_909


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("download_online_retail", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def workbook(rows: int = ROWS, columns: list[str] = COLUMNS) -> bytes:
    """Return a workbook as Excel writes it: texts in a table of their own, cells that name their places."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    letters = "ABCDEFGHIJ"
    header = "".join(f'<c r="{letters[i]}1" s="2" t="s"><v>{i}</v></c>' for i in range(len(columns)))
    lines = "".join(f'<row r="{i}"><c s="1" r="A{i}"><v>536365</v></c></row>' for i in range(2, rows + 2))
    texts = "".join(f"<si><t>{name}</t></si>" for name in columns)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/workbook.xml", f"<workbook {main}/>")
        archive.writestr("xl/sharedStrings.xml", f"<sst {main}>{texts}</sst>")
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet {main}><sheetData><row r="1">{header}</row>{lines}</sheetData></worksheet>',
        )
    return file.getvalue()


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("Online Retail.xlsx", content)
    return file.getvalue()


@pytest.fixture(scope="module")
def good_workbook() -> bytes:
    return workbook()


@pytest.fixture(scope="module")
def good_archive(good_workbook: bytes) -> bytes:
    return zipped(good_workbook)


@dataclass
class Answer:
    """What the server says once: a status and a body, of which `sent` bytes arrive."""

    status: int = 200
    body: bytes = b""
    sent: int | None = None


@dataclass
class Archive:
    """The server's answers in order, the last one again and again, and how often it was asked."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    requests: int = 0

    def next_answer(self) -> Answer:
        self.requests += 1
        return self.answers[min(self.requests, len(self.answers)) - 1]


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = state.next_answer()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.sent])

        def log_message(self, *_: object) -> None:
            """Keep the tests' output free of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Archive(url=f"http://127.0.0.1:{server.server_port}/online+retail.zip")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(time, "sleep", lambda _: None)
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def test_writes_the_verified_workbook_and_nothing_else(script, archive, good_archive, good_workbook, tmp_path, capsys):
    archive.answers = [Answer(body=good_archive)]
    output = tmp_path / "new folder"

    assert script.main(["--output", str(output), "--url", archive.url]) == 0

    assert [path.name for path in output.iterdir()] == ["Online Retail.xlsx"]
    assert (output / "Online Retail.xlsx").read_bytes() == good_workbook
    said = capsys.readouterr()
    assert said.out == f"{output / 'Online Retail.xlsx'}\n"
    assert "verified: 541,909 rows" in said.err


def test_leaves_a_verified_file_alone_without_asking_the_server(script, archive, good_workbook, tmp_path, capsys):
    target = tmp_path / "Online Retail.xlsx"
    target.write_bytes(good_workbook)
    before = target.stat()

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 0

    assert archive.requests == 0
    assert target.stat().st_mtime_ns == before.st_mtime_ns
    assert "already there and verified" in capsys.readouterr().err


def test_replaces_a_file_that_is_not_the_data_set(script, archive, good_archive, good_workbook, tmp_path, capsys):
    target = tmp_path / "Online Retail.xlsx"
    target.write_bytes(good_workbook[:1000])
    archive.answers = [Answer(body=good_archive)]

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 0

    assert target.read_bytes() == good_workbook
    assert "replacing the file that is there: Online Retail.xlsx is not a readable workbook" in capsys.readouterr().err


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(lambda body: Answer(status=503), id="server trouble"),
        pytest.param(lambda body: Answer(body=body, sent=len(body) // 2), id="cut short"),
    ],
)
def test_tries_again_after_trouble_that_may_pass(script, archive, good_archive, tmp_path, capsys, trouble):
    archive.answers = [trouble(good_archive), Answer(body=good_archive)]

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 0

    assert archive.requests == 2
    assert "attempt 1 of 4 failed" in capsys.readouterr().err


def test_a_wrong_address_is_not_tried_again_and_the_message_says_what_to_do(script, archive, tmp_path, capsys):
    archive.answers = [Answer(status=404)]

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 1

    assert archive.requests == 1
    said = capsys.readouterr().err
    assert "the server answered 404" in said
    assert "https://archive.ics.uci.edu/dataset/352/online+retail" in said
    assert f"at {tmp_path / 'Online Retail.xlsx'}" in said


def test_without_a_network_the_message_says_what_to_do(script, archive, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(script, "ATTEMPTS", 2)
    nobody_listens = "http://127.0.0.1:9/online+retail.zip"

    assert script.main(["--output", str(tmp_path), "--url", nobody_listens]) == 1

    said = capsys.readouterr().err
    assert f"could not download {nobody_listens}" in said
    assert "By hand: download https://archive.ics.uci.edu" in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"<html>Please log in</html>", "what was downloaded is no readable zip archive", id="a page"),
        pytest.param(zipped(b"not a workbook"), "not a readable workbook", id="no workbook"),
        pytest.param(zipped(workbook(rows=3)), "has 3 rows, expected 541,909", id="too few rows"),
        pytest.param(zipped(workbook(rows=0)), "has 0 rows, expected 541,909", id="header only"),
        pytest.param(zipped(workbook(3, [*COLUMNS[:-1], "Land"])), "'Land'], expected", id="another column"),
    ],
)
def test_what_is_not_the_data_set_is_refused_and_leaves_nothing(script, archive, tmp_path, capsys, body, message):
    archive.answers = [Answer(body=body)]

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 1

    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_failed_verification_stays_until_there_is_a_better_one(script, archive, tmp_path):
    target = tmp_path / "Online Retail.xlsx"
    target.write_bytes(b"someone's own")
    archive.answers = [Answer(status=404)]

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 1

    assert target.read_bytes() == b"someone's own"


def test_an_output_that_is_a_file_is_one_message(script, archive, tmp_path, capsys):
    output = tmp_path / "taken"
    output.write_text("")

    assert script.main(["--output", str(output), "--url", archive.url]) == 1

    assert f"could not write to {output}" in capsys.readouterr().err


@pytest.mark.online_retail
@pytest.mark.skipif("ONLINE_RETAIL_DIR" not in os.environ, reason="ONLINE_RETAIL_DIR is not set")
def test_the_real_file_is_verified(script):
    script.verify(Path(os.environ["ONLINE_RETAIL_DIR"], "Online Retail.xlsx"))
