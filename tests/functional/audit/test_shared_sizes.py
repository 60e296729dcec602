# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One size that is not known, and a report that cannot be had, cost that mailbox or that report and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit import mailbox_sizes
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType

from tests.functional.support.assign_harness import Harness
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.functional.support.run_audit import look, rows
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

GB = 2**30
KINDS = ("SharedMailbox", "RoomMailbox", "EquipmentMailbox")
STRATEGIES = ("filtered", "full")
STATISTICS = "Get-MailboxStatistics"


def furnish(env: Harness, count: int = 24) -> tuple[Json, Json]:
    """Shared, room and equipment mailboxes: a small one, one of 60 GB, and more small ones."""
    boxes = []
    for number in range(count):
        user = env.make.user(f"Box {number}", f"box{number}")
        size = 60 * GB if number == 1 else GB
        boxes.append(env.make.mailbox(user, KINDS[number % len(KINDS)], bytes=size))
    env.world.touch()
    return boxes[0], boxes[1]


def large(found: Audit) -> list[str]:
    assert {reason for _user, reason, _kind in rows(found)} <= {"shared_over_50_gb"}
    return [user for user, _reason, _kind in rows(found)]


def measurements(env: Harness) -> int:
    return sum(entry.get("cmdlet") == STATISTICS for entry in env.tenant.requests())


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("unopened", [True, False])
def test_an_unopened_mailbox_says_nothing_about_others(env: Harness, strategy: str, unopened: bool) -> None:
    small, big = furnish(env)
    env.world.switches.no_statistics = small["UserPrincipalName"] if unopened else ""
    found = look(env.tenant, sizes="always", strategy=strategy)
    assert large(found) == [big["ExternalDirectoryObjectId"]]
    assert [small["UserPrincipalName"] in text for text in found.warnings] == [True] * unopened
    assert found.summary()["complete"] is True
    assert found.summary()["not_examined"] == []
    assert found.summary()["signals"]["shared_mailbox_sizes"] == "ok"


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("report", ["200", "404"])
def test_where_there_is_no_report_each_is_measured(env: Harness, strategy: str, report: str) -> None:
    _small, big = furnish(env)
    env.world.switches.usage_report = report
    env.tenant.clear_requests()
    found = look(env.tenant, sizes="auto", strategy=strategy)
    assert large(found) == [big["ExternalDirectoryObjectId"]]
    assert measurements(env) == (1 if report == "200" else 24)
    assert ["one request for each" in text for text in found.warnings] == [True] * (report == "404")
    assert found.summary()["complete"] is True


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("broken", [{"status": 403}, {"status": 500}, {"kind": "html"}, {"kind": "truncate"}], ids=str)
def test_so_is_each_where_the_report_is_refused_or_broken(env: Harness, strategy: str, broken: Json) -> None:
    _small, big = furnish(env)
    service = {"service": "reports"} if "kind" in broken else {"service": "graph", "path": "/reports/"}
    env.tenant.set_faults({"kind": "status", **service, **broken, "times": None})
    found = look(env.tenant, sizes="auto", strategy=strategy, client={"retry_seconds": 0.5})
    assert large(found) == [big["ExternalDirectoryObjectId"]]
    (warning,) = found.warnings
    assert "one request for each" in warning
    assert found.summary()["complete"] is True


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("whose", ["small", "large"])
def test_blank_size_in_the_report_is_measured_alone(env: Harness, strategy: str, whose: str) -> None:
    small, big = furnish(env)
    env.world.switches.report_blank_size = (small if whose == "small" else big)["UserPrincipalName"]
    env.tenant.clear_requests()
    found = look(env.tenant, sizes="auto", strategy=strategy)
    assert large(found) == [big["ExternalDirectoryObjectId"]]
    assert measurements(env) == (2 if whose == "small" else 1)
    assert found.warnings == []


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_too_many_without_a_report_are_not_examined(
    env: Harness, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox_sizes, "MEASURED_AT_MOST", 23)
    furnish(env)
    env.world.switches.usage_report = "404"
    env.tenant.clear_requests()
    found = look(env.tenant, sizes="auto", strategy=strategy)
    assert (large(found), measurements(env)) == ([], 0)
    assert found.summary()["complete"] is False
    assert found.summary()["not_examined"] == ["shared_mailbox_sizes"]
    reason = found.readings.incomplete()
    assert reason is not None
    assert "the sizes of 24 shared, room and equipment mailboxes" in reason.message
    assert "shared_mailbox_sizes=always" in reason.hint
    assert "shared_mailbox_sizes=never" in reason.hint
    assert look(env.tenant, sizes="never", strategy=strategy).summary()["complete"] is True


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_unmeasured_mailbox_is_named_and_still_licensed(tenant: Tenant, strategy: str) -> None:
    env = PlanHarness(tenant)
    furnish(env, 3)
    env.at_risk("anna")
    refused = {"kind": "status", "status": 400, "service": "exchange", "cmdlet": STATISTICS, "times": 1}
    env.tenant.set_faults(refused)
    found = look(env.tenant, sizes="always", strategy=strategy)
    assert found.summary()["complete"] is False
    assert found.summary()["not_examined"] == ["shared_mailbox_sizes"]
    (warning,) = found.warnings
    assert "did not return the size of box" in warning
    env.tenant.set_faults(refused)
    assert actions(env.apply(EVERYBODY, shared_mailbox_sizes="always"))["anna"] == "license"


