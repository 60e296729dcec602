# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seats are money: in the scope ``all_users`` nobody gets a license that brings nothing, and the rest is counted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import granted, is_covered
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    MAILBOX_CLASSES,
    RecipientType,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.guards import limit_of
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import Candidate, PlanEntry
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Subject
from ansible_collections.m365.licensing.plugins.module_utils._planning.unneeded import covers

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions, plan
from tests.functional.support.service_clients import clients
from tests.simulator.launch import running
from tests.simulator.state import Json
from tests.unit.support.sample_plans import E3, added, anybody, at_risk, only, plan_for
from tests.unit.support.sample_tenant import (
    EXCHANGEARCHIVE_ADDON,
    EXCHANGEDESKLESS,
    EXCHANGESTANDARD,
    F1,
    HOLD,
    MAILBOX,
    PLAN1,
    PLAN2,
    SPE_E3,
    SPE_E5,
    direct,
    inherited,
    user,
)

TUTORIAL = Path(__file__).resolve().parents[3] / "docs" / "tutorial.md"
STANDARD = E3 | {"licenses": [{"sku": "EXCHANGESTANDARD"}]}
E5 = E3 | {"licenses": [{"sku": "SPE_E5"}]}
ARCHIVING = E3 | {"licenses": [{"sku": "EXCHANGEARCHIVE_ADDON"}]}


def boxed(who: User, kind: RecipientType = RecipientType.USER, needs: Any = MAILBOX) -> Candidate:
    """Somebody whose mailbox is not at risk."""
    return Candidate(Subject(who, kind), None, needs)


# --- the rules of the tutorial ------------------------------------------------------------------------------------


def tutorial_rules() -> list[Json]:
    found = re.search(r"^```yaml\n(.*?)^```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    rules: list[Json] = json.loads(json.dumps(yaml.safe_load(found[1])["license_state_rules"], default=str))
    return rules


@pytest.mark.parametrize(("mailboxes", "seed"), [(60, 1), (250, 7)])
@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
def test_rules_of_the_tutorial_spend_no_seat_on_covered_users(mailboxes: int, seed: int, scope: str) -> None:
    with running(mailboxes=mailboxes, at_risk=12, seed=seed) as tenant, clients(tenant) as found:
        world = tenant.world
        planted = {user for users in tenant.truth()["at_risk"].values() for user in users}
        covered = {
            user["id"]
            for user in world.users.values()
            if any(BUILTIN.plan_class(plan["servicePlanId"]) in MAILBOX_CLASSES for plan in user["assignedPlans"]
                   if plan["capabilityStatus"] in ("Enabled", "Warning"))
            # whose only Exchange plan carries no right to a mailbox is not covered by it
            and not all(BUILTIN.no_rights(item["skuId"]) for item in user["assignedLicenses"])
        }  # fmt: skip
        needing_none = {
            box["ExternalDirectoryObjectId"]
            for box in world.mailboxes.values()
            if box["RecipientTypeDetails"] in ("SharedMailbox", "RoomMailbox", "EquipmentMailbox")
        } - planted
        assert needing_none
        result = plan(found, tutorial_rules(), scope=scope)
        taking = {row["user_id"] for row in result["users"] if {item["sku_id"] for item in row["add"]} - held(row)}
        assert not taking & (covered - planted)
        assert not taking & needing_none
        # nor is anybody left at risk for the sake of a seat
        assert {row["user_id"] for row in result["users"] if row["reason"] and row["action"] != "ignore"} <= taking
        assert (result["summary"]["seats_to_covered"], result["violations"]) == (0, [])


def held(row: Json) -> set[str]:
    return {item["sku_id"] for item in row["before"]["licenses"] if item["state"] in ("Active", "ActiveWithError")}


# --- licenses that bring nothing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidate", "rule", "note"),
    [
        # all plans are there, from wherever
        (boxed(user("a", inherited(SPE_E3))), STANDARD, "SPE_E3 covers that"),
        # a smaller plan beside a larger one, and a larger one beside one that is enough
        (boxed(user("a", direct(SPE_E5))), STANDARD, "SPE_E5 covers that"),
        (boxed(user("a", direct(EXCHANGEDESKLESS))), STANDARD, "name it in remove"),
        # plans that others give already, in a suite without the rest
        (
            boxed(user("a", direct(SPE_E5))),
            E3 | {"licenses": [{"sku": "SPE_E3", "enabled_plans": ["EXCHANGE_S_ENTERPRISE", "TEAMS1"]}]},
            "the user has all of its plans from SPE_E5",
        ),
        (boxed(user("a"), RecipientType.SHARED, ()), STANDARD, "this shared mailbox needs no license"),
        (boxed(user("a"), RecipientType.ROOM, ()), STANDARD, "this room mailbox needs no license"),
        # Plan 2 brings archiving itself
        (boxed(user("a", direct(SPE_E3))), ARCHIVING, "SPE_E3 covers that"),
        # without a mailbox: the next one that the user gets is covered
        (anybody(user("a", direct(SPE_E3)), needs=()), STANDARD, "SPE_E3 covers that"),
    ],
)
def test_who_lacks_nothing_gets_nothing(candidate: Candidate, rule: Json, note: str) -> None:
    entry = only(candidate, rule)
    assert (entry.action, added(entry), entry.covered_seats) == ("unchanged", [], ())
    assert note in entry.note


