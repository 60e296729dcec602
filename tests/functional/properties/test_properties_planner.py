# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tenants and rules at random: what a remediation says is what it does, and it does no more than was asked for."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assign.workflow import UsersFailed
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._remediate.result import PlanFailed
from ansible_collections.m365.licensing.plugins.module_utils._reporting.brief_rows import ATTENTION
from hypothesis import event, given
from hypothesis import strategies as st

from tests.functional.support.assign_harness import empty_tenant
from tests.functional.support.plan_harness import PlanHarness
from tests.functional.support.random_rules import ENOUGH, LICENSES, REMEDIES
from tests.functional.support.random_tenants import (
    COUNTRIES,
    SKUS,
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


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Tenant, Clients]]:
    with empty_tenant() as tenant, clients(tenant, concurrency=1, timeout=10_000.0, retry_seconds=300.0) as found:
        yield tenant, found


# rules ----------------------------------------------------------------------------------------------------------

SKU_LISTS = st.lists(st.sampled_from(SKUS), min_size=1, max_size=2, unique=True)
SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "upn": st.sampled_from(["user[01]@*", "user0@*", "USER1*", "*2@*", "user*"]),
    "department": st.sampled_from(["Sales", ["sales", "Help*"]]),
    "country": st.sampled_from(["Germany", "AT"]),
    "account_enabled": st.booleans(),
    "on_premises_sync": st.booleans(),
    "recipient_type": st.sampled_from(["user", "shared", "archive", ["soft_deleted", "room", "equipment"]]),
    "group": st.sampled_from(["sg-SPE_E3", "SG-EMS"]),
    "has": SKU_LISTS,
    "lacks": SKU_LISTS,
}
BLOCKS: st.SearchStrategy[Json] = st.one_of(*(st.fixed_dictionaries({key: value}) for key, value in SIMPLE.items()))
MATCHES = st.one_of(
    st.just({}),
    BLOCKS,
    st.builds(lambda one, two: {**one, **two}, BLOCKS, BLOCKS),
    BLOCKS.map(lambda no: {"not": no}),
)


@st.composite
def rules_at_random(draw: st.DrawFn) -> Json:
    """One rule that the schema accepts."""
    rule: Json = {"match": draw(MATCHES)}
    if draw(st.sampled_from([False, False, False, True])):
        return {**rule, "action": "ignore", "reason": "somebody says so"}
    rule["licenses"] = draw(LICENSES)
    fallback = draw(st.one_of(st.none(), LICENSES))
    if fallback and fallback != rule["licenses"]:
        rule["fallback"] = fallback
    remove = sorted(set(draw(st.just([]) | SKU_LISTS)) - {item["sku"] for item in rule["licenses"]})
    if remove:
        rule["remove"] = remove
    location = draw(st.sampled_from([None, "DE", {"from": "country"}, {"from": "country", "default": "FR"}]))
    return {**rule, "usage_location": location} if location else rule


LAST: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "match": st.just({}),
        "licenses": ENOUGH.map(lambda sku: [{"sku": sku}]),
        "usage_location": st.just({"from": "country", "default": "FR"}),
    }
)
RULES = st.one_of(
    st.lists(rules_at_random(), min_size=1, max_size=3),
    # so that most people get something, and seats run out
    *[st.builds(lambda some, last: [*some, last], st.lists(rules_at_random(), max_size=2), LAST)] * 2,
)
OPTIONS = st.fixed_dictionaries(
    {
        "scope": st.sampled_from(["mailboxes_at_risk", "mailboxes_at_risk", "all_users"]),
        "allow_removals": st.sampled_from([True, True, False]),
        "max_changes": st.sampled_from(["unlimited"] * 6 + [1, "50%"]),
        "max_covered_seats": st.sampled_from([0, 1, "unlimited", "unlimited", "unlimited"]),
        "seat_order": st.sampled_from(["deadline", "deadline", "rules"]),
        "seat_reserve": st.sampled_from([{}, {}, dict.fromkeys(REMEDIES[:6], 1), dict.fromkeys(REMEDIES, 98)]),
        "use_warning_seats": st.booleans(),
        "protected": st.sampled_from([[], [], [], ["user0@*"], ["user1*", "*2@*"]]),
        "on_error": st.sampled_from(["fail", "continue"]),
        "shared_mailbox_sizes": st.sampled_from(["always", "auto"]),
    }
)


