# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mailboxes of which Exchange or Graph does not say whose they are: joined by name, or named in a warning."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.functional.support.run_audit import look
from tests.simulator import audit_log
from tests.simulator.state import Json

WAYS: dict[str, Json] = {
    "filtered": {"strategy": "filtered"},
    "full": {"strategy": "full"},
    "everybody": {"strategy": "full", "everybody": True},
    "identities": {"strategy": "filtered"},
    "identities, full": {"strategy": "full"},
    "v2": {"surface": "v2"},
    "identities, v2": {"surface": "v2"},
}
EACH_WAY = pytest.mark.parametrize("way", WAYS)
WHOLE = pytest.mark.parametrize("way", [way for way in WAYS if "identities" not in way])


def nameless(env: PlanHarness, user: Json | None, kind: str = "UserMailbox", **mailbox: Any) -> Json:
    """A mailbox with the name of the user and without the id."""
    box: Json = env.make.mailbox(user, kind, owner_id="", created_days=20, **mailbox)
    env.world.touch()
    return box


def audit(env: PlanHarness, way: str, *users: Json) -> Audit:
    """What an audit says, but for the warnings of the surface v2 about itself."""
    options = dict(WAYS[way])
    if "identities" in way:
        options["identities"] = tuple(user["userPrincipalName"] for user in users)
    found = look(env.tenant, **options)
    found.readings.warnings[:] = [line for line in found.warnings if "exchange_api=v2" not in line]
    return found


@EACH_WAY
def test_a_mailbox_without_an_id_is_joined_by_name_in_any_case(env: PlanHarness, way: str) -> None:
    user = env.make.user("Anna", "anna", usage_location="DE")
    box = nameless(env, user, address="ANNA@contoso.example")
    found = audit(env, way, user)
    (row,) = found.findings
    assert (row.user_id, row.reason, row.days_remaining) == (user["id"], "no_license", 10)
    assert row.mailbox is not None
    assert row.mailbox.guid == box["Guid"]
    assert any("This user has its name and no other mailbox" in note for note in row.notes)
    assert found.warnings == []
    assert (found.summary()["complete"], found.summary()["unmatched"]) == ("v2" not in way, 0)


@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
def test_rules_license_it(env: PlanHarness, scope: str) -> None:
    nameless(env, env.make.user("Anna", "anna", usage_location="DE"))
    assert actions(env.apply(EVERYBODY, scope=scope)) == {"anna": "license"}


@EACH_WAY
def test_a_licensed_user_with_such_a_mailbox_is_no_row(env: PlanHarness, way: str) -> None:
    user = env.make.user("Anna", "anna", states=[env.held("SPE_E3")])
    nameless(env, user, sku_assigned=None)
    found = audit(env, way, user)
    assert (found.findings, found.summary()["unmatched"]) == ((), 0)


@WHOLE
def test_one_that_has_the_name_of_nobody_is_named_in_a_warning(env: PlanHarness, way: str) -> None:
    nameless(env, None, address="lost@contoso.example")
    env.at_risk("anna")
    found = audit(env, way)
    assert [row.user_principal_name for row in found.findings] == ["anna@contoso.example"]
    assert "lost@contoso.example" in found.warnings[0]
    assert "ExternalDirectoryObjectId is empty" in found.warnings[0]
    summary = found.summary()
    assert (summary["unmatched"], summary["without_user"], summary["complete"]) == (1, 0, False)
    # one mailbox that nobody can judge is no reason to license nobody
    if way == "filtered":
        assert found.readings.gaps == []


@WHOLE
@pytest.mark.parametrize("kind", ["DiscoveryMailbox", "ArbitrationMailbox", "SchedulingMailbox", "SharedMailbox"])
def test_of_kinds_that_need_no_license_there_is_no_warning(env: PlanHarness, way: str, kind: str) -> None:
    nameless(env, None, kind)
    found = audit(env, way)
    assert (found.warnings, found.findings, found.summary()["unmatched"]) == ([], (), 0)


