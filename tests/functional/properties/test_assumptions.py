# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/assumptions.md is complete, and no position of an assumption's switch changes whom an audit or a plan saves."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import IncompleteAnswer
from ansible_collections.m365.licensing.plugins.module_utils._graph import client as graph_client
from ansible_collections.m365.licensing.plugins.module_utils._licensing.assumptions import (
    ASSUMPTIONS,
    INFERENCES,
    Assumption,
    Inference,
)
from ansible_collections.m365.licensing.plugins.module_utils._remediate.result import PlanFailed

from tests.functional.support.assign_harness import empty_tenant
from tests.functional.support.assumption_scenes import SCENES, covered, furnished, recorded, taken
from tests.functional.support.plan_harness import PlanHarness
from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant
from tests.simulator.state import Json
from tests.simulator.switches import Switches

ROOT = Path(__file__).resolve().parents[3]
NO_ASSUMPTIONS = {
    "delicensing_resiliency": "a feature that a tenant has or not",
    "page_limit": "how large pages are",
    "write_quota": "a limit of the service",
    "read_quota": "a limit of the service",
    "exchange_quota": "a limit of the service",
    "indexes": "what a search costs",
    "clock_speed": "how fast time passes",
    "token_seconds": "how long a token lives",
    "secret_expired": "a fault",
    "report_names_concealed": "a setting of a tenant",
    "audit_days": "documented: 30 days, and 7 without Entra ID P1",
    "restored_licenses": "the collection restores nobody, and audits who has returned like everybody",
    "group_reads": "the collection gives no license to a group",
    "group_seconds": "the collection gives no license to a group",
    "group_usage_location": "the collection gives no license to a group",
}
"""Switches of which the collection assumes nothing, and why."""


def test_the_page_is_made_of_the_entries() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "data" / "generate_assumptions.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert generator.render() == (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("entry", ASSUMPTIONS, ids=lambda entry: entry.name)
def test_each_entry_has_a_switch_that_begins_as_assumed(entry: Assumption) -> None:
    assert entry.positions[0] == getattr(Switches(), entry.switch)
    assert len(entry.positions) > 1
    for position in entry.positions:
        Switches().update({entry.switch: position})
    told = (entry.claim, entry.since, entry.source, entry.if_wrong, entry.remedy)
    assert all(told)


@pytest.mark.parametrize("entry", INFERENCES, ids=lambda entry: entry.name)
def test_each_reading_names_its_source_and_what_corrects_it(entry: Inference) -> None:
    assert entry.claim
    assert entry.source
    assert entry.remedy
    page = (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8")
    assert entry.claim in page


class Outcome(NamedTuple):
    """What a run comes to: everybody by the first part of the name."""

    answers: Counter[str]
    found: list[set[tuple[str, str]]]
    """Mailboxes at risk before the plan: filtered, full."""
    covered: set[str]
    """Who has a mailbox plan at work in the end."""
    rows: dict[str, Json]
    """Of the plan that was carried out."""
    left: set[str]
    """Who is at risk in the end."""


def name_of(upn: str) -> str:
    return upn.partition("@")[0]


def outcome(tenant: Tenant, entry: Assumption, position: Any) -> Outcome:
    """An audit in two ways, a plan carried out twice, and an audit once more."""
    scene = SCENES[entry.switch]
    with clients(tenant, timeout=10_000.0) as made, pytest.MonkeyPatch.context() as patched:
        if scene.few:
            patched.setattr(graph_client, "FEW_BATCHES", 0)
        env = PlanHarness(tenant, made)
        skus = {sku_id: dict(sku) for sku_id, sku in env.world.skus.items()}
        taken()
        furnished(env, scene, {entry.switch: position})
        found = [at_risk(env, strategy, scene.sizes) for strategy in ("filtered", "full")]
        options = {"shared_mailbox_sizes": scene.sizes, **scene.options}
        rows = applied(env, scene.rules, options)
        again = applied(env, scene.rules, options)
        assert not [row for row in again.values() if row["status"] == "changed"]
        left = {name for name, _kind in at_risk(env, "full", scene.sizes)}
        env.world.skus.clear()
        env.world.skus.update(skus)
        return Outcome(taken(), found, covered(env.world), rows, left)


def at_risk(env: PlanHarness, strategy: str, sizes: str = "never") -> set[tuple[str, str]]:
    """Whom an audit finds, and what kind of mailbox they have."""
    with env.clients() as made:
        options = AuditOptions(now=env.world.now(), strategy=strategy, shared_mailbox_sizes=sizes)
        findings = audit(made.graph, made.exchange, options).findings
    return {(name_of(row.user_principal_name), row.recipient_type.value) for row in findings}


def applied(env: PlanHarness, rules: Any, options: Json) -> dict[str, Json]:
    """The rows of a plan that is carried out, also where it fails for some."""
    try:
        rows = env.apply(*rules, **options)["users"]
    except PlanFailed as error:
        rows = error.partial["users"]
    return {name_of(row["user_principal_name"]): row for row in rows}


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with recorded(), empty_tenant() as found:
        yield found


@pytest.mark.parametrize("entry", ASSUMPTIONS, ids=lambda entry: entry.name)
def test_every_position_saves_the_same_mailboxes(tenant: Tenant, entry: Assumption) -> None:
    """Each position changes an answer of the tenant, so that it matters; who is found and licensed is the same."""
    scene = SCENES[entry.switch]
    assumed, same = (outcome(tenant, entry, entry.positions[0]) for _unused in range(2))
    assert assumed.answers == same.answers, "answers differ by themselves: the scene would prove nothing"
    assert assumed.found[0], "the scene has nobody at risk"
    assert assumed.found[0] == assumed.found[1]
    for position in entry.positions[1:]:
        if position in scene.broken:
            check_that_it_breaks_off(tenant, entry, position)
            continue
        other = outcome(tenant, entry, position)
        assert other.answers != assumed.answers, f"{position}: no answer of the tenant differs"
        assert other.found == assumed.found
        refused = scene.refused.get(position, frozenset())
        assert other.covered == assumed.covered - refused
        for name in refused:
            assert name in assumed.covered
            assert name in other.left
            assert (other.rows[name]["status"], bool(other.rows[name]["error"])) == ("failed", True)


def check_that_it_breaks_off(tenant: Tenant, entry: Assumption, position: Any) -> None:
    """Where no list comes, there is an error, and not a shorter list; nobody is licensed by half of one."""
    env = PlanHarness(tenant)
    furnished(env, SCENES[entry.switch], {entry.switch: position})
    for strategy in ("filtered", "full"):
        with pytest.raises(IncompleteAnswer, match=r"page 2 of .* did not come"):
            at_risk(env, strategy)
    with pytest.raises(IncompleteAnswer, match=r"page 2 of .* did not come"):
        env.apply(*SCENES[entry.switch].rules)
    assert env.writes() == []


def test_each_switch_is_an_assumption_or_says_why_not() -> None:
    switches = {field.name for field in dataclasses.fields(Switches)}
    assumed = {entry.switch for entry in ASSUMPTIONS}
    assert assumed == SCENES.keys()
    assert len(assumed) == len(ASSUMPTIONS)
    assert assumed & NO_ASSUMPTIONS.keys() == set()
    assert assumed | NO_ASSUMPTIONS.keys() == switches
