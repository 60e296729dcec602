# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a plan, or predicts what writing it will do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ansible_collections.m365.licensing.plugins.module_utils._assign.apply import Written, apply_changes
from ansible_collections.m365.licensing.plugins.module_utils._assign.outcomes import Outcome
from ansible_collections.m365.licensing.plugins.module_utils._assign.prediction import predict_changes
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import uncovered_by
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import SecondTries
from ansible_collections.m365.licensing.plugins.module_utils._planning.model import Plan

if TYPE_CHECKING:
    from .workflow import PlannerOptions


def write_plan(
    graph: Graph,
    plan: Plan,
    skus: Mapping[str, Sku],
    options: PlannerOptions,
    *,
    check_mode: bool,
    written: Written | None,
) -> dict[str, Outcome]:
    """What became of each user whom the plan changes, by id; in check mode what will. ``written`` as in ``_apply``."""
    catalog = options.audit.catalog
    users = {entry.user.id: entry.user for entry in plan.entries if entry.change}
    if check_mode:
        outcomes = predict_changes(users, plan.changes, skus, on_error=options.on_error)
    else:
        outcomes = apply_changes(
            graph,
            users,
            plan.changes,
            skus,
            confirm=options.confirm,
            confirm_seconds=options.confirm_seconds,
            on_error=options.on_error,
            uncovers=lambda user, change: uncovered_by(user, change, skus, catalog),
            written=written,
            second_tries=SecondTries(
                {entry.user.id: entry.case for entry in plan.entries if entry.change and entry.case},
                skus,
                catalog,
                plan.seats_left,
            ),
        )
    return {outcome.user_id: outcome for outcome in outcomes}
