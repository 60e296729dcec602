# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, findings, seats and guards: who gets what, and what stops a plan."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Assignment,
    RecipientType,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import (
    Candidate,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Subject

from tests.unit.support.sample_plans import (
    E3,
    E3_OR_STANDARD,
    ONLY_YAMMER,
    WITHOUT_MAIL,
    added,
    anybody,
    at_risk,
    only,
    plan_for,
)
from tests.unit.support.sample_tenant import (
    BY_ID,
    EMS,
    EXCHANGEARCHIVE_ADDON,
    EXCHANGESTANDARD,
    HOLD,
    PLAN1,
    PLAN2,
    SKUS,
    SPE_E3,
    YAMMER,
    direct,
    finding,
    inherited,
    skus,
    user,
)

# --- a mailbox at risk -------------------------------------------------------------------------------------------


def test_a_mailbox_at_risk_gets_the_licenses_of_the_rule() -> None:
    entry = only(at_risk(user()), E3)
    assert (entry.action, entry.rule, entry.why, entry.alternative) == (
        "license",
        "All",
        "it matches every user",
        "licenses",
    )
    assert entry.change.add == (Assignment(SPE_E3),)
    assert entry.change.usage_location is None


SUSPENDED = skus(status={SPE_E3: "Suspended"})
NO_E3 = skus(seats={SPE_E3: 0})
NO_SEATS = skus(seats={SPE_E3: 0, EXCHANGESTANDARD: 0})
ONLY_MAIL = E3 | {"licenses": [{"sku": "SPE_E3", "enabled_plans": ["EXCHANGE_S_ENTERPRISE"]}]}
STANDARD = E3 | {"licenses": [{"sku": "EXCHANGESTANDARD"}]}
STANDARD_AND_ADDON = E3 | {"licenses": [{"sku": "EXCHANGESTANDARD"}, {"sku": "EXCHANGEARCHIVE_ADDON"}]}
STANDARD_OR_E3 = STANDARD | {"fallback": [{"sku": "SPE_E3"}]}


@pytest.mark.parametrize(
    ("candidate", "rule", "table", "action", "skus_added", "note"),
    [
        # seats
        (at_risk(user()), E3, NO_E3, "no_seat", [], "licenses: no seat left of SPE_E3"),
        (at_risk(user()), E3_OR_STANDARD, NO_E3, "license", [EXCHANGESTANDARD], "licenses: no seat left of SPE_E3"),
        (at_risk(user()), E3_OR_STANDARD, NO_SEATS, "no_seat", [], "fallback: no seat left of EXCHANGESTANDARD"),
        # who holds the SKU already needs no seat
        (at_risk(user("a", direct(SPE_E3, PLAN2))), ONLY_MAIL, NO_E3, "license", [SPE_E3], ""),
        # an alternative that would not save the mailbox is not taken
        (
            at_risk(user("a", direct(EXCHANGESTANDARD)), needs=HOLD),
            STANDARD,
            SKUS,
            "insufficient",
            [],
            "it needs Exchange Online Kiosk with the archiving add-on",
        ),
        (
            at_risk(user("a", direct(EXCHANGESTANDARD)), needs=HOLD),
            STANDARD,
            SKUS,
            "insufficient",
            [],
            "and would have Exchange Online Plan 1",
        ),
        (at_risk(user(), needs=HOLD), STANDARD_OR_E3, SKUS, "license", [SPE_E3], "licenses: it needs"),
        (
            at_risk(user(), needs=HOLD),
            STANDARD_AND_ADDON,
            SKUS,
            "license",
            [EXCHANGESTANDARD, EXCHANGEARCHIVE_ADDON],
            "",
        ),
        (at_risk(user()), E3 | {"licenses": [{"sku": "EMS"}]}, SKUS, "insufficient", [], "EMS carries no mailbox plan"),
        (
            at_risk(user()),
            E3 | {"licenses": [{"sku": "M365_F1_COMM"}]},
            SKUS,
            "insufficient",
            [],
            "without rights to a mailbox",
        ),
        (at_risk(user()), WITHOUT_MAIL, SKUS, "insufficient", [], "the rule's disabled_plans asks for that"),
        (at_risk(user()), ONLY_YAMMER, SKUS, "insufficient", [], "the rule's enabled_plans does not name it"),
        (at_risk(user()), E3, SUSPENDED, "insufficient", [], "SPE_E3 is Suspended in this tenant"),
        # what an admin switched off stays off, unless the rule says otherwise
        (
            at_risk(user("a", direct(SPE_E3, PLAN2))),
            E3,
            SKUS,
            "insufficient",
            [],
            "is switched off in the direct assignment of SPE_E3: to switch it on, name it in the rule's enabled_plans",
        ),
        (
            at_risk(user("a", direct(SPE_E3, PLAN2))),
            E3_OR_STANDARD,
            SKUS,
            "license",
            [EXCHANGESTANDARD],
            "is switched off",
        ),
        (at_risk(user("a", inherited(SPE_E3, PLAN2))), E3, SKUS, "insufficient", [], "change the group's plans"),
        (at_risk(user("a", inherited(SPE_E3, PLAN2))), ONLY_MAIL, SKUS, "license", [SPE_E3], ""),
        # a license in Error counts as none
        (at_risk(user("a", inherited(SPE_E3, state="Error"))), E3, SKUS, "license", [SPE_E3], ""),
        # the service lags behind its own assignment
        (
            at_risk(user("a", direct(SPE_E3), assigned_plans=())),
            E3,
            SKUS,
            "insufficient",
            [],
            "does not show its Exchange plan",
        ),
        # the signals disagree: the plans cover the mailbox
        (at_risk(user("a", direct(SPE_E3))), E3, SKUS, "unchanged", [], "cover it already"),
    ],
)
def test_a_mailbox_at_risk(
    candidate: Candidate, rule: Any, table: list[Sku], action: str, skus_added: list[str], note: str
) -> None:
    entry = only(candidate, rule, table=table)
    assert (entry.action, sorted(added(entry))) == (action, sorted(skus_added)), entry.note
    assert note in entry.note


def test_two_mailboxes_of_one_user_are_covered_by_one_change() -> None:
    who = user()
    candidates = [at_risk(who, days=9), at_risk(who, days=3, needs=HOLD, reason="shared_litigation_hold")]
    entries = plan_for(candidates, STANDARD_OR_E3).entries
    assert [entry.finding for entry in entries] == [candidates[1].finding, candidates[0].finding]
    assert [(entry.action, added(entry)) for entry in entries] == [("license", [SPE_E3]), ("license", [])]


def shared(who: User, days: int) -> Candidate:
    """A shared mailbox with an archive: it lives without a license, and its archive needs more than Plan 1."""
    row = finding(who, days=days, needs=HOLD[:2], reason="shared_archive")
    return Candidate(Subject(who), row._replace(recipient_type=RecipientType.SHARED))


def test_license_too_small_for_one_mailbox_saves_the_other() -> None:
    who = user()
    candidates = [shared(who, 9), at_risk(who, days=3)]
    entries = plan_for(candidates, STANDARD).entries
    assert [(entry.action, added(entry)) for entry in entries] == [
        ("license", [EXCHANGESTANDARD]),
        ("insufficient", []),
    ]
    assert "the next run tries its own rule" in entries[1].note


def test_user_refused_for_one_mailbox_may_get_it_for_another() -> None:
    who = user()
    candidates = [shared(who, 3), at_risk(who, days=9)]
    entries = plan_for(candidates, STANDARD).entries
    assert [(entry.action, added(entry)) for entry in entries] == [
        ("insufficient", []),
        ("license", [EXCHANGESTANDARD]),
    ]


# --- who is left alone -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidate", "options", "action", "note"),
    [
        (anybody(user(user_type="Guest")), {}, "protected", "a guest without a mailbox"),
        (at_risk(user("BreakGlass1")), {"protected": ("breakglass*@*",)}, "protected", "protected by 'breakglass*@*'"),
        (at_risk(user()), {"protected": ("breakglass*@*",)}, "license", ""),
        (at_risk(user("x[1]")), {"protected": ("x[1]@*",)}, "protected", ""),
    ],
)
def test_guests_and_protected_users_are_never_written(
    candidate: Candidate, options: dict[str, Any], action: str, note: str
) -> None:
    entry = only(candidate, E3, **options)
    assert entry.action == action
    assert bool(entry.change) is (action == "license")
    assert note in entry.note