@pytest.mark.parametrize("way", ["filtered", "full", "everybody"])
def test_a_shared_one_that_needs_a_license_is_joined_or_named(env: PlanHarness, way: str) -> None:
    user = env.make.user("Team", "team", enabled=False)
    nameless(env, user, "SharedMailbox", archive=True)
    nameless(env, None, "SharedMailbox", archive=True, address="lost@contoso.example")
    found = audit(env, way)
    assert [(row.user_id, row.reason) for row in found.findings] == [(user["id"], "shared_archive")]
    assert "lost@contoso.example" in found.warnings[0]
    assert found.summary()["unmatched"] == 1


@EACH_WAY
@pytest.mark.parametrize("other", ["UserMailbox", "SharedMailbox", "SchedulingMailbox"])
def test_a_user_who_has_another_mailbox_is_not_joined(env: PlanHarness, way: str, other: str) -> None:
    """A name is no proof: rules take nothing away, and license nobody for it."""
    user = env.make.user("Anna", "anna", states=[env.held("SPE_E3")])
    env.make.mailbox(user, other, sku_assigned=True)
    box = nameless(env, user)
    found = audit(env, way, user)
    assert found.findings == ()
    if "identities" in way:
        # by its id the user has a mailbox, so the name is not looked for
        return
    (row,) = found.disagreements
    assert row["user_id"] == user["id"]
    assert box["Guid"] in row["disagreement"]
    assert found.summary()["unmatched"] == 1
    text = " ".join(found.warnings)
    assert "ExternalDirectoryObjectId is empty" in text
    assert "Rules take nothing away from any of these users: anna@contoso.example" in text


@WHOLE
def test_two_of_one_name_are_joined_to_nobody(env: PlanHarness, way: str) -> None:
    user = env.make.user("Anna", "anna")
    nameless(env, user)
    nameless(env, user)
    found = audit(env, way)
    assert (found.findings, found.summary()["unmatched"]) == ((), 2)
    assert [row["user_id"] for row in found.disagreements] == [user["id"]]


def test_rules_take_nothing_from_a_namesake_of_a_stray_mailbox(env: PlanHarness) -> None:
    smaller = {**EVERYBODY, "licenses": [{"sku": "EXCHANGESTANDARD"}], "remove": ["SPE_E3"]}
    user = env.make.user("Anna", "anna", states=[env.held("SPE_E3")], usage_location="DE")
    env.make.mailbox(user, "UserMailbox", sku_assigned=True)
    nameless(env, user)
    result = env.plan(smaller, scope="all_users", allow_removals=True)
    assert actions(result) == {"anna": "undecided"}


@WHOLE
def test_mailbox_whose_user_graph_lacks_is_named(env: PlanHarness, way: str) -> None:
    """So it is where Graph lists some kind of user elsewhere, as it may do with agents."""
    user = env.make.user("Anna", "anna")
    env.make.mailbox(user, "UserMailbox", created_days=20)
    env.world.remove_user(user["id"])
    found = audit(env, way)
    assert (found.findings, found.summary()["without_user"]) == ((), 1)
    assert "anna@contoso.example" in found.warnings[0]
    assert "Graph does not show the user" in found.warnings[0]


@pytest.mark.parametrize("way", ["filtered", "full", "everybody", "identities"])
@pytest.mark.parametrize("user_type", [None, "Agent"])
def test_an_agent_is_looked_at_like_a_person(env: PlanHarness, way: str, user_type: str | None) -> None:
    user = env.make.user("Agent Smith", "agent", usage_location="DE", person=False)
    user["userType"] = user_type
    env.make.mailbox(user, "UserMailbox", created_days=20)
    lost = env.make.user("Agent Jones", "jones", removed=["SPE_E3"], removed_days=10, person=False)
    lost["userType"] = user_type
    found = audit(env, way, user, lost)
    assert {row.user_id: row.reason for row in found.findings} == {
        user["id"]: "no_license",
        lost["id"]: "license_removed",
    }


def test_users_missing_from_a_list_by_ids_are_still_found(env: PlanHarness) -> None:
    """``getByIds`` is asked for users, and may not count agents as such: whom it leaves out is asked for again."""
    for number in range(610):
        user = env.make.user(f"Agent {number}", f"agent{number}", person=False)
        env.make.mailbox(user, "UserMailbox", created_days=20)
    env.tenant.set_faults(
        {"kind": "status", "service": "graph", "path": "getByIds", "status": 200, "body": {"value": []}, "times": None}
    )
    assert len(look(env.tenant, strategy="filtered").findings) == 610
    assert env.world.faults[-1].hits


