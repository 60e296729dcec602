# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose mailbox is it? Everything relies on it that the ``ExternalDirectoryObjectId`` of a mailbox names its user.

Two mailboxes in use may have the id of one user, or a mailbox the id of one user and the name of another. Then a rule
about the one could change the licenses of the other. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import summarize
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered

from .coverage import DUPLICATE, needs_of
from .deadlines import (
    DELETED_USER_DAYS,
    DISCONNECTED_DAYS,
    UNDATED,
    severity_of,
)
from .models import (
    Deadline,
    Finding,
    LicenseChange,
    Mailbox,
    RecipientType,
    User,
)

IN_USE = frozenset(RecipientType) - {RecipientType.SOFT_DELETED, RecipientType.ARCHIVE}
"""The kinds of mailboxes of which a user has one at most."""


class Contest(NamedTuple):
    """A user whose id or name a mailbox has, and why that is no proof. ``text`` has no full stop."""

    user_principal_name: str
    text: str


class Owners(NamedTuple):
    """Users of whom it is not certain which mailbox is theirs, by id.

    ``shared``: several mailboxes in use have the user's id, and which these are. ``contested``: a mailbox has the id of
    one user and the name of another, and both are in here.
    """

    shared: Mapping[str, str]
    contested: Mapping[str, Contest]


def shared_ids(mailboxes: Iterable[Mailbox], other_kinds: Mapping[str, str]) -> dict[str, str]:
    """The users whose id several mailboxes in use have, and which these are.

    ``other_kinds``: the kind of a mailbox in use that is of no recipient type (``scheduling``), by user id.
    """
    by_user: dict[str, dict[str, Mailbox]] = {}
    for box in mailboxes:
        if box.user_id and box.recipient_type in IN_USE:
            by_user.setdefault(box.user_id, {})[box.guid] = box
    found: dict[str, str] = {}
    for user_id, boxes in by_user.items():
        other = other_kinds.get(user_id)
        if len(boxes) + bool(other) < 2:
            continue
        texts = sorted(f"{box.user_principal_name} ({box.recipient_type.value}, {box.guid})" for box in boxes.values())
        if other:
            texts.append(f"a {other} mailbox")
        found[user_id] = f"{len(texts)} mailboxes in use have this user's ExternalDirectoryObjectId: {summarize(texts)}"
    return found


def other_names(mailboxes: Iterable[Mailbox], users: Mapping[str, User]) -> list[Mailbox]:
    """The mailboxes in use whose name is not that of their user, or whose user is not among ``users``."""
    found: dict[str, Mailbox] = {}
    for box in mailboxes:
        user = users.get(box.user_id)
        theirs = lowered(user.user_principal_name) if user else ""
        if box.recipient_type in IN_USE and box.user_id and lowered(box.user_principal_name) != theirs:
            found[box.guid] = box
    return list(found.values())


def contested_by(
    strange: Iterable[Mailbox], users: Mapping[str, User], by_name: Mapping[str, User]
) -> dict[str, Contest]:
    """Of the mailboxes of ``other_names`` those with the name of somebody else. ``by_name``: lower-case names."""
    found: dict[str, list[str]] = {}
    upns: dict[str, str] = {}
    for box in strange:
        owner = by_name.get(lowered(box.user_principal_name))
        if owner is None or owner.id == box.user_id:
            continue
        user = users.get(box.user_id)
        upns |= {box.user_id: user.user_principal_name if user else "", owner.id: owner.user_principal_name}
        what = f"the {box.recipient_type.value} mailbox {box.guid}"
        found.setdefault(box.user_id, []).append(
            f"{what} has this user's id (ExternalDirectoryObjectId) and the name of another user, "
            f"{owner.user_principal_name}"
        )
        found.setdefault(owner.id, []).append(
            f"{what} has this user's name and the id (ExternalDirectoryObjectId) of another user, "
            f"{user.user_principal_name if user else box.user_id}"
        )
    return {user_id: Contest(upns[user_id], "; ".join(texts)) for user_id, texts in found.items()}


def disputed(finding: Finding | None, mailbox: Mailbox, user: User | None, why: str) -> Finding | None:
    """The row of one of several mailboxes in use with one id, whatever it would be by itself (``finding``).

    How urgent it is stays. A mailbox that is not in use is not disputed.
    """
    if mailbox.recipient_type not in IN_USE:
        return finding
    note = f"{why[0].upper()}{why[1:]}. Whose mailbox this is has to be settled in Exchange before rules license it."
    if finding is not None:
        alone = f"By itself this mailbox would be here as {finding.reason}."
        return finding._replace(reason=DUPLICATE, notes=(note, alone, *finding.notes))
    return Finding(
        user_id=mailbox.user_id,
        user_principal_name=user.user_principal_name if user else mailbox.user_principal_name,
        recipient_type=mailbox.recipient_type,
        reason=DUPLICATE,
        needs=needs_of(mailbox),
        evidence=(DUPLICATE,),
        deadline=Deadline(note=UNDATED[DUPLICATE]),
        severity=severity_of(DUPLICATE, None),
        days_remaining=None,
        mailbox=mailbox,
        user=user,
        notes=(note,),
    )


