# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/reliability.md is complete: each fault has a row, and each row tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.simulator.faults import KINDS
from tests.unit.support.doc_tables import missing, rows

TESTS = Path(__file__).resolve().parents[2]

FAULTS = (
    "connection refused",
    "untrusted certificate",
    "reset in the head",
    "reset in the body",
    "slow first byte",
    "slow drip",
    "in the middle of a multi-byte character",
    "gzip that ends early",
    "redirect to another host",
    "nextlink to another host",
    "html page with status 200",
    *(str(status) for status in (400, 401, 403, 404, 409, 423, 429, 500, 502, 503, 504)),
    "429 without retry-after, with seconds, with a date",
    "429 with an absurd value",
    "parts of a batch refused for now, with and without headers",
    "batch answered in another order",
    "batch with a part missing",
    "batch with a part twice",
    "batch with 424s",
    "token expired in the middle of paging",
    "a page lost",
    "a page repeated",
    "pages overlapping",
    "endless nextlink chain",
    "expired nextlink",
    "user deleted between read and write",
    "seats taken by someone else between plan and write",
    "a write that took effect but whose answer was lost",
    "read-back that lags for seconds",
    "read-back that lags forever",
    "the beta endpoint is missing",
    "cmdlets that this application may not run",
    "warnings of truncated results",
    "`capabilitystatus` values never seen before",
    "a clock 5 minutes off",
)
"""What the services and the network are known to do."""


ROWS = rows("reliability.md", "fault")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_that_the_tenant_knows_has_a_row(kind: str) -> None:
    assert any(f"`{kind}`" in fault for fault, _expected, _tests in ROWS)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_a_row(fault: str) -> None:
    assert any(re.search(rf"(?<!\w){re.escape(fault)}(?!\w)", row.casefold()) for row, _expected, _tests in ROWS)


@pytest.mark.parametrize(("fault", "expected", "tests"), ROWS, ids=[fault for fault, _expected, _tests in ROWS])
def test_each_row_says_what_to_expect_and_names_tests_that_exist(fault: str, expected: str, tests: list[str]) -> None:
    assert expected
    assert tests
    assert missing(tests, TESTS) == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_switched_on_by_a_test_of_its_row(kind: str) -> None:
    files = {test.partition("::")[0] for fault, _expected, tests in ROWS if f"`{kind}`" in fault for test in tests}
    texts = [(TESTS / name).read_text(encoding="utf-8") for name in files]
    assert any(f'"{kind}"' in text for text in texts)
