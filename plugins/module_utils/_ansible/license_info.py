# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tenant holds: who has which licenses, and what each SKU grants and has left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ConfigurationError,
    NotFound,
    PermissionDenied,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import guid
from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import format_time
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._graph.parsing import user_from
from ansible_collections.m365.licensing.plugins.module_utils._graph.user_lookup import (
    find_users,
    name_problems,
    unknown_users,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog_data import carried
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import licenses_row
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import granted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import SkuFinder
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    ServicePlan,
    Sku,
    Subscription,
    User,
    capability_rank,
)

LICENSED = "assignedLicenses/$count ne 0"
"""Users with a license, by an advanced query."""


def user_license_info(
    graph: Graph, catalog: Catalog, *, users: Sequence[str] | None = None, sku: str | None = None
) -> dict[str, Any]:
    """The licenses of ``users`` (None: of everybody who has one), only holders of ``sku`` where it is given.

    The rows of ``users`` are made as they are taken: of everybody, page by page, and none is kept here. ``summary``
    counts them as they pass: it is whole when the last row has been taken.
    Raises ConfigurationError for users or a SKU that the tenant does not have.
    """
    if problems := name_problems(users or ()):
        raise ConfigurationError(problems)
    sku_list = graph.subscribed_skus()
    catalog = catalog.in_tenant(sku_list)
    skus = {item.id: item for item in sku_list}
    wanted = _find_sku(sku, sku_list, catalog)
    people: Iterable[User]
    if users is not None:
        found = find_users(graph, users)
        if found.unknown:
            raise unknown_users(found.unknown)
        people = [user for user in found.users if wanted is None or _has(user, wanted)]
    elif wanted is not None:
        people = map(user_from, graph.user_elements(f"assignedLicenses/any(a:a/skuId eq {guid(wanted.id)})"))
    else:
        people = map(user_from, graph.user_elements(LICENSED))
    by_sku: dict[str, dict[str, Any]] = {}
    summary: dict[str, Any] = {"users": 0, "covered": 0, "by_sku": by_sku}

    def counted() -> Iterator[dict[str, Any]]:
        for user in people:
            row = _user_row(user, skus, catalog)
            summary["users"] += 1
            summary["covered"] += bool(row["covered"])
            for sku_id, name in sorted({(entry["sku_id"], entry["sku"]) for entry in row["licenses"]}):
                by_sku.setdefault(sku_id, {"sku": name, "users": 0})["users"] += 1
            yield row

    return {"users": counted(), "summary": summary, "warnings": []}


def subscription_info(graph: Graph, catalog: Catalog) -> dict[str, Any]:
    """Every SKU of the tenant with its seats and plans, sorted by part number.

    Also one that only a subscription names: ``subscribedSkus`` does not list what has ended, or has not begun.
    """
    warnings: list[str] = []
    subscriptions: list[Subscription] | None = None
    try:
        subscriptions = graph.subscriptions()
    except (NotFound, PermissionDenied) as error:
        warnings.append(f"The subscriptions cannot be read, so no date is known on which one ends: {error}")
    listed = {sku.id: sku for sku in graph.subscribed_skus()}
    catalog = catalog.in_tenant(listed.values())
    unlisted = [_unlisted(sku_id, subscriptions or (), catalog) for sku_id in _sku_ids(subscriptions) - listed.keys()]
    skus = sorted([*listed.values(), *unlisted], key=lambda item: (item.part_number.casefold(), item.id))
    return {"skus": [_sku_row(sku, sku.id in listed, subscriptions, catalog) for sku in skus], "warnings": warnings}


def _sku_ids(subscriptions: Iterable[Subscription] | None) -> set[str]:
    return {item.sku_id for item in subscriptions or ()}


