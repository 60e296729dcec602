# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many seats are left, and what one costs."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import resolve_reserve
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Assignment,
    LicenseChange,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.seats import Seats, seats_needed

from tests.unit.support.sample_tenant import (
    EMS,
    SKUS,
    SPE_E3,
    SPE_E5,
    TEAMS,
    direct,
    inherited,
    user,
)


@pytest.mark.parametrize(
    ("sku", "reserve", "use_warning", "left"),
    [
        (Sku("x", "X", enabled=10, consumed=4), 0, False, 6),
        (Sku("x", "X", enabled=10, consumed=4), 5, False, 1),
        (Sku("x", "X", enabled=10, consumed=4), 50, False, 0),
        (Sku("x", "X", enabled=10, consumed=14), 0, False, 0),
        (Sku("x", "X", enabled=10, warning=5, consumed=10), 0, False, 0),
        (Sku("x", "X", enabled=10, warning=5, consumed=10), 0, True, 5),
        (Sku("x", "X", enabled=0, suspended=25, locked_out=3), 0, True, 0),
        (Sku("x", "X", capability_status="Suspended", enabled=10), 0, True, 0),
        (Sku("x", "X", capability_status="Warning", warning=10), 0, True, 10),
        (Sku("x", "X", applies_to="Company", enabled=10), 0, False, 0),
    ],
)
def test_left(sku: Sku, reserve: int, use_warning: bool, left: int) -> None:
    assert Seats([sku], {"x": reserve}, use_warning).left("x") == left


def test_a_sku_the_tenant_does_not_have_has_no_seats() -> None:
    assert Seats([]).left("x") == 0
    assert not Seats([]).take("x")


def test_seats_are_taken_one_by_one() -> None:
    seats = Seats([Sku("x", "X", enabled=2)])
    assert [seats.take("x") for _unused in range(3)] == [True, True, False]
    assert (seats.left("x"), seats.taken("x")) == (0, 2)


def test_all_or_nothing() -> None:
    seats = Seats([Sku("x", "X", enabled=2), Sku("y", "Y", enabled=0)])
    assert not seats.take_all(["x", "y"])
    assert seats.left("x") == 2
    assert seats.missing(["x", "y"]) == ("y",)
    assert seats.take_all([])


def test_shortage_says_how_many() -> None:
    seats = Seats([Sku("x", "X", enabled=8), Sku("y", "Y", enabled=1)], {"x": 5})
    (short,) = seats.shortage({"x": 12, "y": 1})
    assert (short.sku_id, short.needed, short.left, short.reserved) == ("x", 12, 3, 5)
    assert short.sentence("SPE_E3") == "SPE_E3: 12 seats needed, 3 left (5 held back by seat_reserve)"


@pytest.mark.parametrize(
    ("who", "needed"),
    [
        (user("a"), (SPE_E3,)),
        (user("a", direct(SPE_E3, TEAMS)), ()),
        (user("a", inherited(SPE_E3)), ()),
        (user("a", inherited(SPE_E3, state="Error")), (SPE_E3,)),
    ],
)
def test_who_holds_the_sku_needs_no_seat(who: User, needed: tuple[str, ...]) -> None:
    assert seats_needed(who, LicenseChange(who.id, add=(Assignment(SPE_E3),), remove=(EMS,))) == needed


def test_the_reserve_is_named_like_any_sku() -> None:
    assert resolve_reserve({"spe_e3": 5, SPE_E5: "2"}, SKUS, BUILTIN) == {SPE_E3: 5, SPE_E5: 2}
    assert resolve_reserve(None, SKUS, BUILTIN) == {}


@pytest.mark.parametrize(
    ("raw", "messages"),
    [
        ([], ["seat_reserve: expected a dictionary"]),
        ({"SPE_E4": 1}, ["seat_reserve.SPE_E4: the tenant has no SKU", "SPE_E3"]),
        ({"SPE_E3": -1}, ["seat_reserve.SPE_E3: expected a whole number of seats"]),
        ({"SPE_E3": "many"}, ["'many'"]),
        ({"SPE_E3": True}, ["expected a whole number"]),
        ({"SPE_E3": 1, SPE_E3: 2}, ["named twice"]),
    ],
)
def test_a_reserve_that_is_wrong(raw: Any, messages: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve_reserve(raw, SKUS, BUILTIN)
    for message in messages:
        assert message in str(caught.value)
