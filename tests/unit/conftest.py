# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random examples are the same in every run of ``make test``, and new ones in each of ``make test-long``.

None has a deadline: how long one takes says more of the machine than of the code.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.tests.unit.licensing_desk import empty_tenant
from ansible_collections.m365.licensing.tests.unit.planning_desk import PlanningDesk
from hypothesis import settings

from tests.tenant.launch import Tenant

settings.register_profile("short", derandomize=True, deadline=None)
settings.register_profile("long", deadline=None)
settings.load_profile("long" if os.environ.get("M365_LONG") == "1" else "short")


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
def desk(tenant: Tenant) -> PlanningDesk:
    """The tenant of the file, emptied for each test."""
    return PlanningDesk(tenant)


@pytest.fixture
def others() -> None:
    """Skip the test where it cannot make a file of another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: Python need not look through it for garbage time and again.

    What tests leave behind is looked for less often, and found all the same, by pytest at the end.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
