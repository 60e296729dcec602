# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/assumptions.md is complete, and no position of an assumption's switch changes whom an audit or a plan saves."""

from __future__ import annotations

import importlib.util
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assumptions import (
    ASSUMPTIONS,
    INFERENCES,
    Assumption,
    Inference,
)
from ansible_collections.m365.licensing.tests.unit.auditing import look
from ansible_collections.m365.licensing.tests.unit.clients import clients
from ansible_collections.m365.licensing.tests.unit.planning_desk import ALL_KINDS, plan

from tests.tenant.launch import running
from tests.tenant.switches import Switches

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
POSITIONS = [(entry, position) for entry in ASSUMPTIONS for position in entry.positions]


def test_the_page_is_made_of_the_entries() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "data" / "generate_assumptions.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert generator.render() == (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("entry", ASSUMPTIONS, ids=lambda entry: entry.name)
def test_each_entry_has_a_switch_that_begins_as_assumed(entry: Assumption) -> None:
    assert entry.positions[0] == getattr(Switches(), entry.switch)
    assert len(entry.positions) > 1
    for position in entry.positions:
        Switches().update({entry.switch: position})
    told = (entry.claim, entry.since, entry.source, entry.if_wrong, entry.remedy)
    assert all(told)


@pytest.mark.parametrize("entry", INFERENCES, ids=lambda entry: entry.name)
def test_each_reading_names_its_source_and_what_corrects_it(entry: Inference) -> None:
    assert entry.claim
    assert entry.source
    assert entry.remedy
    page = (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8")
    assert entry.claim in page


def outcome(**switches: Any) -> tuple[Any, ...]:
    """Who is found at risk, why and until when, and who is licensed with what; a second run changes nothing."""
    with running(60, 24, 7, now=NOW, **switches) as tenant, clients(tenant) as made:
        found = [
            [
                (row.user_id, row.reason, row.deadline.at, row.severity)
                for row in look(tenant, strategy=strategy).findings
            ]
            for strategy in ("filtered", "full")
        ]
        first = plan(made, ALL_KINDS, mode="apply")
        second = plan(made, ALL_KINDS, mode="apply")
    given = [
        (row["user_id"], row["action"], row["rule"], [item["sku"] for item in row["add"]]) for row in first["users"]
    ]
    assert second["changed"] is False
    return found, given, first["summary"]["unresolved"]


@pytest.fixture(scope="module")
def assumed() -> tuple[Any, ...]:
    """The outcome where everything is as assumed."""
    return outcome()


@pytest.mark.parametrize(("entry", "position"), POSITIONS, ids=lambda item: getattr(item, "name", str(item)))
def test_every_position_saves_the_same_mailboxes(assumed: tuple[Any, ...], entry: Assumption, position: Any) -> None:
    assert outcome(**{entry.switch: position}) == assumed
