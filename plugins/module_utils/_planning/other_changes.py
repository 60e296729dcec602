# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a row says where another change was sent than planned. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import Attempt

from .explanations import (
    IN_PART,
    KEEPS_BUT,
    change_remarks,
    lack_warnings,
)
from .fit import with_taken_fit
from .model import PlanEntry


def taken_entry(entry: PlanEntry, taken: Attempt | None, skus: Mapping[str, Sku], catalog: Catalog) -> PlanEntry:
    """The entry with what was sent in place of its change, and with notes and warnings about that alone."""
    sent = with_taken_fit(entry, taken, skus, catalog)
    case = entry.case
    if taken is None or sent is entry or case is None:
        return sent
    user, other = entry.user, sent.alternative != entry.alternative
    before, after = apply_to(user, entry.change, skus), apply_to(user, sent.change, skus)
    notes, doubts = change_remarks(user, case.asked, entry.change, before, skus, catalog)
    # what stays off in a license was off before, whatever the service has refused of it since
    origin = sent.change if other else entry.change
    wanted = case.other_asked if other else case.asked
    new_notes, new_doubts = change_remarks(user, wanted, sent.change, after, skus, catalog, origin=origin)
    said = (*KEEPS_BUT, IN_PART) if other else KEEPS_BUT
    kept = [text for text in sent.warnings if text not in doubts and not text.startswith(said)]
    finding = entry.finding
    if finding is not None:
        kept += lack_warnings(finding, user, after, skus, catalog)
    note = "; ".join(text for text in (_without(sent.note, notes), *new_notes) if text)
    return sent._replace(note=note, warnings=(*kept, *new_doubts))


def _without(note: str, gone: Iterable[str]) -> str:
    """The note without some of its sentences."""
    for text in gone:
        note = note.removeprefix(text).removeprefix("; ") if note.startswith(text) else note.replace(f"; {text}", "")
    return note
