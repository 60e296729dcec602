# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated tenant for each file of tests, and a place of their own for records."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.functional.support.assign_harness import empty_tenant
from tests.functional.support.plan_harness import PlanHarness
from tests.simulator.launch import Tenant


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Records of what tests have written do not go to the home of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    """A tenant with SKUs and nobody in it, one for each file of tests."""
    with empty_tenant() as found:
        yield found


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    """The tenant of the file, emptied for each test."""
    return PlanHarness(tenant)


@pytest.fixture
def others() -> None:
    """Skip the test where it cannot make a file of another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