@pytest.mark.parametrize(
    ("candidate", "rule"),
    [
        # no mailbox yet, and no plan for one
        (anybody(user("a"), needs=()), STANDARD),
        # the plan is off, the license is none, or its plan is without rights
        (boxed(user("a", direct(SPE_E3, PLAN2))), STANDARD),
        (boxed(user("a", direct(EXCHANGESTANDARD, state="Error"))), STANDARD),
        (boxed(user("a", direct(F1, "4a82b400-a79f-41a4-b4e2-e94f5787b113"))), STANDARD),
        # a mailbox at risk takes precedence over all that
        (at_risk(user("a", direct(SPE_E3, PLAN2))), STANDARD),
        (at_risk(user("a"), needs=HOLD), E3),
    ],
)
def test_who_lacks_something_gets_it(candidate: Candidate, rule: Json) -> None:
    entry = only(candidate, rule)
    assert (entry.action, entry.covered_seats) == ("license", ())


def test_unneeded_license_is_left_out_and_others_are_assigned() -> None:
    both = E3 | {"licenses": [{"sku": "EXCHANGESTANDARD"}, {"sku": "EMS"}]}
    entry = only(boxed(user("a", direct(SPE_E3))), both)
    assert (entry.action, entry.covered_seats) == ("license", ())
    assert [item.sku_id for item in entry.change.add] == ["efccb6f7-5641-4e0e-bd10-b4976e1bf68e"]
    assert "EXCHANGESTANDARD is not assigned" in entry.note


def test_needless_licenses_need_no_usage_location() -> None:
    assert only(boxed(user("a", direct(SPE_E3), usage_location=None)), STANDARD).action == "unchanged"


def test_a_swap_is_not_needless() -> None:
    up = E3 | {"licenses": [{"sku": "EXCHANGESTANDARD"}], "remove": ["EXCHANGEDESKLESS"]}
    entry = only(boxed(user("a", direct(EXCHANGEDESKLESS))), up, allow_removals=True)
    assert (added(entry), entry.change.remove, entry.covered_seats) == ([EXCHANGESTANDARD], (EXCHANGEDESKLESS,), ())


def test_unneeded_licenses_do_not_keep_the_fallback() -> None:
    rule = STANDARD | {"fallback": [{"sku": "EXCHANGEDESKLESS"}]}
    entry = only(
        boxed(user("a", direct(SPE_E5), direct(EXCHANGEDESKLESS, "4a82b400-a79f-41a4-b4e2-e94f5787b113"))), rule
    )
    assert entry.action == "unchanged"


# --- seats on top, and their guard -----------------------------------------------------------------------------------


def tops(*candidates: Candidate, rule: Json = E5, **options: Any) -> tuple[PlanEntry, ...]:
    return plan_for(candidates, rule, **options).entries


def test_a_second_exchange_plan_is_counted_and_said_in_the_row() -> None:
    (entry,) = tops(boxed(user("a", direct(SPE_E3))))
    assert (entry.action, entry.covered_seats) == ("license", (SPE_E5,))
    assert entry.note == (
        "SPE_E3 and SPE_E5 carry an Exchange plan each: each takes a seat, and the best plan counts, so SPE_E3 may go; "
        "a seat of SPE_E5 for a mailbox that is covered without it"
    )
    (entry,) = tops(boxed(user("a"), RecipientType.SHARED, ()))
    assert entry.covered_seats == (SPE_E5,)