def _unlisted(sku_id: str, subscriptions: Iterable[Subscription], catalog: Catalog) -> Sku:
    """A SKU that the tenant does not list, by its subscriptions; its plans are those of Microsoft's table."""
    own = [item for item in subscriptions if item.sku_id == sku_id]
    best = min(own, key=lambda item: capability_rank(item.status))
    name = next((item.sku_part_number for item in own if item.sku_part_number), "")
    return Sku(
        id=sku_id,
        part_number=name or catalog.sku_name(sku_id) or sku_id,
        capability_status=best.status,
        plans=tuple(
            ServicePlan(plan_id, catalog.plan_name(plan_id) or plan_id, "User", "")
            for plan_id in sorted(carried(sku_id) or ())
        ),
    )


def _find_sku(text: str | None, skus: Sequence[Sku], catalog: Catalog) -> Sku | None:
    if text is None:
        return None
    problems: list[str] = []
    found = SkuFinder(skus, catalog).find(text, "sku", problems)
    if problems:
        raise ConfigurationError(problems)
    return found


def _has(user: User, sku: Sku) -> bool:
    return any(state.sku_id == sku.id for state in user.license_states)


def _user_row(user: User, skus: dict[str, Sku], catalog: Catalog) -> dict[str, Any]:
    return {
        "user_id": user.id,
        "user_principal_name": user.user_principal_name,
        "display_name": user.display_name,
        "user_type": user.user_type,
        "account_enabled": user.account_enabled,
        "on_premises_sync": user.on_premises_sync,
        **licenses_row(user, skus, catalog),
        "covered": sorted(item.value for item in granted(user, catalog)),
    }


def _kind(item: Subscription) -> str:
    """What happens on ``next_lifecycle``. An enabled subscription that is not a trial counts as renewed."""
    return "renewal" if item.status.casefold() == "enabled" and not item.is_trial else "next_state"


def _sku_row(sku: Sku, listed: bool, subscriptions: Sequence[Subscription] | None, catalog: Catalog) -> dict[str, Any]:
    own = [item for item in subscriptions or () if item.sku_id == sku.id]
    alive = [item for item in own if item.status.casefold() != "deleted"]
    first = min(((item.next_lifecycle, _kind(item)) for item in alive if item.next_lifecycle), default=(None, None))
    classes = {plan.id: catalog.plan_class(plan.id) for plan in sku.plans}
    no_rights = catalog.no_rights(sku.id)
    return {
        "sku_id": sku.id,
        "sku": sku.part_number,
        "product_name": catalog.product_name(sku.id),
        "subscribed": listed,
        "capability_status": sku.capability_status,
        "applies_to": sku.applies_to,
        "seats": {
            "enabled": sku.enabled,
            "warning": sku.warning,
            "suspended": sku.suspended,
            "locked_out": sku.locked_out,
            "consumed": sku.consumed,
            "available": sku.seats_left(),
            "available_with_warning": sku.seats_left(use_warning=True),
        },
        "plans": [
            {
                "plan": plan.name,
                "plan_id": plan.id,
                "applies_to": plan.applies_to,
                "provisioning_status": plan.provisioning_status,
                "grants": found.value if (found := classes[plan.id]) else None,
            }
            for plan in sorted(sku.plans, key=lambda plan: (plan.name, plan.id))
        ],
        "grants": [] if no_rights else sorted({found.value for found in classes.values() if found}),
        "no_mailbox_rights": no_rights and not catalog.rights_unknown(sku.id),
        "mailbox_rights_unknown": catalog.rights_unknown(sku.id),
        "next_lifecycle": format_time(first[0]),
        "next_lifecycle_kind": first[1],
        "subscriptions": [
            {
                "status": item.status,
                "total_licenses": item.total_licenses,
                "is_trial": item.is_trial,
                "next_lifecycle": format_time(item.next_lifecycle),
                "next_lifecycle_kind": _kind(item) if item.next_lifecycle else None,
            }
            for item in sorted(own, key=lambda item: (item.status, item.total_licenses))
        ],
    }
