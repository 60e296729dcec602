# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One name is one user: names are compared by their ASCII letters, and an answer about somebody else is an error."""

from __future__ import annotations

import ast
import copy
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assign.workflow import UsersFailed
from ansible_collections.m365.licensing.plugins.module_utils._auth.options import options_from
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError, IncompleteAnswer
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered, name_key
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid
from ansible_collections.m365.licensing.plugins.module_utils._licensing.exclusions import Exclusions
from hypothesis import given
from hypothesis import strategies as st

from tests.functional.support.assign_harness import Harness, empty_tenant
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.folding import folded
from tests.simulator.launch import Tenant
from tests.simulator.state import Json
from tests.unit.support.random_examples import examples

UTILS = Path(__file__).resolve().parents[3] / "plugins" / "module_utils"
TWINS = [
    ("stra\N{LATIN SMALL LETTER SHARP S}e", "strasse"),
    ("\N{KELVIN SIGN}im", "kim"),
    ("\N{LATIN SMALL LETTER LONG S}am", "sam"),
    ("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}nci", "inci"),
    ("\N{LATIN SMALL LIGATURE FF}ion", "ffion"),
    ("m\N{LATIN CAPITAL LETTER U WITH DIAERESIS}ller", "m\N{LATIN SMALL LETTER U WITH DIAERESIS}ller"),
    ("\N{GREEK CAPITAL LETTER SIGMA}", "\N{GREEK SMALL LETTER FINAL SIGMA}"),
    ("e\N{COMBINING ACUTE ACCENT}va", unicodedata.normalize("NFC", "e\N{COMBINING ACUTE ACCENT}va")),
]
"""Names of two people that Python's ways of folding take for one."""
LETTERS = st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"))
NAMES = st.text(st.one_of(st.sampled_from("aAkKsSiI\u00df\u212a\u017f\u0130\ufb00"), LETTERS), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Tenant, Clients]]:
    with empty_tenant() as tenant, clients(tenant, concurrency=1, timeout=10_000.0) as found:
        yield tenant, found


@pytest.fixture
def env(served: tuple[Tenant, Clients]) -> Harness:
    return Harness(*served)


def person(env: Harness, local: str) -> Json:
    """A user of this name, without a license."""
    return env.make.user("Some", "Body", upn=f"{local}@contoso.example", states=[], usage_location="DE")


def licensed(env: Harness) -> set[str]:
    """The ids of those who have a license."""
    return {user_id for user_id, user in env.world.users.items() if user["licenseAssignmentStates"]}


@given(NAMES, NAMES)
@examples(300)
def test_two_names_are_one_only_by_their_ascii_letters(one: str, other: str) -> None:
    same = len(one) == len(other) and all(
        a == b or (a.isascii() and b.isascii() and a.lower() == b.lower()) for a, b in zip(one, other, strict=True)
    )
    assert (lowered(one) == lowered(other)) == same
    assert lowered(lowered(one)) == lowered(one) == folded(one)
    assert name_key(f" {one}\n") == lowered(one)


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_what_python_takes_for_one_are_two(one: str, other: str) -> None:
    assert lowered(one) != lowered(other)
    assert Exclusions([f"{one}@*"]).fit(f"{other}@contoso.example") == []
    assert Exclusions([f"{other}@*"]).fit(f"{one}@contoso.example") == []


def test_a_ligature_is_no_part_of_an_id() -> None:
    assert is_guid("FF" + "0" * 6 + "-0000-0000-0000-" + "0" * 12)
    assert not is_guid("\N{LATIN SMALL LIGATURE FF}" + "0" * 6 + "-0000-0000-0000-" + "0" * 12)


@pytest.mark.parametrize(
    "name", ["conto\u017fo.onmicrosoft.com", "contoso.onmicro\u017foft.com", "\u212aontoso.onmicrosoft.com"]
)
def test_a_tenant_is_not_named_by_letters_that_look_like_ascii(name: str) -> None:
    given = {"tenant_id": name, "client_id": "1" * 8 + "-1111-1111-1111-" + "1" * 12, "client_secret": "a-long-secret"}
    with pytest.raises(ConfigurationError, match="tenant_id"):
        options_from(given, {}, resources=("exchange",))


@pytest.mark.parametrize(("one", "other"), [*TWINS, *((other, one) for one, other in TWINS)])
def test_only_the_named_user_is_licensed(one: str, other: str, env: Harness) -> None:
    wanted, _other = person(env, one), person(env, other)
    env.run([f"{one.replace('a', 'A')}@CONTOSO.example"], {"sku": "EXCHANGESTANDARD"})
    assert licensed(env) == {wanted["id"]}


