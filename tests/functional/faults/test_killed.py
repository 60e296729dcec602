# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A remediation of 500 users is killed anywhere, while the tenant lives on. One more run ends it.

Each user is then as after a run that nobody killed, was written once, and never lacked a license that stays.
"""

from __future__ import annotations

import copy
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.functional.support import processes
from tests.functional.support.plan_harness import ALL_KINDS, EVERYBODY
from tests.simulator import faults
from tests.simulator.launch import Tenant, running
from tests.simulator.licensing import direct
from tests.simulator.skus import table
from tests.simulator.state import Json

AT_RISK = 500
SWAP = {
    **EVERYBODY,
    "name": "Suspended licenses are replaced",
    "match": {"has": ["STANDARDPACK"]},
    "licenses": [{"sku": "EXCHANGEENTERPRISE"}],
    "remove": ["STANDARDPACK"],
}
RULES = [SWAP, *ALL_KINDS]
KEPT = ("users", "upn_index", "skus", "subscriptions", "groups", "mailboxes", "mailbox_index")
LATE_SECONDS = 0.3
SEED = 2026


class Killing:
    """A tenant with people at risk, set back before each run, and what a run makes of it that nobody kills."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant, self.world = tenant, tenant.world
        for user in list(self.world.users.values())[::3]:
            user["usageLocation"] = None
        self._saved = {name: copy.deepcopy(getattr(self.world, name)) for name in KEPT}
        self.initial = {user_id: set(licenses) for user_id, (licenses, _place) in self.states().items()}
        status, output = self.remediate().end()
        assert status == 0, output[:3000]
        self.expected, self.seats = self.states(), self.consumed()
        self.changed = Counter(change["user_id"] for change in self.world.changes)
        assert len(self.changed) == AT_RISK
        assert any(change["before"].keys() - change["after"].keys() for change in self.world.changes), "swaps"
        assert any(change["before"].keys() & change["after"].keys() for change in self.world.changes), "what stays"
        self.requests = len(self.world.log)
        self.writes = [number for number, entry in enumerate(self.world.log, 1) if writes(entry)]

    def set_back(self) -> None:
        for name, value in self._saved.items():
            setattr(self.world, name, copy.deepcopy(value))
        for some in (self.world.faults, self.world.log, self.world.changes, self.world.scratch):
            some.clear()
        self.world.touch()

    def remediate(self) -> processes.Run:
        options = {"rules": RULES, "mode": "apply", "max_changes": "unlimited", "allow_removals": True}
        return processes.module("m365_license_plan", options, self.tenant)

    def play(self, folder: Path) -> processes.Run:
        options = {"rules": RULES, "mode": "apply", "max_changes": "100%", "allow_removals": True}
        variables = {f"license_state_{name}": value for name, value in options.items()}
        return processes.playbook("m365.licensing.remediate", self.tenant, folder, variables)

    def hold(self, number: int, seconds: float = LATE_SECONDS) -> None:
        """The request of this number is answered late."""
        slow = {"kind": "slow"}
        self.world.faults = faults.parse(
            [{**slow, "seconds": 0, "times": number - 1}, {**slow, "seconds": seconds, "times": 1}]
        )

    def settle(self) -> None:
        """Wait until the tenant has done all that it was asked for: who asked is dead."""
        processes.until(lambda: all(entry["status"] for entry in self.world.log), "what the tenant still had to do")
        self.world.faults = []

    def states(self) -> dict[str, tuple[dict[str, list[str]], str | None]]:
        return {
            user["id"]: (direct(user["licenseAssignmentStates"]), user["usageLocation"])
            for user in self.world.users.values()
        }

    def consumed(self) -> dict[str, int]:
        return {sku["skuPartNumber"]: sku["consumedUnits"] for sku in self.world.skus.values()}

    def check(self) -> None:
        """The tenant is as after a run that nobody killed, and nobody lacked anything on the way."""
        assert self.states() == self.expected
        assert self.consumed() == self.seats
        for change in self.world.changes:
            before, after = self.initial[change["user_id"]], set(self.expected[change["user_id"]][0])
            for held in (change["before"], change["after"]):
                assert before & after <= held.keys(), change
            assert change["after"], change

    def check_once(self) -> None:
        """Each user was written once, by the tenant's log as by what took effect."""
        assert Counter(change["user_id"] for change in self.world.changes) == self.changed
        sent = Counter((part["method"], part["url"]) for entry in self.world.log for part in written(entry))
        assert set(sent.values()) == {1}


def written(entry: Json) -> list[Json]:
    return [part for part in entry.get("parts", ()) if part["method"] != "GET"]


def writes(entry: Json) -> bool:
    """Whether this is a batch that assigns licenses."""
    return any(part["url"].endswith("/assignLicense") for part in written(entry))


