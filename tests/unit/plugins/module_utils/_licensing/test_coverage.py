# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this mailbox or archive covered by a plan that works and grants what it needs? If not, why?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._graph.parsing import USER_PROPERTIES, user_from
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    granted,
    is_covered,
    needs_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    AssignedPlan,
    LicenseState,
    PlanClass,
    RecipientType,
    User,
)

from tests.unit.support.sample_mailboxes import (
    box,
    finding_of,
    found,
)
from tests.unit.support.sample_tenant import (
    EMS,
    EXCHANGEARCHIVE_ADDON,
    EXCHANGEDESKLESS,
    EXCHANGESTANDARD,
    F1,
    NOW,
    PLAN2,
    SPE_E3,
    SPE_E5,
    direct,
    inherited,
    user,
)

# what is enough for whom ----------------------------------------------------------------------------------------

P1, P2, KI, AD, AR = PlanClass.PLAN1, PlanClass.PLAN2, PlanClass.KIOSK, PlanClass.ARCHIVING, PlanClass.ARCHIVE
HELD: tuple[tuple[PlanClass, ...], ...] = (
    (),
    (KI,),
    (P1,),
    (P2,),
    (AD,),
    (AR,),
    (KI, AD),
    (P1, AD),
    (P1, AR),
    (AD, AR),
)
"""What a user may hold: the columns of the table below."""

ENOUGH = (
    # -    Ki   P1   P2   Ad   Ar   Ki+Ad P1+Ad P1+Ar Ad+Ar
    ("no   yes  yes  yes  no   no   yes  yes  yes  no ", "user", ""),
    ("no   no   yes  yes  no   no   yes  yes  yes  no ", "user", "archive"),
    ("no   no   no   yes  no   no   yes  yes  no   no ", "user", "hold"),
    ("no   no   no   yes  no   no   yes  yes  no   no ", "user", "archive hold"),
    ("yes  yes  yes  yes  yes  yes  yes  yes  yes  yes", "shared", ""),
    ("no   no   no   yes  no   no   no   yes  no   no ", "shared", "archive"),
    ("no   no   no   yes  no   no   no   yes  no   no ", "shared", "hold"),
    ("no   no   no   yes  no   no   no   no   no   no ", "shared", "over_50_gb"),
    ("yes  yes  yes  yes  yes  yes  yes  yes  yes  yes", "room", ""),
    ("no   no   no   yes  no   no   no   yes  no   no ", "room", "archive"),
    ("no   no   no   yes  no   no   no   yes  no   no ", "room", "hold"),
    ("no   no   no   yes  no   no   no   no   no   no ", "room", "over_50_gb"),
    ("yes  yes  yes  yes  yes  yes  yes  yes  yes  yes", "equipment", ""),
    ("no   no   no   yes  no   no   no   yes  no   no ", "equipment", "archive"),
    ("no   no   no   yes  no   no   no   yes  no   no ", "equipment", "hold"),
    ("no   no   no   yes  no   no   no   no   no   no ", "equipment", "over_50_gb"),
    ("no   no   no   yes  no   yes  no   no   yes  yes", "archive", "archive"),
    ("no   yes  yes  yes  no   no   yes  yes  yes  no ", "soft_deleted", ""),
    ("no   no   yes  yes  no   no   yes  yes  yes  no ", "soft_deleted", "archive"),
)


@pytest.mark.parametrize(
    ("kind", "traits", "held", "enough"),
    [
        pytest.param(kind, traits, held, word == "yes", id=f"{kind} {traits}: {'+'.join(held) or 'nothing'}")
        for words, kind, traits in ENOUGH
        for held, word in zip(HELD, words.split(), strict=True)
    ],
)
def test_what_is_enough_for_whom(kind: str, traits: str, held: tuple[PlanClass, ...], enough: bool) -> None:
    mailbox = box(RecipientType(kind), **dict.fromkeys(traits.split(), True))
    assert is_covered(needs_of(mailbox), frozenset(held)) is enough


# which plans are at work ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capability", "works"),
    [
        ("Enabled", True),
        ("Warning", True),
        ("enabled", True),
        ("Suspended", False),
        ("LockedOut", False),
        ("Deleted", False),
        ("", False),
        ("Hibernating", False),
    ],
)
def test_plan_grants_while_enabled_or_in_warning(capability: str, works: bool) -> None:
    owner = user("anna", license_states=(direct(SPE_E3),), assigned_plans=(AssignedPlan(PLAN2, capability),))
    assert (P2 in granted(owner, BUILTIN)) is works


