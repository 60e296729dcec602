# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``$filter`` of the tenant against Microsoft's table of what can be filtered, and Graph's own words of refusal."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.simulator import graph_groups, graph_users
from tests.simulator.tests.direct_requests import E3, EXCHANGE_PLAN2, GRAPH, Harness

TABLE = Path(__file__).resolve().parents[3] / "data" / "graph_filter_support.csv"
KEPT = {"user": graph_users.KNOWN_V1, "group": graph_groups.FILTERED}
TRUE_OR_FALSE = ("Enabled", "isResourceAccount", "showInAddressList", "isAssignableToRole", "LicenseErrors")
HINT = (
    "Operator '{}' is not supported because the required parameters might be missing. Try adding $count=true query "
    "parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more "
    "information"
)


def _literal(prop: str) -> str:
    if prop.rstrip(")").endswith(TRUE_OR_FALSE):
        return "true"
    if prop.rstrip(")").endswith(("skuId", "servicePlanId", "a/id")):
        return str(uuid4())
    return "2026-01-01T00:00:00Z" if prop.endswith(("DateTime", "employeeHireDate")) else "'x'"


def _conditions(prop: str) -> dict[str, str]:
    """A condition for each column of the table."""
    if prop.endswith("/$count"):
        return {"count_eq_0": f"{prop} eq 0", "count_eq_1": f"{prop} eq 1"}
    path, _mark, rest = prop.partition("/any(")
    inner = rest.removesuffix(")").partition(":")[2] if rest else path
    tests = {
        "eq": f"{inner} eq {_literal(prop)}",
        "startsWith": f"startsWith({inner},'x')",
        "ge_le": f"{inner} ge 2026-01-01T00:00:00Z",
        "eq_null": f"{inner} eq null",
    }
    return {column: f"{path}/any({rest[0]}:{test})" if rest else test for column, test in tests.items()}


def _cells() -> Iterator[tuple[str, str, str, str]]:
    """Resource, property, condition, and what the table says of it."""
    with TABLE.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            for column, condition in _conditions(row["property"]).items():
                if row["property"] != "isLicenseReconciliationNeeded":
                    yield row["object"], row["property"], condition, row[column]


@pytest.fixture(scope="module")
def env() -> Harness:
    return Harness()


def test_each_property_and_operator_of_the_table(env: Harness) -> None:
    seen = 0
    for resource, prop, condition, support in _cells():
        kept = prop.partition("/")[0] in KEPT[resource]
        for advanced in (False, True):
            answer = env.find(condition, advanced=advanced, what=f"{resource}s")
            if support == "default" or (support == "advanced" and advanced):
                expected = 200 if kept else 501
            else:
                expected = 400
                assert answer.code == "Request_UnsupportedQuery"
            assert answer.status == expected, (condition, advanced, answer.body)
            seen += 1
    assert seen > 700


@pytest.mark.parametrize("column", ["eq 'x'", "ne 'x'", "in ('x')"])
def test_a_property_that_is_not_in_the_table_cannot_be_filtered(env: Harness, column: str) -> None:
    answer = env.find(f"licenseAssignmentStates/any(l:l/state {column})", advanced=True)
    assert answer.status == 400
    assert answer.message == (
        "Unsupported or invalid query filter clause specified for property 'licenseAssignmentStates' of resource "
        "'User'."
    )


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_unknown_property_is_named(env: Harness, version: str) -> None:
    answer = env.find("shoeSize eq '46'", version=version)
    assert (answer.status, answer.code) == (501, "NotSimulated")
    assert "shoeSize" in answer.message


