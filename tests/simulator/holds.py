# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds of mailboxes: whether one exists, and whether it keeps a mailbox without a license."""

from __future__ import annotations

from collections.abc import Sequence

from tests.simulator.state import Json, World


def kept(world: World, mailbox: Json) -> bool:
    """Whether a hold keeps a mailbox connected without a license; a switch decides, as Microsoft's texts disagree."""
    return on_hold(mailbox, world.organization_holds) and world.switches.hold_keeps_mailbox


def on_hold(mailbox: Json, organization: Sequence[str] = ()) -> bool:
    """Whether any hold applies: for litigation, of a policy or case, of a label, or the delay after one of them.

    ``organization``: policies of the whole organization, from which a leading minus excludes a mailbox. A policy that
    ends in ``:1`` only deletes.
    """
    flags = ("LitigationHoldEnabled", "ComplianceTagHoldApplied", "DelayHoldApplied", "DelayReleaseHoldApplied")
    if any(mailbox[flag] for flag in flags):
        return True
    own: list[str] = [hold.casefold() for hold in mailbox["InPlaceHolds"]]
    whole = [hold.casefold() for hold in organization if hold.casefold().startswith("mbx")]
    applied = [hold for hold in own if not hold.startswith("-")]
    applied += [hold for hold in whole if f"-{hold.partition(':')[0]}" not in own]
    return any(not hold.endswith(":1") for hold in applied)
