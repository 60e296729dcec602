# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quick check of a full scan agrees with the full one or leaves it to it; the scan keeps nothing of safe users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._audit.full_scan import FullScan, _trace
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import IncompleteAnswer
from ansible_collections.m365.licensing.plugins.module_utils._graph.parsing import user_from
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import granted
from hypothesis import event, given
from hypothesis import strategies as st

from tests.functional.support.assign_harness import Harness, empty_tenant
from tests.functional.support.run_audit import look
from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant, running
from tests.simulator.skus import table

MAIL_PLANS = sorted(BUILTIN.plan_classes)
OTHERS = ("57ff2da0-773e-42df-b2af-ffb7a2317929", "c1ec4a95-1f05-45b3-a911-aa3fa01094f5")
WORDS = ("Enabled", "Warning", "Suspended", "LockedOut", "Deleted", " Enabled", "enabled", "Hibernating", "", None)
SKUS = (*sorted(BUILTIN.no_rights_skus)[:2], "05e9a617-0261-4cee-bb44-138d3ef5d965", "EMS")


@st.composite
def spelled(draw: st.DrawFn, ids: tuple[str, ...]) -> str:
    found = draw(st.sampled_from(ids))
    return draw(st.sampled_from([found, found, found.upper(), f" {found}"]))


PLANS = st.fixed_dictionaries(
    {
        "servicePlanId": spelled((*MAIL_PLANS, *OTHERS)),
        "capabilityStatus": st.sampled_from(WORDS[:2] * 4 + WORDS),
        "service": st.just("exchange"),
        "assignedDateTime": st.just("2026-01-02T03:04:05Z"),
    }
)
STATES = st.fixed_dictionaries(
    {
        "skuId": spelled(SKUS),
        "state": st.sampled_from(["Active", "Error", "Disabled"]),
        "disabledPlans": st.lists(st.sampled_from(MAIL_PLANS), max_size=2),
        "assignedByGroup": st.none(),
    }
)
USERS = st.fixed_dictionaries(
    {
        "id": st.just("00000000-0000-0000-0000-00000000000A"),
        "userPrincipalName": st.sampled_from(["a@contoso.example", "a@contoso.example", "", None]),
        "userType": st.sampled_from(["Member", "Member", "Guest", "guest", None]),
        "assignedPlans": st.lists(PLANS, max_size=6),
        "licenseAssignmentStates": st.lists(STATES, max_size=3),
    }
)


@given(raws=st.lists(USERS, min_size=1, max_size=4))
def test_quick_check_agrees_with_full_check_or_decides_nothing(raws: list[dict[str, Any]]) -> None:
    scan = FullScan(BUILTIN, {}, ())
    for raw in raws:
        seen = scan.quick_grants(raw)
        event("plain" if seen is not None else "not decided")
        if seen is not None:
            user = user_from(raw)
            assert seen == granted(user, BUILTIN)
            assert not any(plan.unknown_status for plan in user.assigned_plans if plan.plan_id in MAIL_PLANS)
            assert not user.is_guest or not seen


JUDGED = ("userPrincipalName", "userType", "assignedPlans", "licenseAssignmentStates")


@given(raw=USERS, name=st.sampled_from(JUDGED), value=st.sampled_from([None, 5, "x", [5], [{}], {}]))
def test_quick_check_never_accepts_an_incomplete_user(raw: dict[str, Any], name: str, value: Any) -> None:
    """The full check raises then: a user whose plans or licenses did not come never counts as safe."""
    broken = {key: item for key, item in raw.items() if key != name} if value is None else {**raw, name: value}
    seen = FullScan(BUILTIN, {}, ()).quick_grants(broken)
    if seen is not None:
        try:
            user = user_from(broken)
        except IncompleteAnswer:
            pytest.fail(f"the quick check took this for a user: {broken}")
        assert seen == granted(user, BUILTIN)


@given(raw=USERS, value=st.sampled_from([None, 5, "", " ", "x", [5], {}]))
def test_full_scan_adds_no_user_without_an_id(raw: dict[str, Any], value: Any) -> None:
    with pytest.raises(IncompleteAnswer):
        FullScan(BUILTIN, {}, ()).add_user({**raw, "id": value})


