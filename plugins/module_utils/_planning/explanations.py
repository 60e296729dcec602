# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan says in sentences, without a full stop where a row or a warning takes them up. Pure: no I/O, no clock.

Why the licenses of a rule would not save a mailbox and what to change; what a change does besides; what was sent in
place of a planned change; why mailboxes stay at risk, and for which users no rule decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import summarize
from ansible_collections.m365.licensing.plugins.module_utils._licensing.alarms import Reason
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.change_notes import (
    carried_over,
    notes_for,
    plans_that_go,
    unforeseen_carryover,
    unforeseen_lack,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    Needs,
    granted,
    is_covered,
    loses_mailbox,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import DELETED_USER_DAYS
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.mailbox_room import CLASS_NAMES
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    MAILBOX_CLASSES,
    Finding,
    LicenseChange,
    LicenseState,
    PlanClass,
    RecipientType,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import Attempt
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_effects import abilities_lost
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_relations import stacked_notes, unforeseen

from .mailbox_fit import with_taken_fit
from .model import Candidate, PlanEntry
from .rules import Rule

ON_PREMISES = (
    "the mailbox of this user may be on premises, and an Exchange plan makes none in the cloud while it is there"
)
"""The warning about a user who seems to have a mailbox on premises."""

IN_PART = "the alternative cannot be had as a whole, but a part of it: "
"""What a warning of such a part begins with."""

KEEPS_BUT = ("the license keeps the mailbox, but ", "the license keeps the archive, but ")
"""How a warning begins that says what the mailbox lacks with its license."""


def why_not_covered(
    wanted: Sequence[Wanted], user: User, needs: Sequence[Needs], skus: Mapping[str, Sku], catalog: Catalog
) -> str:
    """Why ``user`` with the licenses ``wanted`` still lacks what each of ``needs`` asks for; no full stop."""
    reasons = [reason for item in wanted if (reason := _lack_of_sku(item, user, skus, catalog))]
    if reasons:
        return "; ".join(reasons)
    classes = granted(user, catalog)
    lacking = next((need for need in needs if not is_covered(need, classes)), ())
    has = " and ".join(CLASS_NAMES[item] for item in sorted(classes)) or "nothing that counts"
    return f"it needs {needs_text(lacking)}, and would have {has}"


def why_no_license_helps(candidate: Candidate, catalog: Catalog) -> str:
    """Why no license can bring this mailbox back; empty where one may, or where it is not soft-deleted.

    A license gives the mailbox back to a user who has none; the content of any other comes by a restore request
    [delete-or-restore-mailboxes].
    """
    finding = candidate.finding
    if finding is None or finding.recipient_type is not RecipientType.SOFT_DELETED:
        return ""
    if deleted := candidate.subject.user.deleted:
        until = deleted + timedelta(days=DELETED_USER_DAYS)
        return (
            f"its user is in the recycle bin of the directory; restore the user first, by {until:%Y-%m-%d}, as no "
            "license helps before that"
        )
    if granted(candidate.subject.user, catalog) & MAILBOX_CLASSES:
        return (
            "its user has a mailbox plan already, so another license does not bring it back; if the user has a second "
            "mailbox, New-MailboxRestoreRequest copies the content there; a license assigned today may act later"
        )
    if candidate.replaced:
        return (
            "its user has a mailbox in use, to which licenses go, so none brings this one back; "
            "New-MailboxRestoreRequest copies its content there"
        )
    return ""


def needs_text(needs: Needs) -> str:
    """``Exchange Online Plan 2, or Exchange Online Plan 1 with the archiving add-on``; for people."""
    sets = sorted(" with ".join(CLASS_NAMES[item] for item in _mailbox_first(need)) for need in needs)
    return ", or ".join(sets) if sets else "nothing"


def sku_names(sku_ids: Iterable[str], skus: Mapping[str, Sku]) -> str:
    """The SKUs by their names in the tenant, sorted."""
    return ", ".join(sorted(skus[sku_id].name if sku_id in skus else sku_id for sku_id in sku_ids))


def join_notes(*parts: str) -> str:
    """Parts of a note."""
    return "; ".join(part for part in parts if part)


def lack_warnings(
    finding: Finding, user: User, after: User, skus: Mapping[str, Sku], catalog: Catalog
) -> tuple[str, ...]:
    """What the mailbox of ``user``, who is as ``after`` then, lacks; no full stop. Empty: nothing."""
    if is_covered(finding.needs, granted(after, catalog)):
        return ()
    mailbox, archive = KEEPS_BUT
    keeps = mailbox if loses_mailbox(finding, user, catalog) else archive
    return (f"{keeps}{why_not_covered((), after, [finding.needs], skus, catalog)}",)


def missing_sku_notes(rule: Rule) -> list[str]:
    """What a rule would give or take if the tenant had it, one sentence for each SKU, without full stop."""
    return [f"the tenant has no {item.name}, which is left out" for item in rule.missing if ".match." not in item.path]


def why_no_location(user: User, rule: Rule) -> str:
    """Why there is no usage location for this user; no full stop."""
    if rule.usage_location is None:
        return f"has no usage location, and rule {rule.name!r} does not say one; add usage_location to it"
    country = f"country {user.country!r} is not known" if user.country else "has no country either"
    return f"has no usage location, {country}, and rule {rule.name!r} has no default"


def change_remarks(
    user: User,
    wanted: Sequence[Wanted],
    change: LicenseChange,
    predicted: User,
    skus: Mapping[str, Sku],
    catalog: Catalog,
    *,
    origin: LicenseChange | None = None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Notes and warnings about a change that is to be written; no full stops. ``origin``: of what it is the rest.

    Warnings say what it takes away though nothing known needs it, and what cannot be foreseen of it.
    """
    notes = (
        *notes_for(user, wanted, "present", skus, catalog),
        *carried_over(user, wanted, origin or change, skus, catalog),
        *plans_that_go(user, change, skus, catalog),
        *stacked_notes(predicted, change, skus, catalog),
    )
    lost = abilities_lost(granted(user, catalog), granted(predicted, catalog)) if change.remove else ()
    doubts = (
        *unforeseen(predicted, change, skus),
        *unforeseen_lack(user, change, skus, catalog),
        *unforeseen_carryover(user, change, skus, catalog),
    )
    return notes, (*lost, *doubts)


def _mailbox_first(need: frozenset[PlanClass]) -> list[PlanClass]:
    return sorted(need, key=lambda item: (item in (PlanClass.ARCHIVING, PlanClass.ARCHIVE), item))


def _lack_of_sku(wanted: Wanted, user: User, skus: Mapping[str, Sku], catalog: Catalog) -> str:
    sku = skus.get(wanted.sku_id)
    if sku is None:
        return f"the tenant has no SKU {wanted.sku_id}"
    exchange = {plan.id: plan.name for plan in sku.plans if catalog.plan_class(plan.id) is not None}
    if not exchange:
        return f"{sku.name} carries no mailbox plan"
    if catalog.rights_unknown(sku.id):
        return f"{sku.name} carries an Exchange plan, and whether it has rights to a mailbox is not known"
    if catalog.no_rights(sku.id):
        return f"{sku.name} carries an Exchange plan without rights to a mailbox"
    if sku.capability_status.casefold() not in ("enabled", "warning"):
        return f"{sku.name} is {sku.capability_status} in this tenant, so its plans do not work"
    states = [state for state in user.license_states if state.sku_id == sku.id and state.effective]
    off = frozenset(exchange).intersection(*(state.disabled_plans for state in states)) if states else frozenset()
    if off:
        names = ", ".join(sorted(exchange[plan] for plan in off))
        return f"{names} is switched off in {_ways_assigned(states)} of {sku.name}{_advice(wanted, off, states)}"
    working = {plan.plan_id for plan in user.assigned_plans if plan.usable}
    if states and not working & set(exchange):
        return f"{sku.name} is assigned, but the service does not show its Exchange plan as working (yet)"
    return ""


def _ways_assigned(states: Sequence[LicenseState]) -> str:
    ways = {
        "the direct assignment" if state.direct else f"the assignment by group {state.group_id}" for state in states
    }
    return " and ".join(sorted(ways, reverse=True))


def _advice(wanted: Wanted, off: frozenset[str], states: Sequence[LicenseState]) -> str:
    if off & (wanted.disabled_plans or frozenset()):
        return ": the rule's disabled_plans asks for that"
    if wanted.whole:
        return ": the rule's enabled_plans does not name it"
    name_it = "name it in the rule's enabled_plans (with disabled_plans: [] all other plans stay as they are)"
    if not any(state.direct for state in states):
        return f": change the group's plans, or {name_it}"
    return f": to switch it on, {name_it}"


def entry_as_sent(entry: PlanEntry, taken: Attempt | None, skus: Mapping[str, Sku], catalog: Catalog) -> PlanEntry:
    """The entry with what was sent in place of its change, and with notes and warnings about that alone."""
    sent = with_taken_fit(entry, taken, skus, catalog)
    case = entry.case
    if taken is None or sent is entry or case is None:
        return sent
    user, other = entry.user, sent.alternative != entry.alternative
    before, after = apply_to(user, entry.change, skus), apply_to(user, sent.change, skus)
    notes, doubts = change_remarks(user, case.wanted, entry.change, before, skus, catalog)
    # what stays off in a license was off before, whatever the service has refused of it since
    origin = sent.change if other else entry.change
    wanted = case.other_wanted if other else case.wanted
    new_notes, new_doubts = change_remarks(user, wanted, sent.change, after, skus, catalog, origin=origin)
    said = (*KEEPS_BUT, IN_PART) if other else KEEPS_BUT
    kept = [text for text in sent.warnings if text not in doubts and not text.startswith(said)]
    finding = entry.finding
    if finding is not None:
        kept += lack_warnings(finding, user, after, skus, catalog)
    note = "; ".join(text for text in (_remove_notes(sent.note, notes), *new_notes) if text)
    return sent._replace(note=note, warnings=(*kept, *new_doubts))


def _remove_notes(note: str, gone: Iterable[str]) -> str:
    """The note without some of its sentences."""
    for text in gone:
        note = note.removeprefix(text).removeprefix("; ") if note.startswith(text) else note.replace(f"; {text}", "")
    return note


REASONS = {
    "no_seat": "no seat is left",
    "no_usage_location": "they have no usage location",
    "insufficient": "the licenses of their rule would not be enough, or none brings the mailbox back",
    "none_there": "the tenant has none of the licenses that their rule names",
    "conflict": "the licenses of their rule do not go together with others that they have",
    "unmatched": "no rule matches",
    "refused_uncovered": "they would lose what keeps their mailbox",
    "undecided_group": "a rule that may mean them names a group that cannot be identified",
    "undecided_mailbox": "it is not certain whose mailbox it is",
}
"""Why mailboxes of several users stay at risk."""

WHY_LEFT = {
    **REASONS,
    "no_usage_location": "the user has no usage location",
    "insufficient": "the licenses of the rule would not be enough, or none brings it back",
    "none_there": "the tenant has none of the licenses that the rule names",
    "conflict": "the licenses of the rule do not go together with others",
    "refused_uncovered": "the change would take what keeps the mailbox",
    "undecided_group": "a rule names a group that cannot be identified",
    "protected": "the user is protected",
    "failed": "the user failed",
    "skipped": "the user was not tried",
}
"""The same of one mailbox."""


def undecided_warnings(entries: Iterable[PlanEntry]) -> list[str]:
    """A sentence for each reason why no rule decides for users without a mailbox known to be at risk."""
    by_doubt: dict[str, list[str]] = {}
    for entry in entries:
        if entry.action == "undecided" and entry.finding is None:
            by_doubt.setdefault(entry.doubt, []).append(entry.user.user_principal_name)
    return [
        f"No rule decides for these users, because {REASONS[f'undecided_{doubt}']}: "
        f"{summarize(list(dict.fromkeys(by_doubt[doubt])))}."
        for doubt in sorted(by_doubt)
    ]


def mark_uncertain(entry: PlanEntry) -> PlanEntry:
    """The entry, with a note where it is not certain that there is a mailbox to be lost."""
    if entry.finding is None or entry.finding.certain:
        return entry
    doubt = "Exchange shows a mail user, so it is not certain that there is a mailbox to bring back"
    warnings = (*entry.warnings, ON_PREMISES) if entry.action == "license" else entry.warnings
    return entry._replace(note=join_notes(entry.note, doubt), warnings=warnings)


def undecided_reason(entries: Iterable[PlanEntry]) -> Reason | None:
    """Why a run fails at its end, after it went on for all others: groups of the rules could not be identified."""
    undecided = [entry for entry in entries if entry.action == "undecided" and entry.doubt == "group"]
    if not undecided:
        return None
    upns = list(dict.fromkeys(entry.user.user_principal_name for entry in undecided))
    rules = ", ".join(sorted({repr(entry.rule) for entry in undecided}))
    users = "1 user" if len(upns) == 1 else f"{len(upns)} users"
    message = (
        f"No rule decides for {users} ({summarize(upns)}), because a group in rule {rules} cannot be identified: "
        "several groups have its name, or no group has it. These users keep what they have; "
        "the rules hold for all others."
    )
    hint = (
        "Write the ids of groups into the rules, and if_available where the tenant need not have the group. Else set "
        "allow_incomplete=true."
    )
    return Reason("groups_undecided", message, hint)
