# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who says that a mailbox is at risk, where the signals disagree, and what is no alarm at all."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    disagreement,
    granted,
    no_rights_only,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    LicenseState,
    Mailbox,
    RecipientType,
    Signals,
    User,
)

from tests.unit.support.sample_mailboxes import (
    CONTEXT,
    NOBODY_SAYS,
    PORTAL_SAYS,
    box,
    finding_of,
    found,
)
from tests.unit.support.sample_tenant import (
    EXCHANGEARCHIVE,
    EXCHANGEARCHIVE_ADDON,
    EXCHANGEDESKLESS,
    F1,
    KIOSK,
    NOW,
    SPE_E3,
    direct,
    inherited,
    user,
)

# plans without rights -------------------------------------------------------------------------------------------


def test_mailbox_kept_by_a_plan_without_rights_is_a_warning() -> None:
    owner = user("anna", direct(F1))
    assert granted(owner, BUILTIN) == frozenset()
    assert no_rights_only(owner, BUILTIN) == (F1,)
    for signals in (NOBODY_SAYS, PORTAL_SAYS):
        assert finding_of(box(), owner, signals) is None
        assert finding_of(box(sku_assigned=None), owner, signals) is None


@pytest.mark.parametrize(
    "states",
    [
        pytest.param([direct(F1), direct(EXCHANGEDESKLESS)], id="the same plan from a SKU with rights"),
        pytest.param([direct(F1), inherited(SPE_E3)], id="another plan"),
        pytest.param([direct(F1, KIOSK)], id="its plan is off"),
        pytest.param([direct(F1, state="Error")], id="in error"),
    ],
)
def test_whoever_does_not_hang_on_it_is_not_warned_of(states: list[LicenseState]) -> None:
    assert no_rights_only(user("anna", *states), BUILTIN) == ()


def test_kiosk_plan_off_in_its_rightful_sku_has_no_rights() -> None:
    owner = user("anna", direct(F1), direct(EXCHANGEDESKLESS, KIOSK))
    assert no_rights_only(owner, BUILTIN) == (F1,)


def test_a_soft_deleted_mailbox_is_a_row_whatever_its_user_holds() -> None:
    gone = box(RecipientType.SOFT_DELETED)
    assert found(gone, user("anna", direct(F1))).reason == "soft_deleted"
    licensed = found(gone, user("anna", direct(SPE_E3)))
    assert licensed.evidence == ("soft_deleted",)
    assert any("Look for a second mailbox" in note for note in licensed.notes)


# who says so ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sku_assigned", "signals", "evidence"),
    [
        (True, Signals(False), ("no_mailbox_plan",)),
        (True, Signals(None), ("no_mailbox_plan",)),
        (None, Signals(False), ("exchange_sku_not_assigned", "no_mailbox_plan")),
        (False, Signals(False), ("exchange_sku_not_assigned", "no_mailbox_plan")),
        (False, Signals(True), ("license_reconciliation_needed", "exchange_sku_not_assigned", "no_mailbox_plan")),
        (True, Signals(False, NOW), ("no_mailbox_plan", "pending_delicense")),
    ],
)
def test_a_row_says_which_signals_found_it(
    sku_assigned: bool | None, signals: Signals, evidence: tuple[str, ...]
) -> None:
    assert found(box(sku_assigned=sku_assigned), user("anna"), signals).evidence == evidence


def test_without_the_directory_what_exchange_says_decides() -> None:
    assert found(box(sku_assigned=None), None).evidence == ("exchange_sku_not_assigned",)
    assert found(box(sku_assigned=False), None).reason == "license_removed"
    assert finding_of(box(), None) is None
    assert finding_of(box(RecipientType.SHARED, sku_assigned=None), None) is None


def test_user_flagged_by_the_portal_alone_is_a_row() -> None:
    finding = found(None, user("anna"), PORTAL_SAYS)
    assert finding.evidence == ("license_reconciliation_needed", "no_mailbox_plan")
    assert finding.disagreements == ("Exchange shows no mailbox of this user",)


@pytest.mark.parametrize(
    ("owner", "mailbox", "signals", "text"),
    [
        (user("anna"), box(), PORTAL_SAYS, "SKUAssigned is true"),
        (user("anna"), box(sku_assigned=None), NOBODY_SAYS, "isLicenseReconciliationNeeded is not set"),
        (user("anna", direct(SPE_E3), assigned_plans=()), box(), NOBODY_SAYS, "not enabled the plan (yet)"),
    ],
)
def test_signals_that_contradict_each_other_are_shown_in_the_row(
    owner: User, mailbox: Mailbox, signals: Signals, text: str
) -> None:
    assert any(text in item for item in found(mailbox, owner, signals).disagreements)


def test_signals_that_agree_show_no_contradiction() -> None:
    assert found(box(sku_assigned=None), user("anna"), PORTAL_SAYS).disagreements == ()
    # where the signal cannot be had, its silence says nothing
    assert found(box(sku_assigned=None), user("anna"), Signals(None)).disagreements == ()


@pytest.mark.parametrize(
    ("mailbox", "signals", "text"),
    [
        (box(sku_assigned=None), NOBODY_SAYS, "exchange_sku_not_assigned; but an enabled plan covers it"),
        (box(), PORTAL_SAYS, "license_reconciliation_needed; but an enabled plan covers it"),
        (box(), Signals(None, NOW), "pending_delicense; but an enabled plan covers it"),
        (None, PORTAL_SAYS, "license_reconciliation_needed; but an enabled plan covers it"),
        (box(), NOBODY_SAYS, ""),
        (box(RecipientType.SHARED, sku_assigned=None), NOBODY_SAYS, ""),
    ],
)
def test_covered_mailbox_with_a_flag_is_a_disagreement_not_a_row(
    mailbox: Mailbox | None, signals: Signals, text: str
) -> None:
    owner = user("anna", direct(SPE_E3))
    assert finding_of(mailbox, owner, signals) is None
    assert disagreement(mailbox, owner, signals, CONTEXT) == text


# no false alarms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mailbox", "owner"),
    [
        pytest.param(box(), user("anna", direct(SPE_E3), user_type="Guest"), id="a licensed guest"),
        pytest.param(None, None, id="nobody"),
        pytest.param(box(RecipientType.ROOM, sku_assigned=None), user("anna"), id="an ordinary room"),
        pytest.param(box(RecipientType.EQUIPMENT, sku_assigned=None), user("anna"), id="ordinary equipment"),
        pytest.param(box(RecipientType.SHARED, sku_assigned=None), user("anna"), id="an ordinary shared mailbox"),
        pytest.param(
            box(RecipientType.ARCHIVE, archive=True), user("anna", direct(EXCHANGEARCHIVE)), id="a licensed archive"
        ),
        pytest.param(
            box(RecipientType.SHARED, over_50_gb=True), user("anna", direct(SPE_E3)), id="a licensed large one"
        ),
        pytest.param(
            box(archive=True, hold=True),
            user("anna", direct(EXCHANGEDESKLESS), direct(EXCHANGEARCHIVE_ADDON)),
            id="kiosk with archiving",
        ),
    ],
)
@pytest.mark.parametrize("signals", [NOBODY_SAYS, PORTAL_SAYS])
def test_what_is_not_at_risk_is_no_row(mailbox: Mailbox | None, owner: User | None, signals: Signals) -> None:
    assert finding_of(mailbox, owner, signals) is None
