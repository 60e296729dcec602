# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that the services are sent, in their own languages. Pure: no I/O, no clock.

Graph uses OData, Exchange uses OPATH. Ids of SKUs and plans are checked by ``guid``; ``quote`` writes other values.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Sequence

from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import Style, guid, quote
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN, Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    ANY_ARCHIVE,
    ANY_MAILBOX,
    ARCHIVE_ON_PREMISES,
    PLAN2_OR_ADDON,
    PLAN2_OR_PLAN1_ADDON,
    Needs,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import MAILBOX_CLASSES, PlanClass

MAX_CLAUSES = 15
"""Values in one ``in`` [aad-advanced-queries: at most 15 child clauses]."""

_ARCHIVE = "(ArchiveDatabase -ne $null -or ArchiveStatus -eq 'Active')"
"""Of a mailbox in the cloud that has an archive ``ArchiveStatus`` can be None. In Exchange Online the database can be
compared with ``$null`` alone [filter-properties]."""
_HOLD = "LitigationHoldEnabled -eq $true"


def _of_kinds(*kinds: str) -> str:
    return "(" + " -or ".join(f"RecipientTypeDetails -eq {quote(kind, Style.OPATH)}" for kind in kinds) + ")"


RESOURCES = _of_kinds("SharedMailbox", "RoomMailbox", "LinkedRoomMailbox", "EquipmentMailbox")
"""Shared, room and equipment mailboxes."""

USERS = _of_kinds("UserMailbox", "LinkedMailbox", "LegacyMailbox")
"""Mailboxes of people."""

UNLICENSED_USERS = f"({USERS} -and SKUAssigned -ne $true)"
"""De-licensed (false) and never licensed (null) mailboxes of users: ``-eq $false`` alone would miss the latter."""


_RECORDED_AS = {
    PlanClass.PLAN2: "BPOS_S_Enterprise",
    PlanClass.PLAN1: "BPOS_S_Standard",
    PlanClass.KIOSK: "BPOS_S_Deskless",
    PlanClass.ARCHIVING: "BPOS_S_ArchiveAddOn",
    PlanClass.ARCHIVE: "BPOS_S_Archive",
}
"""Exchange's words for enabled plans in ``PersistedCapabilities``, which filters support [filter-properties]."""


def mailbox_candidates(catalog: Catalog) -> str:
    """OPATH: every mailbox that may lack what it needs, as far as Exchange knows.

    Mailboxes that Exchange records as covered (``PersistedCapabilities``) are left out, so that a healthy tenant is not
    read as a whole; ``full`` does not use the record. Mailboxes of a plan whose word is unknown here are all read.
    """
    return " -or ".join(
        (
            UNLICENSED_USERS,
            _all(USERS, *_not_recorded(ANY_MAILBOX, catalog)),
            _all(USERS, _HOLD, *_not_recorded(PLAN2_OR_ADDON, catalog)),
            _all(USERS, _ARCHIVE, *_not_recorded(ANY_ARCHIVE, catalog)),
            _all(RESOURCES, f"({_ARCHIVE} -or {_HOLD})", *_not_recorded(PLAN2_OR_PLAN1_ADDON, catalog)),
        )
    )


def archive_candidates(catalog: Catalog) -> str:
    """OPATH: archives of mail users that Exchange does not record as covered; empty: it may be any of them."""
    return " -and ".join(_not_recorded(ARCHIVE_ON_PREMISES, catalog))


def _all(*clauses: str) -> str:
    return "(" + " -and ".join(clauses) + ")"


def _not_recorded(needs: Needs, catalog: Catalog) -> list[str]:
    """OPATH, a clause for each alternative: one of its plans is not in the record.

    An alternative has no clause if the catalogue classifies one of its plans unlike Microsoft's names: then the record
    does not decide about it.
    """
    clauses = []
    for alternative in needs:
        if not any(catalog.plan_class(plan) != grants for grants in alternative for plan in BUILTIN.plans_of({grants})):
            words = sorted(_RECORDED_AS[grants] for grants in alternative)
            missing = " -or ".join(f"PersistedCapabilities -ne {quote(word, Style.OPATH)}" for word in words)
            clauses.append(f"({missing})")
    return clauses


_AT_WORK = "p/capabilityStatus in ('Enabled','Warning')"
_HAS_ADDRESS = "(mail ne null or proxyAddresses/$count ne 0)"
"""OData (advanced): a mailbox has an address, and Exchange writes it to the directory."""


