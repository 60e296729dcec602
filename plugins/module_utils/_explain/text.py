# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An explanation as aligned lines for a terminal, at most a screen for one user with one mailbox.

Users write their own names and departments: a line holds no control character, and no value is longer than a few
lines. Pure: no I/O, no clock.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import printable, shortened

from .facts import needs_of_row, source_of
from .rules import nearest_rules

Row = Mapping[str, Any]

WIDTH = 110
"""Characters of a line, unless one word is longer."""
_LABEL = 13
_TEXT = 400
"""Characters of one sentence; longer ones are cut, visibly."""
_NAME = 100
"""The same of a name that stands alone."""
_PLANS, _RULES, _EXCEPTIONS, _SEATS = 6, 5, 3, 4
"""How many of each are shown; the result has more."""

_PLAN_TEXTS = {
    "on": "enabled",
    "off": "switched off in this assignment",
    "suspended": "suspended with its subscription",
    "no_rights": "carries no right to a mailbox (as far as is known)",
    "not_at_work": "assigned, but the service does not show it as enabled (yet)",
    "no_license": "enabled, though no license of the user carries it (any more)",
}
_RUN_TEXTS = {
    "unchanged": "changes nothing",
    "ignore": "leaves this user alone, by an exception",
    "unmatched": "leaves this user alone, as no rule matches",
    "protected": "never writes to this user",
    "no_seat": "gives no license, as no seat is left",
    "no_usage_location": "gives no license, as the user has no usage location",
    "insufficient": "gives no license, as none of the rule would save the mailbox",
    "conflict": "gives no license, as those of the rule do not go together with others",
    "refused_uncovered": "is refused, as the user would lose what keeps the mailbox",
    "undecided": "changes nothing, as no rule decides",
}
_KINDS = {"archive": "archive of a mailbox on premises", "soft_deleted": "soft-deleted mailbox"}


def lines_of(explanation: Row, *, rules_label: str = "rules") -> list[str]:
    """The lines for one explanation; ``rules_label`` is what a text calls the rules where none were given."""
    lines = _wrapped("", [_title(explanation)])
    rows = explanation["mailboxes"]
    for number, row in enumerate(rows, 1):
        if len(rows) > 1:
            lines += _wrapped("", [f"-- {number} of {len(rows)}: {_kind(row)}"])
        lines += _wrapped("Result", _result(row))
        lines += _wrapped("Deadline", _deadline(row))
        lines += _wrapped("Mailbox", _mailbox(row))
        if number == 1:
            lines += _wrapped("Signals", [*_signals(explanation), _coverage(explanation)])
            lines += _wrapped("Licenses", _licenses(explanation))
        lines += _decision(row["decision"], rules_label)
    return lines


def _title(explanation: Row) -> str:
    name = f" ({_clean(explanation['display_name'], _NAME)})" if explanation["display_name"] else ""
    parts = [f"{_clean(explanation['user_principal_name'], _NAME)}{name}", explanation["user_id"]]
    if explanation["user_type"].casefold() == "guest":
        parts.append("guest")
    if not explanation["account_enabled"]:
        parts.append("disabled")
    if explanation["on_premises_sync"]:
        parts.append("synchronized from on premises")
    parts.append(
        f"usage location {_clean(explanation['usage_location'])}"
        if explanation["usage_location"]
        else "no usage location"
    )
    return ", ".join(parts)


def _result(row: Row) -> list[str]:
    word = {True: "AT RISK", False: "Not at risk", None: "NOT KNOWN"}[row["at_risk"]]
    texts = [f"{word}: {row['verdict']}."]
    if row["left_out"]:
        texts.append(f"Left out of audits and runs: {row['left_out']}.")
    return [*texts, *row["notes"], *(f"Signals disagree: {text}." for text in row["disagreements"])]


def _deadline(row: Row) -> list[str]:
    if row["reason"] is None:
        return []
    note = row["deadline_note"]
    if row["deadline"] is None:
        return [f"not known, {row['severity']}. {note}".strip()]
    days = row["days_remaining"]
    count = f"{abs(days)} {'day' if abs(days) == 1 else 'days'}"
    left = f"{count} left" if days >= 0 else f"{count} ago"
    source = f"{row['deadline_confidence']}, from {row['deadline_source']}"
    return [f"{_day(row['deadline'])}, {left}, {row['severity']} ({source}). {note}".strip()]


