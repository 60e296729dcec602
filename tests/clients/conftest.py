# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant under Microsoft's names for each test, and a record of unsupported operations of clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.clients import BUILD, Client, make
from tests.simulator.launch import Tenant, running

LIMITS = BUILD / "limits"
"""Unsupported operations of clients, a line each; the gate prints them."""


def pytest_sessionstart() -> None:
    """Remove the records of an earlier run."""
    BUILD.mkdir(parents=True, exist_ok=True)
    LIMITS.write_text("", encoding="utf-8")


@pytest.fixture
def cannot() -> Callable[[str], None]:
    """Record what a client does not support, and why."""

    def say(text: str) -> None:
        with LIMITS.open("a", encoding="utf-8") as lines:
            lines.write(f"{text}\n")

    return say


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    """A tenant with more users than a page of Graph, under Microsoft's names, so only one runs at a time."""
    with running(120, 12, real_names=True) as found:
        yield found


@pytest.fixture
def client(request: pytest.FixtureRequest, tenant: Tenant, tmp_path: Path) -> Client:
    """The client that the test names."""
    return make(request.param, tenant, tmp_path)
