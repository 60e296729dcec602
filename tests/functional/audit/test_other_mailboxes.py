# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users whose mailbox is of a kind that needs no license, and that no audit lists: a catch-all rule spares them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._exchange.parsing import other_kind
from ansible_collections.m365.licensing.plugins.module_utils._planning.explanations import ON_PREMISES

from tests.functional.support.explain_harness import ExplainHarness, text
from tests.functional.support.plan_harness import ALL_KINDS, EVERYBODY, actions, plan, skus
from tests.functional.support.run_audit import look
from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant, running

RAW = {"ExternalDirectoryObjectId": "10000000-0000-4000-8000-000000000001", "IsInactiveMailbox": False}
ARCHIVE = {"ArchiveGuid": RAW["ExternalDirectoryObjectId"], "ArchiveDatabase": "EURPR01DG042-db017"}
E3 = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}


@pytest.fixture
def env(tenant: Tenant) -> ExplainHarness:
    return ExplainHarness(tenant)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"RecipientTypeDetails": "SchedulingMailbox"}, (RAW["ExternalDirectoryObjectId"], "scheduling")),
        ({"RecipientTypeDetails": "discoverymailbox"}, (RAW["ExternalDirectoryObjectId"], "discovery")),
        ({"RecipientTypeDetails": "TeamMailbox"}, None),
        ({"RecipientTypeDetails": "SchedulingMailbox", **ARCHIVE}, None),
        ({"RecipientTypeDetails": "SchedulingMailbox", "LitigationHoldEnabled": True}, None),
        ({"RecipientTypeDetails": "SchedulingMailbox", "IsInactiveMailbox": True}, None),
        ({"RecipientTypeDetails": "DiscoveryMailbox", "ExternalDirectoryObjectId": ""}, None),
        ({"RecipientTypeDetails": "SharedMailbox"}, None),
        ({"RecipientTypeDetails": "HologramMailbox"}, None),
    ],
)
def test_whose_mailbox_is_of_a_kind_that_needs_no_license(
    properties: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    assert other_kind({**RAW, **properties}) == expected


@pytest.mark.parametrize("seed", [3, 11])
def test_a_catch_all_rule_gives_no_seat_to_what_needs_none(seed: int) -> None:
    with running(mailboxes=1200, at_risk=12, seed=seed) as tenant, clients(tenant) as found:
        harmless = {*tenant.truth()["harmless"]["scheduling"]}
        assert harmless
        result = plan(found, ALL_KINDS, scope="all_users")
        assert not harmless & {row["user_id"] for row in result["users"]}
        assert result["summary"]["seats_to_covered"] == 0


def test_what_such_a_mailbox_gets_all_the_same_is_counted(env: ExplainHarness) -> None:
    env.person("desk", kind="SchedulingMailbox", location=None)
    env.person("new", kind=None)
    told = env.plan(EVERYBODY, scope="all_users")
    assert (actions(told), skus(told)) == ({"new": "license"}, {"new": ["EXCHANGESTANDARD"]})
    assert actions(env.plan({**EVERYBODY, "match": {"covered": False}}, scope="all_users")) == {"new": "license"}
    told = env.plan(E3, scope="all_users")
    assert (skus(told)["desk"], told["summary"]["seats_to_covered"]) == (["SPE_E3"], 1)
    assert told["violations"]


def test_one_that_is_gone_or_soft_deleted_is_none(env: ExplainHarness) -> None:
    env.person("gone", kind="SchedulingMailbox", inactive=True)
    env.person("soft", kind="SchedulingMailbox", soft_deleted_days=3)
    assert set(skus(env.plan(EVERYBODY, scope="all_users"))) == {"gone", "soft"}


@pytest.mark.parametrize("options", [{}, {"strategy": "full"}, {"scope": "all_users"}])
def test_the_flag_of_the_portal_makes_no_row_of_it(env: ExplainHarness, options: dict[str, str]) -> None:
    user = env.make.user("Desk", "desk", reconciliation=True)
    env.make.mailbox(user, "SchedulingMailbox")
    assert env.plan(EVERYBODY, **options)["users"] == []
    assert env.one("desk")["at_risk"] is False
    (told,) = look(env.tenant, strategy=options.get("strategy", "auto")).disagreements
    assert told["user_id"] == user["id"]
    assert told["disagreement"] == "license_reconciliation_needed; but a scheduling mailbox needs no license"


@pytest.mark.parametrize("more", [{"archive": True}, {"hold": True}])
def test_one_that_may_need_a_license_is_named(env: ExplainHarness, more: dict[str, bool]) -> None:
    env.make.mailbox(env.make.user("Desk", "desk"), "SchedulingMailbox", **more)
    found = look(env.tenant, strategy="full")
    assert [text for text in found.warnings if "may need a license, but are not listed: desk@contoso.example" in text]


def test_knowing_them_costs_no_request(env: ExplainHarness) -> None:
    env.person("anna", env.held("SPE_E3"))
    before = [env.plan(EVERYBODY, scope=scope)["summary"]["requests"] for scope in ("mailboxes_at_risk", "all_users")]
    env.person("desk", kind="SchedulingMailbox")
    after = [env.plan(EVERYBODY, scope=scope)["summary"]["requests"] for scope in ("mailboxes_at_risk", "all_users")]
    assert after == before


def test_who_may_have_a_mailbox_on_premises_is_named_and_counted(env: ExplainHarness) -> None:
    for name, synced, mail in (("old", True, "old@contoso.example"), ("cloud", False, "cloud@contoso.example")):
        env.make.mailbox(env.make.user(name, name, synced=synced, mail=mail, usage_location="DE"), "MailUser")
    env.make.user("new", "new", synced=True, mail=None, usage_location="DE")
    told = env.plan(EVERYBODY, scope="all_users")
    assert set(skus(told)) == {"old", "cloud", "new"}
    (row,) = [row for row in told["users"] if row["warnings"]]
    assert (row["user_principal_name"].partition("@")[0], row["warnings"]) == ("old", [ON_PREMISES])
    assert told["summary"]["seats_to_on_premises"] == 1
    assert any(ON_PREMISES[1:] in text and "old@" in text for text in told["warnings"])
    assert "**1 user** may have the mailbox on premises, and gets an Exchange plan." in told["reports"]["md"]
    # what has no Exchange plan is no matter of mailboxes, and the documented way leaves these users out
    told = env.plan({**EVERYBODY, "licenses": [{"sku": "EMS"}]}, scope="all_users")
    assert (set(skus(told)), told["summary"]["seats_to_on_premises"]) == ({"old", "cloud", "new"}, 0)
    others = {"not": {"on_premises_sync": True, "at_risk": False, "covered": False}}
    assert set(skus(env.plan({**EVERYBODY, "match": others}, scope="all_users"))) == {"cloud"}


def test_it_is_explained_as_what_it_is(env: ExplainHarness) -> None:
    env.person("desk", kind="SchedulingMailbox")
    found = env.one("desk", {**E3, "name": "Uncovered", "match": {"covered": False}}, EVERYBODY, scope="all_users")
    (box,) = found["mailboxes"]
    assert (box["at_risk"], box["other_kind"], box["needs"]) == (False, "scheduling", [])
    assert "Exchange shows a scheduling mailbox, which needs no license" in text(found)
    assert "no mailbox and no archive" not in text(found)
    assert box["decision"]["rule"] == "Everybody"
    assert (box["decision"]["run"]["action"], box["decision"]["run"]["add"]) == ("unchanged", [])
    assert "this scheduling mailbox needs no license" in text(found)
