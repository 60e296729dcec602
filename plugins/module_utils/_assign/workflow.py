# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assigns the same licenses to many users: the work of the module ``m365_user_license``.

It reads, decides, checks, writes, and reads back. It refuses unknown users, SKUs and plans, missing seats, and removals
that leave a mailbox without a license before the first write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.countries import country_code
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ConfigurationError,
    M365Error,
    summarize,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.typed_values import seconds_problems
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._graph.user_lookup import (
    find_users,
    name_problems,
    unknown_users,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.change_notes import (
    mailbox_off,
    plans_that_go,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import (
    apply_to,
    change_for,
    uncovered_by,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import (
    SkuFinder,
    Wanted,
    collect_skus,
    left_as_they_are,
    left_to_groups,
    resolve_wanted,
    shape_problems,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import LicenseChange, Sku, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import Case, SecondTries
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import Problem
from ansible_collections.m365.licensing.plugins.module_utils._licensing.seats import Seats, seats_needed
from ansible_collections.m365.licensing.plugins.module_utils._rules.tenant import collect

from .apply import Written, apply_changes
from .denials import missing_permission, permission_headline
from .downgrades import Downgrade, affected_mailboxes, find_downgrades, room_warnings
from .prediction import predict_changes
from .result import (
    Blocked,
    result_of,
    row_of,
    unknown_row,
)

_TWO_LETTERS = 2


class UsersFailed(M365Error):
    """Some users failed, or all of them were refused. ``partial`` is the whole result, with what was done."""


class Options(NamedTuple):
    """The options of the module, in its own terms."""

    users: Sequence[str]
    licenses: Sequence[Mapping[str, Any]]
    state: str = "present"
    remove: Sequence[str] = ()
    usage_location: str | None = None
    usage_location_force: bool = False
    on_insufficient_seats: str = "fail"
    on_error: str = "fail"
    allow_uncovered: bool = False
    confirm: bool = True
    confirm_seconds: float = 60.0
    use_warning_seats: bool = False


def license_users(
    graph: Graph,
    exchange: Callable[[], Exchange],
    catalog: Catalog,
    options: Options,
    *,
    check_mode: bool,
    record: Callable[[Mapping[str, Sku]], Written] | None = None,
) -> dict[str, Any]:
    """Read, decide, write, read back; the result of the module. In check mode the same result without a write.

    ``exchange`` is called if a change removes what only some mailboxes need. ``record`` is called before the first
    write, and returns what records each user who is written.
    Raises ConfigurationError for options that cannot be met, before any write, and UsersFailed with the whole result
    if a guard refuses, or a user fails.
    """
    location = check_options(options)
    if not options.users:
        return result_of(())
    sku_list = graph.subscribed_skus()
    catalog = catalog.in_tenant(sku_list)
    skus = {sku.id: sku for sku in sku_list}
    wanted, leaving = _resolve(options, sku_list, catalog)
    found = find_users(graph, options.users)
    if found.unknown and options.on_error == "fail":
        raise unknown_users(found.unknown)

    def wish(user: User) -> LicenseChange:
        return change_for(
            user,
            wanted,
            skus,
            state=options.state,
            leaving=leaving,
            usage_location=location,
            force_location=options.usage_location_force,
            catalog=catalog,
        )

    users = {user.id: user for user in found.users}
    changes = [wish(user) for user in found.users]
    downgrades = find_downgrades(users, changes, skus, catalog)
    warnings: list[str] = []
    if not options.allow_uncovered:
        ids = {item.user.id for item in downgrades}
        asked = wanted if options.state != "absent" else ()
        off = [
            _why_off(users[change.user_id], change, asked, skus, catalog) for change in changes if change.user_id in ids
        ]
        _raise_if_downgrades_affect(
            graph, exchange, downgrades, list(dict.fromkeys(text for texts in off for text in texts))
        )
        warnings = room_warnings(graph, exchange, users, changes, skus, catalog)
    changes, blocked = _require_locations(users, changes, options)
    changes, seatless = _share_seats(users, changes, sku_list, catalog, options)
    blocked.update(seatless)
    if check_mode:
        outcomes = predict_changes(users, changes, skus, on_error=options.on_error, doubts=True)
    else:
        outcomes = apply_changes(
            graph,
            users,
            changes,
            skus,
            confirm=options.confirm,
            confirm_seconds=options.confirm_seconds,
            on_error=options.on_error,
            just_read=not downgrades,
            uncovers=lambda user, change: not options.allow_uncovered and uncovered_by(user, change, skus, catalog),
            written=record(skus) if record and any(changes) else None,
            second_tries=SecondTries({change.user_id: Case(wanted) for change in changes}, skus, catalog),
            exchange=exchange,
        )
    rows = [
        row_of(outcome, blocked.get(outcome.user_id), wanted, options.state, skus, catalog, change, leaving)
        for outcome, change in zip(outcomes, changes, strict=True)
    ]
    rows += [unknown_row(name) for name in found.unknown]
    result = result_of(rows, downgrades if options.allow_uncovered else ())
    result["warnings"] += warnings
    result["warnings"] += left_to_groups(_given(options))
    result["warnings"] += left_as_they_are(_given(options), sku_list, catalog)
    _raise_if_users_failed(result, missing_permission(outcomes))
    return result


def check_options(options: Options) -> str | None:
    """The usage location in two letters, or None. Raises ConfigurationError with every problem; sends nothing."""
    problems = shape_problems(_given(options), state=options.state)
    problems += _remove_problems(options)
    problems += name_problems(options.users)
    location = (options.usage_location or "").strip()
    code = country_code(location) if len(location) == _TWO_LETTERS else None
    if location and code is None:
        problems.append(
            f"usage_location: expected the two letters of a country (ISO 3166, such as DE), found {location!r}"
            + (f"; did you mean {country_code(location)}?" if country_code(location) else "")
        )
    if options.usage_location_force and not location:
        problems.append("usage_location_force: needs usage_location")
    problems += seconds_problems("confirm_seconds", options.confirm_seconds)
    if problems:
        raise ConfigurationError(problems)
    return code


def _remove_problems(options: Options) -> list[str]:
    if not options.remove or options.state == "present":
        return []
    why = {
        "absent": "removes what licenses names, so name all licenses to remove there",
        "exact": "removes every other direct license by itself",
    }[options.state]
    return [f"remove: only state=present allows it; state={options.state} {why}"]


def _resolve(options: Options, skus: Sequence[Sku], catalog: Catalog) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
    """The licenses to assign, and the SKUs to remove. Raises ConfigurationError with every problem."""
    problems: list[str] = []
    wanted = collect(problems, lambda: resolve_wanted(_given(options), skus, catalog, state=options.state)) or ()
    finder = SkuFinder(skus, catalog)
    leaving = collect_skus(options.remove, finder, "remove", problems) if options.remove else ()
    both = sorted(finder.by_id(item.sku_id).part_number for item in wanted if item.sku_id in leaving)
    problems += [f"remove: {name} is in licenses as well; name it in one of them" for name in both]
    if problems:
        raise ConfigurationError(problems)
    return wanted, leaving


def _given(options: Options) -> list[dict[str, Any]]:
    """The licenses without keys that were not given, for which the argument spec has None."""
    return [{key: value for key, value in entry.items() if value is not None} for entry in options.licenses]


def _why_off(
    user: User, change: LicenseChange, wanted: Sequence[Wanted], skus: Mapping[str, Sku], catalog: Catalog
) -> list[str]:
    """The licenses in which the mailbox plan is off after a change, and how to switch it on, one sentence each."""
    texts = mailbox_off(apply_to(user, change, skus), wanted, skus, catalog)
    return [f"{text}." for text in (*texts, *plans_that_go(user, change, skus, catalog))]


def _raise_if_downgrades_affect(
    graph: Graph, exchange: Callable[[], Exchange], downgrades: Sequence[Downgrade], off: Sequence[str]
) -> None:
    """Raises UsersFailed if a mailbox uses what ``downgrades`` take away, or if that is not known.

    ``off``: sentences about licenses in which the mailbox plan is off.
    """
    hint = " ".join(off) or (
        "Keep a license that covers them, or swap it in the same task (the new one in licenses, the old one in "
        "remove). A mailbox with an archive, a hold or more than 50 GB needs Plan 2 or the archiving add-on. Or set "
        "allow_uncovered=true."
    )
    try:
        affected = affected_mailboxes(graph, exchange, downgrades)
    except M365Error as error:
        names = sorted(item.user.user_principal_name for item in downgrades)
        what = "; ".join(dict.fromkeys(sentence for item in downgrades for sentence in item.lost))
        raise UsersFailed(
            f"Refused, nothing was written: {what}. It is not known whether these mailboxes use it "
            f"({error.message.rstrip('.')}): {summarize(names)}.",
            partial={"changed": False, "uncovered": names},
            code="would_uncover",
            hint=f"{error.hint} {hint}".strip(),
        ) from error
    if affected:
        affected = dict(sorted(affected.items()))
        names = [f"{upn} ({', '.join(words)})" for upn, words in affected.items()]
        raise UsersFailed(
            f"Refused, nothing was written: this would remove what these mailboxes need: {summarize(names)}.",
            partial={"changed": False, "uncovered": list(affected)},
            code="would_uncover",
            hint=hint,
        )


def _require_locations(
    users: Mapping[str, User], changes: Sequence[LicenseChange], options: Options
) -> tuple[list[LicenseChange], dict[str, Blocked]]:
    """The changes without those of users who lack a usage location, which Microsoft requires for a license."""
    bare = [
        change.user_id
        for change in changes
        if change.add and not change.usage_location and not users[change.user_id].usage_location
    ]
    if bare and options.on_error == "fail":
        upns = [users[user_id].user_principal_name for user_id in bare]
        raise UsersFailed(
            "Refused, nothing was written: Microsoft requires a usage location before it assigns a license, and these "
            f"users have no usage location: {summarize(upns)}.",
            partial={"changed": False, "without_usage_location": upns},
            code="usage_location",
            hint="Set usage_location.",
        )
    problem = Problem(
        "usage_location",
        "The user has no usage location, and Microsoft requires one before it assigns a license.",
        "Set usage_location.",
    )
    without = set(bare)
    kept = [LicenseChange(change.user_id) if change.user_id in without else change for change in changes]
    return kept, {user_id: Blocked("failed", problem) for user_id in bare}


def _share_seats(
    users: Mapping[str, User],
    changes: Sequence[LicenseChange],
    skus: Sequence[Sku],
    catalog: Catalog,
    options: Options,
) -> tuple[list[LicenseChange], dict[str, Blocked]]:
    """The changes that have seats, and why the others, now empty, are skipped, by user id."""
    seats = Seats(skus, use_warning=options.use_warning_seats)
    needs = {change.user_id: seats_needed(users[change.user_id], change) for change in changes}
    names = {sku.id: sku.part_number or catalog.sku_name(sku.id) for sku in skus}
    titles = {sku.id: sku.name or names[sku.id] for sku in skus}
    if options.on_insufficient_seats == "fail":
        short = seats.shortage(Counter(sku_id for some in needs.values() for sku_id in some))
        if short:
            raise UsersFailed(
                "Refused, nothing was written: not enough seats. "
                + "; ".join(shortage.sentence(titles[shortage.sku_id]) for shortage in short)
                + ".",
                partial={
                    "changed": False,
                    "shortage": [
                        {"sku": names[item.sku_id], "sku_id": item.sku_id, "needed": item.needed, "left": item.left}
                        for item in short
                    ],
                },
                code="insufficient_seats",
                hint="Buy seats or free some, or set on_insufficient_seats=skip to license as many users as there are "
                "seats. If licenses were assigned a moment ago, run again in some minutes, because reads may be late.",
            )
    kept: list[LicenseChange] = []
    skipped: dict[str, Blocked] = {}
    for change in changes:
        missing = seats.missing(needs[change.user_id])
        if missing:
            lacking = ", ".join(titles.get(sku_id, sku_id) for sku_id in missing)
            problem = Problem(
                "no_seats", f"No seat of {lacking} is left for this user.", "Buy seats or free some, then run again."
            )
            skipped[change.user_id] = Blocked("skipped", problem)
            kept.append(LicenseChange(change.user_id))
        else:
            seats.take_all(needs[change.user_id])
            kept.append(change)
    return kept, skipped


def _raise_if_users_failed(result: Mapping[str, Any], denied: Problem | None) -> None:
    """Raises UsersFailed if a user failed or was not tried; ``denied`` names a permission that is missing."""
    # These include users who got a usage location, and then no license because another user had failed.
    failed = [
        row for row in result["users"] if row["status"] == "failed" and (row["error"] or {}).get("code") != "not_tried"
    ]
    not_tried = [row for row in result["users"] if (row["error"] or {}).get("code") == "not_tried"]
    if not failed and not not_tried:
        return
    summary = result["summary"]
    first = next(iter(failed or not_tried))
    if denied is not None:
        text = permission_headline(denied, failed=len(failed), changed=summary["changed"], not_tried=len(not_tried))
        raise UsersFailed(text, partial=result, code=denied.code, hint=denied.hint)
    name = first["user_principal_name"] or first["user_id"]
    raise UsersFailed(
        f"{len(failed)} of {summary['users']} users failed, {summary['changed']} were changed, "
        f"{len(not_tried)} were not tried. First: {name}: {first['error']['message']}",
        partial=result,
        code=first["error"]["code"],
        hint=first["error"]["hint"],
    )