def test_exceptions_show_reasons_and_expired_ones_are_reported() -> None:
    held = {"name": "Held", "match": {}, "action": "ignore", "reason": "They leave", "until": "2026-06-15"}
    over = {"name": "Over", "match": {}, "action": "ignore", "reason": "They left", "until": "2026-06-14"}
    entry = only(at_risk(user()), over, held, E3)
    assert (entry.action, entry.rule, entry.note) == ("ignore", "Held", "They leave (until 2026-06-15)")
    plan = plan_for([at_risk(user("a")), at_risk(user("b"))], over, E3)
    assert plan.expired() == {"Over": 2}
    assert plan.counts()["license"] == 2


def test_whom_no_rule_matches_is_named() -> None:
    entry = only(at_risk(user()), E3 | {"match": {"department": "Sales"}})
    assert (entry.action, entry.rule, entry.why) == ("unmatched", "", "no rule matches")


# --- usage location ----------------------------------------------------------------------------------------------

FROM_COUNTRY = E3 | {"usage_location": {"from": "country"}}
SILENT = {key: value for key, value in E3.items() if key != "usage_location"}


@pytest.mark.parametrize(
    ("who", "rule", "action", "location", "note"),
    [
        (user(usage_location="FR"), E3, "license", None, ""),
        (user(usage_location=None), E3, "license", "DE", ""),
        (user(usage_location=None, country="Norway"), FROM_COUNTRY, "license", "NO", ""),
        (
            user(usage_location=None, country="Atlantis"),
            FROM_COUNTRY,
            "no_usage_location",
            None,
            "country 'Atlantis' is not known",
        ),
        (user(usage_location=None), FROM_COUNTRY, "no_usage_location", None, "has no country either"),
        (user(usage_location=None), SILENT, "no_usage_location", None, "add usage_location to it"),
        (user("a", direct(SPE_E3), usage_location=None), SILENT, "unchanged", None, ""),
    ],
)
def test_the_usage_location_is_set_only_where_missing(
    who: User, rule: Any, action: str, location: str | None, note: str
) -> None:
    entry = only(at_risk(who), rule)
    assert (entry.action, entry.change.usage_location) == (action, location)
    assert note in entry.note


