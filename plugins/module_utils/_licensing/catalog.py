# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which service plans grant a mailbox or an archive, and what Microsoft calls SKUs and plans. Pure: no I/O, no clock.

The classification is this project's reading of Microsoft's published table and service descriptions. It goes by plan
id, never by name: labels lie (EXCHANGE_S_FOUNDATION is in over 200 SKUs and grants no mailbox). The option
``mailbox_plans`` corrects it.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered, name_key

from .catalog_data import PLANS, SKUS, carried
from .models import MAILBOX_CLASSES, LicenseState, PlanClass, Sku

PLAN_CLASSES: Mapping[str, PlanClass] = {
    "efb87545-963c-4e0d-99df-69c6916d9eb0": PlanClass.PLAN2,  # EXCHANGE_S_ENTERPRISE
    "8c3069c0-ccdb-44be-ab77-986203a67df2": PlanClass.PLAN2,  # EXCHANGE_S_ENTERPRISE_GOV
    "9aaf7827-d63c-4b61-89c3-182f06f82e5c": PlanClass.PLAN1,  # EXCHANGE_S_STANDARD
    "e9b4930a-925f-45e2-ac2a-3f7788ca6fdd": PlanClass.PLAN1,  # EXCHANGE_S_STANDARD_GOV
    "fc52cc4b-ed7d-472d-bbe7-b081c23ecc56": PlanClass.PLAN1,  # EXCHANGE_S_STANDARD_MIDMARKET
    "d42bdbd6-c335-4231-ab3d-c8f348d5aff5": PlanClass.PLAN1,  # EXCHANGE_L_STANDARD
    "1126bef5-da20-4f07-b45e-ad25d2581aa8": PlanClass.PLAN1,  # EXCHANGE_S_ESSENTIALS
    "4a82b400-a79f-41a4-b4e2-e94f5787b113": PlanClass.KIOSK,  # EXCHANGE_S_DESKLESS
    "88f4d7ef-a73b-4246-8047-516022144c9f": PlanClass.KIOSK,  # EXCHANGE_S_DESKLESS_GOV
    "90927877-dcff-4af6-b346-2332c0b15bb7": PlanClass.KIOSK,  # EXCHANGE_B_STANDARD
    "176a09a6-7ec5-4039-ac02-b2791c6ba793": PlanClass.ARCHIVING,  # EXCHANGE_S_ARCHIVE_ADDON
    "da040e0a-b393-4bea-bb76-928b3fa1cf5a": PlanClass.ARCHIVE,  # EXCHANGE_S_ARCHIVE
}
"""Every plan that grants a mailbox or an archive, by id. All other plans grant neither."""

COMPANION_PLANS = frozenset(
    {
        "113feb6c-3fe4-4440-bddc-54d774bf0318",  # EXCHANGE_S_FOUNDATION
        "922ba911-5694-4e99-a794-73aed9bfeec8",  # EXCHANGE_S_FOUNDATION_GOV
        "5e62787c-c316-451f-b873-1d05acd4d12c",  # BPOS_S_TODO_1
        "882e1d05-acd1-4ccb-8708-6ee03664b117",  # INTUNE_O365
        "31cf2cfc-6b0d-4adc-a336-88b724ed8122",  # RMS_S_BASIC
    }
)
"""Plans that come along with an Exchange plan in the SKUs that are sold for mailboxes alone. A license with only
these beside an Exchange plan is bought for its mailbox."""

NO_RIGHTS_PARTS = (
    "M365_F1_COMM",
    "Microsoft_365_F1_EEA_(no_Teams)",
    "TEAMS_ESSENTIALS_AAD",
    "Microsoft_Teams_EEA_New",
    "Microsoft_Teams_Enterprise_New",
)
"""SKUs whose Kiosk plan serves Teams' calendar and carries no right to a mailbox
[OfficeDocs-O365ServiceDescriptions issue 795; the Teams SKUs by inference]."""

_BUSINESS = ("Microsoft 365 Business Basic", "Microsoft 365 Business Standard", "Microsoft 365 Business Premium")
"""How the names of the products begin whose mailboxes are said to have 100 GB since July 2026."""

