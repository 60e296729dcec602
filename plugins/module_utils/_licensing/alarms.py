# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides when a task fails after its work: mailboxes stay at risk, or the audit is incomplete. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import M365Error

from .models import Finding, RecipientType

FAIL_ON = ("none", "critical", "any")
"""The choices of the option ``fail_on``."""

CRITICAL = frozenset({"lost", "overdue", "critical"})
"""The severities that ``fail_on=critical`` means."""

_CRITICAL_WORDS = "lost, overdue or critical"


class Reason(NamedTuple):
    """Why a task fails: a code for programs, a sentence, and what helps."""

    code: str
    message: str
    hint: str = ""


class AlarmRaised(M365Error):
    """The work is done, and a person has to check its result. ``partial`` is the whole result.

    ``alarm`` in it has a sentence for each reason; it sorts before all other keys, so Ansible prints it first.
    """

    def __init__(self, reasons: Sequence[Reason], partial: Mapping[str, Any]) -> None:
        hints = dict.fromkeys(reason.hint for reason in reasons if reason.hint)
        messages = [reason.message for reason in reasons]
        partial = {"alarm": messages, **partial}
        super().__init__(" ".join(messages), code=reasons[0].code, hint=" ".join(hints), partial=partial)


def incomplete_reason(
    gaps: Sequence[str],
    remedies: Collection[str],
    hidden: Collection[RecipientType | str],
    *,
    can_narrow: bool,
) -> Reason | None:
    """Why an incomplete audit fails; None where ``gaps`` is empty.

    ``remedies`` say what helps where a service refused, ``hidden`` are the recipient types that the surface of Exchange
    does not show. ``can_narrow``: ``recipient_types`` can leave out what could not be read.
    """
    if not gaps:
        return None
    hints = list(dict.fromkeys(remedies))
    if hidden:
        kinds = ", ".join(sorted(RecipientType(kind).value for kind in hidden))
        hints.append(f"exchange_api=v2 shows no {kinds} recipients: exchange_api=invoke_command does.")
    narrow = "leave out with recipient_types what need not be audited, or " if can_narrow else ""
    hints.append(f"Or {narrow}set allow_incomplete=true.")
    message = f"The audit is incomplete, so more mailboxes may be at risk than it shows. Not read: {'; '.join(gaps)}."
    return Reason("audit_incomplete", message, " ".join(hints))


def is_within(finding: Finding, days: int) -> bool:
    """Is the deadline within ``days`` times 24 hours, or over? So is a mailbox that may be deleted at any moment."""
    if finding.days_remaining is None:
        return finding.severity in ("overdue", "lost")
    return finding.days_remaining <= days


def counts_for(fail_on: str) -> Callable[[Finding], bool]:
    """The test whether ``fail_on`` applies to a mailbox."""
    if fail_on == "critical":
        return lambda finding: finding.severity in CRITICAL
    return lambda _finding: fail_on == "any"


def audit_reasons(
    findings: Sequence[Finding], excepted: Sequence[bool], *, within_days: int | None, fail_on: str, hint: str
) -> list[Reason]:
    """Why an audit is an alarm; ``excepted`` says of each finding whether an exception of the rules covers it."""
    open_ones = [finding for finding, covered in zip(findings, excepted, strict=True) if not covered]
    covered = len(findings) - len(open_ones)
    total = f"Of {mailboxes(len(findings))} at risk" + (f" ({covered} covered by exceptions)" if covered else "")
    reasons: list[Reason] = []
    near = [finding for finding in open_ones if within_days is not None and is_within(finding, within_days)]
    if near:
        dated = sum(finding.days_remaining is not None for finding in near)
        urgent = len(near) - dated
        parts = []
        if dated:
            parts.append(f"{dated} {_are(dated)} due within {within_days} days")
        if urgent:
            parts.append(f"{urgent} may be deleted at any moment, without a known date")
        message = f"{total} {' and '.join(parts)}; the first is {finding_text(near[0])}."
        reasons.append(Reason("deadline_too_close", message, hint))
    means = counts_for(fail_on)
    left = [finding for finding in open_ones if means(finding)]
    if left:
        words = "not covered by an exception" if fail_on == "any" else _CRITICAL_WORDS
        message = f"{total} {len(left)} {_are(len(left))} {words}; the first is {finding_text(left[0])}."
        reasons.append(Reason("left_at_risk", message, hint))
    return reasons


def critical_words(fail_on: str) -> str:
    """The severities that ``fail_on`` means, in words; empty if it means all."""
    return _CRITICAL_WORDS if fail_on == "critical" else ""


def left_message(left: Sequence[Finding], why: Mapping[str, int], words: str) -> str:
    """The message about mailboxes that a plan leaves at risk, most urgent first. ``why`` counts them by reason."""
    one = len(left) == 1
    bad = f" that {_are(len(left))} {words}" if words else ""
    parts = ", ".join(f"{count} because {reason}" for reason, count in why.items())
    return (
        f"{mailboxes(len(left))}{bad} {'stays' if one else 'stay'} at risk, and no exception of the rules covers "
        f"{'it' if one else 'them'}: {parts}. The first is {finding_text(left[0])}."
    )


def finding_text(finding: Finding) -> str:
    """``anna@contoso.com (no_license, until 2026-12-01)``."""
    when = f"until {finding.deadline.at:%Y-%m-%d}" if finding.deadline.at else "no date is known"
    return f"{finding.user_principal_name or finding.user_id} ({finding.reason}, {when})"


def mailboxes(count: int) -> str:
    """``1 mailbox or archive``, ``3 mailboxes and archives``."""
    return "1 mailbox or archive" if count == 1 else f"{count} mailboxes and archives"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