def _mailbox(row: Row) -> list[str]:
    if row["other_kind"]:
        return [f"Exchange shows a {row['other_kind']} mailbox, which needs no license"]
    if row["mailbox_guid"] is None:
        return ["Exchange shows none"]
    parts = [_kind(row), f"created {_day(row['created'])}" if row["created"] else "creation date not known"]
    parts += [f"soft-deleted {_day(row['soft_deleted'])}"] if row["soft_deleted"] else []
    if row["recipient_type"] != "archive":
        parts.append("with an archive" if row["archive"] else "no archive")
        parts.append("on litigation hold" if row["litigation_hold"] else "no litigation hold")
    parts += ["over 50 GB"] if row["over_50_gb"] else []
    return [", ".join(parts), f"needs {needs_of_row(row)}"]


def _kind(row: Row) -> str:
    kind = row["recipient_type"]
    return _KINDS.get(kind, f"{kind} mailbox") if kind else "no mailbox"


def _signals(explanation: Row) -> list[str]:
    gone = explanation["unavailable"]
    needed = explanation["license_reconciliation_needed"]
    portal = {True: "set, so the portal waits for a license", False: "not set", None: "not known"}[needed]
    texts = [f"isLicenseReconciliationNeeded (Graph): {portal}"]
    for row in explanation["mailboxes"]:
        if row["mailbox_guid"] is not None and row["recipient_type"] != "archive":
            flag = {True: "true", False: "false, so a license was removed", None: "not set"}[row["sku_assigned"]]
            which = f", {_kind(row)}" if len(explanation["mailboxes"]) > 1 else ""
            texts.append(f"SKUAssigned (Exchange{which}): {flag}")
    pending = explanation["pending_delicense"]
    listed = any("pending_delicense" in row["evidence"] for row in explanation["mailboxes"])
    word = _day(pending) if pending else "listed without a date" if listed else "not listed"
    texts.append(f"pending delicense (Exchange): {word}")
    gone_text = "; ".join(f"{name} ({_clean(why, _NAME)})" for name, why in gone.items())
    return [*texts, *([f"NOT AVAILABLE: {gone_text}"] if gone else [])]


def _coverage(explanation: Row) -> str:
    has = ", ".join(explanation["coverage"])
    return f"computed coverage: {has or 'no enabled plan grants a mailbox or an archive'}"


def _licenses(explanation: Row) -> list[str]:
    plans = explanation["exchange_plans"]
    texts = [_plan(row) for row in plans[:_PLANS]]
    texts += _more(len(plans) - _PLANS, "Exchange plans")
    carrying = {row["sku_id"] for row in plans}
    others = [
        f"{row['sku']} ({'direct' if row['via'] == 'direct' else 'group'})"
        for row in explanation["licenses"]
        if row["sku_id"] not in carrying
    ]
    if others:
        rest = f" and {len(others) - _PLANS} more" if len(others) > _PLANS else ""
        texts.append(f"without a mailbox: {', '.join(others[:_PLANS])}{rest}")
    return texts or ["none"]


def _plan(row: Row) -> str:
    status = row["status"]
    text = _PLAN_TEXTS.get(status, "")
    if status == "on" and (row["capability"] or "").casefold() == "warning":
        text += ", in the grace period of its subscription"
    if status == "error":
        text = f"the assignment is in state {row['state']}" + (f" ({row['error']})" if row["error"] else "")
    if status == "removed":
        text = "removed" + (f" on {_day(row['removed'])}" if row["removed"] else "")
    mark = "+" if row["counts"] else "-"
    return f"{mark} {row['grants']}: {row['plan']}{source_of(row)}: {text}"


def _decision(decision: Row | None, rules_label: str) -> list[str]:
    if decision is None:
        return _wrapped("Rules", [f"none were given, so none was looked at (set {rules_label})"])
    return [
        *_wrapped("Rules", _rules(decision)),
        *_wrapped("Exceptions", _exceptions(decision["exceptions"])),
        *_wrapped("Seats", _seats(decision["seats"])),
        *_wrapped("A run", _run(decision)),
    ]


