# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tenants at random: an audit says the same however it reads, and in whatever order the services answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType
from hypothesis import event, given
from hypothesis import strategies as st

from tests.functional.support.assign_harness import Harness, empty_tenant
from tests.functional.support.random_tenants import TENANTS, settle, shuffle, written
from tests.functional.support.run_audit import facts
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant
from tests.simulator.state import Json
from tests.unit.support.random_examples import examples

pytestmark = pytest.mark.random


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Tenant, Clients]]:
    with empty_tenant() as tenant, clients(tenant, concurrency=1, timeout=10_000.0, retry_seconds=300.0) as found:
        yield tenant, found


OPTIONS = st.fixed_dictionaries(
    {
        "shared_mailbox_sizes": st.sampled_from(["always", "auto", "never"]),
        "recipient_types": st.sampled_from([tuple(RecipientType)] * 3 + [(kind,) for kind in RecipientType]),
        "grace_period_days": st.sampled_from([30, 60]),
        "due_within_days": st.sampled_from([None, None, 10]),
        "exclude": st.sampled_from([(), (), ("user[01]@*", "USER2@*")]),
    }
)


def look(env: Harness, **options: Any) -> Audit:
    with env.clients() as found:
        return audit(found.graph, found.exchange, AuditOptions(now=env.make.now, **options))


def told(found: Audit) -> Json:
    """Everything that an audit says, but for how it was read; lists of one user's licenses have no order."""
    summary = found.summary()
    for name in ("mailboxes_examined", "without_user", "strategy", "signals"):
        del summary[name]
    return {
        "rows": [_unordered(row) for row in facts(found)],
        "disagreements": found.disagreements,
        "no_mailbox_rights": found.no_mailbox_rights,
        "expiring": found.expiring,
        "summary": summary,
    }


def _unordered(row: tuple[Any, ...]) -> tuple[Any, ...]:
    user = row[4]
    lists = (frozenset(user.license_states), frozenset(user.assigned_plans)) if user else ()
    return (*row[:4], user.id if user else None, user.user_principal_name if user else None, lists, *row[5:])


@examples(60)
@given(tenant=TENANTS, options=OPTIONS, seed=st.integers(0, 1000))
def test_filtered_and_full_agree_for_any_order_and_page(
    served: tuple[Tenant, Clients], tenant: Json, options: Json, seed: int
) -> None:
    env = Harness(*served)
    names = settle(env, tenant)
    full = look(env, strategy="full", **options)
    event(f"rows: {min(len(full.findings), 3)}")
    assert told(look(env, strategy="filtered", **options)) == told(full)

    kept = look(env, strategy="full", everybody=True, **options)
    assert told(kept) == told(full)
    assert (kept.examined, kept.without_user) == (full.examined, full.without_user)

    some = names[::2]
    named = look(env, identities=tuple(some), **options)
    assert [item.user_principal_name for item in named.findings] == [
        item.user_principal_name for item in full.findings if item.user_principal_name in some
    ]

    shuffle(env, seed)
    assert told(look(env, strategy="full", **options)) == told(full)
    assert told(look(env, strategy="filtered", **options)) == told(full)
    assert written(env) == []
