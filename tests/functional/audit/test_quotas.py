# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mailbox's own quota is a witness of the room that a license has, and never the only one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.support.fit_harness import BUSINESS, GB, RESOURCES, FitHarness, row_of
from tests.functional.support.plan_harness import EVERYBODY, actions, skus
from tests.functional.support.run_audit import look, rows
from tests.simulator.launch import Tenant


@pytest.fixture
def env(tenant: Tenant) -> FitHarness:
    return FitHarness(tenant)


# --- the mailbox's own quota -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("business", ["50", "100"])
def test_business_license_with_a_larger_quota_is_a_warning(env: FitHarness, business: str) -> None:
    env.world.switches.business_quota = business
    env.sized("anna", 60)
    row = row_of(env.apply(BUSINESS))
    assert (row["status"], row["too_small"]) == ("changed", True)
    (warning,) = row["warnings"]
    assert "50 GB" in warning
    assert "100 GB" in warning
    assert env.apply(BUSINESS)["changed"] is False


def test_a_plan_that_surely_fits_is_preferred_to_one_that_may(env: FitHarness) -> None:
    env.sized("anna", 60)
    assert skus(env.plan({**BUSINESS, "fallback": [{"sku": "EXCHANGEENTERPRISE"}]})) == {"anna": ["EXCHANGEENTERPRISE"]}
    assert skus(env.plan({**EVERYBODY, "fallback": [{"sku": "SPB"}]})) == {"anna": ["SPB"]}


@pytest.mark.parametrize("quota", ["follows", "stays"])
def test_larger_quota_of_an_earlier_license_is_a_warning(env: FitHarness, quota: str) -> None:
    env.world.switches.quota = quota
    upn = env.sized("anna", 60)
    env.box(upn)["ProhibitSendReceiveQuota"] = "100 GB (107,374,182,400 bytes)"
    row = row_of(env.apply(EVERYBODY))
    assert row["too_small"] is True
    assert "its own quota is larger" in row["warnings"][0]
    expected = "100 GB" if quota == "stays" else "50 GB"
    assert env.box(upn)["ProhibitSendReceiveQuota"].startswith(expected)


def test_kept_business_license_of_100_gb_is_not_too_small(env: FitHarness) -> None:
    env.world.switches.business_quota = "100"
    env.person("anna", env.held("SPB"), bytes=60 * GB)
    rule = {**EVERYBODY, "licenses": [{"sku": "POWER_BI_STANDARD"}]}
    row = row_of(env.plan(rule, scope="all_users"))
    assert (row["action"], row["too_small"], row["warnings"]) == ("license", None, [])


def test_a_swap_from_a_business_license_to_plan_1_is_warned_of(env: FitHarness) -> None:
    env.world.switches.business_quota = "100"
    env.person("anna", env.held("SPB"), bytes=60 * GB)
    rule = {**EVERYBODY, "remove": ["SPB"]}
    row = row_of(env.plan(rule, scope="all_users", allow_removals=True))
    assert (row["action"], row["too_small"]) == ("license", True)


# --- shared mailboxes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["filtered", "full"])
@pytest.mark.parametrize(
    ("sku", "business", "found"),
    [("SPB", "100", []), ("SPB", "50", ["shared_over_50_gb"]), ("EXCHANGESTANDARD", "100", ["shared_over_50_gb"])],
)
def test_shared_mailbox_with_its_own_quota_is_a_warning(
    env: FitHarness, strategy: str, sku: str, business: str, found: list[str]
) -> None:
    env.world.switches.business_quota = business
    env.person("team", env.held(sku), kind="SharedMailbox", bytes=60 * GB)
    seen = look(env.tenant, sizes="always", strategy=strategy)
    assert [reason for _user, reason, _kind in rows(seen)] == found
    told = [item for item in seen.warnings if "team@" in item and "100 GB" in item]
    assert len(told) == (not found)
    assert len(seen.disagreements) == (not found)
    given = actions(env.plan(RESOURCES, shared_mailbox_sizes="always"))
    assert given == ({"team": "license"} if found else {})


def test_a_quota_alone_is_no_proof(env: FitHarness) -> None:
    """It may be that of an earlier license: the row stays, and says so."""
    upn = env.person("team", env.held("EXCHANGESTANDARD"), kind="SharedMailbox", bytes=60 * GB)
    env.box(upn)["ProhibitSendReceiveQuota"] = "100 GB (107,374,182,400 bytes)"
    (finding,) = look(env.tenant, sizes="always").findings
    assert finding.reason == "shared_over_50_gb"
    assert any("own quota" in note for note in finding.notes)


def test_archive_of_a_covered_shared_mailbox_is_a_row(env: FitHarness) -> None:
    env.world.switches.business_quota = "100"
    env.add_sku("O365_BUSINESS_PREMIUM")  # without the archiving add-on of Business Premium
    held = env.held("O365_BUSINESS_PREMIUM")
    env.person("team", held, kind="SharedMailbox", bytes=60 * GB, archive=True)
    assert [reason for _user, reason, _kind in rows(look(env.tenant, sizes="always"))] == ["shared_archive"]


def test_the_explanation_tells_of_the_room_of_a_shared_mailbox(env: FitHarness) -> None:
    env.world.switches.business_quota = "100"
    env.person("team", env.held("SPB"), kind="SharedMailbox", bytes=60 * GB)
    (box,) = env.one("team")["mailboxes"]
    assert (box["at_risk"], box["over_50_gb"]) == (False, True)
    assert "100 GB" in box["verdict"]
    assert any("100 GB" in item for item in box["disagreements"])


@pytest.mark.parametrize("quota", ["Unlimited", "", None, "nonsense", {"Value": "Unlimited"}, 0, [1]])
def test_a_quota_that_says_nothing_does_not_count(env: FitHarness, quota: Any) -> None:
    upn = env.sized("anna", 60)
    env.box(upn)["ProhibitSendReceiveQuota"] = quota
    row = row_of(env.plan(EVERYBODY))
    assert row["too_small"] is True
    assert "own quota" not in row["warnings"][0]
