# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan says of users whom it does not save, in words, and of those for whom no rule decides. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import named
from ansible_collections.m365.licensing.plugins.module_utils._licensing.alarms import Reason

from .covered import ON_PREMISES
from .explanations import joined
from .model import PlanEntry

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
    """A sentence for each reason why no rule decides for users of whom nothing is known to be at risk."""
    by_doubt: dict[str, list[str]] = {}
    for entry in entries:
        if entry.action == "undecided" and entry.finding is None:
            by_doubt.setdefault(entry.doubt, []).append(entry.user.user_principal_name)
    return [
        f"No rule decides for these users, because {REASONS[f'undecided_{doubt}']}: "
        f"{named(list(dict.fromkeys(by_doubt[doubt])))}."
        for doubt in sorted(by_doubt)
    ]


def unsure(entry: PlanEntry) -> PlanEntry:
    """The entry, with the same word where it is not certain that a mailbox at risk is there to be lost."""
    if entry.finding is None or entry.finding.certain:
        return entry
    note = joined(entry.note, "Exchange shows a mail user, so it is not certain that there is a mailbox to bring back")
    brings = entry.action == "license"
    return entry._replace(note=note, warnings=(*entry.warnings, *((ON_PREMISES,) * brings)))


def undecided_reason(entries: Iterable[PlanEntry]) -> Reason | None:
    """Why a run fails at its end, after it went on for all others: groups of the rules could not be identified."""
    undecided = [entry for entry in entries if entry.action == "undecided" and entry.doubt == "group"]
    if not undecided:
        return None
    upns = list(dict.fromkeys(entry.user.user_principal_name for entry in undecided))
    rules = ", ".join(sorted({repr(entry.rule) for entry in undecided}))
    users = "1 user" if len(upns) == 1 else f"{len(upns)} users"
    message = (
        f"No rule decides for {users} ({named(upns)}), because a group in rule {rules} cannot be identified: several "
        "groups have its name, or no group has it. These users keep what they have; the rules hold for all others."
    )
    hint = (
        "Write the ids of groups into the rules, and if_available where the tenant need not have the group. Else set "
        "allow_incomplete=true."
    )
    return Reason("groups_undecided", message, hint)
