# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of plans takes from a mailbox or an archive, and what still saves one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    ANY_ARCHIVE,
    ANY_MAILBOX,
    PLAN2_ONLY,
    PLAN2_OR_ADDON,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding, PlanClass, RecipientType
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_effects import (
    abilities_lost,
    lesser_needs,
    need_lost,
    parts_of,
    saves,
    uncovers,
)

from tests.unit.support.sample_mailboxes import box
from tests.unit.support.sample_tenant import (
    EMS,
    EXCHANGEARCHIVE_ADDON,
    EXCHANGEDESKLESS,
    EXCHANGESTANDARD,
    SPE_E3,
    direct,
    finding,
    user,
)

PLAN1, PLAN2, KIOSK = PlanClass.PLAN1, PlanClass.PLAN2, PlanClass.KIOSK
ARCHIVE, ARCHIVING = PlanClass.ARCHIVE, PlanClass.ARCHIVING


def of(*classes: PlanClass) -> frozenset[PlanClass]:
    return frozenset(classes)


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (of(PLAN2), of(), True),
        (of(PLAN2), of(KIOSK), False),
        (of(PLAN1, ARCHIVING), of(ARCHIVING), True),
        (of(PLAN1), of(ARCHIVE), True),
        (of(ARCHIVE), of(), True),
        (of(ARCHIVE), of(PLAN2), False),
        (of(ARCHIVE), of(PLAN1), True),
        (of(ARCHIVE), of(ARCHIVE), False),
        (of(ARCHIVING), of(), False),
        (of(), of(), False),
    ],
)
def test_a_change_uncovers_what_it_leaves_no_plan(
    before: frozenset[PlanClass], after: frozenset[PlanClass], lost: bool
) -> None:
    assert uncovers(before, after) is lost


@pytest.mark.parametrize(
    ("before", "after", "texts"),
    [
        (of(PLAN2), of(PLAN2, ARCHIVING), []),
        (
            of(PLAN2),
            of(PLAN1),
            ["over 50 GB needs Exchange Online", "a hold, or an", "on premises"],
        ),
        (of(PLAN2), of(PLAN1, ARCHIVING), ["over 50 GB needs Exchange Online Plan 2", "on premises"]),
        (of(PLAN1, ARCHIVING), of(PLAN1), ["a hold, or an archive over 50 GB"]),
        (of(PLAN1), of(KIOSK), ["an archive needs Plan 1, Plan 2 or the archiving add-on"]),
        (of(ARCHIVE), of(PLAN1), ["the archive of a mailbox on premises"]),
        (of(KIOSK), of(), []),
    ],
)
def test_each_ability_that_goes_is_named(
    before: frozenset[PlanClass], after: frozenset[PlanClass], texts: list[str]
) -> None:
    found = abilities_lost(before, after)
    assert len(found) == len(texts)
    assert all(text in sentence for text, sentence in zip(texts, found, strict=True))


@pytest.mark.parametrize(
    ("needs", "before", "after", "lost"),
    [
        (ANY_MAILBOX, of(PLAN2), of(PLAN1), ()),
        (ANY_MAILBOX, of(PLAN2), of(), ANY_MAILBOX),
        (PLAN2_ONLY, of(PLAN2), of(PLAN1), PLAN2_ONLY),
        (PLAN2_ONLY, of(PLAN1), of(PLAN1), ()),
        (ANY_ARCHIVE, of(PLAN1), of(KIOSK), ANY_ARCHIVE),
        (ANY_ARCHIVE, of(PLAN2), of(PLAN1), PLAN2_OR_ADDON),
        (ANY_ARCHIVE, of(PLAN1), of(PLAN1), ()),
    ],
)
def test_a_need_is_lost_if_it_was_met_before(
    needs: Any, before: frozenset[PlanClass], after: frozenset[PlanClass], lost: Any
) -> None:
    assert need_lost(needs, before, after) == lost


def at_risk(kind: RecipientType = RecipientType.USER, **mailbox: Any) -> Finding:
    return finding(user(), needs=PLAN2_ONLY)._replace(recipient_type=kind, mailbox=box(kind, **mailbox))


def test_without_a_plan_the_archive_comes_before_the_mailbox() -> None:
    assert lesser_needs(at_risk(archive=True), user(), BUILTIN) == [ANY_ARCHIVE, ANY_MAILBOX]
    assert lesser_needs(at_risk(), user(), BUILTIN) == [ANY_MAILBOX]
    soft_deleted = at_risk(RecipientType.SOFT_DELETED, archive=True)
    assert lesser_needs(soft_deleted, user(), BUILTIN) == [ANY_ARCHIVE, ANY_MAILBOX]


def test_what_a_plan_keeps_is_no_lesser_need() -> None:
    kiosk, standard = user("anna", direct(EXCHANGEDESKLESS)), user("anna", direct(EXCHANGESTANDARD))
    assert lesser_needs(at_risk(archive=True), kiosk, BUILTIN) == [ANY_ARCHIVE]
    assert lesser_needs(at_risk(archive=True), standard, BUILTIN) == []
    assert lesser_needs(at_risk(RecipientType.SHARED, archive=True), user(), BUILTIN) == []
    assert lesser_needs(at_risk()._replace(mailbox=None), user(), BUILTIN) == [ANY_MAILBOX]


def test_a_change_saves_what_it_covers_in_part() -> None:
    enough, less, nothing = (user("anna", direct(sku)) for sku in (SPE_E3, EXCHANGESTANDARD, EMS))
    assert saves(at_risk(), user(), enough, BUILTIN)
    assert saves(at_risk(), user(), less, BUILTIN)
    assert not saves(at_risk(), user(), nothing, BUILTIN)
    assert not saves(at_risk(), less, less, BUILTIN)


def test_the_parts_of_an_alternative_have_seats() -> None:
    first, second, third = Wanted(EXCHANGESTANDARD), Wanted(EXCHANGEARCHIVE_ADDON), Wanted(EMS)
    assert parts_of([first], ()) == []
    assert parts_of([first, second], ()) == [(first, second), (first,), (second,)]
    assert parts_of([first, second, third], {EMS}) == [(first, second), (first,), (second,)]
