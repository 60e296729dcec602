# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a user names: a FIFO, a device or a huge file ends no run in waiting."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._files.regular import UnreadableError, read_regular

from tests.functional.support.run_module import SKUS, failed, start
from tests.simulator.launch import Tenant, running

WAYS = {
    "certificate_path": {"auth_source": "certificate"},
    "federated_token_file": {"auth_source": "federated_token"},
    "ca_path": {},
}


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=3, at_risk=0) as found:
        yield found


def file_of(kind: str, folder: Path) -> Path:
    place = folder / "file"
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "device":
        return Path("/dev/zero")
    elif kind == "huge":
        with place.open("wb") as file:
            file.truncate(64 * 1024 * 1024)
    elif kind == "link to a fifo":
        os.mkfifo(folder / "target")
        place.symlink_to(folder / "target")
    return place


@pytest.mark.parametrize("option", WAYS)
@pytest.mark.parametrize("kind", ["fifo", "device", "huge", "link to a fifo", "missing"])
def test_what_never_ends_is_refused_before_it_is_opened(tenant: Tenant, tmp_path: Path, option: str, kind: str) -> None:
    environ = {name: value for name, value in tenant.env().items() if not name.endswith(("_SECRET", "_CA_PATH"))}
    if option == "ca_path":
        environ = tenant.env()
    tenant.clear_requests()
    result = failed(start(SKUS, {**WAYS[option], option: str(file_of(kind, tmp_path))}, environ))
    assert option in result["msg"]
    words = {"huge": "it is larger than", "missing": "No such file"}.get(kind, "it is not a regular file")
    assert words in result["msg"]
    assert tenant.requests() == []


def test_what_is_regular_is_read_whole(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"x" * 1000)
    assert read_regular(place, 1000) == b"x" * 1000
    with pytest.raises(UnreadableError, match="larger than"):
        read_regular(place, 999)