_TEAMS = "57ff2da0-773e-42df-b2af-ffb7a2317929"  # TEAMS1
_SUITE_PLANS = frozenset(
    {
        "094e7854-93fc-4d55-b2c0-3ab5369ebdc1",  # OFFICE_BUSINESS
        "43de0ff5-c92c-492b-9116-175376d08c38",  # OFFICESUBSCRIPTION
        "de9234ff-6483-44d9-b15e-dca72fdd27af",  # OFFICESUBSCRIPTION_GOV
        "c63d4d19-e8cb-460e-b37c-4d6c34603745",  # OFFICEMOBILE_SUBSCRIPTION
        "4ccb60ee-9523-48fd-8f63-4b090f1ad77a",  # OFFICEMOBILE_SUBSCRIPTION_GOV
        "8ca59559-e2ca-470b-b7dd-afd8c0dee963",  # OFFICE_PRO_PLUS_SUBSCRIPTION_SMBIZ
        "902b47e5-dcb2-4fdc-858b-c63a90a2bdb9",  # SHAREPOINTDESKLESS
        "b1aeb897-3a19-46e2-8c27-a609413cf193",  # SHAREPOINTDESKLESS_GOV
        "5dbe027f-2339-4123-9542-606e4d348a72",  # SHAREPOINTENTERPRISE
        "63038b2c-28d0-45f6-bc36-33062963b498",  # SHAREPOINTENTERPRISE_EDU
        "153f85dd-d912-4762-af6c-d6e0fb4f6692",  # SHAREPOINTENTERPRISE_GOV
        "6b5b6a67-fc72-4a1f-a2b5-beecf05de761",  # SHAREPOINTENTERPRISE_MIDMARKET
        "a1f3d0a8-84c0-4ae0-bae4-685917b8ab48",  # SHAREPOINTLITE
        "c7699d2e-19aa-44de-8edf-1736da088ca1",  # SHAREPOINTSTANDARD
        "0a4983bb-d3e5-4a09-95d8-b2d0127b3df5",  # SHAREPOINTSTANDARD_EDU
    }
)
"""Plans of Office and SharePoint that suites with a mailbox carry beside the Kiosk plan."""


