# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Exchange admin API of the tenant: who may call it, its pages, its two surfaces and its cmdlets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator import building
from tests.simulator.exchange import MORE_RESULTS
from tests.simulator.state import Json
from tests.simulator.tests.direct_requests import ANCHOR, EXCHANGE, Harness, Reply

UNLIMITED = {"ResultSize": "Unlimited"}
EXPIRED = "Expired or Invalid pagination request"
READER = "Global Reader"


@pytest.fixture
def env() -> Harness:
    """Twelve mailboxes of people, in a tenant that has its system mailboxes besides."""
    made = Harness()
    for number in range(12):
        made.make.mailbox(made.user(f"user{number}"), "UserMailbox")
    return made


def small(size: int) -> dict[str, str]:
    return {**ANCHOR, "Prefer": f"odata.maxpagesize={size}"}


def everything(env: Harness, name: str, parameters: Json, headers: dict[str, str], **more: Any) -> list[Reply]:
    """All pages."""
    pages = [env.cmdlet(name, parameters, headers=headers, **more)]
    while pages[-1].link:
        pages.append(env.cmdlet(name, parameters, headers=headers, link=pages[-1].link))
    return pages


class TestPermissions:
    """The app permission and a directory role are both needed."""

    @pytest.mark.parametrize(
        ("roles", "status"),
        [
            ((), 401),
            ((READER,), 401),
            (("Exchange.ManageAsAppV2", READER), 401),
            (("Exchange.ManageAsApp",), 403),
            (("Exchange.ManageAsApp", READER), 200),
            (("Exchange.ManageAsApp", "Exchange Recipient Administrator"), 200),
        ],
    )
    def test_beta(self, env: Harness, roles: tuple[str, ...], status: int) -> None:
        self._check(env.cmdlet("Get-Mailbox", app=env.as_app(*roles)), status)

    @pytest.mark.parametrize(
        ("roles", "status"),
        [
            (("Exchange.ManageAsApp", READER), 401),
            (("Exchange.ManageAsAppV2",), 403),
            (("Exchange.ManageAsAppV2", READER), 200),
        ],
    )
    def test_v2(self, env: Harness, roles: tuple[str, ...], status: int) -> None:
        answer = env.cmdlet("Get-Mailbox", app=env.as_app(*roles), surface="v2.0", endpoint="Mailbox")
        self._check(answer, status)

    def _check(self, answer: Reply, status: int) -> None:
        assert answer.status == status
        assert answer.headers["request-id"]
        if status != 200:
            assert set(answer.body) == {0}, "the reason is in the headers alone"
            assert "reason=" in answer.headers["x-ms-diagnostics"]
        if status == 401:
            assert answer.headers["www-authenticate"].startswith("Bearer")


