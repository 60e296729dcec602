# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where it is not certain whose mailbox one is, no rule decides: nobody loses a license for somebody else's mailbox."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit

from tests.functional.support.explain_harness import ExplainHarness, text
from tests.functional.support.plan_harness import EVERYBODY, actions
from tests.simulator import control
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

ANNA, TEAM = "anna@contoso.example", "team@contoso.example"
STRATEGIES = pytest.mark.parametrize("strategy", ["filtered", "full", "identities", "everybody"])
SHARED = {
    **EVERYBODY,
    "name": "Shared",
    "match": {"recipient_type": "shared"},
    "licenses": [{"sku": "EXCHANGEENTERPRISE"}],
    "remove": ["EXCHANGESTANDARD"],
}
"""A rule about shared mailboxes, which takes a license away."""
SMALLER = {**EVERYBODY, "name": "Smaller", "remove": ["SPE_E3"]}


@pytest.fixture
def env(tenant: Tenant) -> ExplainHarness:
    return ExplainHarness(tenant)


def user_id(env: ExplainHarness, upn: str) -> str:
    user = env.world.user(upn)
    assert user is not None
    return str(user["id"])


def given_to(env: ExplainHarness, box: Json, upn: str) -> None:
    """A mailbox gets the ExternalDirectoryObjectId of this user."""
    change = {"mailboxes": {box["Guid"]: {"ExternalDirectoryObjectId": user_id(env, upn)}}}
    assert control.dispatch(env.world, "PATCH", "/state", {}, change).status == 200


def second(env: ExplainHarness, upn: str, kind: str = "SharedMailbox", **properties: Any) -> Json:
    """A mailbox with a name of its own and the id of a user who has another mailbox."""
    box = env.make.mailbox(None, kind, address="lost.team@contoso.example", **properties)
    given_to(env, box, upn)
    return box


def look(env: ExplainHarness, strategy: str, *upns: str) -> Audit:
    ids = tuple(upns) if strategy == "identities" else ()
    chosen = {"identities": "filtered", "everybody": "full"}.get(strategy, strategy)
    options = AuditOptions(now=env.make.now, strategy=chosen, identities=ids, everybody=strategy == "everybody")
    with env.clients() as found:
        return audit(found.graph, found.exchange, options)


# --- two mailboxes in use with one id --------------------------------------------------------------------------------


@STRATEGIES
def test_both_mailboxes_are_rows_and_a_warning(env: ExplainHarness, strategy: str) -> None:
    env.person("anna", env.held("EXCHANGESTANDARD"))
    box = second(env, ANNA, archive=True)
    env.person("bert", env.held("EXCHANGESTANDARD"))
    found = look(env, strategy, ANNA)
    assert sorted((row.user_principal_name, row.recipient_type.value, row.reason) for row in found.findings) == [
        (ANNA, "shared", "duplicate_object_id"),
        (ANNA, "user", "duplicate_object_id"),
    ]
    by_kind = {row.recipient_type.value: row for row in found.findings}
    assert by_kind["shared"].mailbox is not None
    assert by_kind["shared"].mailbox.guid == box["Guid"]
    assert "By itself this mailbox would be here as shared_archive." in by_kind["shared"].notes
    assert [(row.severity, row.deadline.at) for row in found.findings] == [("warning", None)] * 2
    (warning,) = [line for line in found.warnings if "ExternalDirectoryObjectId" in line]
    assert warning.endswith(f"until that is settled in Exchange: {ANNA}.")
    assert found.summary()["by_reason"]["duplicate_object_id"] == 2


def test_how_urgent_a_row_is_stays(env: ExplainHarness) -> None:
    env.at_risk("anna", days=28)
    second(env, ANNA)
    for strategy in ("filtered", "full"):
        rows = {row.recipient_type.value: row for row in look(env, strategy).findings}
        assert (rows["user"].reason, rows["user"].severity) == ("duplicate_object_id", "critical")
        assert rows["user"].deadline.at is not None
        assert rows["shared"].severity == "warning"


