# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook preflight passes only if an audit can run, and always prints its table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulator.launch import running
from tests.simulator.state import EXCHANGE_ROLES
from tests.support.run_playbook import play

WRITE = "LicenseAssignment.ReadWrite.All"


@pytest.mark.parametrize(
    ("taken", "status"),
    [(set(), 0), ({WRITE, "User.ReadWrite.All"}, 0), (EXCHANGE_ROLES, 2), ({"User.Read.All", "User.ReadWrite.All"}, 2)],
    ids=["nothing missing", "reads only", "no Exchange", "no users"],
)
def test_preflight_passes_if_an_audit_works(tmp_path: Path, taken: set[str], status: int) -> None:
    with running(mailboxes=3, at_risk=0, seed=5) as tenant:
        tenant.world.app.roles = set(tenant.world.app.roles) - set(taken) - {"Directory.Read.All"}
        done = play(tenant, "m365.licensing.preflight", tmp_path)
    assert done.status == status, str(done)
    assert "exo_unlicensed_mailbox_info" in done.output
    assert ("NO" in done.output) == bool(taken), str(done)
