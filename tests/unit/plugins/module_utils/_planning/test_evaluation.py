# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What protection and rules decide before anybody has a seat."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType, User
from ansible_collections.m365.licensing.plugins.module_utils._planning.evaluation import (
    Evaluation,
    RuleEvaluator,
    names_one,
    protects,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.model import Candidate
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules

from tests.unit.support.sample_plans import E3, anybody, at_risk
from tests.unit.support.sample_tenant import NOW, SKUS, SPE_E3, TODAY, direct, user

SALES = E3 | {"name": "Sales", "match": {"department": "Sales"}}
IGNORED = {"name": "Old", "match": {}, "action": "ignore", "reason": "it ends"}


def evaluated(candidate: Candidate, *rules: Any, protected: tuple[str, ...] = (), guests: bool = False) -> Evaluation:
    parsed = parse_rules(list(rules), SKUS, BUILTIN, scope="all_users")
    return RuleEvaluator(parsed, protected, BUILTIN, TODAY, license_guests=guests).evaluate(candidate)


def soft_deleted(who: User) -> Candidate:
    found = at_risk(who, reason="soft_deleted")
    assert found.finding is not None
    return found._replace(finding=found.finding._replace(recipient_type=RecipientType.SOFT_DELETED))


def test_a_rule_is_left_to_be_planned() -> None:
    found = evaluated(at_risk(user()), E3)
    assert found.rule is not None
    assert (found.entry.rule, found.entry.why) == ("All", "it matches every user")
    assert found.user == user()
    assert found.candidate.finding is not None
    assert found.needs == found.candidate.finding.needs


def test_no_rule_leaves_the_user_unmatched() -> None:
    found = evaluated(at_risk(user()), SALES)
    assert (found.rule, found.entry.action, found.entry.rule) == (None, "unmatched", "")
    assert found.needs == ()


def test_an_ignoring_rule_says_why_and_until_when() -> None:
    found = evaluated(at_risk(user()), IGNORED | {"until": "2026-07-01"})
    assert (found.entry.action, found.entry.note) == ("ignore", "it ends (until 2026-07-01)")
    assert found.entry.warnings == ()
    assert evaluated(at_risk(user()), IGNORED).entry.note == "it ends"
    assert found.rule is None


def test_ignoring_a_mailbox_shared_before_warns() -> None:
    risk = at_risk(user())
    assert risk.finding is not None
    shared = risk._replace(finding=risk.finding._replace(was_shared="it was"))
    (warning,) = evaluated(shared, IGNORED).entry.warnings
    assert "'Old' ignores mailboxes that may have been shared" in warning
    assert evaluated(anybody(user()), IGNORED).entry.warnings == ()


def test_an_expired_exception_is_told() -> None:
    found = evaluated(at_risk(user()), IGNORED | {"until": "2026-06-14"}, E3)
    assert found.entry.rule == "All"
    assert found.entry.expired == ("Old",)


@pytest.mark.parametrize("pattern", ["anna@contoso.com", "ANNA@*", "id-anna", " anna@contoso.??? "])
def test_a_protected_user_gets_no_rule(pattern: str) -> None:
    found = evaluated(at_risk(user()), E3, protected=("berta@*", pattern))
    if pattern == "id-anna":  # neither a GUID nor a user principal name
        assert found.rule is not None
        return
    assert (found.rule, found.entry.action, found.entry.note) == (None, "protected", f"protected by {pattern!r}")


def test_protection_knows_users_by_id() -> None:
    user_id = "0f000000-0000-4000-8000-00000000ABCD"
    matches = protects(f" {user_id} ")
    assert matches(user(id=user_id.lower()))
    assert not matches(user())


@pytest.mark.parametrize(("pattern", "one"), [("anna@contoso.com", True), ("anna@*", False), ("a?", False)])
def test_a_pattern_without_wildcards_names_one_user(pattern: str, one: bool) -> None:
    assert names_one(pattern) is one


def test_a_guest_without_a_mailbox_needs_an_option() -> None:
    guest = user(user_type="Guest")
    found = evaluated(anybody(guest), E3)
    assert (found.rule, found.entry.action) == (None, "protected")
    assert "license_guests" in found.entry.note
    assert evaluated(anybody(guest), E3, guests=True).rule is not None
    assert evaluated(at_risk(guest), E3).rule is not None
    assert evaluated(anybody(user()), E3).rule is not None


def test_a_disputed_mailbox_is_undecided() -> None:
    found = evaluated(at_risk(user())._replace(dispute="two users claim it"), E3)
    assert (found.rule, found.entry.action) == (None, "undecided")
    assert (found.entry.note, found.entry.doubt) == ("two users claim it", "mailbox")


def test_no_license_helps_a_mailbox_of_a_deleted_user() -> None:
    deleted = NOW - timedelta(days=2)
    found = evaluated(soft_deleted(user(deleted=deleted)), E3)
    assert (found.rule, found.entry.action) == (None, "insufficient")
    assert "restore the user first, by 2026-07-13" in found.entry.note


def test_no_license_helps_a_second_mailbox_of_a_licensed_user() -> None:
    found = evaluated(soft_deleted(user("anna", direct(SPE_E3))), E3)
    assert (found.rule, found.entry.action) == (None, "insufficient")
    assert evaluated(soft_deleted(user()), E3).rule is not None