@pytest.mark.parametrize("strategy", ["filtered", "full"])
@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
@pytest.mark.parametrize(("mode", "check_mode"), [("plan", False), ("apply", True), ("apply", False)])
def test_rule_about_anothers_mailbox_removes_no_license(
    env: ExplainHarness, scope: str, mode: str, check_mode: bool, strategy: str
) -> None:
    env.person("anna", env.held("EXCHANGESTANDARD"))
    second(env, ANNA, archive=True)
    env.at_risk("carl")
    options: Json = {"allow_removals": True, "scope": scope, "strategy": strategy}
    result = env.plan(SHARED, EVERYBODY, mode=mode, check_mode=check_mode, **options)
    assert actions(result) == {"anna": "undecided", "carl": "license"}
    mine = [row for row in result["users"] if row["user_principal_name"] == ANNA]
    assert [(row["add"], row["remove"], row["reason"], row["rule"]) for row in mine] == [
        ([], [], "duplicate_object_id", None)
    ] * 2
    assert all("2 mailboxes in use have this user's ExternalDirectoryObjectId" in row["note"] for row in mine)
    assert env.states(ANNA) == {"EXCHANGESTANDARD": []}
    assert f"Still at risk, because it is not certain whose mailbox it is: {ANNA}." in result["warnings"]
    assert result["summary"]["unresolved"] == 2


def test_scope_all_users_keeps_undecided_users_as_rows(env: ExplainHarness) -> None:
    env.person("anna", env.held("SPE_E3"))
    second(env, ANNA, "RoomMailbox")
    smaller = {**EVERYBODY, "licenses": [{"sku": "EXCHANGESTANDARD"}], "remove": ["SPE_E3"]}
    options: Json = {"scope": "all_users", "allow_removals": True, "recipient_types": ["archive"]}
    result = env.apply(smaller, **options)
    assert actions(result) == {"anna": "undecided"}
    assert env.states(ANNA) == {"SPE_E3": []}
    assert (
        f"No rule decides for these users, because it is not certain whose mailbox it is: {ANNA}."
        in (result["warnings"])
    )


def test_full_scan_finds_two_plain_mailboxes_of_one_user(env: ExplainHarness) -> None:
    """A filtered scan has no reason to look at either; nothing is planned for the user then."""
    env.person("anna", env.held("SPE_E3"))
    second(env, ANNA, "UserMailbox", sku_assigned=True)
    for strategy in ("full", "everybody", "identities"):
        found = look(env, strategy, ANNA)
        assert [row.reason for row in found.findings] == ["duplicate_object_id"] * 2, strategy
        assert len({row.mailbox.guid for row in found.findings if row.mailbox}) == 2
        assert found.examined == 2
    assert look(env, "filtered").findings == ()


@STRATEGIES
@pytest.mark.parametrize(
    "other",
    [
        {"kind": "UserMailbox", "soft_deleted_days": 3},
        {"kind": "SharedMailbox", "soft_deleted_days": 3, "inactive": True, "hold": True},
        {"kind": "MailUser", "archive": True},
    ],
)
def test_what_is_not_in_use_is_no_second_mailbox(env: ExplainHarness, other: Json, strategy: str) -> None:
    env.person("anna", env.held("SPE_E3"), archive=True)
    second(env, ANNA, **other)
    found = look(env, strategy, ANNA)
    assert "duplicate_object_id" not in {row.reason for row in found.findings}
    assert found.disagreements == ()
    assert not any("ExternalDirectoryObjectId" in line for line in found.warnings)


def test_a_scheduling_mailbox_with_the_id_of_somebody_counts(env: ExplainHarness) -> None:
    env.person("anna", env.held("SPE_E3"))
    second(env, ANNA, "SchedulingMailbox")
    for strategy in ("full", "everybody", "identities"):
        found = look(env, strategy, ANNA)
        assert [row.reason for row in found.findings] == ["duplicate_object_id"], strategy
        assert "a scheduling mailbox" in found.findings[0].notes[0]