class TestAdvanced:
    """Queries that take ``ConsistencyLevel: eventual`` and ``$count=true``."""

    @pytest.mark.parametrize(
        ("text", "operator"),
        [
            ("city ne 'Wien'", "ne"),
            ("not(city eq 'Wien')", "not"),
            ("endsWith(userPrincipalName,'contoso.example')", "endsWith"),
            ("endswith(mail,'contoso.example')", "endsWith"),
        ],
    )
    def test_operators_say_what_they_miss(self, env: Harness, text: str, operator: str) -> None:
        answer = env.find(text)
        assert (answer.status, answer.code) == (400, "Request_UnsupportedQuery")
        assert answer.message == HINT.format(operator)
        assert env.find(text, advanced=True).status == 200

    def test_ends_with_works_on_addresses_alone(self, env: Harness) -> None:
        assert env.find("endsWith(displayName,'a')", advanced=True).code == "Request_UnsupportedQuery"

    def test_header_alone_and_count_alone_are_not_enough(self, env: Harness) -> None:
        text = "$filter=companyName eq 'x'&$select=id"
        assert env.ask(f"/users?{text}&$count=true").status == 400
        assert env.ask(f"/users?{text}", headers={"ConsistencyLevel": "eventual"}).status == 400
        both = env.ask(f"/users?{text}&$count=true", headers={"consistencylevel": "Eventual"})
        assert both.body["@odata.count"] == 0

    def test_count_without_the_header_is_silently_ignored(self, env: Harness) -> None:
        answer = env.ask("/users?$count=true&$select=id")
        assert answer.status == 200
        assert "@odata.count" not in answer.body

    def test_the_segment_count_needs_the_header(self) -> None:
        env = Harness()
        env.user(city="Wien")
        env.user("bert", city="Linz")
        refused = env.ask("/users/$count")
        assert (refused.code, refused.message) == ("Request_BadRequest", "$count is not currently supported.")
        header = {"ConsistencyLevel": "eventual"}
        assert env.ask("/users/$count", headers=header).body == b"2"
        assert env.ask("/users/$count?$filter=city ne 'Wien'", headers=header).body == b"1"

    def test_reconciliation_is_beta_and_never_advanced(self) -> None:
        env = Harness()
        waiting = env.user(isLicenseReconciliationNeeded=True)
        env.user("bert")
        text = "isLicenseReconciliationNeeded eq true"
        assert [user["id"] for user in env.find(text, version="beta").value] == [waiting["id"]]
        assert env.find(text).status == 400
        assert env.find(text, version="beta", advanced=True).status == 400
        assert env.find("isLicenseReconciliationNeeded eq false", version="beta").status == 400
        assert env.find("isLicenseReconciliationNeeded ne true", version="beta").status == 400


class TestClauses:
    """At most 15 in one OR, or values of one ``in``."""

    @pytest.mark.parametrize(
        "text",
        [
            " or ".join(["id eq '{}'"] * 15),
            "id in (" + ",".join(["'{}'"] * 15) + ")",
            "(" + " or ".join(["city eq '{}'"] * 15) + ") and (" + " or ".join(["country eq '{}'"] * 15) + ")",
        ],
    )
    def test_fifteen_are_allowed(self, env: Harness, text: str) -> None:
        assert env.find(text).status == 200

    @pytest.mark.parametrize(
        ("text", "count"),
        [
            (" or ".join(["id eq '{}'"] * 18), 18),
            ("id in (" + ",".join(["'{}'"] * 16) + ")", 16),
            ("id in (" + ",".join(["'{}'"] * 15) + ") or id eq 'x'", 16),
        ],
    )
    def test_more_are_refused(self, env: Harness, text: str, count: int) -> None:
        answer = env.find(text)
        assert (answer.status, answer.code) == (400, "Request_UnsupportedQuery")
        assert answer.message == (
            "Too many child clauses specified in search filter expression containing 'OR' operators: "
            f"{count}. Max allowed: 15."
        )


@pytest.fixture(scope="module")
def people() -> Harness:
    env = Harness()
    env.user("anna", ("SPE_E3",), city="Wien", department="R&D", companyName=None)
    env.user("bert", ("POWER_BI_STANDARD",), city="wien", department="O'Brien's", accountEnabled=False)
    env.user("cleo", city="Linz", department=None, companyName="Contoso")
    off = env.make.state("SPE_E3", disabled=("EXCHANGE_S_ENTERPRISE",))
    env.user("dora", states=[off], city=None, department="50% #1")
    return env


