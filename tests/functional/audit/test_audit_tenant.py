# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit against a tenant: its rows are what is at risk there, whatever it is like and however it is read."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit import filters
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType

from tests.functional.support.run_audit import facts, look, planted, rows
from tests.functional.support.service_clients import clients
from tests.simulator.builders import NO_GUID
from tests.simulator.launch import Tenant, running


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=300, at_risk=36, seed=5) as made:
        yield made


@pytest.fixture(scope="module")
def resilient() -> Iterator[Tenant]:
    """A tenant where removed licenses leave a mailbox for another 30 days, on a known date."""
    with running(mailboxes=120, at_risk=24, seed=6, delicensing_resiliency=True) as made:
        yield made


# the truth ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "switches"),
    [
        (1, {}),
        (2, {}),
        (3, {"sku_assigned_unlicensed": "false"}),
        (4, {"delicensing_resiliency": True}),
        (5, {"invoke_paging": "unlimited_only"}),
        (6, {"beta_gone": True}),
        (7, {"get_by_ids": "403"}),
        (8, {"sku_assigned_unlicensed": "false", "delicensing_resiliency": True, "beta_gone": True}),
    ],
    ids=str,
)
def test_both_strategies_find_exactly_what_is_at_risk(seed: int, switches: dict[str, Any]) -> None:
    with running(mailboxes=150, at_risk=24 + seed, seed=seed, **switches) as tenant:
        now = tenant.world.now()
        with clients(tenant) as made:
            found = {
                strategy: audit(
                    made.graph, made.exchange, AuditOptions(now=now, strategy=strategy, shared_mailbox_sizes="never")
                )
                for strategy in ("filtered", "full")
            }
        for each in found.values():
            assert [(user_id, reason) for user_id, reason, _who in rows(each)] == planted(tenant)
            warned = sorted(row["user_id"] for row in each.no_mailbox_rights)
            assert warned == sorted(tenant.truth()["warnings"].get("no_mailbox_rights", []))
            assert bool(each.warnings) is bool(switches.get("beta_gone"))
        filtered, full = found["filtered"], found["full"]
        assert facts(filtered) == facts(full)
        assert filtered.disagreements == full.disagreements
        assert filtered.expiring == full.expiring


def test_a_healthy_tenant_has_no_rows() -> None:
    with running(mailboxes=80, at_risk=0, seed=9) as tenant:
        for strategy in ("filtered", "full"):
            found = look(tenant, strategy=strategy)
            assert found.findings == ()
            assert found.warnings == []


def test_an_empty_tenant_has_no_rows() -> None:
    with running(mailboxes=0, at_risk=0, seed=9) as tenant:
        assert look(tenant).findings == ()


def test_rows_come_outlived_first_then_by_date_then_without_one(tenant: Tenant) -> None:
    found = look(tenant).findings
    ranks = [0 if item.deadline.outlived else 1 if item.deadline.at else 2 for item in found]
    assert ranks == sorted(ranks)
    assert set(ranks) == {0, 1, 2}
    dates = [item.deadline.at for item in found if item.deadline.at]
    assert dates == sorted(dates)


def test_the_summary_counts_the_rows(tenant: Tenant) -> None:
    found = look(tenant)
    summary = found.summary()
    assert summary["at_risk"] == len(found.findings) == 36
    assert sum(summary["by_reason"].values()) == sum(summary["by_severity"].values()) == 36
    dated = [item.deadline.at for item in found.findings if item.deadline.at is not None]
    assert summary["earliest_deadline"] == min(dated)
    assert summary["signals"]["license_reconciliation_needed"] == "ok"
    assert summary["not_examined"] == []


def test_pending_delicensing_gives_the_real_date(resilient: Tenant) -> None:
    ids = {user_id for user_id, _unused in planted(resilient, "pending_delicense")}
    found = {item.user_id: item for item in look(resilient).findings}
    assert ids
    for user_id in ids:
        item = found[user_id]
        assert item.deadline.source == "pending_delicense"
        assert item.deadline.confidence == "exact"
        assert "pending_delicense" in item.evidence


def test_every_signal_that_found_a_row_is_named(tenant: Tenant) -> None:
    found = {item.user_id: set(item.evidence) for item in look(tenant).findings}
    for user_id, _unused in planted(tenant, "no_license_fresh"):
        assert found[user_id] == {"license_reconciliation_needed", "exchange_sku_not_assigned", "no_mailbox_plan"}
    for user_id, _unused in planted(tenant, "exchange_plan_disabled"):
        assert found[user_id] == {"no_mailbox_plan"}
    for user_id, _unused in planted(tenant, "soft_deleted"):
        assert "soft_deleted" in found[user_id]


