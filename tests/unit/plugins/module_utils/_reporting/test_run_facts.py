# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a result and a report say of the run itself."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.version import COLLECTION_VERSION
from ansible_collections.m365.licensing.plugins.module_utils._reporting.run_facts import (
    GUARDS,
    head_facts,
    rules_digest,
    run_facts,
)

from tests.unit.support.sample_tenant import NOW

TENANT = {"initial_domain": "contoso.onmicrosoft.com", "display_name": "Contoso", "id": "t-1"}


def facts(**more: Any) -> dict[str, Any]:
    return run_facts("audit", **{"application": "app", "time": NOW, **more})


def test_a_run_tells_its_mode_version_and_time() -> None:
    assert facts() == {
        "mode": "audit",
        "check_mode": False,
        "validate_certs": True,
        "application": "app",
        "collection_version": COLLECTION_VERSION,
        "time": NOW,
    }


def test_a_run_without_application_says_none() -> None:
    assert facts(application="")["application"] is None


def test_rules_and_guards_of_the_task_are_told() -> None:
    found = facts(params={"rules": [], "max_changes": 5, "protected": ["a"], "users": ["b"]})
    assert found["rules_digest"] == rules_digest([])
    assert found["guards"] == {"max_changes": 5, "protected": ["a"]}


def test_without_rules_there_is_no_digest() -> None:
    found = facts(params={"rules": None})
    assert "rules_digest" not in found
    assert found["guards"] == {}


def test_every_guard_is_told() -> None:
    expected = (
        "max_changes max_covered_seats protected allow_removals seat_reserve use_warning_seats license_guests "
        "allow_incomplete expect_digest fail_on fail_within_days"
    )
    assert list(facts(params={"rules": None, **dict.fromkeys(GUARDS, 1)})["guards"]) == expected.split()


def test_the_digest_is_that_of_canonical_json() -> None:
    assert rules_digest([]) == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
    assert rules_digest([{"a": 1, "b": "ä"}]) == rules_digest([{"b": "ä", "a": 1}])
    assert rules_digest([{"b": "ä"}]) == "2b4282ba433491eaae9f94231c4a10e9130fe7a18ee12e99ce8e131ca05780d7"


def test_the_head_of_a_report_names_tenant_and_run() -> None:
    run = facts(check_mode=True, validate_certs=False, params={"rules": [], "max_changes": 5})
    assert head_facts(TENANT, run) == {
        "tenant": "contoso.onmicrosoft.com, Contoso, t-1",
        "application": "app",
        "mode": "audit, in check mode",
        "certificates": "NOT VERIFIED (validate_certs is false)",
        "run began": "2026-06-15T12:00:00Z",
        "collection version": COLLECTION_VERSION,
        "rules (SHA-256)": rules_digest([]),
        "guards": "max_changes: 5",
    }


def test_the_head_leaves_out_what_is_not_there() -> None:
    assert head_facts(None, None) == {}
    found = head_facts({"initial_domain": "", "display_name": "", "id": ""}, facts(application=""))
    assert found["tenant"] == found["application"] == "not known"
    assert found["mode"] == "audit"
    assert not {"certificates", "rules (SHA-256)", "guards"} & found.keys()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (False, "no"),
        (None, "none"),
        (7, "7"),
        ([], "none"),
        (["a", "b"], "a, b"),
        ({"E3": 2, "E5": 1}, "E3 2, E5 1"),
    ],
)
def test_guards_are_written_as_words(value: Any, text: str) -> None:
    found = head_facts(None, facts(params={"rules": None, "fail_on": value, "max_changes": 3}))
    assert found["guards"] == f"max_changes: 3; fail_on: {text}"
