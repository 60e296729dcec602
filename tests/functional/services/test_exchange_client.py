# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Exchange against a tenant: cmdlets on both surfaces, many mailboxes in few requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ConfigurationError,
    IncompleteAnswer,
    NotFound,
)
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType

from tests.functional.support.service_clients import Clients, clients
from tests.simulator import exchange_cmdlets as cmdlets
from tests.simulator.launch import Tenant, running

KINDS = ("UserMailbox", "SharedMailbox", "RoomMailbox", "EquipmentMailbox")


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=1500, at_risk=60, seed=31, delicensing_resiliency=True) as made:
        yield made


@pytest.fixture
def made(tenant: Tenant) -> Iterator[Clients]:
    with clients(tenant) as some:
        yield some


def active(tenant: Tenant) -> list[str]:
    """The user ids of all mailboxes that may need a license."""
    return [
        box["ExternalDirectoryObjectId"]
        for box in tenant.world.mailboxes.values()
        if box["RecipientTypeDetails"] in KINDS and not box["WhenSoftDeleted"] and not box["_disconnected"]
    ]


@pytest.mark.parametrize("surface", ["invoke_command", "v2"])
def test_every_mailbox_on_either_surface_and_no_system_mailbox(tenant: Tenant, surface: str) -> None:
    with clients(tenant, exchange_api=surface) as made:
        found = made.exchange.mailboxes()
    assert sorted(box.user_id for box in found) == sorted(active(tenant))
    assert all(box.user_id for box in found)


def test_mailboxes_of_named_users_come_a_hundred_at_a_time(tenant: Tenant, made: Clients) -> None:
    ids = active(tenant)[:250]
    tenant.clear_requests()
    found = made.exchange.mailboxes_by_user_id([*ids, ids[0].upper(), "", "00000000-0000-4000-8000-00000000dead"])
    assert sorted(box.user_id for box in found) == sorted(ids)
    assert sum(item["service"] == "exchange" for item in tenant.requests()) == 3
    assert made.exchange.mailboxes_by_user_id([]) == []


def test_v2_reads_everything_to_find_a_few(tenant: Tenant) -> None:
    ids = active(tenant)[:3]
    with clients(tenant, exchange_api="v2") as made:
        assert sorted(box.user_id for box in made.exchange.mailboxes_by_user_id(ids)) == sorted(ids)


def test_mail_users_are_those_with_an_archive(tenant: Tenant, made: Clients) -> None:
    truth = tenant.truth()
    expected = truth["at_risk"]["archive_without_license"] + truth["harmless"]["mail_user_archive"]
    found = made.exchange.mail_users()
    assert sorted(box.user_id for box in found) == sorted(expected)
    assert {box.recipient_type for box in found} == {RecipientType.ARCHIVE}
    assert len({box.guid for box in found}) == len(found), "each has an id of its own"


def test_soft_deleted_mailboxes_are_dated_inactive_left_out(tenant: Tenant, made: Clients) -> None:
    truth = tenant.truth()
    found = made.exchange.mailboxes(soft_deleted=True)
    expected = truth["at_risk"]["soft_deleted"] + truth["harmless"]["soft_deleted_user_gone"]
    assert sorted(box.user_id for box in found) == sorted(expected)
    assert all(box.soft_deleted for box in found)


def test_due_dates_of_pending_delicensing(tenant: Tenant, made: Clients) -> None:
    assert made.exchange.organization().delayed_delicensing is True
    pending = made.exchange.pending_delicense()
    assert sorted(pending.due) == sorted(tenant.truth()["at_risk"]["pending_delicense"])
    assert all(pending.due.values())
    assert made.exchange.pending_delicense(due_only=True).due == {}


def test_the_size_of_one_mailbox(tenant: Tenant, made: Clients) -> None:
    box = next(iter(tenant.world.mailboxes.values()))
    assert made.exchange.mailbox_bytes(box["UserPrincipalName"]) == box["_bytes"]
    words = "Get-MailboxStatistics: .*404 NotFound: The operation couldn't be performed because object 'nobody@contoso"
    with pytest.raises(NotFound, match=words):
        made.exchange.mailbox_bytes("nobody@contoso.example")


@pytest.mark.parametrize("name", ["Get-MailUser", "Get-MailboxStatistics", "Get-PendingDelicenseUser"])
def test_v2_refuses_what_it_does_not_have_before_it_asks(tenant: Tenant, name: str) -> None:
    with clients(tenant, exchange_api="v2") as made:
        tenant.clear_requests()
        with pytest.raises(ConfigurationError, match=name):
            made.exchange.cmdlet(name)
        with pytest.raises(ConfigurationError, match="Filter"):
            made.exchange.mailboxes("SKUAssigned -ne $true")
        assert tenant.requests() == []


def test_an_unknown_surface_is_named(made: Clients) -> None:
    with pytest.raises(ConfigurationError, match="exchange_api"):
        Exchange(made.exchange.service, "contoso.onmicrosoft.com", "v3")


def test_what_a_result_size_leaves_out_is_read_by_its_link(made: Clients) -> None:
    assert made.exchange.cmdlet("Get-Mailbox", {"ResultSize": 10}) == made.exchange.cmdlet(
        "Get-Mailbox", {"ResultSize": "Unlimited"}
    )


def test_a_cut_off_answer_without_a_link_is_an_error(
    tenant: Tenant, made: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant.world.switches, "invoke_paging", "unlimited_only")
    with pytest.raises(IncompleteAnswer, match="page 1 of Get-Mailbox says that there are more results"):
        made.exchange.cmdlet("Get-Mailbox", {"ResultSize": 10})


def test_an_unknown_kind_of_mailbox_is_left_out_with_a_warning(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    world = tenant.world
    monkeypatch.setattr(cmdlets, "_MAILBOX_TYPES", cmdlets._MAILBOX_TYPES | {"HologramMailbox"})
    monkeypatch.setitem(world.mailboxes_of(active(tenant)[0])[0], "RecipientTypeDetails", "HologramMailbox")
    with clients(tenant) as made:
        options = AuditOptions(now=world.now(), strategy="full", shared_mailbox_sizes="never")
        (warning,) = audit(made.graph, made.exchange, options).warnings
    assert "HologramMailbox" in warning