def test_what_only_looks_like_a_mailbox_at_risk_is_no_row(tenant: Tenant) -> None:
    harmless: dict[str, list[str]] = tenant.truth()["harmless"]
    assert {"guest", "no_mailbox", "inactive", "soft_deleted_user_gone", "scheduling"} <= set(harmless)
    for strategy in ("filtered", "full"):
        found = look(tenant, strategy=strategy)
        ids = {item.user_id for item in found.findings}
        for kind, some in harmless.items():
            assert not ids & set(some), kind
        assert found.summary()["without_user"] == len(harmless["soft_deleted_user_gone"])
        assert all(item.user_id and item.user_principal_name for item in found.findings)


def test_archive_of_a_mail_user_has_the_age_of_its_recipient(tenant: Tenant) -> None:
    found = {item.user_id: item.mailbox for item in look(tenant, recipient_types=(RecipientType.ARCHIVE,)).findings}
    assert found
    for user_id, mailbox in found.items():
        (recipient,) = tenant.world.mailboxes_of(user_id)
        assert mailbox is not None
        assert mailbox.guid == recipient["Guid"]
        assert mailbox.created is not None


def test_expiring_skus_have_a_date_and_dependent_users(tenant: Tenant) -> None:
    found = look(tenant)
    (expiring,) = found.expiring
    world = tenant.world
    holders = [
        user
        for user in world.users.values()
        if any(item["skuId"] == expiring["sku_id"] for item in user["assignedLicenses"])
    ]
    assert expiring["sku"] == "ENTERPRISEPACK"
    assert expiring["mailboxes"] == len(holders) > 0
    assert expiring["next_lifecycle"] > world.now()


@pytest.mark.parametrize("without", ["mail", "proxyAddresses", None])
@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_removal_before_exchange_notices_is_a_contradiction(tenant: Tenant, strategy: str, without: str | None) -> None:
    user_id = planted(tenant, "license_removed")[0][0]
    (mailbox,) = tenant.world.mailboxes_of(user_id)
    user = tenant.world.users[user_id]
    before = {name: user[name] for name in ("mail", "proxyAddresses")}
    gone, mailbox["SKUAssigned"], mailbox["_disconnected"] = mailbox["_disconnected"], True, None
    if without:
        user[without] = None if without == "mail" else []
    tenant.world.touch()
    try:
        found = {item.user_id: item for item in look(tenant, strategy=strategy).findings}
    finally:
        mailbox |= {"SKUAssigned": False, "_disconnected": gone}
        user.update(before)
        tenant.world.touch()
    assert found[user_id].reason == "license_removed"
    assert any("SKUAssigned is true" in text for text in found[user_id].disagreements)


def suspects(tenant: Tenant) -> set[str]:
    """Whom Graph names when a filtered audit asks for those without a mailbox plan."""
    with clients(tenant) as made:
        return {user.id for user in made.graph.users(filters.licensed_without_mailbox_plan(BUILTIN))}


def test_graph_filter_leaves_out_users_without_address_or_need(tenant: Tenant) -> None:
    harmless = tenant.truth()["harmless"]
    assert suspects(tenant)
    assert not suspects(tenant) & {*harmless["no_mailbox"], *harmless["mail_user_archive"]}


@pytest.mark.parametrize("seed", range(6))
def test_both_strategies_agree_on_a_tenant_in_disorder(seed: int) -> None:
    rng = random.Random(seed)
    with running(mailboxes=120, at_risk=24, seed=seed) as tenant:
        world = tenant.world
        for mailbox in world.mailboxes.values():
            if rng.random() < 0.4:
                mailbox["SKUAssigned"] = rng.choice([None, False, mailbox["SKUAssigned"]])
                mailbox["LitigationHoldEnabled"] = rng.random() < 0.5
                mailbox["ArchiveStatus"] = rng.choice(["None", "Active"])
                mailbox["ArchiveGuid"] = rng.choice([NO_GUID, mailbox["Guid"]])
                mailbox["ArchiveDatabase"] = rng.choice([None, "EURPR01DG042-db017"])
        for user in world.users.values():
            user["isLicenseReconciliationNeeded"] ^= rng.random() < 0.2
        world.touch()
        now = world.now()
        filtered, full = (look(tenant, strategy=strategy, now=now) for strategy in ("filtered", "full"))
    assert rows(full) != []
    assert facts(filtered) == facts(full)
    assert filtered.disagreements == full.disagreements
    assert filtered.no_mailbox_rights == full.no_mailbox_rights