def test_no_exception_covers_such_a_row(env: ExplainHarness) -> None:
    env.at_risk("anna")
    second(env, ANNA)
    ignored = {"name": "Ignore", "match": {}, "action": "ignore", "reason": "x"}
    assert actions(env.apply(ignored)) == {"anna": "undecided"}
    assert actions(env.apply(ignored, protected=[ANNA])) == {"anna": "protected"}


def test_an_explanation_says_it(env: ExplainHarness) -> None:
    env.person("anna", env.held("EXCHANGESTANDARD"))
    second(env, ANNA, archive=True)
    row = env.one("anna", SHARED, allow_removals=True)
    assert [box["reason"] for box in row["mailboxes"]] == ["duplicate_object_id"] * 2
    assert {box["decision"]["run"]["action"] for box in row["mailboxes"]} == {"undecided"}
    told = text(row)
    assert "AT RISK: duplicate_object_id: several mailboxes in use have one ExternalDirectoryObjectId" in told
    assert "changes nothing, as no rule decides: 2 mailboxes in use have this user's" in told
    assert [box["reason"] for box in env.one("anna")["mailboxes"]] == ["duplicate_object_id"] * 2


def test_the_closer_look_is_one_request_for_a_hundred_at_risk(env: ExplainHarness) -> None:
    for number in range(120):
        env.person(f"room{number:03}", kind="RoomMailbox", archive=True)
    env.tenant.clear_requests()
    assert len(look(env, "filtered").findings) == 120
    asked = [
        entry
        for entry in env.tenant.requests()
        if "ExternalDirectoryObjectId -eq" in str(entry.get("cmdlet")) + str(entry)
    ]
    assert len(asked) == 2


# --- the id of one user, and the name of another ---------------------------------------------------------------------


def exchanged(env: ExplainHarness, **box: Any) -> str:
    """The mailbox of the team has Anna's id and the team's name; the id of that mailbox."""
    env.person("team", env.held("SPE_E3"), kind=None)
    env.person("anna", env.held("SPE_E3"), kind=None)
    found = env.make.mailbox(env.world.user(TEAM), box.pop("kind", "UserMailbox"), **{"sku_assigned": True, **box})
    given_to(env, found, ANNA)
    return str(found["Guid"])


@pytest.mark.parametrize("strategy", ["full", "everybody", "identities"])
def test_mailbox_with_anothers_name_is_a_disagreement(env: ExplainHarness, strategy: str) -> None:
    guid = exchanged(env)
    found = look(env, strategy, ANNA, TEAM)
    assert found.findings == ()
    assert {row["user_principal_name"]: row["disagreement"] for row in found.disagreements} == {
        ANNA: f"the user mailbox {guid} has this user's id (ExternalDirectoryObjectId) and the name of another user, "
        f"{TEAM}",
        TEAM: f"the user mailbox {guid} has this user's name and the id (ExternalDirectoryObjectId) of another user, "
        f"{ANNA}",
    }
    (warning,) = [line for line in found.warnings if "ExternalDirectoryObjectId" in line]
    assert warning.endswith(f"Rules take nothing away from any of these users: {ANNA}, {TEAM}.")
    assert look(env, "identities", ANNA).disagreements[0]["user_principal_name"] == ANNA


def test_a_filtered_scan_sees_it_where_the_mailbox_is_at_risk(env: ExplainHarness) -> None:
    exchanged(env, sku_assigned=None, kind="UserMailbox")
    assert [row["user_principal_name"] for row in look(env, "filtered").disagreements] == [ANNA, ANNA, TEAM]