def test_role_without_the_cmdlet_is_reported_once(env: Harness) -> None:
    furnish(env)
    env.tenant.set_faults({"kind": "forbidden_cmdlet", "service": "exchange", "cmdlet": STATISTICS, "times": None})
    found = look(env.tenant, sizes="always")
    assert found.findings == ()
    (warning,) = found.warnings
    assert "Global Reader" in warning
    assert found.summary()["not_examined"] == ["shared_mailbox_sizes"]
    assert found.summary()["complete"] is False


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("status", [403, 404])
def test_a_size_that_is_refused_or_not_found_costs_that_mailbox(env: Harness, strategy: str, status: int) -> None:
    boxes = [env.make.mailbox(env.make.user(name, name), "SharedMailbox", bytes=60 * GB) for name in ("a", "b", "c")]
    env.world.touch()
    env.tenant.set_faults({"kind": "status", "status": status, "service": "exchange", "cmdlet": STATISTICS})
    found = look(env.tenant, sizes="always", strategy=strategy)
    missing = {box["ExternalDirectoryObjectId"] for box in boxes} - set(large(found))
    assert len(missing) == 1
    (warning,) = found.warnings
    (unknown,) = [box["UserPrincipalName"] for box in boxes if box["ExternalDirectoryObjectId"] in missing]
    assert f"did not return the size of {unknown} (" in warning
    assert found.summary()["complete"] is False
    assert found.summary()["not_examined"] == ["shared_mailbox_sizes"]
    assert found.readings.incomplete() is None, "a single mailbox is no reason to fail"


def test_a_mailbox_that_nobody_finds_has_no_size_that_would_fit(tenant: Tenant) -> None:
    env = PlanHarness(tenant)
    env.add_sku("EXCHANGEDESKLESS")
    env.at_risk("anna")
    (box,) = env.world.mailboxes.values()
    box["_bytes"] = 3 * GB
    env.tenant.set_faults({"kind": "status", "status": 404, "service": "exchange", "cmdlet": STATISTICS})
    row = env.plan({**EVERYBODY, "licenses": [{"sku": "EXCHANGEDESKLESS"}]})["users"][0]
    assert (row["action"], row["too_small"]) == ("license", None)
    assert any("size" in text for text in row["warnings"])


def test_role_without_the_cmdlet_ends_measuring_early(env: Harness) -> None:
    furnish(env)
    env.tenant.set_faults({"kind": "forbidden_cmdlet", "service": "exchange", "cmdlet": STATISTICS, "times": None})
    env.tenant.clear_requests()
    look(env.tenant, sizes="always", client={"concurrency": 1})
    assert measurements(env) == mailbox_sizes._REFUSED_AT_MOST


V2: Any = {"surface": "v2", "recipient_types": (RecipientType.USER, RecipientType.SHARED)}


def test_v2_names_large_mailboxes_that_it_cannot_measure(env: Harness) -> None:
    _small, big = furnish(env)
    found = look(env.tenant, sizes="auto", **V2)
    assert (found.findings, found.summary()["complete"]) == ((), False)
    assert found.summary()["not_examined"] == ["shared_mailbox_sizes"]
    (warning,) = found.warnings
    assert f"the size of {big['UserPrincipalName']} (exchange_api=v2 measures no mailbox)" in warning
    assert "exchange_api=invoke_command" in warning
    assert found.readings.incomplete() is None
    big["_bytes"] = GB
    env.world.touch()
    found = look(env.tenant, sizes="auto", **V2)
    assert (found.warnings, found.summary()["complete"], found.summary()["not_examined"]) == ([], True, [])


