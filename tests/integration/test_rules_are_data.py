# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rules file is data: no part of it runs, and only rules have an effect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.launch import Tenant, running
from tests.support.run_playbook import play

BOOKS = ["audit", "remediate", "explain"]


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=12, at_risk=3, seed=3) as found:
        yield found


def variables(folder: Path, content: Any) -> dict[str, Any]:
    path = folder / "licenses.yml"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return {
        "license_state_rules_file": "licenses.yml",
        "license_state_report_dir": "reports",
        "license_state_fail_on": "none",
        "license_state_shared_mailbox_sizes": "never",
        "who": "anna@contoso.example",
    }


@pytest.mark.parametrize("book", BOOKS)
def test_template_in_a_rules_file_is_not_evaluated(tenant: Tenant, tmp_path: Path, book: str) -> None:
    evil = "{{ lookup('ansible.builtin.pipe', 'touch PLACE; echo ran') }}".replace("PLACE", str(tmp_path / "ran"))
    rules = [
        {
            "name": f"All {evil}",
            "match": {"not": {"upn": "x{% for i in [1] %}y{% endfor %}"}},
            "action": "ignore",
            "reason": evil,
            "until": "2999-12-31",
        },
    ]
    user = next(iter(tenant.world.users.values()))["userPrincipalName"]
    given = variables(tmp_path, {"rules": rules}) | {"who": user}
    done = play(tenant, f"m365.licensing.{book}", tmp_path, variables=given)
    assert done.status == 0, str(done)
    assert not (tmp_path / "ran").exists()
    assert any("Nothing in a rules file is templated" in text for text in done.warnings), str(done)
    if book == "remediate":
        assert evil in (tmp_path / "reports" / "localhost.json").read_text(encoding="utf-8").encode().decode(
            "unicode_escape"
        )


@pytest.mark.parametrize("book", BOOKS)
def test_a_rules_file_sets_no_variable(tenant: Tenant, tmp_path: Path, book: str) -> None:
    tenant.clear_requests()
    content = "license_state_rules: []\nlicense_state_mode: apply\nm365_login_url: https://evil.example\n"
    done = play(tenant, f"m365.licensing.{book}", tmp_path, variables=variables(tmp_path, content))
    assert done.status == 2, str(done)
    assert "the key 'license_state_mode' is not allowed" in done.output
    assert not [request for request in tenant.requests() if "/users" in request["url"]]


def test_errors_name_the_file_and_the_place(tenant: Tenant, tmp_path: Path) -> None:
    rules = [{"name": "All", "match": {}, "licenses": [{"sku": "SPE_E33"}]}]
    done = play(tenant, "m365.licensing.remediate", tmp_path, variables=variables(tmp_path, rules))
    assert done.status == 2, str(done)
    assert f"{tmp_path / 'licenses.yml'}: rules[0].licenses[0].sku" in done.output


def test_rules_file_equals_rules_variable(tenant: Tenant, tmp_path: Path) -> None:
    rules = [{"name": "All", "match": {}, "licenses": [{"sku": "EXCHANGESTANDARD"}], "usage_location": "DE"}]
    given = variables(tmp_path, {"license_state_rules": rules})
    reports = []
    for more in (given, {**given, "license_state_rules": rules}):
        if "license_state_rules" in more:
            more.pop("license_state_rules_file")
        done = play(tenant, "m365.licensing.remediate", tmp_path, variables=more)
        assert done.status == 0, str(done)
        reports.append(json.loads((tmp_path / "reports" / "localhost.json").read_text(encoding="utf-8")))
    assert reports[0]["run"]["rules_digest"] == reports[1]["run"]["rules_digest"]
    assert reports[0]["users"] == reports[1]["users"]


def test_exactly_one_source_of_rules_is_accepted(tenant: Tenant, tmp_path: Path) -> None:
    given = variables(tmp_path, [])
    both = play(tenant, "m365.licensing.remediate", tmp_path, variables={**given, "license_state_rules": []})
    assert "license_state_rules and license_state_rules_file are both given" in both.output
    given.pop("license_state_rules_file")
    neither = play(tenant, "m365.licensing.remediate", tmp_path, variables=given)
    assert neither.status == 2
    assert "one of the following is required: license_state_rules, license_state_rules_file" in neither.output
