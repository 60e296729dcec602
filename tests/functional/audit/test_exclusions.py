# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``exclude``: how many it leaves out is told, and so are patterns that nobody fits."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.exclusions import Exclusions
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType
from hypothesis import given
from hypothesis import strategies as st

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.functional.support.run_audit import look
from tests.simulator.launch import Tenant


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    env = PlanHarness(tenant)
    env.at_risk("test-1")
    env.at_risk("test-2")
    env.at_risk("anna")
    env.person("test-safe", env.held("EXCHANGESTANDARD"))
    return env


def told(warnings: list[str]) -> list[str]:
    return [text for text in warnings if text.startswith("exclude")]


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_the_summary_says_how_many_rows_each_pattern_left_out(env: PlanHarness, strategy: str) -> None:
    exclude = ("TEST-*", "test-1@contoso.example", " anna@*")
    found = look(env.tenant, strategy=strategy, exclude=exclude)
    assert found.findings == ()
    assert found.summary()["excluded"] == {
        "total": 3,
        "by_pattern": {"TEST-*": 2, "test-1@contoso.example": 1, " anna@*": 1},
    }
    assert told(found.warnings) == []
    assert look(env.tenant).summary()["excluded"] == {"total": 0, "by_pattern": {}}


def test_rows_that_another_option_leaves_out_do_not_count(env: PlanHarness) -> None:
    found = look(env.tenant, exclude=("test-*",), recipient_types=(RecipientType.SHARED,))
    assert found.summary()["excluded"]["total"] == 0


def test_rows_that_are_only_not_shown_do_count(env: PlanHarness) -> None:
    every, near = (look(env.tenant, exclude=("test-*",), due_within_days=days) for days in (None, 0))
    assert near.summary()["excluded"] == every.summary()["excluded"]
    assert len(near.findings) + len(near.later) == len(every.findings)


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_unknown_name_is_a_warning_and_a_safe_user_is_not(env: PlanHarness, strategy: str) -> None:
    exclude = ("Test-Safe@contoso.example", "tset-1@contoso.example", "a\tb")
    (text,) = told(look(env.tenant, strategy=strategy, exclude=exclude).warnings)
    assert text == "exclude: the tenant has no user 'tset-1@contoso.example', 'a\\tb', so this leaves out no user."


def test_an_id_is_told_for_it_is_compared_with_names(env: PlanHarness) -> None:
    user = env.world.user("test-1@contoso.example")
    assert user
    (text,) = told(look(env.tenant, exclude=(user["id"],)).warnings)
    assert "compares user principal names" in text
    assert user["id"] in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "no user that this audit read matches 'tset-*'"),
        ({"strategy": "full"}, "no user that this audit read matches 'tset-*'"),
        ({"strategy": "full", "everybody": True}, "no user of the tenant matches 'tset-*'"),
    ],
)
def test_what_is_said_of_wildcards_is_true_of_what_was_read(
    env: PlanHarness, options: dict[str, Any], words: str
) -> None:
    (text,) = told(look(env.tenant, exclude=("tset-*", "test-*"), **options).warnings)
    assert words in text


def test_names_that_were_read_cost_no_request_and_others_one(env: PlanHarness) -> None:
    def requests(*exclude: str) -> int:
        env.tenant.clear_requests()
        look(env.tenant, exclude=exclude)
        return len(env.tenant.requests())

    plain = requests()
    assert requests("test-1@contoso.example", "test-*", "nobody-*") == plain
    assert requests("test-safe@contoso.example", "nobody@contoso.example") == plain + 1


def test_a_plan_counts_mailboxes_or_users(env: PlanHarness) -> None:
    result = env.plan(EVERYBODY, exclude=["test-*"])
    assert actions(result) == {"anna": "license"}
    assert result["summary"]["excluded"] == {"total": 2, "by_pattern": {"test-*": 2}}
    assert "left out by exclude" in result["reports"]["md"]
    whole = env.plan(EVERYBODY, exclude=["test-*"], scope="all_users")
    assert whole["summary"]["excluded"] == {"total": 3, "by_pattern": {"test-*": 3}}


@given(st.lists(st.sampled_from(["a*", "?b", "ab", "[a]*", "c"])), st.lists(st.text("abc[]", max_size=3)))
def test_who_is_left_out_fits_and_what_is_unused_fits_nobody(patterns: list[str], names: list[str]) -> None:
    exclusions = Exclusions(patterns)
    left_out = exclusions.left_out(names)
    assert left_out.total == sum(bool(exclusions.fit(name)) for name in names)
    assert exclusions.unused(names) == [pattern for pattern, count in left_out.by_pattern.items() if not count]