def licensed_without_mailbox_plan(catalog: Catalog) -> str:
    """OData (advanced): users without an enabled mailbox plan, who hold a license or had an Exchange plan.

    A removed mailbox plan or archiving add-on keeps its entry (Deleted, Suspended, LockedOut, or an unknown word). So
    the filter finds a removal before Exchange notices it, and a mailbox that Exchange has disconnected.

    It leaves out three kinds of users without a mailbox plan, because most of them have no mailbox, and Exchange would
    be asked for each: guests, users without an address, and users with the archive for mailboxes on premises. If one
    has a mailbox, ``mailbox_candidates`` finds it. A mailbox whose address is not in the directory yet is new: it was
    licensed a moment ago or never, so no record has its plan.
    """
    plans, archives = catalog.plans_of(MAILBOX_CLASSES), catalog.plans_of({PlanClass.ARCHIVE})
    once = MAILBOX_CLASSES | {PlanClass.ARCHIVING}
    had = _had({*catalog.plans_of(once), *BUILTIN.plans_of(once)})
    other = " or ".join(["assignedLicenses/$count ne 0", *_had(archives)])
    unlicensed = " and ".join([f"({other})", _HAS_ADDRESS, "userType ne 'Guest'", *_no_plan(archives)])
    return " and ".join([f"({' or '.join([f'({unlicensed})', *had])})", *_no_plan(plans)])


def held_by_no_rights(sku_ids: Collection[str], catalog: Catalog) -> str:
    """OData (advanced): holders of these SKUs without an enabled Plan 1 or Plan 2 from another SKU."""
    plans = catalog.plans_of({PlanClass.PLAN1, PlanClass.PLAN2})
    better = [plan for plan in plans if not any(catalog.carries(sku_id, plan) for sku_id in sku_ids)]
    return " and ".join([f"({_any_sku(sku_ids)})", *_no_plan(better)])


def only_covered_by(sku_id: str, others: Sequence[str]) -> str:
    """OData (advanced): holders of ``sku_id`` who hold none of ``others``."""
    clauses = [_any_sku([sku_id])]
    clauses += [f"not ({_any_sku(chunk)})" for chunk in _chunks(sorted(others))]
    return " and ".join(clauses)


def by_upn(upns: Iterable[str], *, any_kind: bool = False) -> list[str]:
    """OPATH filters that find mailboxes by user principal name, some 100 names each.

    They are shared, room and equipment mailboxes, or with ``any_kind`` all.
    A text that a filter cannot contain is not the name of a mailbox, and is left out.
    """
    filled: list[list[str]] = [[]]
    size = 0
    for name in sorted({upn.strip() for upn in upns}):
        with contextlib.suppress(ValueError):
            clause = f"UserPrincipalName -eq {quote(name, Style.OPATH)}"
            size += len(clause) + len(_OR)
            if size > _LONGEST_FILTER:
                filled.append([])
                size = len(clause) + len(_OR)
            filled[-1].append(clause)
    names = [f"({_OR.join(clauses)})" for clauses in filled if clauses]
    return names if any_kind else [f"{RESOURCES} -and {some}" for some in names]


_OR = " -or "
_LONGEST_FILTER = 7_000
"""Characters of a filter of names: as long as one of 100 ids (``IDS_PER_CALL``)."""


def _any_sku(sku_ids: Iterable[str]) -> str:
    return f"assignedLicenses/any(l:l/skuId in ({','.join(guid(sku_id) for sku_id in sorted(sku_ids))}))"


def _no_plan(plan_ids: Sequence[str]) -> list[str]:
    """None of these plans is enabled: clauses to be joined by ``and``."""
    return [f"not {_any_plan(chunk, at_work=True)}" for chunk in _chunks(plan_ids)]


def _had(plan_ids: Iterable[str]) -> list[str]:
    """There is an entry of one of these plans, whatever its state: clauses to be joined by ``or``."""
    return [_any_plan(chunk) for chunk in _chunks(sorted(plan_ids))]


def _any_plan(plan_ids: Sequence[str], at_work: bool = False) -> str:
    ids = ",".join(guid(plan) for plan in plan_ids)
    if at_work:
        return f"assignedPlans/any(p:p/servicePlanId in ({ids}) and {_AT_WORK})"
    return f"assignedPlans/any(p:p/servicePlanId in ({ids}))"


def _chunks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[start : start + MAX_CLAUSES] for start in range(0, len(values), MAX_CLAUSES)]
