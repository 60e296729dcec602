# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Licenses of rules at random."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.functional.support.random_tenants import (
    PLANS,
    SKUS,
    WITHOUT_RIGHTS,
)
from tests.simulator.state import Json

REMEDIES = tuple(name for name in SKUS if name != WITHOUT_RIGHTS)
ENOUGH = st.sampled_from(["SPE_E3", "SPE_E5", "EXCHANGEENTERPRISE", "EXCHANGESTANDARD"])


@st.composite
def entries(draw: st.DrawFn) -> Json:
    """One element of ``licenses``."""
    sku = draw(st.one_of(ENOUGH, ENOUGH, st.sampled_from(REMEDIES)))
    kind = draw(st.sampled_from(["", "", "", "disabled_plans", "enabled_plans"]))
    return {
        "sku": sku,
        **({kind: draw(st.lists(st.sampled_from(PLANS[sku]), max_size=3, unique=True))} if kind else {}),
    }


LICENSES = st.lists(entries(), min_size=1, max_size=2, unique_by=lambda item: item["sku"])