@EACH_WAY
def test_a_soft_deleted_mailbox_hides_no_other_one_of_its_user(env: PlanHarness, way: str) -> None:
    user = env.make.user("Anna", "anna", removed=["SPE_E3"], removed_days=5)
    env.make.mailbox(user, "UserMailbox", sku_assigned=False, soft_deleted_days=3)
    nameless(env, user)
    seen = {row.recipient_type.value for row in audit(env, way, user).findings}
    assert seen == {"user"} | ({"soft_deleted"} if "v2" not in way else set())


@EACH_WAY
def test_nor_does_the_archive_of_a_mail_user(env: PlanHarness, way: str) -> None:
    user = env.make.user("Anna", "anna", synced=True)
    env.make.mailbox(user, "MailUser", archive=True)
    nameless(env, user)
    seen = {row.recipient_type.value for row in audit(env, way, user).findings}
    assert seen == {"user"} | ({"archive"} if "v2" not in way else set())


@EACH_WAY
@pytest.mark.parametrize("kind", ["UserMailbox", "SharedMailbox"])
@pytest.mark.parametrize("removed", [False, True], ids=["never licensed", "license removed"])
def test_two_without_ids_and_with_one_name_are_no_row(env: PlanHarness, way: str, kind: str, removed: bool) -> None:
    """Also where the services would not suspect the second one by itself."""
    more: Json = {"removed": ["SPE_E3"], "removed_days": 5} if removed else {}
    user = env.make.user("Anna", "anna", **more)
    boxes = [nameless(env, user), nameless(env, user, kind)]
    found = audit(env, way, user)
    assert (found.findings, found.summary()["complete"]) == ((), False)
    assert found.summary()["unmatched"] == (2 if kind == "UserMailbox" else 1)
    (row,) = found.disagreements
    assert all(box["Guid"] in row["disagreement"] for box in boxes)
    assert any("cannot be assessed" in text for text in found.warnings)


@pytest.mark.parametrize("way", ["filtered", "full", "everybody"])
def test_who_has_another_mailbox_has_not_lost_it(env: PlanHarness, way: str) -> None:
    """A room without a need is in no list of candidates, and it is a mailbox all the same."""
    user = env.make.user("Anna", "anna", removed=["SPE_E3"], removed_days=5)
    env.make.mailbox(user, "RoomMailbox", sku_assigned=False)
    nameless(env, user)
    found = audit(env, way, user)
    assert (found.findings, found.summary()["unmatched"]) == ((), 1)


@pytest.mark.parametrize("way", ["filtered", "full", "everybody", "identities", "identities, full"])
@pytest.mark.parametrize("living", [True, False])
def test_soft_deleted_mailbox_without_id_is_named_as_such(env: PlanHarness, way: str, living: bool) -> None:
    user = env.make.user("Anna", "anna")
    name = "Anna@contoso.example" if living else "gone@contoso.example"
    env.make.mailbox(user, "UserMailbox", owner_id="", sku_assigned=None, soft_deleted_days=5, address=name)
    env.world.touch()
    found = audit(env, way, user)
    assert (found.findings, found.summary()["unmatched"]) == ((), 0)
    if "identities" in way and not living:
        assert found.warnings == []
        return
    (warning,) = found.warnings
    assert "ExternalDirectoryObjectId is empty" in warning
    assert ("that of a user in the directory" in warning) is living
    assert "nor in its recycle bin" not in warning
    assert name in warning


# --- a mailbox that needs no license is in no list of ``filtered`` ---------------------------------------------------

LISTS = pytest.mark.parametrize("way", [way for way in WAYS if "v2" not in way])


