# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest who has a mailbox is looked at like everybody; one who has none is only licensed if somebody says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.functional.support.run_audit import look
from tests.simulator.state import Json

STRATEGIES = pytest.mark.parametrize("strategy", ["filtered", "full"])


def guest(env: PlanHarness, *held: Json, kind: str = "UserMailbox", **mailbox: Any) -> Json:
    user: Json = env.make.user("Gert", "gert", user_type="Guest", states=list(held), usage_location="DE")
    if kind:
        env.make.mailbox(user, kind, **{"sku_assigned": True if held else None, **mailbox})
    return user


@STRATEGIES
def test_a_guest_with_an_unlicensed_mailbox_is_a_row(env: PlanHarness, strategy: str) -> None:
    guest(env, created_days=20)
    (row,) = look(env.tenant, strategy=strategy).findings
    assert (row.reason, row.days_remaining) == ("no_license", 10)


@STRATEGIES
def test_a_guest_whose_exchange_plan_is_off_is_a_row(env: PlanHarness, strategy: str) -> None:
    guest(env, env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE"))
    (row,) = look(env.tenant, strategy=strategy).findings
    assert row.reason == "exchange_plan_disabled"


@STRATEGIES
def test_a_licensed_guest_and_one_without_a_mailbox_are_no_rows(env: PlanHarness, strategy: str) -> None:
    guest(env, env.held("EXCHANGESTANDARD"))
    env.make.user("Other", "other", user_type="Guest")
    mailed = env.make.user("Third", "third", user_type="Guest", states=[env.held("POWER_BI_STANDARD")])
    env.make.mailbox(mailed, "GuestMailUser")
    assert look(env.tenant, strategy=strategy).findings == ()


@STRATEGIES
def test_a_mailbox_without_rights_is_reported_of_guests_too(env: PlanHarness, strategy: str) -> None:
    guest(env, env.held("M365_F1_COMM"))
    (row,) = look(env.tenant, strategy=strategy).no_mailbox_rights
    assert row["user_principal_name"].startswith("gert")


@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
def test_rules_license_a_guest_with_a_mailbox(env: PlanHarness, scope: str) -> None:
    guest(env, created_days=20)
    assert actions(env.apply(EVERYBODY, scope=scope)) == {"gert": "license"}
    assert env.apply(EVERYBODY, scope=scope)["changed"] is False


@pytest.mark.parametrize(("chosen", "found"), [({}, {}), ({"license_guests": True}, {"gert": "license"})])
def test_guest_without_mailbox_is_licensed_on_request(env: PlanHarness, chosen: Json, found: dict[str, str]) -> None:
    guest(env, kind="")
    assert actions(env.plan(EVERYBODY, scope="all_users", **chosen)) == found


@STRATEGIES
@pytest.mark.parametrize("licensed", [False, True])
def test_two_mailboxes_of_one_guest_are_two_undecided_rows(env: PlanHarness, strategy: str, licensed: bool) -> None:
    """Of a licensed one the filtered strategy sees both where Exchange calls one of them unlicensed."""
    user = guest(env, *([env.held("EXCHANGESTANDARD")] if licensed else []), sku_assigned=None)
    env.make.mailbox(user, "UserMailbox", sku_assigned=None, address="other@contoso.example")
    env.world.touch()
    found = look(env.tenant, strategy=strategy)
    assert [row.reason for row in found.findings] == ["duplicate_object_id"] * 2
    assert set(actions(env.plan(EVERYBODY)).values()) == {"undecided"}