class TestPages:
    """Paging is a POST with the same body and anchor, to a link that is bound to both and dies."""

    def test_all_arrive_once_in_the_order(self, env: Harness) -> None:
        pages = everything(env, "Get-Mailbox", UNLIMITED, small(5))
        assert [len(page.value) for page in pages] == [5, 5, 3]
        guids = [row["Guid"] for page in pages for row in page.value]
        assert guids == [row["Guid"] for row in env.cmdlet("Get-Mailbox", UNLIMITED).value]
        assert len(set(guids)) == 13

    def test_the_warning_goes_with_the_link_and_ends_with_it(self, env: Harness) -> None:
        pages = everything(env, "Get-Mailbox", UNLIMITED, small(5))
        assert [page.body["@adminapi.warnings"] for page in pages] == [[MORE_RESULTS], [MORE_RESULTS], []]

    def test_the_link_is_encoded(self, env: Harness) -> None:
        link = env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5)).link
        assert link.startswith(f"{EXCHANGE}/adminapi/beta/{env.world.tenant_id}/InvokeCommand?%24skiptoken=")

    def test_select_holds_on_every_page(self, env: Harness) -> None:
        pages = everything(env, "Get-Mailbox", UNLIMITED, small(5), select="Guid,SKUAssigned")
        asked = {"Guid", "Guid@data.type", "Guid@odata.type", "SKUAssigned"}
        assert all(row.keys() == asked for page in pages for row in page.value)

    @pytest.mark.parametrize(
        "change",
        [
            {"method": "GET"},
            {"parameters": {}},
            {"parameters": {**UNLIMITED, "Filter": "Alias -eq 'x'"}},
            {"name": "Get-MailUser"},
            {"headers": {}},
            {"headers": {"X-AnchorMailbox": "UPN:somebody@contoso.example"}},
        ],
        ids=["get", "no body", "other filter", "other cmdlet", "no anchor", "other anchor"],
    )
    def test_another_request_than_the_first_is_refused(self, env: Harness, change: dict[str, Any]) -> None:
        link = env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5)).link
        asked: dict[str, Any] = {"name": "Get-Mailbox", "parameters": UNLIMITED, "headers": small(5), **change}
        answer = env.cmdlet(asked.pop("name"), asked.pop("parameters"), link=link, **asked)
        assert (answer.status, answer.code) == (400, "BadRequest")
        assert EXPIRED in answer.reason

    def test_a_link_expires_without_an_anchor_on_the_first_call(self, env: Harness) -> None:
        headers = {"Prefer": "odata.maxpagesize=5"}
        link = env.cmdlet("Get-Mailbox", UNLIMITED, headers=headers).link
        assert EXPIRED in env.cmdlet("Get-Mailbox", UNLIMITED, headers=headers, link=link).reason

    @pytest.mark.parametrize(("name", "works"), [("initial", True), ("custom", False)])
    def test_the_tenant_by_its_domains(self, env: Harness, name: str, works: bool) -> None:
        tenant = env.world.initial_domain if name == "initial" else env.world.domain
        link = env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5), tenant=tenant).link
        answer = env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5), link=link)
        assert (answer.status == 200) is works

    @pytest.mark.parametrize(
        ("surface", "endpoint", "minutes"), [("beta", "InvokeCommand", 30), ("v2.0", "Mailbox", 10)]
    )
    def test_a_link_dies(
        self, env: Harness, monkeypatch: pytest.MonkeyPatch, surface: str, endpoint: str, minutes: int
    ) -> None:
        ticks = [1000.0]
        monkeypatch.setattr("tests.simulator.exchange.time.monotonic", lambda: ticks[0])
        link = env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5), surface=surface, endpoint=endpoint).link
        ticks[0] += 60
        assert env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5), link=link).status == 200
        ticks[0] += minutes * 60
        assert EXPIRED in env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5), link=link).reason

    def test_the_switch_refuses_all_but_the_first(self, env: Harness) -> None:
        env.world.switches.pagination_expired = True
        first = env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5))
        assert EXPIRED in env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5), link=first.link).reason

    def test_pages_may_be_smaller_than_was_asked_for(self, env: Harness) -> None:
        env.world.switches.page_limit = 3
        first = env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5))
        second = env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5), link=first.link)
        assert (len(first.value), len(second.value)) == (3, 3)

    @pytest.mark.parametrize("token", ["", "x", "YzA6NQ==", "%00", "🚀"])
    def test_an_invented_link(self, env: Harness, token: str) -> None:
        link = f"{EXCHANGE}/adminapi/beta/{env.world.tenant_id}/InvokeCommand?$skiptoken={token or 'YzE3OjU='}"
        assert env.cmdlet("Get-Mailbox", UNLIMITED, link=link).status == 400

    def test_without_links_only_unlimited_returns_all(self) -> None:
        env = Harness(invoke_paging="unlimited_only")
        for number in range(1005):
            env.make.mailbox(env.user(f"user{number}"), "UserMailbox")
        whole = env.cmdlet("Get-Mailbox", UNLIMITED, headers=small(5))
        assert (len(whole.value), whole.link, whole.body["@adminapi.warnings"]) == (1006, "", [])
        short = env.cmdlet("Get-Mailbox")
        assert (len(short.value), short.link, short.body["@adminapi.warnings"]) == (1000, "", [MORE_RESULTS])


