# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of variables with one wrong character, or two."""

from __future__ import annotations

import random
import string

from ansible_collections.m365.licensing.plugins.plugin_utils._variables import LICENSE_STATE, M365

LETTERS = string.ascii_lowercase + string.digits + "_-"


def single_errors(name: str, *, upper: bool = False) -> set[str]:
    """Every name with one character too few, too many, wrong, or two in the wrong order."""
    letters = LETTERS.upper() if upper else LETTERS
    places = range(len(name))
    found = {name[:place] + name[place + 1 :] for place in places}
    found |= {name[:place] + letter + name[place + 1 :] for place in places for letter in letters}
    found |= {name[:place] + letter + name[place:] for place in (*places, len(name)) for letter in letters}
    found |= {name[:place] + name[place + 1] + name[place] + name[place + 2 :] for place in places[:-1]}
    return found - {name} - M365 - LICENSE_STATE


def two_errors(name: str, chance: random.Random, number: int) -> list[str]:
    """Some names with an error in a name that has one already; two underscores begin what a role keeps to itself."""
    ones = sorted(single_errors(name))
    found = {_with_an_error(chance.choice(ones), chance) for _each in range(number)}
    return sorted(wrong for wrong in found - {name} - M365 - LICENSE_STATE if wrong[:2] != "__")


def _with_an_error(name: str, chance: random.Random) -> str:
    """A name with a character removed, replaced, inserted, or exchanged with the next one."""
    place, letter = chance.randrange(len(name)), chance.choice(LETTERS)
    before, after = name[:place], name[place + 1 :]
    return chance.choice(
        (
            before + after,
            before + letter + after,
            before + letter + name[place:],
            before + after[:1] + name[place] + after[1:],
        )
    )