@given(st.lists(NAMES, min_size=2, max_size=5, unique_by=lowered), st.data())
@examples(40)
def test_a_name_licenses_only_its_own_user(
    served: tuple[Tenant, Clients], names: list[str], data: st.DataObject
) -> None:
    env = Harness(*served)
    people = {name: person(env, name) for name in names}
    some = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    env.run([f"{name}@contoso.example" for name in some], {"sku": "EXCHANGESTANDARD"})
    assert licensed(env) == {people[name]["id"] for name in some}


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_similar_name_is_not_licensed_for_a_missing_user(one: str, other: str, env: Harness) -> None:
    person(env, other)
    with pytest.raises(ConfigurationError, match="has no user"):
        env.run([f"{one}@contoso.example"], {"sku": "EXCHANGESTANDARD"})
    assert licensed(env) == set()


# answers that cannot be believed ---------------------------------------------------------------------------------


def answering(env: Harness, *users: Json) -> None:
    """The next batch is answered with these users, whoever was asked for."""
    shown = [{key: value for key, value in copy.deepcopy(user).items() if key[0] != "_"} for user in users]
    part = {"id": "1", "status": 200, "body": {"value": shown}}
    env.tenant.set_faults({"path": "$batch", "status": 200, "body": {"responses": [part]}, "times": 1})


def asked(env: Harness, *names: str) -> str:
    """Why a request to license these is refused; nobody may have been licensed."""
    with pytest.raises((IncompleteAnswer, UsersFailed)) as caught:
        env.run(list(names), {"sku": "EXCHANGESTANDARD"})
    assert licensed(env) == set()
    return str(caught.value)


def test_an_answer_with_two_users_for_one_name_is_an_error(env: Harness) -> None:
    anna, ben = person(env, "anna"), person(env, "ben")
    answering(env, anna, {**ben, "userPrincipalName": "Anna@contoso.example"})
    assert "two users for 'anna@contoso.example'" in asked(env, "anna@contoso.example")


def test_an_answer_with_the_same_user_twice_is_an_error(env: Harness) -> None:
    anna = person(env, "anna")
    answering(env, anna, anna)
    assert "two users" in asked(env, anna["id"])


@pytest.mark.parametrize("by", ["userPrincipalName", "id"])
def test_an_answer_with_another_user_is_an_error(by: str, env: Harness) -> None:
    anna, ben = person(env, "anna"), person(env, "ben")
    answering(env, ben)
    assert "an unexpected user" in asked(env, anna[by])


def test_a_service_that_compares_in_another_way_is_an_error(env: Harness) -> None:
    """It takes one name for another: nobody knows who was meant."""
    answering(env, person(env, "strasse"))
    assert "an unexpected user" in asked(env, "stra\u00dfe@contoso.example")


@pytest.mark.parametrize("by", ["userPrincipalName", "id"])
def test_an_answer_with_fewer_users_than_names_is_an_error(by: str, env: Harness) -> None:
    """A user who is left out exists: that is not the same as a user who does not."""
    anna, ben = person(env, "anna"), person(env, "ben")
    answering(env, anna)
    assert "left out one who exists" in asked(env, anna[by], ben[by])


def test_who_does_not_exist_is_still_said_to_be_nobody(env: Harness) -> None:
    anna = person(env, "anna")
    error = env.fail(
        ["anna@contoso.example", "nobody@contoso.example"], {"sku": "EXCHANGESTANDARD"}, on_error="continue"
    )
    assert [row["status"] for row in error.partial["users"]] == ["changed", "failed"]
    assert licensed(env) == {anna["id"]}


def test_no_other_file_folds_the_names_of_users() -> None:
    """One helper: ``casefold`` and ``lower`` are for words, not for user principal names, addresses and domains."""
    names = ("user_principal_name", "upn", "UserPrincipalName", "domain", "display_name")
    found = []
    for path in sorted(UTILS.glob("_*/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            text = ast.unparse(node.func.value)
            if node.func.attr in ("casefold", "lower", "upper") and any(name in text for name in names):
                found.append(f"{path.parent.name}/{path.stem}: {ast.unparse(node)}")
    assert found == [
        "_audit/audit: finding.user_principal_name.casefold()",  # the order of rows
        "_planning/model: user.user_principal_name.casefold()",
        "_planning/model: entry.user.user_principal_name.casefold()",
    ]