@pytest.mark.parametrize("sizes", ["auto", "always"])
@pytest.mark.parametrize("named", [False, True], ids=["all", "identities"])
def test_v2_without_a_report_or_with_always_is_incomplete(env: Harness, sizes: str, named: bool) -> None:
    _small, big = furnish(env)
    env.world.switches.usage_report = "404"
    who: Any = {"identities": (big["UserPrincipalName"],)} if named else {}
    found = look(env.tenant, sizes=sizes, **V2, **who)
    assert (found.summary()["complete"], found.summary()["not_examined"]) == (False, ["shared_mailbox_sizes"])
    (warning,) = found.warnings
    assert "exchange_api=v2" in warning
    reason = found.readings.incomplete()
    assert reason is not None
    assert f"the sizes of {1 if named else 24} shared, room and equipment mailboxes" in reason.message
    assert "shared_mailbox_sizes=never" in reason.hint
    assert "exchange_api=invoke_command" in reason.hint


@pytest.mark.parametrize("sizes", ["auto", "always"])
def test_v2_misses_no_size_where_no_mailbox_has_one_to_ask_for(env: Harness, sizes: str) -> None:
    env.person("anna", env.held("SPE_E3"), bytes=60 * GB)
    env.world.switches.usage_report = "404"
    found = look(env.tenant, sizes=sizes, **V2)
    assert (found.warnings, found.summary()["complete"]) == ([], True)
    furnish(env)
    assert look(env.tenant, sizes="never", **V2).summary()["complete"] is True


def test_busy_exchange_ends_measuring_early(env: Harness) -> None:
    furnish(env)
    fault: dict[str, Any] = {"kind": "status", "status": 503, "service": "exchange", "cmdlet": STATISTICS}
    env.tenant.set_faults({**fault, "times": None})
    env.tenant.clear_requests()
    found = look(env.tenant, sizes="always", client={"retry_seconds": 0, "concurrency": 1})
    assert measurements(env) == mailbox_sizes._GIVE_UP_AFTER
    assert found.summary()["not_examined"] == ["shared_mailbox_sizes"]
    (warning,) = found.warnings
    assert "and 4 more" in warning


def test_plan_2_is_not_taken_from_a_mailbox_of_unknown_size(tenant: Tenant) -> None:
    env = PlanHarness(tenant)
    env.person("anna", env.held("SPE_E3"), bytes=GB)
    env.tenant.set_faults({"kind": "status", "status": 400, "service": "exchange", "cmdlet": STATISTICS, "times": None})
    smaller = {**EVERYBODY, "licenses": [{"sku": "EXCHANGESTANDARD"}], "remove": ["SPE_E3"]}
    options: Json = {"scope": "all_users", "allow_removals": True}
    assert "as Exchange did not return them" in env.refused(smaller, **options).message
    env.tenant.clear_faults()
    env.world.switches.no_statistics = "anna@contoso.example"
    assert actions(env.apply(smaller, **options)) == {"anna": "license"}


def test_nor_by_a_task_that_names_the_user(tenant: Tenant) -> None:
    env = Harness(tenant)
    anna = env.person("anna", env.held("SPE_E3"), bytes=GB)
    env.tenant.set_faults({"kind": "status", "status": 400, "service": "exchange", "cmdlet": STATISTICS, "times": None})
    error = env.fail([anna], "EXCHANGESTANDARD", state="exact")
    assert error.code == "would_uncover"
    assert "a size that Exchange does not return" in error.message
    env.tenant.clear_faults()
    env.world.switches.no_statistics = "anna@contoso.example"
    assert env.run([anna], "EXCHANGESTANDARD", state="exact")["changed"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("sizes", ["auto", "always"])
def test_two_mailboxes_with_one_exchange_guid_are_two_rows(env: Harness, strategy: str, sizes: str) -> None:
    """A restored mailbox and the soft-deleted one that it came from."""
    user = env.make.user("Anna", "anna")
    old = env.make.mailbox(user, "UserMailbox", soft_deleted_days=10, address="old@contoso.example")
    team = env.make.mailbox(user, "SharedMailbox", bytes=60 * GB)
    team["ExchangeGuid"] = old["ExchangeGuid"]
    env.world.touch()
    found = look(env.tenant, sizes=sizes, strategy=strategy)
    assert rows(found) == [(user["id"], "shared_over_50_gb", "shared"), (user["id"], "soft_deleted", "soft_deleted")]
    assert {item.mailbox.guid for item in found.findings if item.mailbox} == {old["Guid"], team["Guid"]}
    assert found.warnings == []