# asking for less ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["filtered", "full"])
@pytest.mark.parametrize("kind", RecipientType)
def test_one_recipient_type_gives_the_same_rows_as_all_types(
    tenant: Tenant, kind: RecipientType, strategy: str
) -> None:
    every = [row for row in rows(look(tenant)) if row[2] == kind.value]
    assert rows(look(tenant, recipient_types=(kind,), strategy=strategy)) == every


def test_flagged_user_with_archive_or_soft_deleted_box_has_a_box(tenant: Tenant) -> None:
    ids = [user_id for user_id, _unused in planted(tenant, "archive_without_license", "soft_deleted")]
    tenant.patch_state({"users": {user_id: {"isLicenseReconciliationNeeded": True} for user_id in ids}})
    try:
        found = look(tenant, recipient_types=(RecipientType.USER,))
        assert not {item.user_id for item in found.findings} & set(ids)
    finally:
        tenant.patch_state({"users": {user_id: {"isLicenseReconciliationNeeded": False} for user_id in ids}})


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_identities_give_the_rows_of_these_users_and_no_other(tenant: Tenant, strategy: str) -> None:
    every = rows(look(tenant))
    healthy = tenant.truth()["harmless"]["shared"][0]
    some = [row[0] for row in every[::3]]
    upn = tenant.world.users[some[0]]["userPrincipalName"].upper()
    found = look(
        tenant, identities=(upn, some[0], *(user_id.upper() for user_id in some[1:]), healthy), strategy=strategy
    )
    assert rows(found) == [row for row in every if row[0] in some]


def test_identities_that_do_not_exist_are_all_named(tenant: Tenant) -> None:
    ghost = "00000000-0000-4000-8000-00000000dead"
    with pytest.raises(ConfigurationError) as caught:
        look(tenant, identities=("nobody@contoso.example", ghost))
    assert len(caught.value.problems) == 2
    assert "nobody@contoso.example" in caught.value.message
    assert ghost in caught.value.message


def test_excluded_names_ignore_case_and_brackets_are_literal(tenant: Tenant) -> None:
    every = look(tenant).findings
    name = every[0].user_principal_name
    left = look(tenant, exclude=(name.upper(), "[a-z]*")).findings
    assert [item.user_id for item in left] == [item.user_id for item in every[1:]]
    assert look(tenant, exclude=("*@*",)).findings == ()


def test_due_within_days_hides_later_but_not_unknown_dates(tenant: Tenant) -> None:
    every = look(tenant).findings
    near = look(tenant, due_within_days=7).findings
    expected = [item for item in every if item.days_remaining is None or item.days_remaining <= 7]
    assert [item.user_id for item in near] == [item.user_id for item in expected]
    assert 0 < len(near) < len(every)


# the other surface ----------------------------------------------------------------------------------------------


def test_v2_finds_the_same_mailboxes_and_says_what_it_cannot_see(tenant: Tenant) -> None:
    unseen = ("archive_without_license", "soft_deleted")
    found = look(tenant, surface="v2", sizes="auto")
    seen = [row for row in rows(look(tenant)) if row[2] not in ("archive", "soft_deleted")]
    lost = [(user_id, "license_removed", "user") for user_id, _reason in planted(tenant, "soft_deleted")]
    assert rows(found) == sorted([*seen, *lost])
    assert found.summary()["not_examined"] == ["archive", "shared_mailbox_sizes", "soft_deleted"]
    assert found.summary()["strategy"] == "full"
    assert len(seen) + len(planted(tenant, *unseen)) == 36
    told = " ".join(found.warnings)
    for word in ("archive", "soft_deleted", "over 50 GB"):
        assert word in told


def test_v2_cannot_filter_and_says_so_before_it_asks(tenant: Tenant) -> None:
    tenant.clear_requests()
    with pytest.raises(ConfigurationError, match="strategy: filtered"):
        look(tenant, surface="v2", strategy="filtered")
    assert tenant.requests() == []


# sizes ----------------------------------------------------------------------------------------------------------