@LISTS
@pytest.mark.parametrize("kind", ["SharedMailbox", "RoomMailbox", "EquipmentMailbox"])
def test_no_mailbox_is_lost_if_a_nameless_one_is_in_use(env: PlanHarness, way: str, kind: str) -> None:
    user = env.lost("team", 10)
    nameless(env, user, kind, sku_assigned=False)
    other = env.lost("anna", 10)
    found = audit(env, way, user, other)
    assert [row.user_id for row in found.findings] == [other["id"]]
    assert found.disagreements == ()


@LISTS
def test_two_nameless_mailboxes_in_use_leave_the_user_in_doubt(env: PlanHarness, way: str) -> None:
    user = env.lost("team", 10)
    boxes = [nameless(env, user, "SharedMailbox"), nameless(env, user, "RoomMailbox")]
    found = audit(env, way, user)
    assert found.findings == ()
    (row,) = found.disagreements
    assert all(box["Guid"] in row["disagreement"] for box in boxes)


@LISTS
def test_a_pending_user_with_a_nameless_shared_mailbox(env: PlanHarness, way: str) -> None:
    """Every strategy comes to the same rows, whatever signal points to the user."""
    user = env.lost("team", 10)
    user["isLicenseReconciliationNeeded"] = True
    nameless(env, user, "SharedMailbox", sku_assigned=False)
    assert audit(env, way, user).findings == ()


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_no_seat_is_spent_on_a_user_with_a_nameless_mailbox(env: PlanHarness, strategy: str) -> None:
    nameless(env, env.lost("team", 10), "SharedMailbox", sku_assigned=False)
    assert actions(env.plan(EVERYBODY, strategy=strategy)) == {}


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_no_seat_is_spent_if_a_nameless_mailbox_replaced_one(env: PlanHarness, strategy: str) -> None:
    """A license connects one mailbox: it does not bring back the soft-deleted one while another is in use."""
    user = env.make.user("Team", "team", removed=["SPE_E3"], removed_days=5, usage_location="DE")
    env.make.mailbox(user, "UserMailbox", sku_assigned=False, soft_deleted_days=3)
    nameless(env, user, "SharedMailbox", sku_assigned=False)
    result = env.plan(EVERYBODY, strategy=strategy)
    assert [row["add"] for row in result["users"]] == [[]]


@pytest.mark.parametrize("way", ["filtered", "full"])
def test_no_warning_names_a_nameless_mailbox_as_missing(
    env: PlanHarness, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The audit log says that some license was changed, and not which one."""
    user = env.make.user("Team", "team", removed=["SPE_E3"], removed_days=300)
    nameless(env, user, "SharedMailbox", sku_assigned=False)
    other = env.make.user("Anna", "anna", removed=["SPE_E3"], removed_days=300)
    env.world.audits.clear()
    env.world.switches.license_audit = "bare"
    roles = env.world.app.roles
    monkeypatch.setattr(env.world.app, "roles", None if roles is None else roles | {"AuditLog.Read.All"})
    for item in (user, other):
        audit_log.note(env.world, item, [], [], moment=env.world.now() - timedelta(days=5))
    (warning,) = [text for text in audit(env, way).warnings if "does not say which one" in text]
    assert ("anna@" in warning, "team@" in warning) == (True, False)


def test_names_are_asked_for_in_few_requests(env: PlanHarness) -> None:
    """The bound is that of a tenant with 20,000 mailboxes of which 200 are at risk."""
    for number in range(200):
        nameless(env, env.lost(f"team{number}", 10), "SharedMailbox", sku_assigned=False)
    env.tenant.clear_requests()
    assert audit(env, "filtered").findings == ()
    assert len(env.tenant.requests()) <= 22


@LISTS
@pytest.mark.parametrize("recorded", [[], ["BPOS_S_Archive"]], ids=["not recorded", "recorded"])
def test_the_archive_of_a_nameless_mail_user_is_a_row(env: PlanHarness, way: str, recorded: list[str]) -> None:
    user = env.lost("zoe", 10, synced=True) if recorded else env.make.user("Zoe", "zoe", synced=True)
    box = nameless(env, user, "MailUser", archive=True)
    box["PersistedCapabilities"] = recorded
    found = audit(env, way, user)
    assert [(row.user_id, row.reason) for row in found.findings] == [(user["id"], "archive_without_license")]
