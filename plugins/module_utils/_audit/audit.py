# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit: reads the signals, joins them by user id, and finds the mailboxes at risk, with reason and deadline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError
from ansible_collections.m365.licensing.plugins.module_utils._common.globs import has_wildcards
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered, name_key
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._graph.user_lookup import find_users, name_problems
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN, Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    REASONS,
    AssessmentContext,
    assess,
    contradicted,
    disagreement,
    needs_of,
    no_rights_only,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import SEVERITIES, urgency
from ansible_collections.m365.licensing.plugins.module_utils._licensing.exclusions import (
    Exclusions,
    LeftOut,
    unused_warnings,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Finding,
    Mailbox,
    PlanClass,
    RecipientType,
    Signals,
    Sku,
    Subscription,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.names import sku_name
from ansible_collections.m365.licensing.plugins.module_utils._licensing.ownership import (
    Owners,
    disputed,
    kept_texts,
    owner_warnings,
    unowned_warnings,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.unlisted_mailboxes import (
    is_missing,
    shown_by_user,
)

from . import filters
from .details import read_details
from .owners import is_stray, read_owners
from .reader import Reader
from .snapshot import Readings
from .warnings import (
    pending_without_user,
    unknown_plan_warnings,
    warn_of_unknown_states,
    with_room,
)


class AuditOptions(NamedTuple):
    """What to audit and how; the option names of the module."""

    now: datetime | None = None
    """The time that deadlines are calculated from; None: the clock."""
    recipient_types: Collection[RecipientType] = tuple(RecipientType)
    grace_period_days: int = 30
    due_within_days: int | None = None
    identities: tuple[str, ...] = ()
    known: tuple[User, ...] = ()
    """Users among ``identities`` who have just been read, so that they are not read again."""
    exclude: tuple[str, ...] = ()
    strategy: str = "auto"
    shared_mailbox_sizes: str = "auto"
    everybody: bool = False
    """Keep the details of every mailbox and user, and not only of those at risk (with ``strategy: full``)."""
    catalog: Catalog = BUILTIN
    skus: tuple[Sku, ...] | None = None
    """The SKUs of the tenant, where they were read already."""


@dataclass(frozen=True)
class Audit:
    """What was found. ``findings`` and ``later`` are sorted by ``urgency``."""

    findings: tuple[Finding, ...]
    disagreements: tuple[dict[str, str], ...]
    no_mailbox_rights: tuple[dict[str, Any], ...]
    expiring: tuple[dict[str, Any], ...]
    examined: int
    without_user: int
    now: datetime
    """The time that deadlines were calculated from."""
    readings: Readings = field(repr=False)
    left_out: LeftOut
    """Rows that ``exclude`` left out."""
    owners: Owners
    """Users whose mailbox is in doubt."""
    later: tuple[Finding, ...] = ()
    """Mailboxes at risk that ``due_within_days`` left out of ``findings``."""

    @property
    def warnings(self) -> list[str]:
        return self.readings.warnings

    def summary(self) -> dict[str, Any]:
        """Counts for people and for ``set_stats``; it has every reason and severity, also with 0."""
        reasons = Counter(finding.reason for finding in self.findings)
        severities = Counter(finding.severity for finding in self.findings)
        dates = [finding.deadline.at for finding in self.findings if finding.deadline.at is not None]
        return {
            "at_risk": len(self.findings),
            "due_later": len(self.later),
            "excluded": self.left_out.summary(),
            "by_reason": {reason: reasons[reason] for reason in REASONS},
            "by_severity": {severity: severities[severity] for severity in SEVERITIES},
            "earliest_deadline": min(dates, default=None),
            "mailboxes_examined": self.examined,
            "without_user": self.without_user,
            "unmatched": self.readings.unmatched,
            "kept_without_user": self.readings.kept_without_user,
            "strategy": self.readings.strategy,
            "signals": dict(sorted(self.readings.signals.items())),
            "not_examined": self.readings.unseen,
            "complete": self.readings.complete,
            "expiring": list(self.expiring),
            "no_mailbox_rights": len(self.no_mailbox_rights),
            "disagreements": len(self.disagreements),
        }


def audit(graph: Graph, exchange: Exchange, options: AuditOptions) -> Audit:
    """Reads and joins. Raises ConfigurationError (identities), IncompleteAnswer and the other errors of reading."""
    readings = Reader(
        graph,
        exchange,
        catalog=options.catalog,
        recipient_types=options.recipient_types,
        identities=options.identities,
        strategy=options.strategy,
        shared_mailbox_sizes=options.shared_mailbox_sizes,
        everybody=options.everybody,
        skus=options.skus,
        known=options.known,
        now=options.now,
    ).read()
    options = options._replace(catalog=options.catalog.in_tenant(readings.skus.values()))
    context = AssessmentContext(
        now=options.now or _clock(graph, readings),
        grace_days=options.grace_period_days,
        catalog=options.catalog,
        skus=readings.skus,
        subscriptions=readings.subscriptions,
    )
    warn_of_unknown_states(readings, options.catalog)
    context = read_details(graph, exchange, readings, context)
    first = _join(readings, context, options, {})
    owners = read_owners(graph, exchange, readings, {finding.user_id for finding in first.findings})
    all_findings, disagreements, without_user, unowned = (
        _join(readings, context, options, owners.shared) if owners.shared else first
    )
    users = readings.users or {}
    disagreements += [
        _disagreement(user_id, item.user_principal_name, item.text)
        for user_id, item in owners.contested.items()
        if readings.only is None or user_id in readings.only
    ]
    readings.warnings += owner_warnings(owners, users) + with_room(readings, options.catalog)
    exclusions = Exclusions(options.exclude)
    unowned = [box for box in unowned if not exclusions.fit(box.user_principal_name)]
    readings.unmatched = sum(map(is_stray, unowned))
    readings.kept_without_user = kept_texts(box for box in unowned if box.guid not in readings.alive)
    recycle_bin = readings.signals.get("deleted_users", "")
    readings.warnings[:0] = [
        *unowned_warnings(unowned, readings.deleted, recycle_bin, readings.alive),
        *pending_without_user(readings),
    ]
    findings = sorted(
        (finding for finding in all_findings if not exclusions.fit(finding.user_principal_name)), key=_order
    )
    readings.warnings += unknown_plan_warnings(findings)
    readings.warnings += _unused_exclusions(graph, readings, exclusions, whole=options.everybody)
    plain = readings.scan.plain_mailboxes if readings.scan else ()
    return Audit(
        findings=tuple(finding for finding in findings if _is_due(finding, options)),
        disagreements=tuple(sorted(disagreements, key=lambda item: item["user_principal_name"])),
        no_mailbox_rights=_no_mailbox_rights(readings, options),
        expiring=_expiring(graph, readings, options.catalog),
        examined=len(readings.mailboxes) + len(plain),
        without_user=without_user,
        now=context.now,
        readings=readings,
        later=tuple(finding for finding in findings if not _is_due(finding, options)),
        left_out=exclusions.left_out(finding.user_principal_name for finding in all_findings),
        owners=owners,
    )


def _clock(graph: Graph, readings: Readings) -> datetime:
    """The time, after the reading, which has shown by then whether the clock of this machine is wrong."""
    wall = graph.service.client.wall
    if wall.wrong:
        readings.warnings.append(
            f"The clock of this machine differs from Microsoft's by {wall.error}, so deadlines and exceptions are "
            "calculated from Microsoft's clock. Set the clock of this machine."
        )
    return wall.now()


def _order(finding: Finding) -> tuple[int, float, str, str]:
    guid = finding.mailbox.guid if finding.mailbox else ""
    return (*urgency(finding), finding.user_principal_name.casefold(), guid)


class _Joined(NamedTuple):
    """``unowned``: the mailboxes that need something, and whose user is unknown or not in the directory."""

    findings: list[Finding]
    disagreements: list[dict[str, str]]
    without_user: int
    unowned: list[Mailbox]


def _join(readings: Readings, context: AssessmentContext, options: AuditOptions, shared: Mapping[str, str]) -> _Joined:
    findings: list[Finding] = []
    disagreements: list[dict[str, str]] = []
    unowned: list[Mailbox] = []
    scan = readings.scan
    without_user = 0
    if scan and readings.users is not None:
        without_user += sum(not scan.knows(user_id) for user_id in scan.plain_mailboxes)
    for mailbox, user in _pairs(readings, context):
        if user is None and mailbox is not None and scan and mailbox.user_id in scan.grants:
            disagreements += _contradicted(readings, mailbox, scan.grants[mailbox.user_id])
            continue
        if mailbox is not None and _is_unowned(readings, mailbox, user):
            without_user += not is_stray(mailbox)
            unowned.append(mailbox)
            continue
        user_id = user.id if user else mailbox.user_id if mailbox else ""
        signals = _signals_of(readings, user_id, user, mailbox)
        finding = assess(mailbox, user, signals, context)
        if mailbox is not None and user_id in shared:
            finding = disputed(finding, mailbox, user, shared[user_id])
        if finding is None:
            if text := disagreement(mailbox, user, signals, context):
                disagreements.append(_disagreement(user_id, user.user_principal_name if user else "", text))
        elif finding.recipient_type in options.recipient_types:
            findings.append(finding)
    unowned = [box for box in unowned if needs_of(box) and box.recipient_type in options.recipient_types]
    return _Joined(findings, disagreements + _flagged_without_need(readings), without_user, unowned)


def _is_unowned(readings: Readings, mailbox: Mailbox, user: User | None) -> bool:
    """Has the mailbox no user in the directory, so that no license can help?"""
    return not mailbox.user_id or (user is None and readings.users is not None)


def _contradicted(readings: Readings, mailbox: Mailbox, classes: frozenset[PlanClass]) -> list[dict[str, str]]:
    """The signals that call a covered mailbox unlicensed, if only the grants of its user were kept."""
    text = contradicted(mailbox, classes, _signals_of(readings, mailbox.user_id, None, mailbox))
    return [_disagreement(mailbox.user_id, mailbox.user_principal_name, text)] if text else []


def _flagged_without_need(readings: Readings) -> list[dict[str, str]]:
    """Users whom the portal flags although their kind of mailbox needs no license."""
    users, flagged = readings.users or {}, readings.reconciliation or ()
    text = "license_reconciliation_needed; but a {} mailbox needs no license"
    return [
        _disagreement(user_id, users[user_id].user_principal_name, text.format(kind))
        for user_id, kind in readings.other_kinds.items()
        if user_id in flagged and user_id in users
    ]


def _disagreement(user_id: str, upn: str, text: str) -> dict[str, str]:
    return {"user_id": user_id, "user_principal_name": upn, "disagreement": text}


def _pairs(readings: Readings, context: AssessmentContext) -> Iterable[tuple[Mailbox | None, User | None]]:
    """Each mailbox with its user, then users without a mailbox in Exchange whom another signal names."""
    users = readings.users or {}
    for mailbox in readings.mailboxes:
        # A user in the recycle bin has no mailbox in use.
        deleted = readings.deleted if mailbox.recipient_type is RecipientType.SOFT_DELETED else {}
        yield mailbox, users.get(mailbox.user_id) or deleted.get(mailbox.user_id)
    # Leave out users with a mailbox that needs no license, or with one of several of their name: no list has these.
    shown = shown_by_user(readings.mailboxes)
    for user_id in sorted(users.keys() - readings.other_kinds.keys() - readings.named_alike.keys()):
        user = users[user_id]
        asked_for = readings.only is None or user_id in readings.only
        signals = _signals_of(readings, user_id, user, None)
        if asked_for and is_missing(shown.get(user_id, ()), user, signals, context):
            yield None, user


def _signals_of(readings: Readings, user_id: str, user: User | None, mailbox: Mailbox | None) -> Signals:
    upn = user.user_principal_name if user else mailbox.user_principal_name if mailbox else ""
    return readings.signals_for(user_id, upn)


def _is_due(finding: Finding, options: AuditOptions) -> bool:
    """Is its deadline within ``due_within_days``?"""
    days = finding.days_remaining
    # A mailbox without a date, or one that is overdue, may be deleted today, so a limit on dates hides neither.
    urgent = days is None or finding.severity == "overdue"
    return options.due_within_days is None or urgent or (days is not None and days <= options.due_within_days)


def _unused_exclusions(graph: Graph, readings: Readings, exclusions: Exclusions, *, whole: bool) -> list[str]:
    """Warnings of patterns that match no user. Graph is asked for names without wildcards that were not read."""
    if readings.users is None:
        return []
    names = [user.user_principal_name for user in readings.users.values()]
    unused = exclusions.unused([*names, *(box.user_principal_name for box in readings.mailboxes)])
    wildcards = [pattern for pattern in unused if has_wildcards(pattern)]
    unknown = [pattern for pattern in unused if not has_wildcards(pattern)]
    # Do not ask for ids, which are not compared, and for texts that a filter cannot contain.
    to_find = [text for text in unknown if not is_guid(text) and not name_problems([text])]
    if to_find and not whole:
        try:
            found = {lowered(user.user_principal_name) for user in find_users(graph, to_find, confirm=False).users}
        except ApiError as error:
            return [f"exclude: the tenant could not be searched for these users: {error}"]
        unknown = [text for text in unknown if name_key(text) not in found]
    return unused_warnings(unknown, wildcards, whole=whole)


def _no_mailbox_rights(readings: Readings, options: AuditOptions) -> tuple[dict[str, Any], ...]:
    rows = []
    for user in readings.no_rights_users:
        skus = no_rights_only(user, options.catalog)
        if skus:
            row = {"user_id": user.id, "user_principal_name": user.user_principal_name}
            names = [sku_name(sku_id, readings.skus, options.catalog) for sku_id in skus]
            rows.append({**row, "skus": names, "rights_unknown": all(map(options.catalog.rights_unknown, skus))})
    return tuple(sorted(rows, key=lambda row: str(row["user_principal_name"])))


def _expiring(graph: Graph, readings: Readings, catalog: Catalog) -> tuple[dict[str, Any], ...]:
    """SKUs with a mailbox plan in their grace period: when it ends, and how many users hold no other such SKU."""
    carrying = {sku.id for sku in readings.skus.values() if catalog.grants_mailbox(sku)}
    rows = []
    for sku in sorted(readings.skus.values(), key=lambda sku: sku.part_number):
        if sku.id in carrying and sku.capability_status.casefold() == "warning":
            others = {
                other for other in carrying - {sku.id} if readings.skus[other].capability_status.casefold() == "enabled"
            }
            rows.append(
                {
                    "sku": sku.part_number,
                    "sku_id": sku.id,
                    "status": sku.capability_status,
                    "next_lifecycle": _next_lifecycle(readings.subscriptions.get(sku.id, ())),
                    "mailboxes": _dependent_users(graph, readings, sku, others),
                }
            )
    return tuple(rows)


def _dependent_users(graph: Graph, readings: Readings, sku: Sku, others: Collection[str]) -> int | None:
    if readings.users is None:
        return None
    return graph.count_users(filters.only_covered_by(sku.id, sorted(others)))


def _next_lifecycle(subscriptions: Iterable[Subscription]) -> datetime | None:
    """When the last subscription that ends does so. The date of an enabled one is its renewal."""
    dates = [
        item.next_lifecycle
        for item in subscriptions
        if item.next_lifecycle is not None and item.status.casefold() not in ("deleted", "enabled")
    ]
    return max(dates, default=None)