def test_without_a_usage_location_no_seat_is_spent() -> None:
    plan = plan_for(
        [at_risk(user("a", usage_location=None), days=1), at_risk(user("b"))], SILENT, table=skus(seats={SPE_E3: 1})
    )
    assert [entry.action for entry in plan.entries] == ["no_usage_location", "license"]


# --- seats -------------------------------------------------------------------------------------------------------


def test_seats_go_to_the_soonest_deadline() -> None:
    names = [("anna", 20), ("bert", 2), ("carl", None), ("dora", -3), ("emil", 2), ("fritz", -9)]
    candidates = [anybody(user("aaron")), *(at_risk(user(name), days=days) for name, days in names)]
    plan = plan_for(candidates, E3_OR_STANDARD, table=skus(seats={SPE_E3: 3, EXCHANGESTANDARD: 2}))
    assert [(entry.user.display_name, entry.alternative) for entry in plan.entries] == [
        ("Fritz", "licenses"),
        ("Dora", "licenses"),
        ("Bert", "licenses"),
        ("Emil", "fallback"),
        ("Anna", "fallback"),
        ("Carl", ""),
        ("Aaron", ""),
    ]
    assert [(use.part_number, use.before, use.planned, use.after) for use in plan.seats] == [
        ("EXCHANGESTANDARD", 2, 2, 0),
        ("SPE_E3", 3, 3, 0),
    ]


def test_a_list_of_licenses_gets_all_its_seats_or_none() -> None:
    rule = E3 | {"licenses": [{"sku": "SPE_E3"}, {"sku": "EMS"}], "fallback": [{"sku": "EXCHANGESTANDARD"}]}
    plan = plan_for([at_risk(user("a"))], rule, table=skus(seats={EMS: 0}))
    assert plan.entries[0].alternative == "fallback"
    assert [use.part_number for use in plan.seats] == ["EXCHANGESTANDARD"]


