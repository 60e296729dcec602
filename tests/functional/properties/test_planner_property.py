# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tenants and rules at random: a run does what check mode said, and the next run changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._remediate.result import PlanFailed
from hypothesis import event, given
from hypothesis import strategies as st

from tests.functional.support.assign_harness import changed_users, empty_tenant
from tests.functional.support.plan_harness import PlanHarness, plan
from tests.functional.support.random_licenses import (
    LICENSES,
    PEOPLE,
    SEATS,
    SKUS,
    build,
)
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant
from tests.simulator.skus import table
from tests.simulator.state import Json
from tests.unit.support.random_examples import examples

NOW = "2030-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Tenant, Clients]]:
    with empty_tenant() as tenant, clients(tenant, concurrency=1, timeout=10_000.0, retry_seconds=300.0) as found:
        yield tenant, found


SKU_LISTS = st.lists(st.sampled_from(SKUS), min_size=1, max_size=2, unique=True)
MATCHES: st.SearchStrategy[Json] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"upn": st.sampled_from(["user0@*", "user[12]*", "user1@*", "user*"])}),
    st.fixed_dictionaries({"has": SKU_LISTS}),
    st.fixed_dictionaries({"lacks": SKU_LISTS}),
    st.fixed_dictionaries({"not": st.fixed_dictionaries({"has": SKU_LISTS})}),
)
USEFUL = st.sampled_from([[{"sku": "EXCHANGESTANDARD"}], [{"sku": "SPE_E3"}], [{"sku": "SPE_E5"}]])
"""Licenses that save a mailbox, mostly; those at random are often not enough."""


@st.composite
def rules_at_random(draw: st.DrawFn) -> Json:
    """One rule that the schema accepts."""
    rule: Json = {"match": draw(MATCHES), "licenses": draw(st.one_of(USEFUL, LICENSES))}
    fallback = draw(st.one_of(st.none(), USEFUL, LICENSES))
    if fallback and fallback != rule["licenses"]:
        rule["fallback"] = fallback
    remove = sorted(set(draw(st.just([]) | SKU_LISTS)) - {item["sku"] for item in rule["licenses"]})
    if remove:
        rule["remove"] = remove
    if draw(st.booleans()):
        rule["usage_location"] = draw(st.sampled_from(["DE", "AT"]))
    return rule


RULES = st.lists(rules_at_random(), min_size=1, max_size=3)
OPTIONS = st.fixed_dictionaries(
    {
        "scope": st.sampled_from(["mailboxes_at_risk", "all_users", "all_users"]),
        "allow_removals": st.booleans(),
        "max_changes": st.sampled_from(["unlimited"] * 3 + [1, "50%"]),
        "max_covered_seats": st.sampled_from([0, 1, "unlimited", "unlimited", "unlimited"]),
        "seat_order": st.sampled_from(["deadline", "deadline", "rules"]),
        "seat_reserve": st.sampled_from([{}, {}, {"SPE_E3": 1}]),
        "on_error": st.sampled_from(["fail", "continue"]),
    }
)


def outcome(served: tuple[Tenant, Clients], rules: list[Json], options: Json, *, check_mode: bool) -> Json:
    """The result, also of a task that failed, without what check mode cannot know."""
    failure: Json = {}
    try:
        result = plan(served[1], rules, mode="apply", now=NOW, check_mode=check_mode, **options)
    except PlanFailed as error:
        result, failure = dict(error.partial), {"code": error.code}
    except ConfigurationError as error:
        return {"problems": error.problems}
    users = [{**row, "confirmation": "", "error": row["error"] and row["error"]["code"]} for row in result["users"]]
    return {"users": users, "changed": result["changed"], "diff": result["diff"], **failure}


@pytest.mark.random
@examples(100)
@given(people=PEOPLE, rules=RULES, options=OPTIONS, seats=st.fixed_dictionaries(dict.fromkeys(SKUS, SEATS)))
def test_check_mode_is_exact_and_a_second_run_changes_nothing(
    served: tuple[Tenant, Clients], people: list[Json], rules: list[Json], options: Json, seats: dict[str, int]
) -> None:
    env = PlanHarness(served[0])
    build(env, people)
    for name, free in seats.items():
        taken = env.world.skus[table()[name].id]["consumedUnits"]
        env.seats(name, taken + free, taken=taken)
    named = [{"name": f"Rule {number}", **rule} for number, rule in enumerate(rules)]
    predicted = outcome(served, named, options, check_mode=True)
    assert env.writes() == []
    done = outcome(served, named, options, check_mode=False)
    assert done == predicted
    event("problems" if "problems" in done else done.get("code") or ("changed" if done["changed"] else "unchanged"))
    if "problems" in done or "code" in done:
        return
    if any(row["next_rule"] for row in done["users"]):
        # rules that ask what a user holds, and give or take it: a warning said that they conflict
        event("told to be restless")
        return
    # the next run gives out the seats that this one has freed, to those who found none, and to nobody else
    freed = any(row["remove"] for row in done["users"])
    left = [row["user_principal_name"] for row in done["users"] if "no seat left of" in row["note"]]
    seatless = set(left) if freed else set()
    event(f"seats were freed for {min(len(seatless), 2)}")
    env.tenant.clear_requests()
    again = outcome(served, named, options, check_mode=False)
    assert again.get("code") is None
    assert changed_users(again) <= seatless
    assert again["changed"] is bool(changed_users(again))
    if again["changed"]:
        return
    assert env.writes() == []
