# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every mailbox, every user and every license, not only for those somebody thought of."""

from __future__ import annotations

from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    AssignedPlan,
    LicenseState,
    Mailbox,
    RecipientType,
    Signals,
    User,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support.sample_mailboxes import (
    box,
    finding_of,
)
from tests.unit.support.sample_tenant import (
    ADDON,
    ARCHIVE,
    BY_ID,
    FOUNDATION,
    GROUP,
    KIOSK,
    NOW,
    OTHER_GROUP,
    PLAN1,
    PLAN2,
    SKUS,
    SPE_E3,
    direct,
    user,
)


@st.composite
def states(draw: st.DrawFn) -> LicenseState:
    item = draw(st.sampled_from(SKUS))
    off = draw(st.frozensets(st.sampled_from(sorted(item.user_plan_ids))))
    word = draw(st.sampled_from(["Active", "Active", "ActiveWithError", "Error", "Disabled"]))
    return LicenseState(item.id, off, draw(st.sampled_from([None, GROUP, OTHER_GROUP])), word)


PLANS = st.builds(
    AssignedPlan,
    st.sampled_from([PLAN1, PLAN2, KIOSK, ADDON, ARCHIVE, FOUNDATION]),
    st.sampled_from(["Deleted", "Suspended", "LockedOut"]),
    assigned=st.just(NOW),
)


@st.composite
def owners(draw: st.DrawFn) -> User:
    owner = user("anna", *draw(st.lists(states(), max_size=4)))
    return owner._replace(assigned_plans=owner.assigned_plans + tuple(draw(st.lists(PLANS, max_size=2))))


BOXES = st.builds(
    box,
    st.sampled_from(RecipientType),
    sku_assigned=st.sampled_from([True, False, None]),
    archive=st.booleans(),
    hold=st.booleans(),
    over_50_gb=st.booleans(),
)
FLAGS = st.builds(Signals, st.sampled_from([True, False, None]), st.sampled_from([None, NOW]))


def with_license(owner: User, sku_id: str) -> User:
    """The user with one more direct license in force, all its plans at work."""
    plans = tuple(AssignedPlan(plan.id, "Enabled") for plan in BY_ID[sku_id].plans)
    return owner._replace(
        license_states=(*owner.license_states, direct(sku_id)),
        assigned_plans=owner.assigned_plans + plans,
    )


@given(BOXES, owners(), FLAGS, st.sampled_from(sorted(BY_ID)))
def test_one_more_license_never_makes_a_row(mailbox: Mailbox, owner: User, flags: Signals, sku_id: str) -> None:
    if finding_of(mailbox, owner, flags) is None:
        assert finding_of(mailbox, with_license(owner, sku_id), flags) is None


@given(BOXES, owners(), FLAGS)
def test_plan_2_covers_everything_but_what_is_gone_already(mailbox: Mailbox, owner: User, flags: Signals) -> None:
    after = finding_of(mailbox, with_license(owner, SPE_E3), flags)
    assert (after is not None) is (mailbox.recipient_type is RecipientType.SOFT_DELETED)


@given(BOXES, owners(), FLAGS)
def test_plans_decide_a_row_and_signals_only_add_to_it(mailbox: Mailbox, owner: User, flags: Signals) -> None:
    alone = finding_of(mailbox, owner, Signals(None))
    joined = finding_of(mailbox, owner, flags)
    assert (alone is None) is (joined is None)
    if alone and joined:
        assert set(alone.evidence) <= set(joined.evidence)
        assert alone.needs == joined.needs


@given(BOXES, owners(), FLAGS, st.randoms(use_true_random=False))
def test_the_order_of_licenses_and_plans_does_not_matter(
    mailbox: Mailbox, owner: User, flags: Signals, shuffle: Any
) -> None:
    mixed_states, mixed_plans = list(owner.license_states), list(owner.assigned_plans)
    shuffle.shuffle(mixed_states)
    shuffle.shuffle(mixed_plans)
    mixed = owner._replace(license_states=tuple(mixed_states), assigned_plans=tuple(mixed_plans))
    before, after = finding_of(mailbox, owner, flags), finding_of(mailbox, mixed, flags)
    assert (before is None) is (after is None)
    if before and after:
        assert after._replace(user=owner) == before


@given(BOXES, owners(), FLAGS)
def test_a_row_is_complete(mailbox: Mailbox, owner: User, flags: Signals) -> None:
    finding = finding_of(mailbox, owner, flags)
    if finding:
        assert finding.user_id == "id-anna"
        assert finding.reason
        assert finding.needs
        assert finding.evidence
        assert not any(name.startswith("no_mailbox_plan") for name in finding.disagreements)
