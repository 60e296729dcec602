# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a user, as read back, show a change? What is left of it, and what the service did besides. Pure: no I/O.

``carried_only`` has to come first: the service may go on showing a plan as off that the SKU no longer carries, or that
now applies to the whole company, and refuses such a plan in a request.
"""

from __future__ import annotations

from collections.abc import Mapping

from .models import Assignment, LicenseChange, Sku, User


def carried_only(user: User, skus: Mapping[str, Sku]) -> User:
    """The user without disabled plans that their SKU, as the tenant has it today, does not carry for users."""
    if all(_carried(state.sku_id, state.disabled_plans, skus) for state in user.license_states):
        return user
    states = [
        state
        if _carried(state.sku_id, state.disabled_plans, skus)
        else state._replace(disabled_plans=state.disabled_plans & skus[state.sku_id].user_plan_ids)
        for state in user.license_states
    ]
    return user._replace(license_states=tuple(states))


def _carried(sku_id: str, plans: frozenset[str], skus: Mapping[str, Sku]) -> bool:
    return not plans or sku_id not in skus or plans <= skus[sku_id].user_plan_ids


def shows(user: User, change: LicenseChange, before: User | None = None) -> bool:
    """Does ``user``, as read back, show ``change``? Plans that the service switched off besides are tolerated.

    ``before`` is the user as it was when the change was made: with it, an old replica that still shows a plan as
    off that the change switches on is not taken for a confirmation.
    """
    direct = {item.sku_id: item for item in user.license_states if item.direct}
    was_off = {item.sku_id: item.disabled_plans for item in (before.license_states if before else ()) if item.direct}
    for item in change.add:
        state = direct.get(item.sku_id)
        if state is None or not state.effective or not item.disabled_plans <= state.disabled_plans:
            return False
        if (was_off.get(item.sku_id, frozenset()) - item.disabled_plans) & state.disabled_plans:
            return False
    if any(sku_id in direct for sku_id in change.remove):
        return False
    return change.usage_location is None or same_text(user.usage_location, change.usage_location)


def still_to_do(change: LicenseChange, before: User, user: User) -> LicenseChange:
    """What of ``change`` (made for the user as it was ``before``) the user as it is now does not show yet.

    A location that was missing is not set where somebody else has set one since; one that is to be replaced, is. Plans
    that somebody else has switched since, and the change does not speak of, stay as they are now.
    """
    found_elsewhere = bool(user.usage_location) and not before.usage_location
    location_done = found_elsewhere or same_text(user.usage_location, change.usage_location)
    direct = {state.sku_id for state in user.license_states if state.direct}
    return LicenseChange(
        change.user_id,
        add=tuple(
            _merged(item, before, user)
            for item in change.add
            if not shows(user, LicenseChange(user.id, add=(item,)), before)
        ),
        remove=tuple(sku_id for sku_id in change.remove if sku_id in direct),
        usage_location=None if location_done else change.usage_location,
    )


def _merged(item: Assignment, before: User, now: User) -> Assignment:
    """The assignment with what it changes, and all other plans as somebody else has set them since ``before``."""
    was, off = (
        next(
            (state.disabled_plans for state in user.license_states if state.direct and state.sku_id == item.sku_id),
            None,
        )
        for user in (before, now)
    )
    if off is None or off == was:
        return item
    was = was or frozenset()
    return Assignment(item.sku_id, (off | (item.disabled_plans - was)) - (was - item.disabled_plans))


def extra_disabled(user: User, change: LicenseChange) -> dict[str, frozenset[str]]:
    """What the service switched off besides the change: plan ids by SKU id, only SKUs with such plans."""
    direct = {item.sku_id: item.disabled_plans for item in user.license_states if item.direct}
    extra = {item.sku_id: direct.get(item.sku_id, frozenset()) - item.disabled_plans for item in change.add}
    return {sku_id: plans for sku_id, plans in extra.items() if plans}


def same_text(left: str | None, right: str | None) -> bool:
    """Are two texts of the directory the same but for case and blanks? Null is as good as nothing."""
    return (left or "").strip().casefold() == (right or "").strip().casefold()
