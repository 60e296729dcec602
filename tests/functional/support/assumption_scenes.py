# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For each switch of an assumption a small tenant in which its position changes an answer, and what was answered."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
import pytest

from tests.functional.support.plan_harness import ALL_KINDS, EVERYBODY, PlanHarness
from tests.simulator import app
from tests.simulator.plan_rules import MAILBOX_PLANS
from tests.simulator.skus import table
from tests.simulator.state import Answer, App, Json, World

GB = 2**30
RETIRED = "aebd3021-9f8f-4bf8-bbe3-0ed2f4f047a1"
NAMED = "team@contoso.example"
"""The mailbox that a switch of one mailbox names."""


class Scene(NamedTuple):
    """Whom it is about, and what is asked for."""

    plant: Callable[[PlanHarness], object]
    rules: Sequence[Json] = ALL_KINDS
    options: Mapping[str, Any] = MappingProxyType({})
    """Of the plan."""
    switches: Mapping[str, Any] = MappingProxyType({})
    """Others that it takes."""
    roles: frozenset[str] = frozenset()
    """Permissions of the application besides those that it has at first."""
    without: frozenset[str] = frozenset()
    """Permissions that it has not."""
    sizes: str = "never"
    refused: Mapping[Any, frozenset[str]] = MappingProxyType({})
    """Who, by nature, cannot be licensed in a position: the first part of the names."""
    few: bool = False
    """Few users are read as many are."""
    broken: frozenset[Any] = frozenset()
    """Positions in which, by nature, no list can be read: the run ends with an error."""


def at_risk(*people: str, **more: Any) -> Callable[[PlanHarness], object]:
    """People whose mailboxes were made ten days ago without a license."""
    return lambda env: [env.at_risk(name, **more) for name in people]


def _held(env: PlanHarness) -> None:
    """The license of a mailbox on hold goes."""
    upn = env.person("anna", env.held("EXCHANGESTANDARD"), hold=True)
    env.tenant.patch_state({"users": {upn: {"licenses": []}}})


def _built(env: PlanHarness) -> None:
    """A mailbox as the control API makes it."""
    env.tenant.patch_state({"users": {"anna@contoso.example": {}}, "mailboxes": {"anna@contoso.example": {}}})


def _removed(env: PlanHarness) -> None:
    """A license went ten days ago, and with it the mailbox."""
    user = env.make.user("Anna", "anna", removed=["SPE_E3"], removed_days=10, usage_location="DE")
    env.make.mailbox(user, "UserMailbox", sku_assigned=False, created_days=400, disconnected_days=10)


def _pending(days: float) -> Callable[[PlanHarness], object]:
    def plant(env: PlanHarness) -> None:
        user = env.make.user("Anna", "anna", removed=["SPE_E3"], removed_days=20, usage_location="DE")
        env.make.mailbox(user, "UserMailbox", sku_assigned=False, created_days=400, pending_days=days)

    return plant


def _legacy(env: PlanHarness) -> None:
    """A Midsize license has run out, and a hold is missing the right to it beside another one that works."""
    env.add_sku("MIDSIZEPACK")
    env.add_sku("LITEPACK")
    env.world.skus[table()["MIDSIZEPACK"].id]["capabilityStatus"] = "Suspended"
    env.person("anna", env.held("MIDSIZEPACK"))
    env.person("bert", env.held("LITEPACK"), hold=True)
    env.at_risk("carl")


def _archives(env: PlanHarness) -> None:
    env.person("anna", env.held("SPE_F1"), archive=True)
    env.person("team", kind="SharedMailbox", archive=True)
    env.person("bert", archive=True, created_days=5)


def _retired(env: PlanHarness) -> None:
    """A retired plan is among those that are off; the SKU carries it no more."""
    state = env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE")
    sku = env.world.skus[state["skuId"]]
    sku["servicePlans"] = [plan for plan in sku["servicePlans"] if plan["servicePlanId"] != RETIRED]
    env.person("anna", {**state, "disabledPlans": sorted([*state["disabledPlans"], RETIRED])})


def _second_mailbox(env: PlanHarness) -> None:
    """A user has a mailbox in use and a soft-deleted one."""
    user = env.world.user(env.at_risk("anna"))
    env.make.mailbox(user, "UserMailbox", soft_deleted_days=5, sku_assigned=False)


def _excluded(env: PlanHarness) -> None:
    """What a user has excludes the first license of the rule."""
    pair = table()["POWER_BI_STANDARD"].plan("BI_AZURE_P0"), table()["SPE_E3"].plan("TEAMS1")
    env.world.plan_rules.exclusions = [pair]
    env.at_risk("anna", env.held("POWER_BI_STANDARD"))


def _large(env: PlanHarness) -> None:
    """Mailboxes of 60 GB, one of which has the quota of an earlier license."""
    for name in ("anna", "bert"):
        box = env.box(env.at_risk(name))
        box["_bytes"] = 60 * GB
        if name == "bert":
            box["ProhibitSendReceiveQuota"] = "100 GB (107,374,182,400 bytes)"


def _shared(env: PlanHarness) -> None:
    """Shared mailboxes without a license, one of them of 60 GB."""
    env.person("big", kind="SharedMailbox", bytes=60 * GB)
    env.person("team", kind="SharedMailbox", bytes=GB)


def _warned(env: PlanHarness) -> None:
    """The only seat of the SKU is in its grace period."""
    env.seats("EXCHANGESTANDARD", 0, warning=1)
    env.at_risk("anna")