@pytest.fixture(scope="module")
def one_killing() -> Iterator[Killing]:
    with running(mailboxes=600, at_risk=AT_RISK, seed=5) as tenant:
        yield Killing(tenant)


@pytest.fixture
def killing(one_killing: Killing) -> Killing:
    one_killing.set_back()
    return one_killing


@dataclass(frozen=True)
class Moment:
    """When to kill: with a request of the run, as a share of all; ``write``: of those that assign licenses.

    ``late``: while the tenant holds that request back, and carries it out afterwards. ``wait``: seconds.
    """

    share: float
    write: bool = False
    late: bool = False
    wait: float = 0.0
    played: bool = False

    def number(self, killing: Killing) -> int:
        numbers = killing.writes if self.write else range(1, killing.requests + 1)
        return numbers[int(self.share * len(numbers))]


def kill(killing: Killing, moment: Moment, folder: Path, *, whole: bool = True) -> processes.Run:
    """Start a run, and kill it at the moment."""
    number = moment.number(killing)
    if moment.late:
        killing.hold(number)
    run = killing.play(folder) if moment.played else killing.remediate()

    def reached() -> bool:
        return bool(killing.world.faults[-1].hits) if moment.late else len(killing.world.log) >= number

    processes.until(lambda: reached() or run.ended, "the moment")
    time.sleep(moment.wait)
    run.kill(whole=whole)
    return run


def converge(killing: Killing, run: processes.Run) -> None:
    status, output = run.end()
    assert status == 0, output[:3000]
    killing.check()
    killing.check_once()


def random_moments(count: int) -> list[Moment]:
    rng = random.Random(SEED)
    return [
        Moment(
            rng.random(),
            write=rng.random() < 0.5,
            late=rng.random() < 0.5,
            wait=rng.choice([0, 0, 0.01, 0.1]),
            played=number % 10 == 9,
        )
        for number in range(count)
    ]


SOME = [
    Moment(0.2),
    Moment(0.0, write=True, late=True),
    Moment(0.5, write=True, late=True),
    Moment(0.9, write=True, wait=0.01),
]


@pytest.mark.parametrize("moment", SOME, ids=str)
def test_killed_at_some_moments(killing: Killing, tmp_path: Path, moment: Moment) -> None:
    kill(killing, moment, tmp_path)
    killing.settle()
    converge(killing, killing.remediate())


def test_the_role_is_killed_and_run_again(killing: Killing, tmp_path: Path) -> None:
    kill(killing, Moment(0.3, write=True, late=True, played=True), tmp_path)
    killing.settle()
    assert killing.world.changes
    converge(killing, killing.play(tmp_path))


@pytest.mark.long
@pytest.mark.parametrize("moment", random_moments(50), ids=str)
def test_killed_anywhere(killing: Killing, tmp_path: Path, moment: Moment) -> None:
    kill(killing, moment, tmp_path)
    killing.settle()
    converge(killing, killing.remediate())


# --- two at once ------------------------------------------------------------------------------------------------------


def result(run: processes.Run) -> Json:
    status, output = run.end()
    found: Json = json.loads(output)
    assert status == 0 or found["error"]["code"] in ("users_failed", "left_at_risk"), output[:3000]
    return found


@pytest.mark.parametrize("conflicts", [pytest.param(0, marks=pytest.mark.long), 60])
def test_two_runs_at_once_license_every_user(killing: Killing, conflicts: int) -> None:
    """With just enough seats; ``conflicts``: so many writes are refused at first, for meeting another."""
    standard = killing.world.skus[table()["EXCHANGESTANDARD"].id]
    standard["prepaidUnits"] = {**standard["prepaidUnits"], "enabled": killing.seats["EXCHANGESTANDARD"]}
    # The first writes are held back until the other run has read the same.
    batch: dict[str, Any] = {"path": "$batch", "service": "graph"}
    conflict = {"part": True, "path": "assignLicense", "status": 409, "times": conflicts}
    killing.world.faults = faults.parse([{**batch, "kind": "slow", "seconds": 1, "times": 6}, conflict])
    first, second = killing.remediate(), killing.remediate()
    ended = [result(first), result(second)]
    killing.settle()
    killing.check()
    assert sum(each["changed"] for each in ended) == 2, "both have written"
    assert [row for each in ended for row in each["users"] if row["status"] == "failed"] == []


def test_a_module_that_outlives_its_playbook_does_no_harm(killing: Killing, tmp_path: Path) -> None:
    """Where only the playbook's own process group is killed, ansible-core from 2.19 on leaves the module at work."""
    run = kill(killing, Moment(0.1, write=True, late=True, played=True), tmp_path, whole=False)
    assert run.ended
    result(killing.remediate())
    processes.until(lambda: len(killing.world.changes) >= AT_RISK, "the end of the module")
    killing.settle()
    run.sweep()  # ansible-core leaves a process that waits for its playbook
    killing.check()
