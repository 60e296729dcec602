# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mailboxes that work on after their license has gone: whether Exchange says so, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit
from ansible_collections.m365.licensing.plugins.module_utils._exchange.parsing import enabled_state

from tests.functional.support.assign_harness import Harness
from tests.functional.support.explain_harness import ExplainHarness, text
from tests.functional.support.run_audit import look
from tests.simulator.launch import Tenant
from tests.simulator.state import Json, parse_time

PENDING = "Get-PendingDelicenseUser"
STRATEGIES = ("filtered", "full")


def pending(env: Harness, days: float = 12, **mailbox: Any) -> Json:
    """A user whose license went and whose mailbox works on for ``days`` days."""
    user = env.make.user("Paula Pending", "paula", removed=["SPE_E3"], removed_days=10)
    box = env.make.mailbox(user, "UserMailbox", sku_assigned=False, created_days=400, pending_days=days, **mailbox)
    env.world.touch()
    return box


def both(env: Harness, **options: Any) -> list[Audit]:
    return [look(env.tenant, strategy=strategy, **options) for strategy in STRATEGIES]


def cmdlets(env: Harness) -> list[str]:
    return [entry["cmdlet"] for entry in env.tenant.requests() if "cmdlet" in entry]


@pytest.mark.parametrize("resiliency", [True, False])
@pytest.mark.parametrize("state", ["text", "null"])
def test_whatever_the_organization_says_the_users_are_asked_for(env: Harness, resiliency: bool, state: str) -> None:
    """Also where the feature was turned off after the user was listed, or where Exchange does not say."""
    env.world.switches.update({"delicensing_resiliency": resiliency, "resiliency_state": state})
    box = pending(env)
    for found in both(env):
        (row,) = found.findings
        assert row.deadline.at == parse_time(box["_pending_delicense"])
        assert (row.deadline.source, row.deadline.confidence) == ("pending_delicense", "exact")
        assert found.warnings == []


@pytest.mark.parametrize("due", ["listed", "apart"])
@pytest.mark.parametrize("key", ["id", "upn"])
def test_whose_delay_has_ended_is_overdue(env: Harness, due: str, key: str) -> None:
    env.world.switches.update({"pending_delicense_due": due, "pending_delicense_key": key})
    box = pending(env, days=-2)
    for found in both(env):
        (row,) = found.findings
        assert (row.severity, row.deadline.source) == ("overdue", "pending_delicense")
        assert row.deadline.at == parse_time(box["_pending_delicense"])
        assert "at any moment" in row.deadline.note
        assert found.warnings == []


def test_exchange_calls_it_overdue_before_our_date_has_come(env: Harness) -> None:
    """No limit on days hides it: Exchange's word that it is due counts."""
    box = pending(env, days=0)
    early = parse_time(box["_pending_delicense"]) - timedelta(days=20)
    for found in both(env, now=early, due_within_days=7):
        (row,) = found.findings
        assert row.severity == "overdue"
        assert row.deadline.confidence == "estimated"


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_role_without_the_cmdlet_costs_the_dates_and_no_more(env: Harness, status: int) -> None:
    pending(env)
    kind = {"kind": "forbidden_cmdlet"} if status == 403 else {"kind": "status", "status": status}
    env.tenant.set_faults({**kind, "service": "exchange", "cmdlet": PENDING, "times": None})
    for found in both(env):
        (row,) = found.findings
        assert (row.reason, row.deadline.source) == ("license_removed", "license_removed_plus_grace")
        (warning,) = found.warnings
        assert "signal pending_delicense" in warning
        assert found.summary()["signals"]["pending_delicense"] != "ok"
        assert found.summary()["complete"] is True


def test_one_entry_without_a_date_voids_that_date_alone(env: Harness) -> None:
    exact = parse_time(pending(env)["_pending_delicense"])
    other = env.make.user("Una Undated", "una", removed=["SPE_E3"], removed_days=10)
    env.make.mailbox(other, "UserMailbox", sku_assigned=False, created_days=400, pending_days=3)
    env.world.touch()
    env.tenant.set_faults(*without(env, other, "WhenDueForDelicensingUTC"))
    for found in both(env):
        rows = {row.user_id: row for row in found.findings}
        assert len(rows) == 2
        assert rows[other["id"]].deadline.source == "license_removed_plus_grace"
        assert "pending_delicense" in rows[other["id"]].evidence
        assert {row.deadline.at for row in found.findings if row.user_id != other["id"]} == {exact}
        (warning,) = found.warnings
        assert "no date" in warning
        assert other["id"] in warning


