# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that conflict: one changes users whom another will change again in the next run.

A rule that asks what users hold (``has``, ``lacks``) no longer matches a user once it has given or taken that, and
then a later rule decides. A second plan, for the users as they will be, shows that before the first write.
Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import summarize
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType, Sku

from .model import NOTHING_TO_DO, Candidate, PlanEntry

_PLENTY = 10**9
_AT_ONCE = 1000
"""Users in one such plan: all users of a large tenant would be in memory twice."""


def with_next_rules(
    entries: Sequence[PlanEntry],
    candidates: Mapping[str, Candidate],
    skus: Sequence[Sku],
    replan: Callable[[Sequence[Candidate], Sequence[Sku]], Sequence[PlanEntry]],
) -> tuple[PlanEntry, ...]:
    """The entries, with ``next_rule`` where another rule will change the user again, or will fail to.

    ``candidates`` are those behind the entries that change something, by user id. ``replan`` makes a plan; it gets SKUs
    with more seats than anyone needs, for more may be there in the next run.
    """
    by_id = {sku.id: sku for sku in skus}
    changed = [entry for entry in entries if entry.change]
    ample_skus = [replace(sku, enabled=sku.consumed + _PLENTY, entries=()) for sku in skus]
    again: dict[str, PlanEntry] = {}
    # with enough seats for all, no user's plan depends on another's
    for start in range(0, len(changed), _AT_ONCE):
        later = [_in_next_run(candidates[entry.user.id], entry, by_id) for entry in changed[start : start + _AT_ONCE]]
        again.update((entry.user.id, entry) for entry in replan(later, ample_skus) if entry.action not in NOTHING_TO_DO)
    return tuple(_with_next_rule(entry, again.get(entry.user.id)) for entry in entries)


def _in_next_run(candidate: Candidate, entry: PlanEntry, skus: Mapping[str, Sku]) -> Candidate:
    """The user in the next run: licensed, and nothing at risk any more."""
    subject = candidate.subject
    kind = subject.recipient_type
    kind = RecipientType.USER if kind is RecipientType.SOFT_DELETED else kind
    user = apply_to(subject.user, entry.change, skus)
    return Candidate(subject._replace(user=user, recipient_type=kind), None, candidate.needs, space=candidate.space)


def _with_next_rule(entry: PlanEntry, again: PlanEntry | None) -> PlanEntry:
    if not entry.change or again is None or again.rule == entry.rule:
        return entry
    ends = "changes it again" if again.change else f"ends as {again.action}"
    note = f"in the next run rule {again.rule!r} decides for this user, and {ends}"
    return entry._replace(next_rule=again.rule, note="; ".join(filter(None, (entry.note, note))))


def conflict_warnings(entries: Iterable[PlanEntry], skus: Mapping[str, Sku]) -> list[str]:
    """One sentence for each two rules of which one changes in the next run the users that the other changes now."""
    pairs: dict[tuple[str, str], list[PlanEntry]] = {}
    for entry in entries:
        pairs.setdefault((entry.rule, entry.next_rule), []).append(entry)
    warnings = []
    for (first, then), changed in pairs.items():
        gets = ", ".join(dict.fromkeys(skus[item.sku_id].name for entry in changed for item in entry.change.add))
        advice = f"lacks: [{gets}] in {then!r}" if gets else f"not, has or lacks in {then!r}"
        upns = summarize(list(dict.fromkeys(entry.user.user_principal_name for entry in changed)))
        warnings.append(
            f"Rules {first!r} and {then!r} conflict: users changed by {first!r} now will be changed again by {then!r} "
            f"in the next run: {upns}. Let only one of them match these users, for example with {advice}."
        )
    return warnings
