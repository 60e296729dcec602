# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tenants and wishes at random: m365_user_license gives and takes what it was asked for, and leaves the rest."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assign.workflow import UsersFailed
from hypothesis import event, given
from hypothesis import strategies as st

from tests.functional.support.assign_harness import Harness, empty_tenant
from tests.functional.support.random_licenses import WISHES as SOME_WISHES
from tests.functional.support.random_licenses import outcome
from tests.functional.support.random_rules import LICENSES
from tests.functional.support.random_tenants import (
    TENANTS,
    check_writes,
    consumed,
    holdings,
    settle,
    shuffle,
    written,
)
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant
from tests.simulator.skus import table
from tests.simulator.state import Json
from tests.unit.support.random_examples import examples

pytestmark = pytest.mark.random

WISHES = st.builds(lambda wish, licenses: {**wish, "licenses": licenses}, SOME_WISHES, LICENSES)
MISSED = ("no_seats", "not_tried")
"""Why a user goes without who comes later in the list than others."""


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Tenant, Clients]]:
    with empty_tenant() as tenant, clients(tenant, concurrency=1, timeout=10_000.0, retry_seconds=300.0) as found:
        yield tenant, found


def direct(held: Json) -> dict[str, frozenset[str]]:
    """Disabled plans by SKU id of the direct assignments among what ``holdings`` gave."""
    return {
        state["skuId"]: frozenset(state["disabledPlans"])
        for state in held["states"]
        if state["assignedByGroup"] is None
    }


def inherited(held: Json) -> list[Json]:
    return [state for state in held["states"] if state["assignedByGroup"] is not None]


def check_what_was_asked(before: Json, after: Json, wish: Json) -> None:
    """Nothing was taken that was not asked for, and no plan switched on that was not named."""
    named = {table()[item["sku"]].id: item for item in wish["licenses"]}
    old, new = direct(before), direct(after)
    may_go = {"present": set[str](), "absent": set(named), "exact": set(old) - set(named)}[wish["state"]]
    assert set(old) - set(new) <= may_go
    assert set(new) - set(old) <= (set() if wish["state"] == "absent" else set(named))
    assert inherited(after) == inherited(before)
    for sku_id in set(old) & set(new):
        row = next(sku for sku in table().values() if sku.id == sku_id)
        may_come = {row.plan(name) for name in named.get(sku_id, {}).get("enabled_plans") or ()}
        assert old[sku_id] - new[sku_id] <= may_come
        assert sku_id in named or old[sku_id] == new[sku_id]


def by_user(found: Json) -> Json:
    """A result in which the order of users does not count."""
    rows = {row["user_principal_name"]: row for row in found["users"]}
    lists = {name: sorted(found[name] or (), key=str) for name in ("uncovered", "without_usage_location", "shortage")}
    # the error of the whole is that of whoever comes first among those who failed
    return {**found, "users": rows, **lists, "code": "code" in found if rows else found.get("code")}


@examples(60)
@given(tenant=TENANTS, wish=WISHES, share=st.integers(1, 7), seed=st.integers(0, 1000))
def test_users_get_and_lose_what_was_asked_for_and_nothing_else(
    served: tuple[Tenant, Clients], tenant: Json, wish: Json, share: int, seed: int
) -> None:
    env = Harness(*served)
    everybody = settle(env, tenant)
    names = everybody[:share]
    before, seats = holdings(env), consumed(env)

    predicted = outcome(env, names, wish, check_mode=True)
    shuffle(env, seed)
    assert outcome(env, names, wish, check_mode=True) == predicted
    if not any(row["error"] in MISSED for row in predicted["users"]):
        other = outcome(env, random.Random(seed).sample(names, len(names)), wish, check_mode=True)
        assert by_user(other) == by_user(predicted)
    assert written(env) == []

    done = outcome(env, names, wish, check_mode=False)
    assert done == predicted
    event(done.get("code") or f"changed: {done['changed']}")
    writes, after = written(env), holdings(env)
    check_writes(writes)
    upns = {item["upn"] for item in writes}
    assert upns <= set(names)
    for upn in everybody:
        if upn in upns:
            check_what_was_asked(before[upn], after[upn], wish)
        else:
            assert after[upn] == before[upn]
    for name, taken in consumed(env).items():
        # seats in their grace period were not asked for
        assert taken <= max(seats[name], env.world.skus[table()[name].id]["prepaidUnits"]["enabled"])

    env.tenant.clear_requests()
    again = outcome(env, names, wish, check_mode=False)
    settled = {row["user_principal_name"] for row in done["users"] if row["status"] in ("changed", "unchanged")}
    assert not settled & {item["upn"] for item in written(env)}
    assert done.get("code") or done["changed"] or not again["changed"]


@examples(30)
@given(tenant=TENANTS, licenses=LICENSES, how=st.sampled_from(["absent", "exact"]))
def test_taking_away_what_was_added_restores_what_was_there(
    served: tuple[Tenant, Clients], tenant: Json, licenses: list[Json], how: str
) -> None:
    env = Harness(*served)
    names = settle(env, tenant)
    before, seats = holdings(env), consumed(env)
    wish: Json = {"state": "present", "usage_location": "DE", "on_insufficient_seats": "skip", "on_error": "continue"}
    try:
        rows = env.run(names, *licenses, **wish)["users"]
    except UsersFailed as error:
        # refused as a whole: enabled_plans would have taken away what keeps a mailbox
        rows = error.partial.get("users", [])
    given_, restored = holdings(env), set()
    for upn in [row["user_principal_name"] for row in rows if row["status"] == "changed"]:
        old, new = direct(before[upn]), direct(given_[upn])
        added = sorted(set(new) - set(old))
        working = all(
            state["state"].startswith("Active") for state in before[upn]["states"] if not state["assignedByGroup"]
        )
        # what was there in vain, or with other plans, has been replaced and not only added to
        replaced = any(state not in given_[upn]["states"] for state in before[upn]["states"])
        if not added or replaced or (how == "exact" and not working):
            continue
        licenses_then = added if how == "absent" else list(old)
        try:
            env.run([upn], *licenses_then, state=how, allow_uncovered=True)
        except UsersFailed as error:
            # the archiving add-on that was there alone before
            event(f"not undone: {error.code}")
            refused = error.code == "missing_dependency"
        else:
            refused = False
        assert holdings(env)[upn] == (given_ if refused else before)[upn]
        restored |= set() if refused else {upn}
    event(f"restored: {min(len(restored), 3)}")
    # and the seats are free again
    if all(holdings(env)[upn] == before[upn] for upn in before):
        assert consumed(env) == seats