GB = 2**30
PLAN2 = "efb87545-963c-4e0d-99df-69c6916d9eb0"


def test_both_strategies_find_a_suspended_plan_without_license(tenant: Tenant) -> None:
    at_risk = {user_id for ids in tenant.truth()["at_risk"].values() for user_id in ids}
    user = next(
        user
        for user in tenant.world.users.values()
        if user["id"] not in at_risk
        and any(plan["servicePlanId"] == PLAN2 for plan in user["assignedPlans"])
        and len(user["assignedLicenses"]) == 1
        and [box["RecipientTypeDetails"] for box in tenant.world.mailboxes_of(user["id"])] == ["UserMailbox"]
    )
    before = {name: user[name] for name in ("assignedLicenses", "licenseAssignmentStates", "assignedPlans")}
    plans = [
        {**plan, "capabilityStatus": "LockedOut"} if plan["servicePlanId"] == PLAN2 else plan
        for plan in user["assignedPlans"]
    ]
    user.update(assignedLicenses=[], licenseAssignmentStates=[], assignedPlans=plans)
    tenant.world.touch()
    try:
        found = {strategy: rows(look(tenant, strategy=strategy)) for strategy in ("filtered", "full")}
    finally:
        user.update(before)
        tenant.world.touch()
    assert found["filtered"] == found["full"]
    assert (user["id"], "license_suspended", "user") in found["full"]


@pytest.fixture
def swollen(tenant: Tenant) -> Iterator[list[str]]:
    """User ids of a shared mailbox, a room and equipment just over 50 GB; another shared one is just not."""
    harmless, world = tenant.truth()["harmless"], tenant.world
    large = [harmless[kind][0] for kind in ("shared", "room", "equipment")]
    sizes = dict.fromkeys(large, 50 * GB + 1) | {harmless["shared"][1]: 50 * GB}
    before = {user_id: world.mailboxes_of(user_id)[0]["_bytes"] for user_id in sizes}
    for user_id, size in sizes.items():
        world.mailboxes_of(user_id)[0]["_bytes"] = size
    yield sorted(large)
    for user_id, size in before.items():
        world.mailboxes_of(user_id)[0]["_bytes"] = size


def over_50_gb(found: Audit) -> list[str]:
    return sorted(item.user_id for item in found.findings if item.reason == "shared_over_50_gb")


@pytest.mark.parametrize("strategy", ["filtered", "full"])
@pytest.mark.parametrize("sizes", ["auto", "always"])
@pytest.mark.parametrize("concealed", [False, True])
def test_shared_rooms_and_equipment_over_50_gb_need_plan_2(
    tenant: Tenant, swollen: list[str], strategy: str, sizes: str, concealed: bool
) -> None:
    tenant.world.switches.report_names_concealed = concealed
    try:
        found = look(tenant, sizes=sizes, strategy=strategy)
    finally:
        tenant.world.switches.report_names_concealed = False
    assert over_50_gb(found) == swollen
    # with concealed names each is measured, which may be much: that is told
    told = ["one request for each" in text for text in found.warnings]
    assert told == ([True] if concealed and sizes == "auto" else [])
    assert len(found.findings) == 36 + 3


def test_sizes_are_read_for_named_users_too(tenant: Tenant, swollen: list[str]) -> None:
    assert over_50_gb(look(tenant, sizes="auto", identities=(swollen[0],))) == swollen[:1]


def test_nobody_asks_for_sizes_where_they_are_not_wanted(tenant: Tenant, swollen: list[str]) -> None:
    assert swollen
    tenant.clear_requests()
    assert over_50_gb(look(tenant, sizes="never")) == []
    assert not any("report" in item["path"] or item["service"] == "reports" for item in tenant.requests())


@pytest.mark.usefixtures("swollen")
def test_only_those_near_the_limit_are_measured(tenant: Tenant) -> None:
    tenant.clear_requests()
    look(tenant, sizes="never")
    without = len(tenant.requests())
    tenant.clear_requests()
    look(tenant, sizes="auto")
    near = [
        box
        for box in tenant.world.mailboxes.values()
        if box["RecipientTypeDetails"] in ("SharedMailbox", "RoomMailbox", "EquipmentMailbox")
        and box["_bytes"] > 45 * GB
    ]
    # the report and its download, the mailboxes by name, the measurements, the users, and their other mailboxes
    assert len(tenant.requests()) - without == 2 + 1 + len(near) + 1 + 1
