# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast writes go: all of the quota alone, about a half each for two, and next to nothing refused."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._http.quota import QUOTA, QUOTA_SECONDS, Pace
from hypothesis import given
from hypothesis import strategies as st

BATCH = 20


@dataclass
class World:
    """A service with a quota of its own, and runs that write to it; time passes here only."""

    quota: int = QUOTA
    says_percentage: bool = True
    now: float = 0.0
    spent: deque[float] = field(default_factory=deque)
    most: int = 0

    def take(self, count: int) -> tuple[int, float]:
        """How many of a batch are refused, and the percentage that the answer tells."""
        while self.spent and self.spent[0] <= self.now - QUOTA_SECONDS:
            self.spent.popleft()
        accepted = min(count, self.quota - len(self.spent))
        self.spent.extend([self.now] * accepted)
        self.most = max(self.most, len(self.spent))
        share = len(self.spent) / self.quota
        return count - accepted, share if share > 0.8 and self.says_percentage else 0.0


@dataclass
class Run:
    """One run with so many writes to do, a batch in flight at a time."""

    world: World
    left: int
    starts: float = 0.0
    pace: Pace = field(init=False)
    done: list[float] = field(default_factory=list)
    refused: int = 0
    tries: int = 0
    due: float = 0.0

    def __post_init__(self) -> None:
        self.due = self.starts
        self.pace = Pace(lambda: self.world.now)

    def step(self) -> None:
        """Ask, and write or wait."""
        count = min(BATCH, self.left)
        if pause := self.pace.wait(count, lambda: False):
            self.due = self.world.now + pause
            return
        refused, percentage = self.world.take(count)
        self.pace.answered(count, refused, percentage)
        self.left -= count - refused
        self.refused += refused
        self.done += [self.world.now] * (count - refused)
        self.tries = self.tries + 1 if refused else 0
        self.due = self.world.now + (min(30.0, 2.0**self.tries) if refused else 0.2)


def play(*runs: Run) -> None:
    """Until all are done."""
    world = runs[0].world
    while working := [run for run in runs if run.left]:
        run = min(working, key=lambda run: run.due)
        world.now = max(world.now, run.due)
        run.step()


def between(run: Run, start: float, end: float) -> int:
    return sum(start <= moment < end for moment in run.done)


@pytest.mark.parametrize("says", [True, False])
def test_alone_all_of_the_quota_is_used_and_nothing_is_refused(says: bool) -> None:
    world = World(says_percentage=says)
    run = Run(world, 10_000)
    play(run)
    assert run.refused == 0
    # three windows and what is left of the fourth: the best there is, but for the time that a burst takes
    assert world.now < 3 * QUOTA_SECONDS * 1.05
    assert world.most == QUOTA


@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("later", [0.0, 5.0, 20.0, 40.0, 80.0])
def test_two_share_the_quota_and_neither_starves(says: bool, later: float) -> None:
    world = World(says_percentage=says)
    first, second = Run(world, 15_000), Run(world, 15_000, starts=later)
    play(first, second)
    both = (first, second)
    assert sum(run.refused for run in both) < 0.1 * sum(len(run.done) for run in both)
    settled = 3 * QUOTA_SECONDS
    shares = [between(run, settled, settled + 3 * QUOTA_SECONDS) for run in both]
    assert min(shares) > 0.35 * sum(shares)
    assert sum(shares) > 0.8 * 3 * QUOTA


@given(quota=st.integers(500, QUOTA), writes=st.integers(1, 3000))
def test_a_smaller_quota_is_learned(quota: int, writes: int) -> None:
    world = World(quota=quota, says_percentage=False)
    run = Run(world, writes)
    play(run)
    assert len(run.done) == writes
    assert run.refused <= 400 + 0.2 * writes
    assert world.now <= 2 * QUOTA_SECONDS * (writes / quota + 1)