def test_pending_entry_without_a_user_is_only_a_warning(env: Harness) -> None:
    pending(env)
    other = env.make.user("Nora Nameless", "nora", removed=["SPE_E3"], removed_days=10)
    env.make.mailbox(other, "UserMailbox", sku_assigned=False, created_days=400, pending_days=3)
    env.world.touch()
    env.tenant.set_faults(*without(env, other, "ExternalDirectoryObjectId", "UserPrincipalName"))
    for found in both(env):
        assert sorted(row.deadline.source for row in found.findings) == [
            "license_removed_plus_grace",
            "pending_delicense",
        ]
        (warning,) = found.warnings
        assert "1 entries that name no user" in warning


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"WhenDueForDelicensingUTC": None}, "1 entries that name no user"),
        ({"UserPrincipalName": "paula@contoso.example", "WhenDueForDelicensingUTC": None}, "no date for paula@"),
    ],
)
def test_user_only_in_the_full_pending_list_is_reported(env: Harness, entry: Json, word: str) -> None:
    env.world.switches.pending_delicense_due = "apart"
    answer = {"kind": "status", "status": 200, "service": "exchange", "times": None, "body": {"value": [entry]}}
    env.tenant.set_faults({**answer, "cmdlet": f"{PENDING} -ShowDueObjectsOnly"})
    for found in both(env):
        assert word in " ".join(found.warnings)


def without(env: Harness, user: Json, *names: str) -> tuple[Json, Json]:
    """Faults: Exchange lists who is pending without these properties of one user, and nobody as overdue."""
    rows = [
        {
            "ExternalDirectoryObjectId": box["ExternalDirectoryObjectId"],
            "UserPrincipalName": box["UserPrincipalName"],
            "WhenDueForDelicensingUTC": box["_pending_delicense"],
        }
        for box in env.world.mailboxes.values()
    ]
    for row in rows:
        if row["ExternalDirectoryObjectId"] == user["id"]:
            row.update(dict.fromkeys(names))
    answer = {"kind": "status", "status": 200, "service": "exchange", "times": None}
    return (
        {**answer, "cmdlet": f"{PENDING} -ShowDueObjectsOnly", "body": {"value": []}},
        {**answer, "cmdlet": PENDING, "body": {"value": rows}},
    )


def test_pending_cmdlet_is_asked_once_for_each_list(env: Harness) -> None:
    pending(env)
    env.tenant.clear_requests()
    look(env.tenant)
    assert cmdlets(env).count(PENDING) == 2
    # for policies that hold every mailbox, once the mailbox is known to be at risk; not to know whether to ask
    assert cmdlets(env)[-2:].count("Get-OrganizationConfig") == 1


def test_a_name_alone_is_asked_for_as_well(env: Harness) -> None:
    box = pending(env)
    (row,) = look(env.tenant, identities=(box["UserPrincipalName"],)).findings
    assert row.deadline.source == "pending_delicense"


def test_without_the_list_of_those_overdue_the_dates_are_there(env: Harness) -> None:
    pending(env)
    refused = {"kind": "status", "status": 400, "service": "exchange", "cmdlet": f"{PENDING} -ShowDueObjectsOnly"}
    env.tenant.set_faults({**refused, "times": None})
    for found in both(env):
        (row,) = found.findings
        assert (row.deadline.source, row.deadline.confidence) == ("pending_delicense", "exact")
        (warning,) = found.warnings
        assert "overdue already is not known" in warning


@pytest.mark.parametrize(
    ("on", "state", "word"),
    [(True, "text", "Delicensing resiliency is on"), (True, "null", "does not say whether"), (False, "text", None)],
)
def test_v2_cannot_show_the_dates_and_says_so(env: Harness, on: bool, state: str, word: str | None) -> None:
    env.world.switches.update({"delicensing_resiliency": on, "resiliency_state": state})
    told = " ".join(look(env.tenant, surface="v2").warnings)
    assert ("exchange_api=v2 does not show its dates" in told) is (word is not None)
    assert word is None or word in told


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("Enabled: True; UpdatedBy: Admin", True),
        ("Enabled: False;", False),
        ("enabled:true", True),
        ("Disabled", None),
        ("", None),
        (None, None),
        (True, None),
    ],
)
def test_the_state_is_a_text_or_null(value: object, state: bool | None) -> None:
    assert enabled_state(value) is state


def test_an_explanation_tells_who_is_listed_without_a_date(tenant: Tenant) -> None:
    env = ExplainHarness(tenant)
    user = env.make.user("Una Undated", "una", removed=["SPE_E3"], removed_days=10)
    env.make.mailbox(user, "UserMailbox", sku_assigned=False, created_days=400, pending_days=3)
    env.world.touch()
    env.tenant.set_faults(*without(env, user, "WhenDueForDelicensingUTC"))
    assert "pending delicense (Exchange): listed without a date" in text(env.one("una"))
