# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/security.md is true: each attack of its table has a defence and tests that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.support.doc_tables import missing, rows

ROWS = rows("security.md", "attack")

ATTACKS = (
    "template in a rules file",
    "key other than the rules",
    "rules file that is huge",
    "misspelt name",
    "lone surrogate",
    "certificates are not verified",
    "control characters",
    "queue, a device or a huge file",
    "absurd date",
    "plan that changes",
    "link to another host",
    "endless answer",
    "repeats a secret",
    "secret in a wrong",
    "misspelt option",
    "expired or not yet valid certificate",
    "weak key",
    "second group with the name",
    "real group is renamed",
    "two mailboxes in use",
    "gets into a report",
    "report directory that another user owns",
    "hard link",
    "`progress_path`",
    "user whose name looks like another",
    "two users for one name",
    "ways that show secrets",
    "replaced package",
    "answer that drips",
    "words of entra's portal",
    "number in base 60",
    "access control list",
    "number of thousands of digits",
    "come quickly and never end",
    "does not end when its job is cancelled",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_known_attack_has_a_row(attack: str) -> None:
    assert any(attack in told.lower() for told, _defence, _tests in ROWS)


@pytest.mark.parametrize(("attack", "defence", "tests"), ROWS, ids=[row[0] for row in ROWS])
def test_each_row_names_a_defence_and_tests_that_exist(attack: str, defence: str, tests: list[str]) -> None:
    assert attack
    assert defence
    assert tests
    assert missing(tests, Path(__file__).parents[2]) == []