def test_one_entry_that_works_beats_those_that_were_deleted() -> None:
    plans = tuple(AssignedPlan(PLAN2, word) for word in ("Deleted", "Enabled", "Deleted"))
    assert granted(user("anna", direct(SPE_E3), assigned_plans=plans), BUILTIN) == {P2}


@pytest.mark.parametrize(
    ("states", "covered"),
    [
        pytest.param([direct(SPE_E3)], True, id="direct"),
        pytest.param([inherited(SPE_E3)], True, id="from a group"),
        pytest.param([direct(SPE_E3, PLAN2)], False, id="its plan is off"),
        pytest.param([direct(SPE_E3, PLAN2), inherited(SPE_E3)], True, id="off in one assignment and on in another"),
        pytest.param([direct(SPE_E3, PLAN2), inherited(SPE_E3, PLAN2)], False, id="off in both"),
        pytest.param([direct(SPE_E3, PLAN2), direct(EXCHANGESTANDARD)], True, id="off in one SKU and on in another"),
        pytest.param([inherited(SPE_E3, state="Error")], False, id="in error"),
        pytest.param([inherited(SPE_E3, state="Error"), direct(EXCHANGEDESKLESS)], True, id="in error, and another"),
        pytest.param([direct(SPE_E3, state="Disabled")], False, id="disabled"),
        pytest.param([direct(SPE_E3, state="ActiveWithError")], True, id="active with error"),
        pytest.param([direct(SPE_E3, state="Thinking")], False, id="a state never seen"),
        pytest.param([direct(EMS)], False, id="a license without a mailbox"),
        pytest.param([direct(EXCHANGEARCHIVE_ADDON)], False, id="an add-on without a mailbox"),
        pytest.param([], False, id="none"),
    ],
)
def test_enabled_plan_and_not_a_license_covers_a_mailbox(states: list[LicenseState], covered: bool) -> None:
    assert (finding_of(box(), user("anna", *states)) is None) is covered


def test_stray_blanks_and_case_change_nothing() -> None:
    raw: dict[str, Any] = dict.fromkeys(USER_PROPERTIES)
    raw |= {
        "id": " 11111111-2222-3333-4444-AAAAAAAAAAAA ",
        "userPrincipalName": "anna@contoso.com",
        "licenseAssignmentStates": [{"skuId": f" {SPE_E3.upper()} ", "disabledPlans": [], "state": " Active "}],
        "assignedPlans": [{"servicePlanId": PLAN2.upper(), "capabilityStatus": " enabled ", "service": "exchange"}],
    }
    owned = box()._replace(user_id="11111111-2222-3333-4444-aaaaaaaaaaaa")
    assert finding_of(owned._replace(sku_assigned=None), user_from(raw)) is None
    raw["licenseAssignmentStates"][0]["disabledPlans"] = [f" {PLAN2.upper()} "]
    raw["assignedPlans"] = []
    assert found(owned, user_from(raw)).reason == "exchange_plan_disabled"


# why not --------------------------------------------------------------------------------------------------------

DELETED = (AssignedPlan(PLAN2, "Deleted", assigned=NOW),)


