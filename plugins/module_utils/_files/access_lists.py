# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""POSIX access control lists of files and directories: which named users and groups may write.

Where there is such a list, the bits of the group in a mode are its mask, and say nothing of the group.
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

ATTRIBUTE = "system.posix_acl_access"
_HEAD, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_VERSION, _WRITE = 2, 2
_USER, _OWN_GROUP, _GROUP, _MASK = 2, 4, 8, 16
"""Tags of entries [acl(5)]: a named user, the group of the file, a named group, and what limits all three."""


class Writers(NamedTuple):
    """Who may write beside the owner and everybody."""

    own_group: bool
    users: tuple[int, ...]
    groups: tuple[int, ...]


def writers_of(place: str | int) -> Writers | None:
    """What the list of a file says; None where it has no list, or the system knows none. Links are followed."""
    try:
        content = os.getxattr(place, ATTRIBUTE)
    except (AttributeError, OSError):
        return None
    return parse(content)


def parse(content: bytes) -> Writers | None:
    """The list in its binary form, as the kernel gives it; None for another form."""
    body = content[_HEAD.size :]
    if len(content) < _HEAD.size or len(body) % _ENTRY.size or _HEAD.unpack_from(content)[0] != _VERSION:
        return None
    entries = list(_ENTRY.iter_unpack(body))
    mask = next((right for tag, right, _number in entries if tag == _MASK), _WRITE)
    may_write = [(tag, number) for tag, right, number in entries if right & mask & _WRITE]
    return Writers(
        any(tag == _OWN_GROUP for tag, _number in may_write),
        tuple(number for tag, number in may_write if tag == _USER),
        tuple(number for tag, number in may_write if tag == _GROUP),
    )
