# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mailbox of anna, and what the assessment finds about it, for tests of coverage."""

from __future__ import annotations

from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    AssessmentContext,
    assess,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Finding,
    Mailbox,
    RecipientType,
    Signals,
    User,
)

from tests.unit.support.sample_tenant import (
    BY_ID,
    NOW,
)

CONTEXT = AssessmentContext(now=NOW, skus=BY_ID)
NOBODY_SAYS = Signals(reconciliation=False)
PORTAL_SAYS = Signals(reconciliation=True)


def box(kind: RecipientType = RecipientType.USER, **more: Any) -> Mailbox:
    """A mailbox of anna; Exchange says that a SKU is assigned."""
    values: dict[str, Any] = {"created": NOW, "sku_assigned": True, "guid": "box"}
    return Mailbox("id-anna", "anna@contoso.com", kind, **(values | more))


def finding_of(mailbox: Mailbox | None, owner: User | None, signals: Signals = NOBODY_SAYS) -> Finding | None:
    return assess(mailbox, owner, signals, CONTEXT)


def found(mailbox: Mailbox | None, owner: User | None, signals: Signals = NOBODY_SAYS) -> Finding:
    finding = finding_of(mailbox, owner, signals)
    assert finding is not None
    return finding