@given(raw=USERS, value=st.sampled_from([None, 5, "", "x", [5], {}]))
def test_plan_without_an_id_is_an_error_or_does_not_count(raw: dict[str, Any], value: Any) -> None:
    plan = {"servicePlanId": value, "capabilityStatus": "Deleted", "service": "exchange", "assignedDateTime": None}
    with suppress(IncompleteAnswer):
        FullScan(BUILTIN, {}, ()).add_user({**raw, "assignedPlans": [plan, *raw["assignedPlans"]]})


@pytest.fixture(scope="module")
def empty() -> Iterator[Tenant]:
    with empty_tenant() as made:
        yield made


@pytest.fixture
def env(empty: Tenant) -> Harness:
    return Harness(empty)


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=2000, at_risk=24, seed=5) as made:
        yield made


def test_full_scan_keeps_no_details_of_safe_users(tenant: Tenant) -> None:
    options: dict[str, Any] = {"now": tenant.world.now(), "strategy": "full", "shared_mailbox_sizes": "never"}
    with clients(tenant) as made:
        full = audit(made.graph, made.exchange, AuditOptions(**options))
        kept = audit(made.graph, made.exchange, AuditOptions(**options, everybody=True))
    assert (full.examined, full.findings) == (kept.examined, kept.findings)
    assert full.readings.scan is not None
    assert len(full.readings.scan.plain_mailboxes) > 0.7 * full.examined
    assert len(full.readings.users or ()) < 0.1 * len(kept.readings.users or ())


def both(env: Harness) -> tuple[Audit, Audit]:
    """The audit either way."""
    with env.clients() as found:
        options = [AuditOptions(now=env.make.now, strategy=strategy) for strategy in ("filtered", "full")]
        filtered, full = (audit(found.graph, found.exchange, one) for one in options)
    return filtered, full


def test_both_strategies_find_an_add_on_beside_no_rights(env: Harness) -> None:
    """Exchange takes the add-on for enough, and it is nothing without a mailbox plan."""
    env.person("anna", env.held("M365_F1_COMM"), env.held("EXCHANGEARCHIVE_ADDON"), hold=True)
    filtered, full = both(env)
    assert [row.reason for row in full.findings] == ["hold_without_license"]
    assert filtered.findings == full.findings


def test_what_a_brand_new_sku_carries_the_tenant_says(env: Harness) -> None:
    """Microsoft's table does not know it, so it might be the one that carries the mailbox plan."""
    sku_id = "12345678-aaaa-bbbb-cccc-1234567890ab"
    known = env.world.skus[table()["POWER_BI_STANDARD"].id]
    env.world.skus[sku_id] = {**known, "skuId": sku_id, "skuPartNumber": "BRAND_NEW", "id": f"x_{sku_id}"}
    upn = env.person("anna", env.held("M365_F1_COMM"), {**env.held("POWER_BI_STANDARD"), "skuId": sku_id})
    for found in both(env):
        assert [row["user_principal_name"] for row in found.no_mailbox_rights] == [upn]
    del env.world.skus[sku_id]


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "filtered"},
        {"strategy": "full"},
        {"strategy": "full", "everybody": True},
        {"identities": ("anna@contoso.example",)},
    ],
    ids=str,
)
def test_error_names_a_user_with_a_plan_without_an_id(env: Harness, options: dict[str, Any]) -> None:
    user = env.lost("anna", 10)
    user["assignedPlans"] = [{**user["assignedPlans"][0], "servicePlanId": None}, *user["assignedPlans"]]
    env.world.touch()
    with pytest.raises(IncompleteAnswer) as caught:
        look(env.tenant, **options)
    assert user["id"] in caught.value.message


def test_names_that_only_python_folds_have_different_traces() -> None:
    assert _trace("anna\u212a@contoso.com") != _trace("annak@contoso.com")
    assert _trace(" Anna@CONTOSO.com") == _trace("anna@contoso.com ")
