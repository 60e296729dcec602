# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bench makes of its measurements: bounds, table, chart and page; and what its references ask."""

from __future__ import annotations

import importlib.util
import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import publish
from tests.bench import run as bench
from tests.bench.chart import svg
from tests.bench.measure import LONG_ROUND, Best, Json, Run, alternate
from tests.bench.publish import BEGIN, END, PAGE, replaced, section
from tests.bench.replay import replay, writes
from tests.bench.report import Bound, Row, from_json, markdown, row, table, to_json
from tests.bench.run import compiled, main
from tests.bench.works.planning import rules

FAST, SLOW = Run(1.0, 0.5, 80_000_000, "", 0.1, [{}] * 3), Run(4.0, 0.25, 90_000_000, "", 0.2, [{}] * 4)
MACHINE = {
    "size": "full",
    "date": "2026-01-01",
    "took_seconds": 600,
    "cpu_seconds": 500,
    "cpu": "A <CPU> & more",
    "cores": 2,
    "memory_gb": 8,
    "python": "3.12.1",
    "ansible_core": "2.19.0",
    "load_at_start": 0.1,
    "load_at_end": 2.0,
}


def one(limit: float) -> Row:
    return row("audit", "10 mailboxes", Best([FAST]), ("bare", Best([SLOW])), [Bound("time", 1.2, limit)], 50)


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "kept", "share"),
    [
        (20, 20, False, True, 1.0),
        (21, 20, False, False, 1.05),
        (0, 0, False, True, 0.0),
        (1, 0, False, False, 2.0),
        (20, 20, True, True, 1.0),
        (10, 20, True, False, 2.0),
        (40, 20, True, True, 0.5),
    ],
)
def test_bound_includes_its_limit(value: float, limit: float, at_least: bool, kept: bool, share: float) -> None:
    bound = Bound("x", value, limit, at_least)
    assert bound.kept is kept
    assert bound.share == pytest.approx(share)


def test_a_value_over_its_limit_is_not_rounded_into_it() -> None:
    assert str(Bound("time", 1.304, 1.3, unit=" s")) == "time 1.304 ≤ 1.3 s"
    assert str(Bound("peak", 250.04, 250)) == "peak 250.04 ≤ 250"
    assert str(Bound("times faster", 19.96, 20, at_least=True)) == "times faster 19.96 ≥ 20"


def test_the_best_of_several_runs() -> None:
    best = Best([FAST, SLOW])
    assert (best.seconds, best.cpu, best.tenant_cpu) == (1.0, 0.25, 0.1)
    assert (best.peak, best.requests) == (90_000_000, 4), "memory and requests are what it took at most"


@pytest.mark.parametrize(("seconds", "rounds"), [(0, 3), (LONG_ROUND - 1, 3), (LONG_ROUND + 1, 1)])
def test_long_works_have_one_round(monkeypatch: pytest.MonkeyPatch, seconds: float, rounds: int) -> None:
    """Every contestant has as many turns as the others."""
    now = [0.0]
    monkeypatch.setattr("tests.bench.measure.time.monotonic", lambda: now[0])
    turns: list[str] = []

    def run(name: str) -> Run:
        turns.append(name)
        now[0] += seconds / 2
        return FAST

    alternate(3, lambda: run("module"), lambda: run("reference"))
    assert turns == ["module", "reference"] * rounds


def test_ratios_are_the_module_by_the_reference() -> None:
    assert (one(2).ratio, one(2).cpu_ratio) == (0.25, 2.0)
    assert Row("cli", "50 users", note="not here").ratio is None


def test_a_work_that_broke_down_is_not_kept() -> None:
    assert not Row("plan", "", failed=True, note="RuntimeError").kept
    assert Row("cli", "50 users", note="not here: no node").kept, "what a machine lacks is no fault of the collection"