@dataclass(frozen=True)
class Catalog:
    """The classification in force: Microsoft's table as read here, with an administrator's additions and removals."""

    plan_classes: Mapping[str, PlanClass] = field(default_factory=lambda: dict(PLAN_CLASSES))
    no_rights_skus: frozenset[str] = field(
        default_factory=lambda: frozenset(sku_id for sku_id, names in SKUS.items() if names[0] in NO_RIGHTS_PARTS)
    )

    tenant: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The plans of SKUs that no table knows, by SKU id (``in_tenant``)."""
    unsure_skus: frozenset[str] = frozenset()
    """Those of them that look like SKUs without mailbox rights. They are among ``no_rights_skus`` as well."""
    suspended_skus: frozenset[str] = frozenset()
    """The SKUs whose subscription in the tenant has ended: their plans do not work (``in_tenant``)."""

    def plan_class(self, plan_id: str) -> PlanClass | None:
        """What the plan grants, or None: neither a mailbox nor an archive."""
        return self.plan_classes.get(plan_id)

    def no_rights(self, sku_id: str) -> bool:
        """Does this SKU carry an Exchange plan without the right to a mailbox, or is that right not sure?"""
        return sku_id in self.no_rights_skus

    def rights_unknown(self, sku_id: str) -> bool:
        """Is it not known whether this SKU carries the right to a mailbox?"""
        return sku_id in self.unsure_skus

    def is_business(self, sku_id: str) -> bool:
        """Is this Microsoft 365 Business Basic, Standard or Premium, in any variant?"""
        return self.product_name(sku_id).startswith(_BUSINESS)

    def plans_of(self, classes: Iterable[PlanClass]) -> tuple[str, ...]:
        """The ids of all plans of these classes, sorted."""
        wanted = frozenset(classes)
        return tuple(sorted(plan for plan, granted in self.plan_classes.items() if granted in wanted))

    def grants_mailbox(self, sku: Sku) -> bool:
        """Does this SKU carry a mailbox plan, and the right to the mailbox?"""
        if self.no_rights(sku.id):
            return False
        return any(self.plan_class(plan.id) in MAILBOX_CLASSES for plan in sku.plans)

    def carries(self, sku_id: str, plan_id: str) -> bool:
        """May this SKU bring this plan, by Microsoft's table or else the tenant's? True for one that neither knows."""
        known = carried(sku_id)
        return plan_id in (self.tenant.get(sku_id, (plan_id,)) if known is None else known)

    def carriers_at_work(self, states: Iterable[LicenseState], plan_id: str) -> frozenset[str]:
        """The SKUs among a user's assignments that may bring this plan, which is at work.

        A suspended SKU brings nothing where another one can. Where it is the only one, the lists of Graph are not of
        one moment, and the plan of the user counts.
        """
        found = frozenset(
            state.sku_id
            for state in states
            if state.effective and plan_id not in state.disabled_plans and self.carries(state.sku_id, plan_id)
        )
        return found - self.suspended_skus or found

    def in_tenant(self, skus: Collection[Sku]) -> Catalog:
        """The same, with the SKUs that are suspended in a tenant, and the plans of those that no table knows (yet)."""
        suspended = frozenset(sku.id for sku in skus if sku.suspended_or_gone)
        if suspended != self.suspended_skus:
            return replace(self, suspended_skus=suspended).in_tenant(skus)
        unknown = {sku.id: frozenset(plan.id for plan in sku.plans) for sku in skus if carried(sku.id) is None}
        if not unknown:
            return self
        unsure = frozenset(sku_id for sku_id, plans in unknown.items() if self._may_lack_rights(plans))
        return replace(
            self, tenant=unknown, unsure_skus=unsure, no_rights_skus=self.no_rights_skus - self.unsure_skus | unsure
        )

    def _may_lack_rights(self, plans: Collection[str]) -> bool:
        """Of Exchange the Kiosk plan alone, beside Teams and without a suite, as Teams' SKUs without rights.

        An inference: a user who holds such a SKU gets a warning, and the SKU is not a remedy.
        """
        exchange = {self.plan_class(plan) for plan in plans} - {None}
        return exchange == {PlanClass.KIOSK} and _TEAMS in plans and _SUITE_PLANS.isdisjoint(plans)

    def plan_name(self, plan_id: str) -> str:
        """Microsoft's name of the plan; empty where the table does not know it."""
        return PLANS.get(plan_id, "")

    def sku_name(self, sku_id: str) -> str:
        """The part number (``SPE_E3``); empty where the table does not know the SKU."""
        return SKUS.get(sku_id, ("", ""))[0]

    def product_name(self, sku_id: str) -> str:
        """The name on the invoice (``Microsoft 365 E3``); empty where the table does not know the SKU."""
        return SKUS.get(sku_id, ("", ""))[1]

    def knows_sku(self, name: str) -> bool:
        """Does the table have a SKU of this part number, id or product name?"""
        return name_key(name) in _sku_names()

    def knows_plan(self, name: str) -> bool:
        """Does the table have a service plan of this name?"""
        return name.strip().casefold() in _plan_names()

    def with_overrides(self, overrides: Mapping[str, Any] | None) -> Catalog:
        """The catalogue after the option ``mailbox_plans``: ``{add: [{plan, grants}], remove: [plan]}``.

        Plans are named by GUID, or by a name of Microsoft's table. Raises ConfigurationError with every problem.
        """
        if not overrides:
            return self
        problems: list[str] = []
        wanted: dict[str, PlanClass | None] = {}
        named: list[tuple[str, str, PlanClass | None]] = []
        for index, item in enumerate(overrides.get("add") or ()):
            named.append((f"add[{index}].plan", item["plan"], PlanClass(item["grants"])))
        for index, name in enumerate(overrides.get("remove") or ()):
            named.append((f"remove[{index}]", name, None))
        for place, name, grants in named:
            plan = _plan_id(name, f"mailbox_plans.{place}", problems)
            if plan and wanted.setdefault(plan, grants) is not grants:
                problems.append(f"mailbox_plans.{place}: {plan} is named before with another meaning")
        if problems:
            raise ConfigurationError(problems)
        classes = {**self.plan_classes, **wanted}
        return replace(self, plan_classes={plan: grants for plan, grants in classes.items() if grants})


@functools.cache
def _sku_names() -> frozenset[str]:
    return frozenset(lowered(name) for sku_id, names in SKUS.items() for name in (sku_id, *names) if name)


@functools.cache
def _plan_names() -> frozenset[str]:
    return frozenset(name.casefold() for name in PLANS.values() if name)


def _plan_id(text: str, path: str, problems: list[str]) -> str:
    folded = name_key(text)
    parts = folded.split("-")
    if [len(part) for part in parts] == [8, 4, 4, 4, 12] and all(
        c in "0123456789abcdef" for c in folded.replace("-", "")
    ):
        return folded
    found = [plan for plan, name in PLANS.items() if lowered(name) == folded]
    if len(found) == 1:
        return found[0]
    what = "names several plans, give the GUID of one" if found else "is neither a GUID nor a plan of Microsoft's table"
    problems.append(f"{path}: {text!r} {what}{': ' + ', '.join(found) if found else ''}")
    return ""


BUILTIN = Catalog()
"""The classification without overrides."""