class TestResultSize:
    """``ResultSize``: 1,000 without it; what it leaves out is warned about, and stands behind a link."""

    @pytest.mark.parametrize(
        ("given", "rows", "cut"), [(5, 5, True), ("5", 5, True), (13, 13, False), ("unlimited", 13, False)]
    )
    @pytest.mark.parametrize("paging", ["nextlink", "unlimited_only"])
    def test_rows(self, env: Harness, paging: str, given: Any, rows: int, cut: bool) -> None:
        env.world.switches.invoke_paging = paging
        answer = env.cmdlet("Get-Mailbox", {"ResultSize": given})
        assert len(answer.value) == rows
        assert answer.body["@adminapi.warnings"] == ([MORE_RESULTS] if cut else [])
        # a warning without a link: what is left out cannot be had
        assert bool(answer.link) is (cut and paging == "nextlink")

    @pytest.mark.parametrize("surface", [{}, {"surface": "v2.0", "endpoint": "Mailbox"}])
    def test_the_link_leads_to_the_rest(self, env: Harness, surface: Json) -> None:
        pages = everything(env, "Get-Mailbox", {"ResultSize": 5}, ANCHOR, **surface)
        assert [len(page.value) for page in pages] == [5, 5, 3]
        assert [page.body["@adminapi.warnings"] for page in pages] == [[MORE_RESULTS], [MORE_RESULTS], []]
        assert len({row["Guid"] for page in pages for row in page.value}) == 13

    @pytest.mark.parametrize("given", ["many", None, [], "0x10", -1])
    def test_no_number(self, env: Harness, given: Any) -> None:
        answer = env.cmdlet("Get-Mailbox", {"ResultSize": given})
        assert answer.status == 400
        assert "'ResultSize'" in answer.reason