def owner_warnings(owners: Owners, users: Mapping[str, User]) -> list[str]:
    """A sentence for each kind of doubt, with the first names."""
    shared = sorted(users[item].user_principal_name if item in users else item for item in owners.shared)
    contested = sorted(item.user_principal_name or user_id for user_id, item in owners.contested.items())
    warnings: list[str] = []
    if owners.shared:
        warnings.append(
            "Several mailboxes in use have one ExternalDirectoryObjectId, so it is not certain whose they are. No rule "
            f"decides for these users until that is settled in Exchange: {summarize(shared)}."
        )
    if owners.contested:
        warnings.append(
            "Mailboxes have the user principal name of one user and the ExternalDirectoryObjectId of another or of "
            f"nobody (see disagreements). Rules take nothing away from any of these users: {summarize(contested)}."
        )
    return warnings


def unowned_warnings(
    unowned: Iterable[Mailbox], deleted: Mapping[str, User], recycle_bin: str, alive: Collection[str] = ()
) -> list[str]:
    """What to do about mailboxes whose users are not known, a sentence for each kind, with the first names.

    Of soft-deleted ones whose user is certainly gone there is nothing to do, and none: ``kept_texts`` names them.
    ``deleted``: users in the recycle bin, by id. ``recycle_bin``: ``ok``, or why it could not be read. ``alive``: the
    guids of soft-deleted mailboxes without an id that have the name of a user in the directory.
    """
    strays, gone, soft, nameless = list[Mailbox](), list[Mailbox](), list[Mailbox](), list[Mailbox]()
    for box in unowned:
        if box.recipient_type is RecipientType.SOFT_DELETED:
            (soft if box.user_id else nameless).append(box)
        else:
            (gone if box.user_id else strays).append(box)
    found = [_nameless_warning(nameless, alive)] if nameless else []
    if soft and recycle_bin != "ok":
        found.append(
            f"{_count(soft, 'soft-deleted mailbox', 'soft-deleted mailboxes')} cannot be licensed, as the user of each "
            "is not in the directory, and whether it is in the recycle bin and can be restored is not known "
            f"({recycle_bin or 'not read'}): {summarize(kept_texts(soft))}."
        )
    if strays:
        found.append(
            f"{_count(strays, 'mailbox', 'mailboxes')} in use cannot be assessed, because each names no user "
            "(ExternalDirectoryObjectId is empty), and its user principal name is that of no user, or of one with "
            f"another mailbox: {summarize(sorted(map(_name_of, strays)))}. Find their users in Exchange."
        )
    if gone:
        names = sorted(_name_of(box) + _restorable(deleted.get(box.user_id)) for box in gone)
        found.append(
            f"{_count(gone, 'mailbox', 'mailboxes')} in use cannot be licensed, because Graph does not show the "
            f"user of each: {summarize(names)}. Restore these users, or find the users of the mailboxes in Exchange."
        )
    return found


def _nameless_warning(boxes: list[Mailbox], alive: Collection[str]) -> str:
    """Of soft-deleted mailboxes that name no user."""
    whose = []
    for there, owner in ((True, "a user in the directory"), (False, "no user in the directory")):
        if names := [_kept(box) for box in sorted(boxes, key=_by_end) if (box.guid in alive) is there]:
            whose.append(f"its user principal name is that of {owner}: {summarize(names)}")
    return (
        f"{_count(boxes, 'soft-deleted mailbox names', 'soft-deleted mailboxes name')} no user "
        f"(ExternalDirectoryObjectId is empty), so no license is known to restore it; {'; '.join(whose)}. Find out "
        "in Exchange whose it was. New-MailboxRestoreRequest copies the content of such a mailbox to another one."
    )


def _by_end(box: Mailbox) -> tuple[str, str]:
    return str(box.soft_deleted or ""), _name_of(box)


def _count(boxes: list[Mailbox], one: str, many: str) -> str:
    return f"{len(boxes)} {one if len(boxes) == 1 else many}"


def _name_of(box: Mailbox) -> str:
    return box.user_principal_name or box.primary_smtp_address or box.guid


def kept_texts(boxes: Iterable[Mailbox]) -> list[str]:
    """The names of the soft-deleted ones among these mailboxes, and until when Exchange keeps them; the soonest first.

    The user of each is gone, so that no license helps; New-MailboxRestoreRequest copies the content elsewhere.
    """
    soft = (box for box in boxes if box.recipient_type is RecipientType.SOFT_DELETED)
    return [_kept(box) for box in sorted(soft, key=_by_end)]


def _kept(box: Mailbox) -> str:
    if box.soft_deleted is None:
        return _name_of(box)
    return f"{_name_of(box)} (kept until {box.soft_deleted + timedelta(days=DISCONNECTED_DAYS):%Y-%m-%d})"


def _restorable(user: User | None) -> str:
    if user is None or user.deleted is None:
        return ""
    return f" (in the recycle bin until {user.deleted + timedelta(days=DELETED_USER_DAYS):%Y-%m-%d})"


def takes_away(user: User, change: LicenseChange) -> bool:
    """Does the change remove a license, or switch off a plan of one that the user has?"""
    off = {state.sku_id: state.disabled_plans for state in user.license_states if state.direct}
    return bool(change.remove) or any(
        item.sku_id in off and item.disabled_plans - off[item.sku_id] for item in change.add
    )
