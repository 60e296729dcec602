# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running tenant whose people a test chooses, and the write path in front of it. Waiting costs no time."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assign.workflow import Options, UsersFailed, license_users
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN

from tests.functional.support.service_clients import Clients, clients
from tests.simulator import faults
from tests.simulator.builders import Maker
from tests.simulator.launch import Tenant, running
from tests.simulator.plan_rules import PlanRules
from tests.simulator.skus import Seats, subscribed_sku, table
from tests.simulator.state import App, Json
from tests.simulator.switches import Switches

SEATS = 100
# where the tenant keeps the moments of the last writes
_WRITES, _READS = "graph.writes", "graph.reads"


class Clock:
    """A clock that waiting sets forward. ``slept``: the seconds of each wait; ``tell`` learns of each."""

    def __init__(self, tell: Callable[[float], object]) -> None:
        self.slept: list[float] = []
        self.tell = tell
        self._skipped = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            return time.monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._skipped += seconds
            self.tell(seconds)


class Harness:
    """The tenant, emptied, and what ``m365_user_license`` does in it.

    ``shared``: clients to use again and again; else every run signs in anew, as a module does, with ``options``.
    """

    def __init__(self, tenant: Tenant, shared: Clients | None = None, **options: Any) -> None:
        self.tenant, self.world = tenant, tenant.world
        self._shared = shared
        self.clock = Clock(self._age_quota)
        self._options = options
        self._empty()
        self.make = Maker(self.world, random.Random(1), datetime.now(timezone.utc))

    def _empty(self) -> None:
        world = self.world
        world.emptied += 1
        people = (world.users, world.upn_index, world.deleted_users, world.groups, world.mailboxes, world.mailbox_index)
        for keep in (*people, world.scratch, world.group_work, world.audits):
            keep.clear()
        world.faults.clear()
        world.log.clear()
        world.switches = Switches()
        world.plan_rules = PlanRules()
        for name in table():
            if table()[name].id in world.skus:
                self.seats(name, SEATS)

    def seats(self, part_number: str, enabled: int, *, warning: int = 0, taken: int = 0) -> None:
        """Seats of a SKU."""
        sku = self.world.skus[table()[part_number].id]
        sku["prepaidUnits"] = {"enabled": enabled, "warning": warning, "suspended": 0, "lockedOut": 0}
        sku["capabilityStatus"] = "Enabled"
        sku["consumedUnits"] = taken

    def add_sku(self, part_number: str) -> None:
        """A SKU that the tenant does not have at first."""
        tenant = (self.world.tenant_id, self.world.display_name)
        row = table()[part_number]
        self.world.skus[row.id] = subscribed_sku(
            row, tenant=tenant, status="Enabled", seats=Seats(enabled=SEATS), subscription=row.id
        )

    def person(
        self,
        name: str,
        *held: Json,
        location: str | None = "DE",
        domain: str = "contoso.example",
        kind: str | None = "UserMailbox",
        **mailbox: Any,
    ) -> str:
        """A user with a mailbox (``kind`` None: without); their name. ``held``: what ``held`` or ``inherited`` make."""
        upn = name if "@" in name else f"{name}@{domain}"
        user = self.make.user(name, name, upn=upn, states=list(held), usage_location=location)
        if kind is not None:
            self.make.mailbox(user, kind, sku_assigned=bool(held) or None, **mailbox)
        return upn

    def lost(self, name: str, days: float, *, removed: str = "SPE_E3", **properties: Any) -> Json:
        """A user whose license went ``days`` days ago, of whom Exchange lists no mailbox; no audit log tells of it."""
        user: Json = self.make.user(
            name.title(), name, removed=(removed,), removed_days=days, usage_location="DE", **properties
        )
        self.world.audits.clear()
        return user

    def people(self, count: int, *held: Json, location: str | None = "DE") -> list[str]:
        """``count`` users alike."""
        return [self.person(f"user{number:04}", *held, location=location) for number in range(count)]

    def held(self, part_number: str, *off: str, **more: Any) -> Json:
        """A direct assignment with the plans ``off``."""
        return self.make.state(part_number, disabled=off, **more)

    def inherited(self, part_number: str, *off: str, **more: Any) -> Json:
        """The same from a group of its own."""
        return self.make.state(part_number, disabled=off, group=self.make.group(f"sg-{part_number}"), **more)

    @contextlib.contextmanager
    def clients(self, **options: Any) -> Iterator[Clients]:
        """Clients whose waiting costs no time."""
        chosen = {"timeout": 10_000.0, "retry_seconds": 300.0, **self._options, **options}
        with contextlib.nullcontext(self._shared) if self._shared else clients(self.tenant, **chosen) as found:
            found.http.backoff.clock = self.clock
            found.http.backoff.sleep = self.clock.sleep
            yield found

    def run(self, users: Sequence[str], *licenses: Any, check_mode: bool = False, **options: Any) -> Json:
        """The module's result; ``licenses``: part numbers, or elements of the option. Raises M365Error."""
        entries = [{"sku": item} if isinstance(item, str) else item for item in licenses]
        chosen = Options(users=users, licenses=entries, **options)
        with self.clients() as found:
            before = found.http.requests
            result = license_users(found.graph, lambda: found.exchange, BUILTIN, chosen, check_mode=check_mode)
            return {**result, "requests": found.http.requests - before}

    def fail(self, users: Sequence[str], *licenses: Any, **options: Any) -> UsersFailed:
        """The same, where it has to fail because of users."""
        with pytest.raises(UsersFailed) as caught:
            self.run(users, *licenses, **options)
        return caught.value

    def _age_quota(self, seconds: float) -> None:
        """The tenant counts writes and units by its own clock: let them grow older as well."""
        if writes := self.world.scratch.get(_WRITES):
            self.world.scratch[_WRITES] = deque(moment - seconds for moment in writes)
        if units := self.world.scratch.get(_READS):
            self.world.scratch[_READS] = deque((moment - seconds, cost) for moment, cost in units)

    def fault(self, kind: str, *, after_batches: int = 0, **more: Any) -> None:
        """Something goes wrong with a ``$batch``, after ``after_batches`` of them went well; faults add up."""
        batch = {"service": "graph", "path": "$batch", "method": "POST"}
        skip = {**batch, "kind": "slow", "seconds": 0, "times": after_batches}
        before = [faults.describe(fault) for fault in self.world.faults]
        for fault in before:
            del fault["hits"]
        self.tenant.set_faults(*before, *([skip] if after_batches else []), {**batch, "kind": kind, **more})

    def refuse(self, text: str, **more: Any) -> None:
        """A part of a ``$batch`` with ``text`` in its url is answered with ``status``, ``headers``, ``body``."""
        part = {"kind": "status", "service": "graph", "part": True, "path": text}
        self.world.faults += faults.parse([{**part, **more}])

    # --- what the tenant saw ------------------------------------------------------------------------------------

    def box(self, upn: str) -> Json:
        """The one mailbox of a user."""
        user = self.world.user(upn)
        assert user is not None
        (found,) = self.world.mailboxes_of(user["id"])
        return found

    def states(self, upn: str) -> dict[str, list[str]]:
        """The direct licenses of a user and their disabled plans, by part number."""
        names = {row.id: row for row in table().values()}
        user = self.world.user(upn)
        assert user is not None
        return {
            names[state["skuId"]].part_number: sorted(
                plan.name for plan in names[state["skuId"]].plans if plan.id in state["disabledPlans"]
            )
            for state in user["licenseAssignmentStates"]
            if state["assignedByGroup"] is None
        }

    def location(self, upn: str) -> str | None:
        """Where the tenant says that a user is."""
        user = self.world.user(upn)
        assert user is not None
        found: str | None = user["usageLocation"]
        return found

    def parts(self, method: str, text: str = "") -> list[str]:
        """The urls of the batch parts with this method and ``text`` in their url, in the order received."""
        return [
            part["url"]
            for entry in self.tenant.requests()
            for part in entry.get("parts", ())
            if part["method"] == method and text in part["url"]
        ]

    def license_requests(self) -> list[Json]:
        """The bodies of all requests to assignLicense, in the order received."""
        return [
            part["body"]
            for entry in self.tenant.requests()
            for part in entry.get("parts", ())
            if part["method"] == "POST" and "assignLicense" in part["url"]
        ]

    def writes(self) -> list[str]:
        """All writes that were sent, answered or not."""
        return [*self.parts("PATCH"), *self.parts("POST", "assignLicense")]


@contextlib.contextmanager
def empty_tenant() -> Iterator[Tenant]:
    """A tenant with SKUs and nobody in it."""
    with running(mailboxes=0, at_risk=0) as tenant:
        yield tenant


def with_first_settings(tenant: Tenant) -> Tenant:
    """The tenant with its first permissions and switches, without faults and recorded requests."""
    world = tenant.world
    world.app = App(world.app.client_id, world.app.client_secret)
    world.switches = Switches()
    world.faults = []
    world.log.clear()
    return tenant


def changed_users(result: Json) -> set[str]:
    """Whom the diff of a result names."""
    return {line.partition(": ")[0] for text in result["diff"].values() for line in text.splitlines()}


def statuses(result: Json) -> Counter[str]:
    """How many users of a result have which status."""
    return Counter(row["status"] for row in result["users"])