class TestSurfaces:
    """InvokeCommand and v2.0."""

    @pytest.mark.parametrize("parameter", ["Filter", "RecipientTypeDetails", "SoftDeletedMailbox"])
    def test_v2_takes_few_parameters(self, env: Harness, parameter: str) -> None:
        answer = env.cmdlet("Get-Mailbox", {parameter: "x"}, surface="v2.0", endpoint="Mailbox")
        assert answer.status == 400
        assert parameter in answer.reason

    def test_v2_reads_mailboxes_and_the_organization(self, env: Harness) -> None:
        assert len(env.cmdlet("Get-Mailbox", UNLIMITED, surface="v2.0", endpoint="Mailbox").value) == 13
        answer = env.cmdlet("Get-OrganizationConfig", surface="v2.0", endpoint="OrganizationConfig")
        assert answer.value[0]["DelayedDelicensingEnabledState"].startswith("Enabled: False;")

    @pytest.mark.parametrize(
        ("name", "endpoint", "status"),
        [
            ("Get-MailUser", "Mailbox", 400),
            ("Get-MailUser", "MailUser", 404),
            ("Get-PendingDelicenseUser", "PendingDelicenseUser", 404),
            ("Set-Mailbox", "Mailbox", 501),
            ("Get-AcceptedDomain", "AcceptedDomain", 501),
        ],
    )
    def test_what_v2_lacks(self, env: Harness, name: str, endpoint: str, status: int) -> None:
        assert env.cmdlet(name, surface="v2.0", endpoint=endpoint).status == status

    @pytest.mark.parametrize(
        ("name", "parameters", "named"),
        [
            ("Get-CASMailbox", {}, "Get-CASMailbox"),
            ("Set-Mailbox", {}, "Set-Mailbox"),
            ("Get-Mailbox", {"Anr": "x"}, "Anr"),
            ("Get-Mailbox", {"Identity": "x", "Filter": "Alias -eq 'x'"}, "Filter"),
            ("Get-Mailbox", {"Identity": "x", "RecipientTypeDetails": "UserMailbox"}, "RecipientTypeDetails"),
            ("Get-Mailbox", {"RecipientTypeDetails": "GroupMailbox"}, "GroupMailbox"),
            ("Get-MailboxStatistics", {"Identity": "x", "Archive": True}, "Archive"),
        ],
    )
    def test_what_is_not_simulated_is_named(self, env: Harness, name: str, parameters: Json, named: str) -> None:
        answer = env.cmdlet(name, parameters)
        assert (answer.status, answer.code) == (501, "NotSimulated")
        assert named in answer.message

    def test_an_unknown_cmdlet_is_forbidden(self, env: Harness) -> None:
        answer = env.cmdlet("Get-ShoeSize")
        assert answer.status == 403
        assert set(answer.body) == {0}

    def test_details_hold_a_code_a_type_and_the_reason(self, env: Harness) -> None:
        answer = env.cmdlet("Get-Mailbox", {"Identity": "nobody@contoso.example"})
        code, kind, text = answer.reason.split("|")
        assert (code[:2], kind.partition(".")[0]) == ("Ex", "Microsoft")
        assert text.startswith("The operation couldn't be performed because object 'nobody@contoso.example'")
        assert answer.message == "Invalid Operation"
        inner = answer.body["error"]["innererror"]["internalexception"]["message"]
        assert inner == f"Exception of type '{kind}' was thrown."

    @pytest.mark.parametrize("name", ["ShoeSize", "_bytes"])
    def test_a_property_that_is_not_kept_is_named(self, env: Harness, name: str) -> None:
        answer = env.cmdlet("Get-Mailbox", select=f"Guid,{name}")
        assert answer.status == 501
        assert name in answer.message

    def test_a_parameter_that_does_not_exist(self, env: Harness) -> None:
        answer = env.cmdlet("Get-Mailbox", {"Colour": "red"})
        assert (answer.status, answer.code) == (400, "BadRequest")
        assert "matches parameter name 'Colour'" in answer.reason

    def test_another_tenant(self, env: Harness) -> None:
        assert env.cmdlet("Get-Mailbox", tenant="fabrikam.onmicrosoft.com").status == 404

    def test_internal_properties_are_never_served(self, env: Harness) -> None:
        assert not [name for name in env.cmdlet("Get-Mailbox").value[0] if name.startswith("_")]


class TestCmdlets:
    """Which recipients each one gives."""

    @pytest.fixture
    def mixed(self) -> Harness:
        env = Harness()
        make = env.make
        make.mailbox(env.user("person"), "UserMailbox", sku_assigned=True)
        make.mailbox(env.user("info"), "SharedMailbox", archive=True)
        make.mailbox(env.user("gone"), "UserMailbox", soft_deleted_days=3)
        make.mailbox(None, "UserMailbox", owner_id=make.guid(), inactive=True, soft_deleted_days=90, address="kept")
        make.mailbox(env.user("premises"), "MailUser", archive=True)
        make.mailbox(env.user("guest"), "GuestMailUser")
        return env

    @pytest.mark.parametrize(
        ("name", "parameters", "found"),
        [
            ("Get-Mailbox", {}, "info person"),
            ("get-mailbox", {"RecipientTypeDetails": "SharedMailbox"}, "info"),
            ("Get-Mailbox", {"RecipientTypeDetails": ["SharedMailbox", "UserMailbox"]}, "info person"),
            ("Get-Mailbox", {"SoftDeletedMailbox": True}, "gone kept"),
            ("Get-Mailbox", {"InactiveMailboxOnly": True}, "kept"),
            ("Get-Mailbox", {"IncludeInactiveMailbox": True}, "info kept person"),
            ("Get-Mailbox", {"Filter": "SKUAssigned -ne $true"}, "info"),
            ("Get-Mailbox", {"Filter": "SKUAssigned -ne $true", "SoftDeletedMailbox": True}, "gone kept"),
            ("Get-Mailbox", {"Identity": "INFO@contoso.example"}, "info"),
            ("Get-MailUser", {}, "guest premises"),
            ("Get-MailUser", {"Filter": "ArchiveStatus -eq 'Active'"}, "premises"),
        ],
    )
    def test_recipients(self, mixed: Harness, name: str, parameters: Json, found: str) -> None:
        rows = mixed.cmdlet(name, {**parameters, **UNLIMITED}).value
        names = {row["UserPrincipalName"].partition("@")[0] for row in rows if row["ExternalDirectoryObjectId"]}
        assert sorted(names) == found.split()

    def test_system_mailboxes_have_no_object(self, mixed: Harness) -> None:
        (discovery,) = mixed.cmdlet("Get-Mailbox", {"RecipientTypeDetails": "DiscoveryMailbox"}).value
        assert discovery["ExternalDirectoryObjectId"] == ""
        assert len(mixed.cmdlet("Get-Mailbox", {"Arbitration": True}).value) == 3

    @pytest.mark.parametrize("name", ["Get-Mailbox", "Get-MailboxStatistics"])
    def test_nobody(self, mixed: Harness, name: str) -> None:
        answer = mixed.cmdlet(name, {"Identity": "nobody@contoso.example"})
        assert answer.status == 404
        assert "couldn't be found" in answer.reason

    def test_two_of_one_name(self, mixed: Harness) -> None:
        for row in mixed.world.mailboxes.values():
            row["DisplayName"] = "Same"
        answer = mixed.cmdlet("Get-Mailbox", {"Identity": "Same"})
        assert answer.status == 400
        assert "matches multiple entries" in answer.reason

    def test_times_and_flags_as_exchange_writes_them(self, mixed: Harness) -> None:
        (row,) = mixed.cmdlet("Get-Mailbox", {"Identity": "person@contoso.example"}).value
        assert row["WhenMailboxCreated"].endswith(".0000000+00:00")
        assert (row["SKUAssigned"], row["RetainDeletedItemsFor"]) == (True, "14.00:00:00")
        assert row["ArchiveGuid"] == "00000000-0000-0000-0000-000000000000"

    def test_statistics(self, mixed: Harness) -> None:
        (mailbox,) = [row for row in mixed.world.mailboxes.values() if row["Alias"] == "info"]
        mailbox["_bytes"] = 50 * 2**30
        (row,) = mixed.cmdlet("Get-MailboxStatistics", {"Identity": mailbox["ExchangeGuid"]}).value
        assert row["TotalItemSize"] == "50 GB (53,687,091,200 bytes)"
        assert mixed.cmdlet("Get-MailboxStatistics").status == 400


@pytest.mark.parametrize("indexes", [False, True])
def test_a_search_finds_what_was_written_since(indexes: bool) -> None:
    env = Harness(indexes=indexes)
    user = env.user(department="Sales", mail="a@contoso.example")
    box = env.make.mailbox(user, "UserMailbox")
    asked = {**UNLIMITED, "Filter": "LitigationHoldEnabled -eq $true"}

    def found() -> tuple[int, int]:
        cmdlet = env.cmdlet("Get-Mailbox", asked)
        return len(env.find("department eq 'Sales'").body["value"]), len(cmdlet.body["value"])

    assert [found(), found()] == [(1, 0), (1, 0)]
    building.build(env.world, {"mailboxes": {box["Guid"]: {"LitigationHoldEnabled": True}}})
    assert found() == (1, 1)
    assert env.ask(f"/users/{user['id']}", "PATCH", {"department": "IT"}).status == 204
    assert found() == (0, 1)