def lasting(match: Json, scope: str) -> Json:
    """Of all users, a rule that asks what they hold may no longer mean them when it has given or taken it.

    And a soft-deleted mailbox that is licensed is one of a user again.
    """
    if scope != "all_users":
        return match
    kept = {key: value for key, value in match.items() if key not in ("has", "lacks", "recipient_type", "not")}
    without = lasting(match["not"], scope) if "not" in match else {}
    return {**kept, "not": without} if without else kept


def verdict(match: Json, person: Json, upn: str) -> bool | None:
    """Does a rule mean this user? Told without the code under test; None: not told."""
    found: list[bool | None] = []
    for key, wish in match.items():
        if key == "not":
            inner = verdict(wish, person, upn)
            found.append(None if inner is None else not inner)
        elif key == "upn":
            found.append(fnmatch.fnmatchcase(upn, wish.casefold().replace("[", "[[]")))
        elif key == "department":
            patterns = [wish] if isinstance(wish, str) else wish
            department = (person["department"] or "").casefold()
            found.append(any(fnmatch.fnmatchcase(department, text.casefold()) for text in patterns))
        elif key == "country":
            found.append(COUNTRIES.get(person["country"]) == COUNTRIES.get(wish, wish))
        else:
            found.append(None)
    return False if False in found else None if None in found else True


def named(rules: list[Json], protected: list[str], person: Json, upn: str) -> bool:
    """May some rule give this user a license?"""
    # a guest gets a license only where a mailbox may be lost: a plan has gone, or the flag of the portal says so
    without_mailbox = person["kind"] == "guest" and not (person["removed"] or person["flag_is_wrong"])
    if without_mailbox or any(fnmatch.fnmatchcase(upn, text) for text in protected):
        return False
    for rule in rules:
        answer = verdict(rule["match"], person, upn)
        if answer is not False and "licenses" in rule:
            return True
        if answer:
            return False
    return False


# runs -----------------------------------------------------------------------------------------------------------


def outcome(env: PlanHarness, rules: list[Json], options: Json, *, check_mode: bool, strategy: str = "auto") -> Json:
    """The result, also of a task that failed, without what depends on when and how it was read."""
    failure: Json = {}
    try:
        now = env.make.now.isoformat()
        result = env.apply(*rules, check_mode=check_mode, now=now, strategy=strategy, **options)
    except PlanFailed as error:
        result, failure = dict(error.partial), {"code": error.code}
    except ConfigurationError as error:
        return {"problems": error.problems, "users": []}
    summary = {
        key: value
        for key, value in result["summary"].items()
        if key not in ("requests", "check_mode", "confirmed", "accepted")
    }
    apart = ("mailboxes_examined", "without_user", "strategy", "signals")
    summary["audit"] = {key: value for key, value in summary["audit"].items() if key not in apart}
    users = [{**row, "confirmation": "", "error": row["error"] and row["error"]["code"]} for row in result["users"]]
    kept = ("changed", "unmatched", "violations", "diff", "warnings")
    return {"users": users, "summary": summary, **{key: result[key] for key in kept}, **failure}


def check_seats(env: PlanHarness, before: dict[str, int], done: Json, options: Json) -> None:
    """No seat of the reserve was taken, and nobody went without while there was one."""
    after = consumed(env)
    left = {}
    for name, taken in after.items():
        prepaid = env.world.skus[table()[name].id]["prepaidUnits"]
        spendable = prepaid["enabled"] + (prepaid["warning"] if options["use_warning_seats"] else 0)
        left[name] = spendable - options["seat_reserve"].get(name, 0) - taken
        assert taken <= before[name] or left[name] >= 0, name
    if "code" in done or any(row["remove"] for row in done["users"] if row["status"] == "changed"):
        return
    for row in done["users"]:
        if row["action"] == "no_seat":
            missing = re.findall(r"no seat left of ([^;]*)", row["note"])
            assert missing, row
            assert all(left[name] <= 0 for some in missing for name in some.split(", ")), row


