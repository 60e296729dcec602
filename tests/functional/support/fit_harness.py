# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running tenant with mailboxes whose sizes a test chooses, and rules that give small plans."""

from __future__ import annotations

from typing import Any

from tests.functional.support.explain_harness import ExplainHarness
from tests.functional.support.plan_harness import EVERYBODY
from tests.simulator.state import Json

GB = 2**30
STATISTICS = "Get-MailboxStatistics"
KIOSK: Json = {**EVERYBODY, "licenses": [{"sku": "SPE_F1"}]}
KIOSK_OR_PLAN_1: Json = {**KIOSK, "fallback": [{"sku": "EXCHANGESTANDARD"}]}
PLAN_1_OR_2: Json = {**EVERYBODY, "fallback": [{"sku": "EXCHANGEENTERPRISE"}]}
BUSINESS: Json = {**EVERYBODY, "licenses": [{"sku": "SPB"}]}
RESOURCES: Json = {**EVERYBODY, "licenses": [{"sku": "EXCHANGEENTERPRISE"}]}


class FitHarness(ExplainHarness):
    """The tenant, emptied, with mailboxes whose sizes a test chooses."""

    def sized(self, name: str, size: float, *held: Json, **more: Any) -> str:
        """Somebody at risk with a mailbox of ``size`` GB; the user's name."""
        upn = self.at_risk(name, *held, **more)
        self.box(upn)["_bytes"] = int(size * GB)
        return upn

    def measured(self) -> int:
        """How many mailboxes were measured one by one."""
        return sum(entry.get("cmdlet") == STATISTICS for entry in self.tenant.requests())

    def reports(self) -> int:
        """How often the usage report was asked for."""
        return sum("/reports/" in entry["path"] for entry in self.tenant.requests())


def row_of(result: Json) -> Json:
    (row,) = result["users"]
    return dict(row)
