# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of this collection, and the names that somebody may have misspelt. Pure: no I/O, no clock.

Ansible accepts any variable silently, so a guard or a tenant with a misspelt name would have no effect.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.similar_names import (
    Nearness,
    is_reserved,
    without_one,
)

WAYS = (
    "client_secret",
    "certificate_path",
    "certificate_password",
    "federated_token_file",
    "access_tokens",
    "auth_source",
)
"""The options that choose a way of signing in: a task that has one of them takes none of the others from its host."""

CREDENTIALS = ("tenant_id", "client_id", *WAYS)
"""The options that say who signs in, and where. A host's variables for them are never mixed with the environment."""

OPTIONS = (
    *CREDENTIALS,
    "cloud",
    "login_url",
    "expected_domain",
    "graph_url",
    "exchange_url",
    "ca_path",
    "validate_certs",
    "exchange_api",
    "timeout",
    "retry_seconds",
    "concurrency",
    "max_response_bytes",
)
"""The options of every module that a host may have as variables: ``m365_tenant_id`` and so on."""

M365 = frozenset(
    {
        *(f"m365_{name}" for name in OPTIONS),
        "m365_licensing_hosts",
        "m365_audit_rows",
        "m365_preflight_fail_if_missing",
    }
)
"""Every variable ``m365_*`` of modules and playbooks."""

LICENSE_STATE = frozenset(
    f"license_state_{name}"
    for name in (
        "allow_incomplete",
        "allow_removals",
        "confirm",
        "confirm_seconds",
        "due_within_days",
        "exclude",
        "expect_digest",
        "fail_on",
        "fail_within_days",
        "grace_period_days",
        "license_guests",
        "mailbox_plans",
        "max_changes",
        "max_covered_seats",
        "max_rows",
        "mode",
        "now",
        "on_error",
        "progress_path",
        "protected",
        "recipient_types",
        "record_dir",
        "report_dir",
        "report_formats",
        "report_mode",
        "report_name",
        "rules",
        "rules_file",
        "scope",
        "seat_order",
        "seat_reserve",
        "shared_mailbox_sizes",
        "strategy",
        "use_warning_seats",
    )
)
"""Every variable of the role and the playbooks."""

_EVERYTHING = M365 | LICENSE_STATE
OF_THE_AUDIT = "license_state_due_within_days"
"""A variable that the playbook ``audit`` alone reads."""

_RESULT_KEYS = frozenset({"failed", "skipped", "results"})
_ROLE_PREFIX = re.compile(r"([a-z]{3,10})state(?!ment|s?$).+", re.DOTALL)
_LICENSE = frozenset(
    {"lic"}.union(*map(without_one, ("license", "licence", "licenses", "licences", "licensing", "licencing")))
)
"""The first word of ``license_state_``, in any spelling, also with one letter missing."""


class Unknown(NamedTuple):
    """A variable that nothing reads, and the one that was probably meant; empty if none is similar."""

    name: str
    meant: str

    def __str__(self) -> str:
        return f"{self.name} (did you mean {self.meant}?)" if self.meant else self.name


def unknown_variables(variables: Mapping[str, Any], known: frozenset[str]) -> list[Unknown]:
    """The variables that resemble one of ``known`` or begin like them, and are not among them; sorted.

    The registered result of a task is not an option, even if its name resembles one.
    """
    of_the_role = bool(known & LICENSE_STATE)
    nearness = _nearness(known)
    found = []
    for name in sorted(_unknown_names(variables)):
        meant = nearness.of(name)
        if meant or is_reserved(name) or (of_the_role and _begins_like_the_role_s(name)):
            found.append(Unknown(name, meant))
    return found


def signs_in(variables: Mapping[str, Any]) -> str:
    """The name of a host's variable, perhaps misspelt, that selects the sign-in; empty if there is none."""
    own = [f"m365_{name}" for name in CREDENTIALS if f"m365_{name}" in variables]
    return next(iter(own or sorted(filter(is_reserved, _unknown_names(variables)))), "")


def _unknown_names(variables: Mapping[str, Any]) -> list[str]:
    """The names that are not options, without those of Ansible, of internals of roles, and of registered results."""
    names = [name for name in variables if isinstance(name, str) and not name.startswith(("ansible_", "__"))]
    return [name for name in names if name not in _EVERYTHING and not _is_registered(variables[name])]


def _begins_like_the_role_s(name: str) -> bool:
    """Does a name begin with ``license_state_``, in any spelling, with any separators, or with one letter wrong?"""
    begun = _ROLE_PREFIX.fullmatch(re.sub(r"[\W_]+", "", name.casefold()))
    return name.startswith("license_state_") or bool(begun and not _LICENSE.isdisjoint(without_one(begun[1])))


def _is_registered(value: Any) -> bool:
    """Is this the result of a task? One that was skipped, or has a loop, has not failed."""
    return isinstance(value, Mapping) and "changed" in value and bool(_RESULT_KEYS & value.keys())


@functools.cache
def _nearness(known: frozenset[str]) -> Nearness:
    return Nearness(known)