def _rules(decision: Row) -> list[str]:
    shown = nearest_rules(decision, _RULES)
    left_out = decision["rules_before_count"] - len(shown)
    texts = [f"{left_out} more rules do not match, on as many conditions or more"] if left_out else []
    for row in shown:
        more = f" (and {len(row['failed']) - 1} more)" if len(row["failed"]) > 1 else ""
        texts.append(f"no: #{row['number']} {row['rule']!r}: {row['failed'][0]}{more}")
    if decision["rule"] is None:
        return [*texts, "no rule matches"]
    word = "WOULD DECIDE" if decision["run"]["action"] in (None, "protected", "undecided") else "DECIDES"
    if decision["undecided"]:
        word = "NOT DECIDED"
    return [*texts, f"{word}: #{decision['rules_before_count'] + 1} {decision['rule']!r}: {decision['why']}"]


def _exceptions(rows: Sequence[Row]) -> list[str]:
    texts = []
    for row in rows[:_EXCEPTIONS]:
        when = f"until {row['until']}" if row["until"] else "without an end"
        state = f"expired, it ran {when}" if row["expired"] else f"runs {when}"
        late = "" if row["expired"] or row["decides"] else ", but a rule before it decides"
        texts.append(f"{row['rule']!r} {state}{late}: {row['reason']}")
    return texts + _more(len(rows) - _EXCEPTIONS, "exceptions")


def _seats(rows: Sequence[Row]) -> list[str]:
    texts = []
    for row in rows[:_SEATS]:
        reserve = f", beside {row['reserved']} kept by seat_reserve" if row["reserved"] else ""
        held = "; the user holds it and needs no seat" if row["held"] else ""
        texts.append(f"{row['sku']} ({row['alternative']}): {row['left']} left{reserve}{held}")
    return texts + _more(len(rows) - _SEATS, "SKUs")


def _run(decision: Row) -> list[str]:
    run = decision["run"]
    if run["action"] is None:
        texts = [f"does not look at this user: {run['note']}"]
    elif run["action"] == "license":
        texts = [_change(run), *([run["note"]] if run["note"] else [])]
    else:
        note = f": {run['note']}" if run["note"] else ""
        texts = [f"{_RUN_TEXTS.get(run['action'], run['action'])}{note}"]
    texts += run["warnings"]
    if run["next_rule"]:
        texts.append(f"the next run would change this user again, by rule {run['next_rule']!r}")
    if run["action"] != "protected":
        # else that is what the run says already
        texts += [f"STOPPED BY A GUARD: {text}" for text in decision["guards"]]
    if run["add"] or run["action"] == "no_seat":
        texts.append(
            "Seats are those left now; a run serves more urgent mailboxes first, and max_changes is not counted."
        )
    return texts


def _change(run: Row) -> str:
    parts = []
    for row in run["add"]:
        off = f" without {', '.join(row['disabled_plans'])}" if row["disabled_plans"] else ""
        parts.append(f"assigns {row['sku']}{off}")
    parts += [f"removes {row['sku']}" for row in run["remove"]]
    parts += [f"sets usage location {run['usage_location']}"] if run["usage_location"] else []
    return (
        f"{', '.join(parts) or 'has a license for it'} ({run['alternative']} of the rule)"
        if parts
        else "writes nothing"
    )


def _more(count: int, what: str) -> list[str]:
    return [f"and {count} more {what}"] if count > 0 else []


def _day(moment: str) -> str:
    """``2026-12-01 08:00 UTC`` from a time of a result."""
    return f"{moment[:10]} {moment[11:16]} UTC"


def _clean(text: Any, length: int = _TEXT) -> str:
    return shortened(" ".join(printable(str(text)).split()), length)


def _wrapped(label: str, texts: Iterable[str]) -> list[str]:
    """The texts under each other beside their label; empty without texts."""
    lines: list[str] = []
    indent = " " * _LABEL if label else ""
    for text in texts:
        first = f"{label:<{_LABEL}}" if label and not lines else indent
        lines += textwrap.wrap(
            _clean(text),
            WIDTH,
            initial_indent=first,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines
