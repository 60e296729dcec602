# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that decide what a run does: nobody else changes them without a word, and a run that writes refuses some."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._files.trusted import changers_of

from tests.functional.support.assign_harness import empty_tenant
from tests.functional.support.file_access import GROUP, OTHER, USER, give
from tests.functional.support.keys import RSA_KEY, cert_pem, certificate, key_pem
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.functional.support.run_module import Ended, failed, start, succeeded
from tests.simulator.launch import Tenant

PLAN, LICENSE = "m365_license_plan", "m365_user_license"
OPTIONS = ["rules_file", "ca_path", "federated_token_file"]


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with empty_tenant() as found:
        PlanHarness(found).at_risk("anna")
        yield found


def contents(tenant: Tenant) -> dict[str, str]:
    return {
        "rules_file": json.dumps([EVERYBODY]),
        "ca_path": Path(tenant.env()["M365_CA_PATH"]).read_text(encoding="utf-8"),
        "federated_token_file": "a.token.of-an-issuer",
        "certificate_path": (key_pem(RSA_KEY) + cert_pem(certificate(RSA_KEY))).decode(),
    }


def laid(tenant: Tenant, folder: Path, option: str) -> Path:
    """The file for an option, for its owner alone, in a directory of its own."""
    (folder / "there").mkdir()
    place = folder / "there" / "file.pem"
    place.write_text(contents(tenant)[option], encoding="utf-8")
    place.chmod(0o600)
    return place


def run(tenant: Tenant, option: str, place: Path, mode: str) -> Ended:
    tenant.clear_requests()
    params = {"mode": mode, "shared_mailbox_sizes": "never", option: str(place), "retry_seconds": 0}
    if option != "rules_file":
        params["rules"] = [EVERYBODY]
    environ = tenant.env()
    sources = {"federated_token_file": "federated_token", "certificate_path": "certificate"}
    if option in sources:
        params["auth_source"] = sources[option]
        del environ["M365_CLIENT_SECRET"]
    return start(PLAN, params, environ)


def warnings(ended: Ended) -> list[str]:
    texts = [text if isinstance(text, str) else text["event"]["msg"] for text in ended.result.get("warnings", ())]
    return [text for text in texts if "can change what the run reads" in text]


def file_open(place: Path) -> None:
    place.chmod(0o666)


def folder_open(place: Path) -> None:
    place.parent.chmod(0o777)


def above_open(place: Path) -> None:
    place.parent.parent.chmod(0o777)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("spoil", [file_open, folder_open, above_open])
def test_a_file_that_all_users_can_change_is_refused_to_write(
    tenant: Tenant, tmp_path: Path, option: str, spoil: Callable[[Path], None]
) -> None:
    place = laid(tenant, tmp_path, option)
    spoil(place)
    ended = run(tenant, option, place, "apply")
    result = failed(ended)
    assert result["error"]["code"] == "unsafe_file"
    assert result["msg"].startswith(f"{option}: every user can write to the ")
    assert tenant.requests() == []
    (text,) = warnings(run(tenant, option, place, "plan"))
    assert f"{option}: every user can write to the " in text


@pytest.mark.parametrize("option", [*OPTIONS, "certificate_path"])
@pytest.mark.usefixtures("others")
def test_the_files_of_another_user_are_used_with_one_warning(tenant: Tenant, tmp_path: Path, option: str) -> None:
    """As where root runs over somebody's checkout."""
    place = laid(tenant, tmp_path, option)
    for path in (place, place.parent):
        os.chown(path, OTHER, OTHER)
    ended = run(tenant, option, place, "apply")
    (text,) = warnings(ended)
    assert (
        f"{option}: the user with the number {OTHER} owns the directory {place.parent} and the file {place}, and can "
        "change what the run reads." in text
    )
    assert ended.result.get("error", {}).get("code") != "unsafe_file"


def test_a_run_that_licenses_single_users_refuses_as_well(tenant: Tenant, tmp_path: Path) -> None:
    place = laid(tenant, tmp_path, "ca_path")
    place.chmod(0o666)
    tenant.clear_requests()
    params = {"users": ["anna@contoso.example"], "licenses": [{"sku": "EXCHANGESTANDARD"}], "ca_path": str(place)}
    assert failed(start(LICENSE, params, tenant.env()))["error"]["code"] == "unsafe_file"
    assert tenant.requests() == []


def test_a_certificate_in_a_directory_of_everybody_is_a_warning(tenant: Tenant, tmp_path: Path) -> None:
    place = laid(tenant, tmp_path, "certificate_path")
    folder_open(place)
    ended = run(tenant, "certificate_path", place, "apply")
    (text,) = warnings(ended)
    assert f"certificate_path: every user can write to the directory {place.parent}, and can change" in text
    assert ended.result.get("error", {}).get("code") != "unsafe_file"


def test_files_of_the_user_are_used_without_a_word(tenant: Tenant, tmp_path: Path) -> None:
    place = laid(tenant, tmp_path, "rules_file")
    place.chmod(0o644)
    ended = run(tenant, "rules_file", place, "plan")
    assert succeeded(ended)
    assert warnings(ended) == []


@pytest.mark.parametrize("tag", [USER, GROUP])
def test_a_file_that_a_list_opens_is_a_warning(tmp_path: Path, tag: int) -> None:
    place = tmp_path / "rules.yml"
    place.write_text("[]")
    give(place, (tag, 6, OTHER))
    found = changers_of(str(place))
    assert found.everybody == []
    (text,) = found.some
    assert f"an access control list names, can write to the file {place}, and can change" in text


@pytest.mark.usefixtures("others")
def test_a_link_of_another_user_is_told_and_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    place = tmp_path / "real" / "rules.yml"
    place.write_text("[]")
    place.chmod(0o666)
    link = tmp_path / "link.yml"
    link.symlink_to("real/rules.yml")
    os.chown(link, OTHER, OTHER, follow_symlinks=False)
    found = changers_of(str(link))
    assert found.some == [
        f"the user with the number {OTHER} owns the symbolic link {link}, and can change what the run reads"
    ]
    assert found.everybody == [f"every user can write to the file {place}, and can change what the run reads"]


def test_a_sticky_directory_and_one_of_certificates(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    (tmp_path / "certificates").mkdir()
    assert changers_of(str(tmp_path / "certificates")) == ([], [])
    assert changers_of(str(tmp_path / "missing")) == ([], [])
    (tmp_path / "certificates").chmod(0o777)
    assert len(changers_of(str(tmp_path / "certificates")).everybody) == 1