def test_a_late_answer_is_compared_with_the_count_of_its_time() -> None:
    """Of a burst much leaves the window while an answer is on its way: nobody else spends from the quota."""
    now = 0.0
    pace = Pace(lambda: now)
    for number in range(QUOTA // BATCH):
        now = number / 15
        assert pace.wait(BATCH, lambda: False) == 0
        pace.answered(BATCH, 0)
    now = QUOTA_SECONDS
    while now < QUOTA_SECONDS + 3.0:
        if pause := pace.wait(BATCH, lambda: False):
            now += pause
        else:
            pace.answered(BATCH, 0, 0.99)
    while pause := pace.wait(BATCH, lambda: False):
        now += pause
    now += 2.0
    pace.answered(BATCH, 0, 0.99)
    assert pace.rate is None


def test_units_count_as_they_were_spent() -> None:
    now = 0.0
    pace = Pace(lambda: now, quota=100, seconds=10.0)
    assert pace.wait(20, lambda: False) == 0
    pace.answered(20, 0, spent=90)
    assert pace.wait(20, lambda: False) == pytest.approx(10.0)
    assert pace.wait(10, lambda: False) == 0
    pace.answered(10, 0, spent=0)
    now = 10.0
    assert pace.wait(100, lambda: False) == 0


def test_what_is_held_back_is_not_counted() -> None:
    pace = Pace(lambda: 0.0, quota=20)
    assert pace.wait(20, lambda: False) == 0
    pace.held_back(20)
    assert pace.wait(20, lambda: False) == 0


def test_who_has_to_wait_for_others_is_let_go_when_the_run_ends() -> None:
    pace = Pace(lambda: 0.0, quota=20)
    assert pace.wait(20, lambda: False) == 0
    assert pace.wait(20, lambda: True) > 0


def shared(clock: Callable[[], float]) -> Pace:
    """A pace that has learned that somebody else spends from the quota."""
    pace = Pace(clock)
    assert pace.wait(BATCH, lambda: False) == 0
    assert pace.answered(BATCH, 1) is True
    return pace


def test_only_a_sign_of_others_asks_for_less() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    for percentage, sign in ((0.0, False), (0.9, True), (0.9, False)):
        now += 10.0
        assert pace.wait(BATCH, lambda: False) == 0
        assert pace.answered(BATCH, 0, percentage) is sign


def test_what_a_slower_rate_changes_shows_a_window_later() -> None:
    """Until then a refusal tells of the past: of a burst that is still in the window."""
    now = 0.0
    pace = shared(lambda: now)
    rates = []
    for moment in (10.0, QUOTA_SECONDS - 1, QUOTA_SECONDS + 1, QUOTA_SECONDS + 20, 2 * QUOTA_SECONDS + 2):
        now = moment
        pace.answered(0, 1)
        rates.append(pace.rate)
    half = QUOTA / QUOTA_SECONDS / 2
    assert rates == pytest.approx([half, half, 0.8 * half, 0.8 * half, 0.64 * half])


@pytest.mark.parametrize(("says", "windows"), [(True, 1.4), (False, 2.0)])
def test_a_client_that_comes_after_another_gets_all_the_quota(says: bool, windows: float) -> None:
    """Two tasks of a playbook: the second waits for what the first has spent, and then has nobody beside it."""
    world = World(says_percentage=says)
    first = Run(world, QUOTA)
    play(first)
    second = Run(world, QUOTA, starts=world.now + 1)
    play(second)
    assert second.refused < 0.05 * QUOTA
    # the quota allows it when what the first has spent leaves the window, and that is one window later
    assert world.now < windows * QUOTA_SECONDS


@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("later", [0.0, 5.0, 20.0])
def test_two_are_done_soon_after_one_with_the_work_of_both(says: bool, later: float) -> None:
    world = World(says_percentage=says)
    runs = (Run(world, QUOTA), Run(world, QUOTA, starts=later))
    play(*runs)
    took = sorted(run.done[-1] - run.starts for run in runs)
    assert took[1] < 2 * QUOTA_SECONDS, "one alone needs a window and a burst"
    assert took[1] < 1.6 * took[0], "neither has to wait for the other"


@pytest.mark.parametrize("percentage", [0.0, 0.85])
def test_one_sign_does_not_slow_a_long_run_down_for_ever(percentage: float) -> None:
    world = World(says_percentage=percentage > 0)
    run = Run(world, 10_000)
    assert run.pace.wait(BATCH, lambda: False) == 0
    run.pace.answered(BATCH, 0 if percentage else 1, percentage)
    play(run)
    assert run.refused == 0
    # without any sign it is a little less than three windows
    assert world.now < (3.2 if percentage else 4) * QUOTA_SECONDS


def shared_pace(clock: Callable[[], float]) -> Pace:
    """A pace of 100 in 10 seconds that has just seen that others spend from the quota: half of 10 a second."""
    pace = Pace(clock, quota=100, seconds=10.0)
    assert pace.wait(10, lambda: False) == 0
    pace.answered(10, 1)
    assert pace.rate == 5.0
    return pace


def test_a_percentage_without_own_writes_is_of_others() -> None:
    pace = Pace(lambda: 0.0, quota=100, seconds=10.0)
    assert pace.answered(0, 0, 0.8)
    assert pace.rate == 5.0


def test_room_told_by_the_service_doubles_the_rate_soon() -> None:
    now = 0.0
    pace = shared_pace(lambda: now)
    pace.answered(0, 0, 0.9)
    rates = []
    for moment in (0.3, 0.4, 0.7, 0.8, 1.2):
        now = moment
        pace.answered(0, 0)
        rates.append(pace.rate)
    assert rates == [5.0, 10.0, 10.0, 20.0, None]


def test_a_service_that_tells_nothing_is_not_taken_to_have_room() -> None:
    now = 0.0
    pace = shared_pace(lambda: now)
    now = 9.0
    pace.answered(0, 0)
    assert pace.rate == 5.0


def test_each_while_without_a_sign_adds_a_little_once() -> None:
    now = 100.0
    pace = shared_pace(lambda: now)
    rates = []
    for moment in (101.0, 101.4, 101.5, 102.7, 104.1):
        now = moment
        if not pace.wait(1, lambda: False):
            pace.answered(1, 0)
        rates.append(pace.rate)
    assert rates == [5.0, 5.25, 5.25, 5.5, 5.75]


def test_a_refusal_after_the_window_slows_down_further() -> None:
    now = 0.0
    pace = shared_pace(lambda: now)
    rates = []
    for moment in (10.0, 10.1, 20.2):
        now = moment
        pace.answered(1, 1)
        rates.append(pace.rate)
    assert rates == [5.0, 4.0, 3.2]


def test_what_counted_long_before_an_answer_is_not_ours() -> None:
    now = 0.0
    pace = Pace(lambda: now, quota=100, seconds=10.0)
    assert pace.wait(90, lambda: False) == 0
    pace.answered(90, 0)
    now = 10.0
    assert pace.wait(10, lambda: False) == 0
    now = 11.0
    assert pace.answered(10, 0, 0.9)
    assert pace.rate == 5.0


def test_what_counted_just_before_an_answer_is_ours() -> None:
    now = 0.0
    pace = Pace(lambda: now, quota=100, seconds=10.0)
    for moment, count in ((0.0, 90), (9.9, 1)):
        now = moment
        assert pace.wait(count, lambda: False) == 0
        pace.answered(count, 0)
    now = 10.05
    assert pace.wait(1, lambda: False) == 0
    assert not pace.answered(1, 0, 0.9)
    assert pace.rate is None