def _guest(env: PlanHarness) -> None:
    """As the generator plants them: the switch says whether somebody with a mailbox is a guest."""
    kind = "Guest" if env.world.switches.guests_with_mailboxes else "Member"
    env.at_risk("anna", userType=kind)
    env.at_risk("bert")


E3_FIRST: Json = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}], "fallback": [{"sku": "EXCHANGESTANDARD"}]}
BUSINESS: Json = {**EVERYBODY, "licenses": [{"sku": "SPB"}]}
ON: Json = {"sku": "SPE_E3", "enabled_plans": ["EXCHANGE_S_ENTERPRISE"], "disabled_plans": []}
PLAN2: Json = {**EVERYBODY, "licenses": [{"sku": "EXCHANGEENTERPRISE"}]}

SCENES: Mapping[str, Scene] = {
    "hold_keeps_mailbox": Scene(_held, rules=[PLAN2]),
    "license_audit": Scene(_removed, roles=frozenset({"AuditLog.Read.All"})),
    "audit_permission": Scene(
        _removed, roles=frozenset({"AuditLog.Read.All"}), without=frozenset({"Directory.Read.All"})
    ),
    "exchange_plans": Scene(_legacy, refused={"exclude_legacy": frozenset({"anna"})}),
    "archive_status": Scene(_archives),
    "retired_plans": Scene(_retired, rules=[{**EVERYBODY, "licenses": [ON]}]),
    "resiliency_state": Scene(at_risk("anna")),
    "pending_delicense_due": Scene(_pending(-2)),
    "pending_delicense_key": Scene(_pending(12)),
    "sku_assigned_unlicensed": Scene(_built),
    "invoke_paging": Scene(at_risk("anna", "bert", "carl", "dora", "emil"), switches={"page_limit": 2}),
    "replica_lag_reads": Scene(at_risk("anna", "bert")),
    "get_by_ids": Scene(at_risk("anna", "bert"), few=True),
    "license_brings_back": Scene(_second_mailbox),
    "refusal_text": Scene(_excluded, rules=[E3_FIRST]),
    "business_quota": Scene(_large, rules=[BUSINESS]),
    "quota": Scene(_large, rules=[EVERYBODY]),
    "warning_seats": Scene(
        _warned, rules=[EVERYBODY], options={"use_warning_seats": True}, refused={"refused": frozenset({"anna"})}
    ),
    "usage_report": Scene(_shared, sizes="auto"),
    "no_statistics": Scene(_shared, sizes="auto", switches={"usage_report": "404"}),
    "report_blank_size": Scene(_shared, sizes="auto"),
    "guests_with_mailboxes": Scene(_guest),
    "pagination_expired": Scene(at_risk("anna", "bert", "carl"), switches={"page_limit": 2}, broken=frozenset({True})),
    "beta_gone": Scene(at_risk("anna", "bert")),
    "service_disables_plans": Scene(at_risk("anna"), rules=[E3_FIRST]),
    "rate_limit_reset": Scene(at_risk("anna")),
}
"""By the name of the switch."""


def furnished(env: PlanHarness, scene: Scene, switches: Mapping[str, Any]) -> None:
    """Let the tenant be as the scene says, with these switches."""
    app_roles = App("", "").roles
    env.world.app.roles = (app_roles | scene.roles) - scene.without
    env.world.switches.update({**scene.switches, **switches})
    scene.plant(env)
    env.world.touch()


def covered(world: World) -> set[str]:
    """Who has a mailbox plan at work: the first part of the names."""
    return {
        user["userPrincipalName"].partition("@")[0]
        for user in world.users.values()
        for plan in user["assignedPlans"]
        if plan["servicePlanId"] in MAILBOX_PLANS and plan["capabilityStatus"] in ("Enabled", "Warning")
    }


# --- what was answered ------------------------------------------------------------------------------------------------

ANSWERS: list[str] = []
"""What Graph, Exchange and the reports have answered, without what is another in each run."""
_CHANGES = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?|127\.0\.0\.1:\d+|skiptoken=[^\"&]+|\d{4}-\d\d-\d\d|c\d+\b"
)
_OF_EACH = ("request-id", "client-request-id", "date", "x-ms-ags-diagnostic")


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Every tenant that starts within the block writes down what it answers."""
    with pytest.MonkeyPatch.context() as patched:
        for service in ("graph", "exchange", "reports"):
            patched.setitem(app.HANDLERS, service, _recorder(service, app.HANDLERS[service]))
        yield ANSWERS


def _recorder(service: str, handler: app.Handler) -> app.Handler:
    def answer(world: World, got: app.Received) -> Answer:
        given = handler(world, got)
        path = got.path if service != "reports" else ""
        body = _plain(given.body)
        reset = given.headers.get("Rate-Limit-Reset", "")
        kind = "" if not reset else "seconds" if reset.isdigit() else "time"
        ANSWERS.append(f"{service} {got.method} {path} {given.status} {kind} {body}")
        return given

    return answer


def _plain(body: Any) -> str:
    if isinstance(body, bytes):
        try:
            body = orjson.loads(body)
        except ValueError:
            body = body.decode("utf-8", "replace")
    return _CHANGES.sub("", json.dumps(_sorted(body), default=str, sort_keys=True))


def _sorted(value: Any) -> Any:
    """Without ids of requests; lists, such as the parts of a batch, in one order."""
    if isinstance(value, Mapping):
        return {name: _sorted(item) for name, item in value.items() if name.casefold() not in (*_OF_EACH, "id_token")}
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=lambda item: json.dumps(item, default=str, sort_keys=True))
    return value


def taken() -> Counter[str]:
    """What was answered since the last time."""
    found = Counter(ANSWERS)
    ANSWERS.clear()
    return found
