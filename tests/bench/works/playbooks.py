# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By ansible-playbook, as people run it: one task against a loop, and a role that has nothing left to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence

from tests.bench.measure import BIN, PLACE, Best, Json, Run, Tenant, alternate, tenant
from tests.bench.people import licensable, seats, skus
from tests.bench.replay import writes
from tests.bench.report import Bound, Row, row
from tests.bench.sizes import LATENCIES, Sizes

FASTER = 20
MORE_REQUESTS = 3
SKUS = ("EMS", "POWER_BI_STANDARD")
PLAY: Json = {
    "hosts": "localhost",
    "gather_facts": False,
    "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
}
ROLE: Json = {
    "license_state_mode": "apply",
    "license_state_max_changes": "100%",
    "license_state_rules": [
        {
            "name": name,
            "match": match,
            "licenses": [{"sku": sku}],
            "fallback": [{"sku": "EXCHANGEENTERPRISE"}],
            "usage_location": {"from": "country", "default": "DE"},
        }
        for name, match, sku in (
            ("Archives", {"recipient_type": "archive"}, "EXCHANGEARCHIVE"),
            ("Sales", {"department": ["Sales", "Inside Sales"]}, "SPE_E3"),
            ("Everybody else", {}, "EXCHANGESTANDARD"),
        )
    ],
}


def play(found: Tenant, *tasks: Json, variables: Json | None = None) -> Run:
    """Run a play with these tasks."""
    place = PLACE / "play"
    place.mkdir(parents=True, exist_ok=True)
    (place / "ansible.cfg").write_text("[defaults]\n", "utf-8")
    known = {**PLAY["vars"], **(variables or {})}
    (place / "play.yml").write_text(json.dumps([{**PLAY, "vars": known, "tasks": tasks}]), "utf-8")
    settings = {
        "HOME": str(place),
        "LANG": "C.UTF-8",
        "ANSIBLE_CONFIG": str(place / "ansible.cfg"),
        "ANSIBLE_HOME": str(place / "ansible"),
        "ANSIBLE_PIPELINING": "1",
    }
    return found.measure([BIN / "ansible-playbook", "-i", "localhost,", place / "play.yml"], **settings)


def licensing(users: str | Sequence[str], sku: str, **more: Json | list[str]) -> Json:
    """A task that licenses them."""
    return {"m365.licensing.m365_user_license": {"users": users, "licenses": [{"sku": sku}]}, **more}


def loop(sizes: Sizes) -> Iterator[Row]:
    """Users in one task, and the same module once for each user; whole runs of ansible-playbook are compared."""
    with tenant(10 * sizes.loop, 0) as found:
        people = licensable(found, sizes.loop, [skus(found)[sku]["skuId"] for sku in SKUS])
        for sku in SKUS:
            seats(found, sku, sizes.loop)
        users = [person["upn"] for person in people]
        before = skus(found)
        one = play(found, licensing(users, SKUS[0]))
        many = play(found, licensing("{{ item }}", SKUS[1], loop=users))
        after = skus(found)
        if any(after[sku]["consumedUnits"] - before[sku]["consumedUnits"] != len(users) for sku in SKUS):
            raise RuntimeError("not all were licensed")
    bound = Bound("times faster", many.seconds / one.seconds, FASTER, at_least=True)
    reference = ("the module in an Ansible loop", Best([many]))
    yield row("license users in one task", f"{sizes.loop} users", Best([one]), reference, [bound])


def role(sizes: Sizes) -> Iterator[Row]:
    """The role once more, after it has licensed everybody; beside an audit by the module."""
    with tenant(sizes.audit, sizes.audit_at_risk) as found:
        for sku in ("EXCHANGESTANDARD", "EXCHANGEENTERPRISE", "SPE_E3", "EXCHANGEARCHIVE"):
            seats(found, sku, sizes.audit_at_risk)
        task: Json = {"ansible.builtin.include_role": {"name": "m365.licensing.license_state"}}
        first = play(found, task, variables=ROLE)
        if not writes(first.log):
            raise RuntimeError("the first run of the role wrote nothing")
        for latency in LATENCIES:
            with found.latency(latency):
                mine, audit = alternate(
                    1,
                    lambda: play(found, task, variables=ROLE),
                    lambda: found.module("exo_unlicensed_mailbox_info"),
                )
            bounds = [
                Bound("writes", writes(mine.last.log), 0),
                Bound("requests", mine.requests, audit.requests + MORE_REQUESTS),
            ]
            size = f"{sizes.audit:,} mailboxes, nothing to do"
            yield row("second run of the role", size, mine, ("the audit by itself", audit), bounds, latency)
