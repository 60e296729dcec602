# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``--diff`` shows of each user."""

from __future__ import annotations

from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._reporting.diff import diff_of


def license_row(sku: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"sku": sku, "sku_id": f"id-{sku}", "disabled_plans": [], "via": "direct", "group_id": None}
    return {**row, "state": "Active", **more}


def described(*licenses: dict[str, Any], location: str | None = "DE") -> dict[str, Any]:
    return {"usage_location": location, "licenses": [*licenses]}


def test_a_swap_has_a_line_on_each_side() -> None:
    found = diff_of([("anna", described(license_row("EMS")), described(license_row("SPE_E3")))])
    assert found == {"before": "anna: - EMS\n", "after": "anna: + SPE_E3\n"}


def test_what_stays_has_no_line() -> None:
    held = described(license_row("EMS"))
    assert diff_of([("anna", held, held)]) == {"before": "", "after": ""}


def test_several_licenses_share_a_line() -> None:
    added = described(license_row("EMS"), license_row("SPE_E3"))
    assert diff_of([("anna", described(), added)]) == {"before": "", "after": "anna: + EMS; + SPE_E3\n"}


def test_a_changed_usage_location_stands_on_both_sides() -> None:
    found = diff_of([("anna", described(location="DE"), described(location="FR"))])
    assert found == {"before": "anna: usage location DE\n", "after": "anna: usage location FR\n"}


def test_a_missing_usage_location_is_not_shown() -> None:
    assert diff_of([("anna", described(location=None), described())])["before"] == ""
    assert diff_of([("anna", described(), described(location=None))])["after"] == ""


def test_users_are_sorted_by_name() -> None:
    change = (described(), described(license_row("EMS")))
    found = diff_of([("berta", *change), ("anna", *change)])
    assert found["after"] == "anna: + EMS\nberta: + EMS\n"


def test_plans_group_and_state_follow_the_license() -> None:
    row = license_row("SPE_E3", disabled_plans=["TEAMS1", "SWAY"], via="group", group_id="g", state="Error")
    found = diff_of([("anna", described(), described(row))])
    assert found["after"] == "anna: + SPE_E3 without TEAMS1, SWAY from group g (Error)\n"


def test_two_skus_of_one_part_number_are_told_apart() -> None:
    other = license_row("SPE_E3", sku_id="another")
    found = diff_of([("anna", described(license_row("SPE_E3")), described(other))])
    assert found == {"before": "anna: - SPE_E3\n", "after": "anna: + SPE_E3\n"}