class TestMeaning:
    """What a filter finds."""

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("city eq 'WIEN'", "anna bert"),
            ("city in ('Wien','Linz')", "anna bert cleo"),
            ("city in ('Linz')", "cleo"),
            ("startsWith(city,'wi')", "anna bert"),
            ("department eq 'O''Brien''s'", "bert"),
            ("department eq 'R&D'", "anna"),
            ("department in ('50% #1','R&D')", "anna dora"),
            ("accountEnabled eq false", "bert"),
            ("accountEnabled eq false and city eq 'Linz'", ""),
            ("city eq 'Wien' and (department eq 'R&D' or accountEnabled eq false)", "anna bert"),
            ("userPrincipalName eq 'ANNA@contoso.example'", "anna"),
            ("userPrincipalName in ('anna@contoso.example','nobody@contoso.example')", "anna"),
            (f"assignedLicenses/any(l:l/skuId eq {E3.id})", "anna dora"),
            (f"assignedLicenses/any(l:l/skuId eq {E3.id.upper()})", "anna dora"),
            ("city eq 'x' or true eq true", None),
        ],
    )
    def test_default(self, people: Harness, text: str, found: str | None) -> None:
        self._check(people, text, found, advanced=False)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("city ne 'wien'", "cleo dora"),
            ("not(city in ('Wien','Linz'))", "dora"),
            ("NOT startsWith(city,'W')", "cleo dora"),
            ("city eq null", "dora"),
            ("department ne null", "anna bert dora"),
            ("assignedLicenses/$count eq 0", "cleo"),
            ("assignedLicenses/$count ne 0", "anna bert dora"),
            ("endsWith(userPrincipalName,'@CONTOSO.example') and city eq 'Linz'", "cleo"),
            (
                f"assignedPlans/any(p:p/servicePlanId eq {EXCHANGE_PLAN2} and p/capabilityStatus eq 'Enabled')",
                "anna",
            ),
            (
                "assignedLicenses/$count ne 0 and not assignedPlans/any("
                f"p:p/servicePlanId eq {EXCHANGE_PLAN2} and p/capabilityStatus eq 'Enabled')",
                "bert dora",
            ),
            ("id ne '00000000-0000-0000-0000-000000000000'", "anna bert cleo dora"),
        ],
    )
    def test_advanced(self, people: Harness, text: str, found: str) -> None:
        self._check(people, text, found, advanced=True)

    def _check(self, env: Harness, text: str, found: str | None, *, advanced: bool) -> None:
        answer = env.find(text, advanced=advanced)
        if found is None:
            assert answer.status == 400
            return
        by_id = {user["id"]: user["mailNickname"] for user in env.world.users.values()}
        assert sorted(by_id[item["id"]] for item in answer.value) == found.split()
        if advanced:
            assert answer.body["@odata.count"] == len(answer.value)


class TestSyntax:
    """What is no filter is 400, not a traceback and not an empty list."""

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "city",
            "city eq",
            "city eq Wien'",
            "city eq 'O'Brien'",
            "(city eq 'x'",
            "city eq 'x')",
            "eq eq eq",
            "🚀",
            "'",
        ],
    )
    def test_broken(self, env: Harness, text: str) -> None:
        assert env.find(text).status == 400

    @pytest.mark.parametrize("text", ["accountEnabled eq 'true'", "city eq 5", "createdDateTime ge 'x'"])
    def test_wrong_type(self, env: Harness, text: str) -> None:
        assert env.find(text).status == 400

    @pytest.mark.parametrize("text", ["city in ('x',null)", "id in (null)"])
    def test_null_in_a_list_is_not_known(self, env: Harness, text: str) -> None:
        assert env.find(text).status == 501

    def test_a_deep_one(self, env: Harness) -> None:
        assert env.find("(" * 3000 + "city eq 'x'" + ")" * 3000).status in (200, 400)

    @pytest.mark.parametrize("option", ["$orderby=displayName", "$expand=manager", "$search=x", "$skip=5", "$format=x"])
    def test_query_options_that_are_not_simulated(self, env: Harness, option: str) -> None:
        answer = env.ask(f"{GRAPH}/v1.0/users?{option}")
        assert answer.status == 501
        assert option.partition("=")[0] in answer.message
