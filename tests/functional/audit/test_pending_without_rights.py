# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals that call a mailbox unlicensed, where only a plan without known mailbox rights keeps it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.functional.support.audit_scenes import STRATEGIES, holder, teams_enterprise, tomorrow
from tests.functional.support.explain_harness import ExplainHarness
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.functional.support.run_audit import look
from tests.simulator.launch import Tenant
from tests.simulator.state import Json, exchange_time, parse_time

WAYS = pytest.mark.parametrize("options", STRATEGIES, ids=str)
RIGHTS = pytest.mark.parametrize("unknown", [False, True])


def person(env: PlanHarness, *, unknown: bool = False) -> Json:
    """A user whose only license carries no right to a mailbox, or one of which nobody knows that."""
    return holder(env, tomorrow(env) if unknown else teams_enterprise(env))


def pend(env: PlanHarness, user: Json, days: float, **changes: Any) -> Json:
    """Get-PendingDelicenseUser lists the user from now on; the mailbox."""
    (box,) = env.world.mailboxes_of(user["id"])
    box["_pending_delicense"] = exchange_time(env.world.now() + timedelta(days=days))
    box.update(changes)
    env.world.touch()
    return box


@WAYS
@RIGHTS
@pytest.mark.parametrize(("days", "severity"), [(5, "critical"), (-2, "overdue")])
@pytest.mark.parametrize("key", ["id", "upn"])
def test_a_pending_user_without_known_rights_is_a_row(
    env: PlanHarness, options: dict[str, Any], unknown: bool, days: float, severity: str, key: str
) -> None:
    env.world.switches.pending_delicense_key = key
    user = person(env, unknown=unknown)
    box = pend(env, user, days)
    found = look(env.tenant, **options)
    (row,) = found.findings
    assert (row.user_id, row.reason, row.severity) == (user["id"], "license_removed", severity)
    assert (row.deadline.at, row.deadline.source) == (parse_time(box["_pending_delicense"]), "pending_delicense")
    assert "pending_delicense" in row.evidence
    assert found.disagreements == ()
    assert [item["user_id"] for item in found.no_mailbox_rights] == [user["id"]]


@WAYS
def test_a_pending_user_without_a_listed_mailbox_is_a_row(env: PlanHarness, options: dict[str, Any]) -> None:
    user = person(env)
    box = pend(env, user, 5)
    env.tenant.set_faults(
        {
            "kind": "status",
            "status": 200,
            "service": "exchange",
            "cmdlet": "Get-PendingDelicenseUser",
            "times": None,
            "body": {
                "value": [
                    {
                        "ExternalDirectoryObjectId": user["id"],
                        "WhenDueForDelicensingUTC": box["_pending_delicense"],
                    }
                ]
            },
        }
    )
    env.world.remove_mailbox(box["Guid"])
    (row,) = look(env.tenant, **options).findings
    assert (row.user_id, row.mailbox, row.reason) == (user["id"], None, "license_removed")


@WAYS
@RIGHTS
@pytest.mark.parametrize("signal", ["portal", "exchange"])
def test_other_signals_about_such_a_user_are_a_disagreement(
    env: PlanHarness, options: dict[str, Any], unknown: bool, signal: str
) -> None:
    user = person(env, unknown=unknown)
    (box,) = env.world.mailboxes_of(user["id"])
    if signal == "portal":
        user["isLicenseReconciliationNeeded"] = True
    else:
        box["SKUAssigned"] = False
    env.world.touch()
    found = look(env.tenant, **options)
    assert found.findings == ()
    word = {"portal": "license_reconciliation_needed", "exchange": "exchange_sku_not_assigned"}[signal]
    assert [(item["user_id"], item["disagreement"]) for item in found.disagreements] == [
        (user["id"], f"{word}; but an enabled plan keeps it: see no_mailbox_rights")
    ]


@WAYS
def test_without_such_a_signal_there_is_no_disagreement(env: PlanHarness, options: dict[str, Any]) -> None:
    person(env)
    found = look(env.tenant, **options)
    assert (found.findings, found.disagreements) == ((), ())


@WAYS
def test_a_hold_makes_the_deadline_of_such_a_row_unknown(
    env: PlanHarness, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a policy of the whole organization, which is asked for as soon as there is a row."""
    monkeypatch.setattr(env.world, "organization_holds", ["mbx19200b9af08442529be070dae2fd54d3:2"])
    pend(env, person(env), 5)
    (row,) = look(env.tenant, **options).findings
    assert (row.deadline.at, row.deadline.earliest is None) == (None, False)


def test_rules_license_a_pending_user_and_then_rest(env: PlanHarness) -> None:
    pend(env, person(env), 5)
    assert actions(env.apply(EVERYBODY)) == {"anna": "license"}
    assert env.apply(EVERYBODY)["changed"] is False


def test_rules_save_the_mailbox_where_the_hold_lacks_a_plan(env: PlanHarness) -> None:
    """A right that is missing is a warning: the mailbox comes first."""
    pend(env, person(env), 5, LitigationHoldEnabled=True)
    assert actions(env.apply(EVERYBODY)) == {"anna": "license"}


def test_an_explanation_calls_a_pending_user_at_risk(tenant: Tenant) -> None:
    env = ExplainHarness(tenant)
    pend(env, person(env), 5)
    told = env.one("anna")
    assert (told["at_risk"], told["mailboxes"][0]["reason"]) == (True, "license_removed")