def check_audit(env: PlanHarness, done: Json, options: Json) -> None:
    """Who is still at risk is so because rules except them, or for want of a seat or a usage location."""
    # a user has a row for each mailbox at risk, and perhaps one without: what is said of a mailbox stands in its own
    told = sorted(done["users"], key=lambda row: row["reason"] is not None)
    rows = {row["user_principal_name"]: row for row in told}
    with env.clients() as found:
        looking = AuditOptions(now=env.make.now, shared_mailbox_sizes=options["shared_mailbox_sizes"], strategy="full")
        findings = audit(found.graph, found.exchange, looking).findings
    for finding in findings:
        row = rows[finding.user_principal_name]
        event(f"still at risk: {row['action']}")
        excepted = row["action"] in (*ATTENTION, "ignore", "protected") or row["status"] in ("failed", "skipped")
        # the mailbox is kept, and lacks a right of which the row has warned
        lacks_right = finding.reason in ("archive_without_license", "hold_without_license")
        kept = row["action"] == "license" and lacks_right and bool(row["warnings"])
        # another license would not bring it back
        assert excepted or kept or (finding.reason == "soft_deleted" and row["action"] == "unchanged"), row
        assert row["action"] != "no_usage_location" or finding.user is None or not finding.user.usage_location


def undo(env: PlanHarness, before: dict[str, Json], done: Json) -> None:
    """Taking away what was added restores what was there."""
    for row in done["users"]:
        upn = row["user_principal_name"]
        direct = {state["skuId"] for state in before[upn]["states"] if state["assignedByGroup"] is None}
        added = [item["sku_id"] for item in row["add"]]
        if row["status"] != "changed" or row["remove"] or not added or direct & set(added):
            continue
        now = holdings(env)[upn]
        try:
            env.run([upn], *added, state="absent", allow_uncovered=True)
        except UsersFailed as error:
            event(f"not undone: {error.code}")
            # the archiving add-on alone, which was there before, the service leaves to nobody
            refused = error.code == "missing_dependency"
        else:
            refused = False
        assert holdings(env)[upn] == (now if refused else before[upn])


@examples(50)
@given(tenant=TENANTS, rules=RULES, options=OPTIONS, seed=st.integers(0, 1000))
def test_remediation_does_exactly_what_its_plan_says(
    served: tuple[Tenant, Clients], tenant: Json, rules: list[Json], options: Json, seed: int
) -> None:
    env = PlanHarness(*served)
    names = settle(env, tenant)
    rules = [
        {**rule, "name": f"Rule {number}", "match": lasting(rule["match"], options["scope"])}
        for number, rule in enumerate(rules)
    ]
    before, seats = holdings(env), consumed(env)

    predicted = outcome(env, rules, options, check_mode=True)
    assert "problems" not in predicted
    for strategy in ("filtered", "full"):
        shuffle(env, seed)
        assert outcome(env, rules, options, check_mode=True, strategy=strategy) == predicted
    assert written(env) == []

    done = outcome(env, rules, options, check_mode=False)
    # the service may refuse what the prediction has said that it cannot foresee
    unforeseeable = any("cannot be foreseen" in text for row in predicted["users"] for text in row["warnings"])
    assert done == predicted or (unforeseeable and done["code"] == "users_failed")
    event(done.get("code") or ("changed" if done["changed"] else "unchanged"))
    writes = written(env)
    check_writes(writes)
    upns = {item["upn"] for item in writes}
    assert upns <= {row["user_principal_name"] for row in done["users"] if row["action"] == "license"}
    people = zip(names, tenant["people"], strict=True)
    assert upns <= {upn for upn, person in people if named(rules, options["protected"], person, upn)}
    assert {upn: held for upn, held in holdings(env).items() if upn not in upns} == {
        upn: held for upn, held in before.items() if upn not in upns
    }
    check_seats(env, seats, done, options)
    if done.get("code") == "plan_refused":
        assert not writes
        return
    check_audit(env, done, options)

    env.tenant.clear_requests()
    again = outcome(env, rules, options, check_mode=False)
    if "code" not in done:
        check_again(env, done, again)
    undo(env, before, done)


def check_again(env: PlanHarness, done: Json, again: Json) -> None:
    """The second run changes nothing; but seats that removals freed are now given to those who went without."""
    freed = any(row["remove"] for row in done["users"])
    waiting = {row["user_principal_name"] for row in done["users"] if "no seat left of" in row["note"]}
    writes = {item["upn"] for item in written(env)}
    assert writes <= (waiting if freed else set()), again["users"]
    assert again["changed"] is bool(writes)
