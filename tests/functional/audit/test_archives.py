# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that ArchiveStatus does not show, and archives that it shows although they do not exist."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.support.assign_harness import Harness
from tests.functional.support.run_audit import facts, look, rows
from tests.simulator.state import Json

STATUS = ("set", "late")


def archived(env: Harness, kind: str, *held: str, **changes: Any) -> Json:
    """Somebody whose mailbox has an archive, but for ``changes`` in what Exchange says of it."""
    user = env.make.user("Arne Archive", "arne", states=[env.make.state(name) for name in held])
    box = env.make.mailbox(user, kind, sku_assigned=bool(held) or None, archive=True)
    box.update(changes)
    env.world.touch()
    return user


def reasons(env: Harness, user: Json) -> list[str]:
    """Why the mailbox is at risk: the same in each strategy, and for the user by name."""
    options: list[dict[str, Any]] = [
        {"strategy": "filtered"},
        {"strategy": "full"},
        {"strategy": "full", "everybody": True},
        {"identities": (user["userPrincipalName"],)},
    ]
    found = [look(env.tenant, **chosen) for chosen in options]
    assert all(facts(one) == facts(found[0]) for one in found)
    assert all(not one.warnings for one in found)
    return [reason for _user, reason, _kind in rows(found[0])]


@pytest.mark.parametrize("status", STATUS)
@pytest.mark.parametrize("kind", ["SharedMailbox", "RoomMailbox", "EquipmentMailbox"])
def test_an_archive_is_seen_whatever_its_status_says(env: Harness, kind: str, status: str) -> None:
    env.world.switches.archive_status = status
    user = archived(env, kind)
    (box,) = env.world.mailboxes_of(user["id"])
    assert box["ArchiveStatus"] == {"set": "Active", "late": "None"}[status]
    assert reasons(env, user) == ["shared_archive"]


@pytest.mark.parametrize("status", STATUS)
def test_so_is_that_of_a_person_whose_plan_includes_none(env: Harness, status: str) -> None:
    env.world.switches.archive_status = status
    assert reasons(env, archived(env, "UserMailbox", "SPE_F1")) == ["archive_without_license"]


@pytest.mark.parametrize("status", ["None", "Active"])
def test_an_id_without_a_database_is_no_archive(env: Harness, status: str) -> None:
    """The id stays when an archive is switched off."""
    assert reasons(env, archived(env, "SharedMailbox", ArchiveStatus=status, ArchiveDatabase=None)) == []


@pytest.mark.parametrize("status", STATUS)
def test_archive_of_a_mail_user_is_read_by_its_status(env: Harness, status: str) -> None:
    env.world.switches.archive_status = status
    assert reasons(env, archived(env, "MailUser")) == ["archive_without_license"]
    (box,) = env.world.mailboxes.values()
    box["ArchiveStatus"] = "None"
    env.world.touch()
    assert reasons(env, next(iter(env.world.users.values()))) == []


@pytest.mark.parametrize("status", STATUS)
def test_v2_sees_it_too(env: Harness, status: str) -> None:
    env.world.switches.archive_status = status
    archived(env, "SharedMailbox")
    assert [reason for _user, reason, _kind in rows(look(env.tenant, surface="v2"))] == ["shared_archive"]


@pytest.mark.parametrize("status", STATUS)
def test_a_scheduling_mailbox_with_an_archive_is_named(env: Harness, status: str) -> None:
    env.world.switches.archive_status = status
    user = archived(env, "SchedulingMailbox")
    (warning,) = look(env.tenant, strategy="full").warnings
    assert user["userPrincipalName"] in warning


@pytest.mark.parametrize("strategy", ["filtered", "full"])
@pytest.mark.parametrize("kind", ["UserMailbox", "SharedMailbox"])
@pytest.mark.parametrize("hold", ["mbx0123456789abcdef", "UniH7cfb3034-5d45-4ac0-a989-ab3041051209"])
def test_other_holds_than_litigation_need_no_right(env: Harness, strategy: str, kind: str, hold: str) -> None:
    held = [env.held("EXCHANGESTANDARD")] if kind == "UserMailbox" else []
    user = env.make.user("Anna", "anna", states=held)
    env.make.mailbox(user, kind, sku_assigned=bool(held) or None)["InPlaceHolds"] = [hold]
    env.world.touch()
    assert rows(look(env.tenant, strategy=strategy)) == []
