# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and licenses at random, and what the module does with them."""

from __future__ import annotations

from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._assign.workflow import UsersFailed
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from hypothesis import strategies as st

from tests.functional.support.assign_harness import Harness
from tests.simulator.skus import table
from tests.simulator.state import Json

SKUS = ("SPE_E3", "SPE_E5", "EMS", "POWER_BI_STANDARD", "EXCHANGESTANDARD", "EXCHANGEARCHIVE_ADDON")
PLANS: dict[str, list[str]] = {
    name: [plan.name for plan in table()[name].plans if not plan.company][:6] for name in SKUS
}
"""Some plans of each, so that examples meet each other."""


@st.composite
def assignments(draw: st.DrawFn) -> dict[str, Any]:
    """One entry of licenseAssignmentStates."""
    sku = draw(st.sampled_from(SKUS))
    state = draw(st.sampled_from(["Active", "Active", "Active", "Active", "ActiveWithError", "Error", "Disabled"]))
    return {
        "sku": sku,
        "off": draw(st.lists(st.sampled_from(PLANS[sku]), max_size=3, unique=True)),
        "group": draw(st.sampled_from([False, False, True])),
        "state": state,
        "error": "Other" if state == "Error" else "None",
    }


def one_way_each(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """No SKU twice by the same way."""
    return list({(item["sku"], item["group"]): item for item in found}.values())


PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "held": st.lists(assignments(), max_size=3).map(one_way_each),
            "location": st.sampled_from([None, "DE", "FR", "DE"]),
        }
    ),
    min_size=1,
    max_size=5,
)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """One element of ``licenses``."""
    sku = draw(st.sampled_from(SKUS))
    kind = draw(st.sampled_from(["", "", "disabled_plans", "enabled_plans"]))
    entry: dict[str, Any] = {"sku": sku}
    if kind:
        entry[kind] = draw(st.lists(st.sampled_from(PLANS[sku]), max_size=3, unique=True))
    return entry


LICENSES: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    entries(), min_size=1, max_size=2, unique_by=lambda item: item["sku"]
)
WISHES = st.fixed_dictionaries(
    {
        "licenses": LICENSES,
        "state": st.sampled_from(["present", "present", "exact", "absent"]),
        "usage_location": st.sampled_from([None, "DE", "at"]),
        "force": st.booleans(),
        "on_insufficient_seats": st.sampled_from(["fail", "skip"]),
        "on_error": st.sampled_from(["fail", "continue"]),
        "allow_uncovered": st.booleans(),
    }
)
SEATS = st.sampled_from([100, 100, 2, 1, 0])


def build(env: Harness, people: list[dict[str, Any]]) -> list[str]:
    """Put these people into the tenant; their names, one of them twice."""
    groups: dict[str, str] = {}
    names = []
    for number, person in enumerate(people):
        held = []
        for item in person["held"]:
            more = {"state": item["state"], "error": item["error"]}
            if item["group"]:
                more["group"] = groups.setdefault(item["sku"], env.make.group(f"sg-{item['sku']}"))
            held.append(env.held(item["sku"], *item["off"], **more))
        names.append(env.person(f"user{number}", *held, location=person["location"]))
    return [*names, names[0].upper()]


def outcome(env: Harness, names: list[str], wish: dict[str, Any], *, check_mode: bool) -> Json:
    """The result, also of a task that failed, without what check mode cannot know."""
    licenses = wish["licenses"]
    if wish["state"] == "absent":
        licenses = [{"sku": item["sku"]} for item in licenses]
    options = {
        name: wish[name] for name in ("state", "usage_location", "on_insufficient_seats", "on_error", "allow_uncovered")
    }
    options["usage_location_force"] = wish["force"] and wish["usage_location"] is not None
    failure: Json = {}
    try:
        result = env.run(names, *licenses, check_mode=check_mode, **options)
    except UsersFailed as error:
        result, failure = dict(error.partial), {"code": error.code}
    except ConfigurationError as error:
        result, failure = {}, {"problems": error.problems}
    users = [
        {
            **{key: row[key] for key in ("user_principal_name", "status", "before", "after")},
            # only check mode says what cannot be foreseen
            "notes": [note for note in row["notes"] if not (check_mode and "cannot be foreseen" in note)],
            "error": row["error"] and row["error"]["code"],
        }
        for row in result.get("users", ())
    ]
    rest = {key: result.get(key) for key in ("changed", "diff", "shortage", "uncovered", "without_usage_location")}
    return {"users": users, **rest, **failure}