@pytest.mark.parametrize("strategy", ["full", "everybody"])
def test_box_of_a_deleted_user_with_anothers_name_is_contested(env: ExplainHarness, strategy: str) -> None:
    env.person("anna", env.held("SPE_E3"), kind=None)
    env.make.mailbox(env.world.user(ANNA), "UserMailbox", sku_assigned=True, owner_id=env.make.guid())
    found = look(env, strategy)
    assert [row["user_principal_name"] for row in found.disagreements] == ["", ANNA]
    assert found.without_user == 1


@pytest.mark.parametrize("strategy", ["full", "everybody"])
def test_a_mailbox_with_a_name_that_no_user_has_is_none(env: ExplainHarness, strategy: str) -> None:
    """After a user was renamed, Exchange may have the old name for a while."""
    user = env.world.user(env.person("anna", env.held("SPE_E3"), kind=None))
    env.make.mailbox(user, "UserMailbox", sku_assigned=True, address="anna.old@contoso.example")
    found = look(env, strategy)
    assert (found.disagreements, found.findings) == ((), ())


@pytest.mark.parametrize("mode", ["plan", "apply"])
def test_rules_take_nothing_from_either_user(env: ExplainHarness, mode: str) -> None:
    exchanged(env)
    env.person("carl", env.held("SPE_E3"))
    result = env.plan(SMALLER, mode=mode, scope="all_users", allow_removals=True)
    assert actions(result) == {"anna": "undecided", "carl": "license", "team": "undecided"}
    notes = {row["user_principal_name"]: row["note"] for row in result["users"]}
    assert "the name of another user, team@contoso.example" in notes[ANNA]
    assert env.states(ANNA) == env.states(TEAM) == {"SPE_E3": []}


def test_nor_do_they_switch_off_a_plan(env: ExplainHarness) -> None:
    exchanged(env, kind="SharedMailbox")
    off = {**EVERYBODY, "licenses": [{"sku": "SPE_E3", "disabled_plans": ["EXCHANGE_S_ENTERPRISE"]}]}
    result = env.plan(off, scope="all_users", allow_removals=True)
    assert [row["action"] for row in result["users"] if row["user_principal_name"] == ANNA] == ["undecided"]


def test_removals_ask_exchange_for_mailboxes_of_the_name(env: ExplainHarness) -> None:
    """A filtered scan has seen the mailbox that is at risk, and not the one that has its user's name."""
    env.person("team", env.held("EXCHANGESTANDARD"), archive=True, kind=None)
    env.make.mailbox(env.world.user(TEAM), "SharedMailbox", archive=True, address="team.old@contoso.example")
    env.person("anna", env.held("SPE_E3"), kind=None)
    other = env.make.mailbox(env.world.user(TEAM), "UserMailbox", sku_assigned=True)
    other["PersistedCapabilities"] = ["BPOS_S_Enterprise"]
    given_to(env, other, ANNA)
    assert [row["user_principal_name"] for row in look(env, "filtered").disagreements] == []
    result = env.apply(SHARED, allow_removals=True, strategy="filtered")
    assert actions(result) == {"team": "undecided"}
    assert env.states(TEAM) == {"EXCHANGESTANDARD": []}


def test_a_license_that_saves_the_mailbox_is_given_all_the_same(env: ExplainHarness) -> None:
    env.at_risk("anna")
    env.make.user("Team", "team", usage_location="DE")
    (box,) = env.world.mailboxes_of(user_id(env, ANNA))
    box["UserPrincipalName"] = TEAM
    result = env.apply(EVERYBODY)
    assert actions(result) == {"anna": "license"}
    assert env.states(ANNA) == {"EXCHANGESTANDARD": []}


def test_an_explanation_says_that_too(env: ExplainHarness) -> None:
    exchanged(env)
    for name in ("anna", "team"):
        row = env.explain("anna", "team", rules=[SMALLER], scope="all_users", allow_removals=True)
        told = {item["user_principal_name"].partition("@")[0]: text(item) for item in row["explanations"]}
        assert "Signals disagree: the user mailbox" in told[name]
    assert "changes nothing, as no rule decides" in told["anna"]