def test_unknown_work_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Else nothing was measured, and nothing missed."""
    with pytest.raises(SystemExit) as ended:
        main(["--size", "small", "--only", "import", "quota"])
    assert ended.value.code == 2
    assert "unknown work: quota" in capsys.readouterr().err


def test_only_a_whole_run_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, page = tmp_path / "bench.json", tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}", encoding="utf-8")
    monkeypatch.setattr(publish, "ROOT", tmp_path)
    monkeypatch.setattr(publish, "RESULT", result)
    monkeypatch.setattr(publish, "PAGE", page)
    monkeypatch.setattr(publish, "PICTURE", tmp_path / "picture.svg")
    ends = []
    runs: list[Json] = [{"size": "small", "only": []}, {"only": ["import"]}, {"only": []}]
    for more in runs:
        result.write_text(json.dumps(to_json([one(1.3)], {**MACHINE, **more})), encoding="utf-8")
        ends.append(publish.main([]))
    assert ends == [1, 1, 0]


def test_failing_work_is_an_error_in_a_small_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_sizes: object) -> Iterator[Row]:
        rows: list[Row] = json.loads("no tenant")
        yield from rows

    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "RESULT", tmp_path / "bench.json")
    for work, end in ((broken, 1), (lambda _sizes: iter([one(1.0)]), 0)):
        monkeypatch.setitem(bench.WORKS, "import", work)
        assert main(["--size", "small", "--only", "import"]) == end


def test_bytecode_is_compiled_before_measuring(tmp_path: Path) -> None:
    source = tmp_path / "edited.py"
    for changed in (1_700_000_000, 1_700_000_100):
        source.write_text(f"CHANGED = {changed}\n", encoding="utf-8")
        os.utime(source, (changed, changed))
        compiled(tmp_path)
        bytecode = Path(importlib.util.cache_from_source(str(source))).read_bytes()
        assert int.from_bytes(bytecode[8:12], "little") == changed


def test_the_table_has_a_line_for_each_bound() -> None:
    shown = table([one(2), one(1)]).splitlines()
    assert len(shown) == 3
    assert shown[1].endswith("kept")
    assert shown[2].endswith("MISSED")


def test_rows_survive_as_json() -> None:
    rows = [one(1), Row("cli", "", note="not here"), Row("plan", "", failed=True)]
    found = json.loads(json.dumps(to_json(rows, MACHINE)))
    assert from_json(found) == rows
    assert found["kept"] is False
    assert [item["kept"] for item in found["rows"]] == [False, True, False]


def test_the_page_tells_of_missed_bounds() -> None:
    text = section(to_json([one(2), one(1)], MACHINE), "The machine was busy.")
    assert "The machine was busy." in text
    assert "2 bounds, 1 missed." in text
    assert markdown([one(1)]).count("\n") == 2
    assert replaced(f"a {BEGIN} old {END} z", "new") == f"a {BEGIN}\n\nnew\n\n{END} z"
    with pytest.raises(ValueError, match="lacks"):
        replaced("no marks", "new")


def test_the_page_has_the_marks() -> None:
    assert replaced(PAGE.read_text("utf-8"), "new").count("new\n") == 1


def test_the_chart_is_a_picture_with_a_bar_for_each_bound() -> None:
    drawn = svg([one(2), one(1), Row("cli", "<&>", note="not here")])
    root = ET.fromstring(drawn.partition("-->")[2])  # noqa: S314 - our own
    bars = [item.get("class") for item in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars == ["paper", "kept", "missed"]


def test_a_replay_asks_the_same() -> None:
    tenant = "11111111-1111-4111-8111-111111111111"
    user, other = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
    part = {"method": "POST", "url": f"/users/{user}/assignLicense", "body": {"addLicenses": []}}
    count = {"method": "GET", "url": "/users?$filter=x&$count=true"}
    log: list[Json] = [
        {"service": "login", "method": "POST", "path": "/token", "query": {}},
        {"service": "graph", "method": "POST", "path": "/v1.0/$batch", "query": {}, "parts": [part, count]},
        {"service": "graph", "method": "GET", "path": "/v1.0/users", "query": {"$top": "999"}},
        {"service": "graph", "method": "GET", "path": "/v1.0/users", "query": {"$skiptoken": "x"}},
        {
            "service": "exchange",
            "method": "POST",
            "path": f"/adminapi/beta/{tenant}/InvokeCommand",
            "query": {},
            "cmdlet": "Get-Mailbox",
            "parameters": {"ResultSize": "Unlimited"},
        },
    ]
    batch, page, cmdlet = replay(log, {user: other})
    assert batch["json"]["requests"] == [
        {**part, "id": "0", "url": f"/users/{other}/assignLicense", "headers": {"Content-Type": "application/json"}},
        {**count, "id": "1", "headers": {"ConsistencyLevel": "eventual"}},
    ]
    assert page["query"] == {"$top": "999"}
    assert cmdlet["json"]["CmdletInput"] == {"CmdletName": "Get-Mailbox", "Parameters": {"ResultSize": "Unlimited"}}
    assert cmdlet["headers"]["X-AnchorMailbox"].endswith(tenant)
    assert writes(log) == 1


def test_the_rules_of_the_plan_are_as_many_as_asked_for() -> None:
    found = rules(50)
    assert len({rule["name"] for rule in found}) == 50
    assert found[-1]["match"] == {}