@pytest.mark.parametrize(
    ("owner", "more", "reason"),
    [
        pytest.param(user("anna"), {"sku_assigned": None}, "no_license", id="never had one"),
        pytest.param(user("anna"), {"sku_assigned": True}, "no_license", id="Exchange believes in one"),
        pytest.param(user("anna"), {"sku_assigned": False}, "no_license", id="none, and no trace of an earlier one"),
        pytest.param(user("anna", assigned_plans=DELETED), {}, "license_removed", id="its plan was deleted"),
        pytest.param(
            user("anna", direct(EMS), assigned_plans=DELETED), {}, "license_removed", id="the one with a mailbox went"
        ),
        pytest.param(user("anna", direct(EMS)), {}, "no_exchange_plan", id="licenses without a mailbox"),
        pytest.param(user("anna", direct(SPE_E3, PLAN2)), {}, "exchange_plan_disabled", id="its plan is off"),
        pytest.param(
            user("anna", direct(SPE_E3, PLAN2), direct(EMS)), {}, "exchange_plan_disabled", id="off, and others"
        ),
        pytest.param(
            user("anna", direct(SPE_E3, PLAN2), assigned_plans=DELETED),
            {},
            "exchange_plan_disabled",
            id="off, and so deleted",
        ),
        pytest.param(user("anna", inherited(SPE_E3, state="Error")), {}, "license_error", id="in error"),
        pytest.param(
            user("anna", inherited(SPE_E3, state="Error"), direct(SPE_E5, PLAN2)), {}, "license_error", id="error, off"
        ),
        pytest.param(user("anna", direct(SPE_E3), assigned_plans=()), {}, "license_error", id="not at work yet"),
        pytest.param(
            user("anna", direct(SPE_E3), assigned_plans=(AssignedPlan(PLAN2, "Suspended"),)),
            {},
            "license_suspended",
            id="suspended",
        ),
        pytest.param(
            user("anna", direct(SPE_E3), assigned_plans=(AssignedPlan(PLAN2, "LockedOut"),)),
            {},
            "license_suspended",
            id="locked out",
        ),
        pytest.param(user("anna", direct(EXCHANGESTANDARD)), {"hold": True}, "hold_without_license", id="hold, Plan 1"),
        pytest.param(
            user("anna", direct(EXCHANGEDESKLESS)), {"archive": True}, "archive_without_license", id="archive, Kiosk"
        ),
        pytest.param(
            user("anna", direct(EXCHANGESTANDARD)),
            {"archive": True, "hold": True},
            "hold_without_license",
            id="Plan 1 covers the archive and not the hold",
        ),
        pytest.param(
            user("anna", direct(EXCHANGEDESKLESS)),
            {"archive": True, "hold": True},
            "archive_without_license",
            id="Kiosk covers neither",
        ),
        pytest.param(user("anna"), {"hold": True, "sku_assigned": None}, "no_license", id="hold, and no license"),
        pytest.param(
            user("anna", direct(F1)), {"hold": True}, "hold_without_license", id="hold, and a plan without rights"
        ),
        pytest.param(
            user("anna", direct(F1)), {"archive": True}, "archive_without_license", id="archive, plan without rights"
        ),
    ],
)
def test_why_a_mailbox_is_not_covered(owner: User, more: dict[str, Any], reason: str) -> None:
    assert found(box(**more), owner).reason == reason


@pytest.mark.parametrize(
    ("kind", "traits", "reason"),
    [
        ("shared", "archive", "shared_archive"),
        ("shared", "hold", "shared_litigation_hold"),
        ("shared", "archive hold", "shared_archive"),
        ("shared", "over_50_gb archive hold", "shared_over_50_gb"),
        ("room", "archive", "shared_archive"),
        ("equipment", "over_50_gb", "shared_over_50_gb"),
        ("archive", "archive", "archive_without_license"),
        ("soft_deleted", "", "soft_deleted"),
    ],
)
def test_why_other_recipients_are_not_covered(kind: str, traits: str, reason: str) -> None:
    mailbox = box(RecipientType(kind), sku_assigned=None, **dict.fromkeys(traits.split(), True))
    finding = found(mailbox, user("anna"))
    assert (finding.reason, finding.recipient_type.value) == (reason, kind)


def test_an_archive_and_a_hold_of_a_shared_mailbox_are_both_told() -> None:
    finding = found(box(RecipientType.SHARED, archive=True, hold=True), user("anna"))
    assert any("archive and a litigation hold" in note for note in finding.notes)


@pytest.mark.parametrize("held", [{"hold": True}, {"other_hold": True}])
def test_date_of_a_mailbox_on_hold_is_unknown(held: dict[str, Any]) -> None:
    for days, severity in ((5, "warning"), (25, "critical"), (100, "overdue")):
        created = NOW - timedelta(days=days)
        finding = found(box(created=created, sku_assigned=None, **held), user("anna"))
        told = (finding.deadline.at, finding.deadline.source, finding.deadline.confidence, finding.days_remaining)
        assert told == (None, "unknown", "unknown", None)
        assert "older texts disagree" in finding.deadline.note
        assert finding.severity == severity, "the alarm is that of a mailbox that the hold does not keep"


def test_a_soft_deleted_mailbox_on_hold_keeps_its_date() -> None:
    finding = found(box(RecipientType.SOFT_DELETED, hold=True, sku_assigned=None, soft_deleted=NOW), user("anna"))
    assert (finding.severity, finding.days_remaining) == ("lost", 30)
    assert any("texts disagree" in note for note in finding.notes)