@pytest.mark.parametrize(
    ("candidate", "rule"),
    [
        (boxed(user("a", direct(SPE_E3))), E3 | {"licenses": [{"sku": "EMS"}]}),
        (
            boxed(user("a", direct(SPE_E3))),
            E3 | {"licenses": [{"sku": "SPE_E5", "disabled_plans": ["EXCHANGE_S_ENTERPRISE"]}]},
        ),
        (at_risk(user("a")), E3),
        (anybody(user("a"), needs=()), E3),
        # it is there: plans change, and no seat goes
        (boxed(user("a", direct(SPE_E3))), E3 | {"licenses": [{"sku": "SPE_E3", "disabled_plans": ["TEAMS1"]}]}),
    ],
)
def test_what_is_no_seat_on_top(candidate: Candidate, rule: Json) -> None:
    entry = only(candidate, rule)
    assert (entry.action, entry.covered_seats) == ("license", ())


def test_archiving_on_top_is_assigned_and_counted() -> None:
    (entry,) = tops(boxed(user("a", direct(EXCHANGESTANDARD))), rule=ARCHIVING)
    assert (entry.action, entry.covered_seats) == ("license", (EXCHANGEARCHIVE_ADDON,))


def test_the_guard_refuses_more_seats_on_top_than_it_allows() -> None:
    some = [boxed(user(name, direct(SPE_E3))) for name in "abcd"]
    assert not plan_for(some, E5).violations
    assert not plan_for(some, E5, max_covered_seats=4).violations
    assert plan_for(some, E5, max_covered_seats="5%", population=39).violations == (
        "4 seats would go to users whose mailbox is covered already (a@contoso.com, b@contoso.com, c@contoso.com, …), "
        "but max_covered_seats allows 1 (5% of 39 users); add covered: false to the match of rule 'All', or raise "
        "max_covered_seats if they are to have both",
    )
    (violation,) = plan_for(some[:1], E5, max_covered_seats=0).violations
    assert violation.startswith("1 seat would go to users whose mailbox is covered already (a@contoso.com), but")


@pytest.mark.parametrize(
    ("value", "limit"),
    [(0, 0), (12, 12), ("12", 12), ("5%", 2), ("100%", 50), ("unlimited", None), (" Unlimited", None)],
)
def test_max_covered_seats_is_a_number_a_share_or_unlimited(value: Any, limit: int | None) -> None:
    assert limit_of(value, 50, "max_covered_seats", "seats") == limit


@pytest.mark.parametrize("value", [None, "", "  ", -1, "-1", "101%", "%", "many", 2.5, True, [5], "NaN%"])
def test_max_covered_seats_is_nothing_else(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_covered_seats: expected a number of seats from 0 on"):
        limit_of(value, 50, "max_covered_seats", "seats")


def test_by_default_a_plan_warns_and_a_run_is_refused(env: PlanHarness) -> None:
    env.person("anna", env.held("SPE_F1"))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}
    env.person("bert", env.held("SPE_E5"))
    told = env.plan(rule, scope="all_users")
    assert (actions(told), told["summary"]["seats_to_covered"]) == ({"anna": "license", "bert": "license"}, 2)
    assert any("The plan may not be applied: 2 seats would go to users whose" in text for text in told["warnings"])
    assert "**2 seats** of these for users whose mailbox is covered already." in told["reports"]["md"]
    error = env.refused(rule, scope="all_users")
    assert (error.code, env.writes()) == ("plan_refused", [])
    assert env.apply(rule, scope="all_users", max_covered_seats=2)["changed"]


def test_wrong_limits_are_told_before_anything_is_asked(env: PlanHarness) -> None:
    (problem,) = env.problems(EVERYBODY, max_covered_seats=None)
    assert problem.startswith("max_covered_seats: expected a number of seats")
    assert problem.endswith("found nothing")


# --- what counts as covered ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "kind", "needs", "covered"),
    [
        (user("a", direct(EXCHANGESTANDARD)), RecipientType.USER, MAILBOX, True),
        (user("a", direct(EXCHANGESTANDARD)), RecipientType.USER, HOLD, False),
        (user("a", direct(EXCHANGESTANDARD, PLAN1)), RecipientType.USER, MAILBOX, False),
        (user("a"), RecipientType.SHARED, (), True),
        (user("a"), "", (), False),
        (user("a"), "scheduling", (), True),
        (user("a", direct(EXCHANGESTANDARD)), "", (), True),
        # nobody looked at the mailbox: it may need more than Plan 1
        (user("a", direct(EXCHANGESTANDARD)), "", None, False),
        (user("a", direct(SPE_E3)), "", None, True),
    ],
)
def test_who_is_covered(who: User, kind: str, needs: Any, covered: bool) -> None:
    assert covers(who, kind, needs, BUILTIN) is covered
    assert not kind or covered is is_covered(needs, granted(who, BUILTIN))