def test_the_reserve_is_left_alone() -> None:
    candidates = [at_risk(user(name)) for name in "abc"]
    plan = plan_for(candidates, E3, table=skus(seats={SPE_E3: 3}), seat_reserve={SPE_E3: 2})
    assert plan.counts() | {"license": 1, "no_seat": 2} == plan.counts()
    assert plan.seats[0].reserved == 2


# --- all users ---------------------------------------------------------------------------------------------------

HOLDS_FALLBACK = user("a", direct(EXCHANGESTANDARD))


@pytest.mark.parametrize(
    ("who", "options", "action", "change", "note"),
    [
        (user("a"), {}, "license", ([SPE_E3], []), ""),
        (user("a", direct(SPE_E3)), {}, "unchanged", ([], []), ""),
        (user("a", inherited(SPE_E3)), {}, "unchanged", ([], []), ""),
        (user("a"), {"table": NO_E3}, "license", ([EXCHANGESTANDARD], []), "licenses: no seat left of SPE_E3"),
        (user("a"), {"table": NO_SEATS}, "no_seat", ([], []), "fallback: no seat left"),
        (HOLDS_FALLBACK, {}, "unchanged", ([], []), "holds the fallback; a swap needs allow_removals"),
        (
            HOLDS_FALLBACK,
            {"allow_removals": True},
            "license",
            ([SPE_E3], [EXCHANGESTANDARD]),
            "swapped from the fallback",
        ),
        (
            HOLDS_FALLBACK,
            {"allow_removals": True, "table": NO_E3},
            "unchanged",
            ([], []),
            "holds the fallback; no seat left of SPE_E3",
        ),
        (
            user("a", inherited(EXCHANGESTANDARD)),
            {"allow_removals": True},
            "unchanged",
            ([], []),
            "holds the fallback through a group",
        ),
    ],
)
def test_a_user_without_a_finding(
    who: User, options: dict[str, Any], action: str, change: tuple[list[str], list[str]], note: str
) -> None:
    entry = only(anybody(who), E3_OR_STANDARD, **options)
    assert (entry.action, (added(entry), list(entry.change.remove))) == (action, change)
    assert note in entry.note


def test_swap_that_would_lose_the_mailbox_is_left_out() -> None:
    rule = WITHOUT_MAIL | {"fallback": [{"sku": "EXCHANGESTANDARD"}]}
    plan = plan_for([anybody(HOLDS_FALLBACK)], rule, allow_removals=True)
    assert (plan.entries[0].action, plan.violations) == ("unchanged", ())
    assert "holds the fallback, and keeps it" in plan.entries[0].note


def test_a_fallback_that_is_part_of_the_licenses_needs_no_swap() -> None:
    rule = E3 | {"licenses": [{"sku": "SPE_E3"}, {"sku": "EMS"}], "fallback": [{"sku": "EMS"}]}
    entry = only(anybody(user("a", direct(EMS))), rule)
    assert (entry.action, added(entry), entry.change.remove) == ("license", [SPE_E3], ())


WITHOUT_YAMMER = E3_OR_STANDARD | {"licenses": [{"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}]}


@pytest.mark.parametrize("fallback", [direct(EXCHANGESTANDARD, PLAN1), inherited(EXCHANGESTANDARD, PLAN1)])
@pytest.mark.parametrize("allow", [False, True])
def test_who_holds_licenses_and_fallback_gets_the_declared_plans(fallback: Any, allow: bool) -> None:
    entry = only(anybody(user("a", direct(SPE_E3), fallback)), WITHOUT_YAMMER, allow_removals=allow)
    swapped = allow and fallback.direct
    assert entry.action == "license"
    assert entry.change.add == (Assignment(SPE_E3, frozenset({YAMMER})),)
    assert entry.change.remove == ((EXCHANGESTANDARD,) if swapped else ())
    assert ("swapped from the fallback" if swapped else "holds the fallback") in entry.note
    after = apply_to(entry.user, entry.change, BY_ID)
    assert not only(anybody(after), WITHOUT_YAMMER, allow_removals=allow).change


def test_plan_that_only_a_group_can_switch_off_is_a_note() -> None:
    rule = E3 | {"licenses": [{"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}]}
    entry = only(anybody(user("a", inherited(SPE_E3))), rule)
    assert entry.action == "unchanged"
    assert "YAMMER_ENTERPRISE stays on" in entry.note
