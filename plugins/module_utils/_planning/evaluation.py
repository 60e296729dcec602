# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What protection and rules decide for each mailbox at risk and each user, before seats are given out.

Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.globs import compile_glob
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import guid, is_guid
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import Needs
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import LicenseChange, User

from .explanations import why_no_license_helps
from .model import Candidate, PlanEntry
from .rules import Rule, RuleIndex, Subject
from .unneeded import covers


class Evaluation(NamedTuple):
    """A candidate after the rules. ``rule`` is None where nothing is left to decide: ``entry`` says all."""

    candidate: Candidate
    entry: PlanEntry
    rule: Rule | None = None

    @property
    def user(self) -> User:
        return self.candidate.subject.user

    @property
    def needs(self) -> Needs:
        """What the mailbox at risk needs, if rules would license it."""
        finding = self.candidate.finding
        return finding.needs if finding is not None and self.rule is not None else ()


def protects(pattern: str) -> Callable[[User], bool]:
    """The test for one element of ``protected``: a user id, or a user principal name with ``*`` and ``?``."""
    text = pattern.strip()
    if is_guid(text):
        user_id = guid(text)
        return lambda user: user.id == user_id
    globs = [(fold, compile_glob(fold(text))) for fold in (lowered, str.casefold)]
    # rather one too many protected than one too few: either way of comparing will do
    return lambda user: any(glob(fold(user.user_principal_name)) for fold, glob in globs)


def names_one(pattern: str) -> bool:
    """Does this element of ``protected`` name one user, who ought to exist?"""
    return not set(pattern) & {"*", "?"}


def subject_of(candidate: Candidate, catalog: Catalog) -> Subject:
    """The candidate as the rules see it, with what its mailbox tells."""
    subject, finding = candidate.subject, candidate.finding
    needs = finding.needs if finding else candidate.needs
    return subject._replace(
        reason=finding.reason if finding else "",
        covered=covers(subject.user, subject.mailbox_kind, needs, catalog),
    )


IGNORES_SHARED = "rule {!r} ignores mailboxes that may have been shared ones before (their rows say why)"
"""A warning, without a full stop."""


class RuleEvaluator:
    """Protection, rules, and what no license can do."""

    def __init__(
        self,
        rules: Sequence[Rule],
        protected: Sequence[str],
        catalog: Catalog,
        today: date,
        *,
        license_guests: bool = False,
    ) -> None:
        self._rules, self._catalog, self._today, self._guests = RuleIndex(rules), catalog, today, license_guests
        self._protected = [(pattern, protects(pattern)) for pattern in protected]

    def evaluate(self, candidate: Candidate) -> Evaluation:
        """The decision, or the rule by which it is to be made."""
        user = candidate.subject.user
        entry = PlanEntry(user, candidate.finding, "", "", "protected", LicenseChange(user.id))
        if user.is_guest and not self._guests and candidate.finding is None and not candidate.subject.mailbox_kind:
            note = "a guest without a mailbox is only licensed with license_guests"
            return Evaluation(candidate, entry._replace(note=note))
        for pattern, matches in self._protected:
            if matches(user):
                return Evaluation(candidate, entry._replace(note=f"protected by {pattern!r}"))
        if candidate.dispute:
            return Evaluation(candidate, entry._replace(action="undecided", note=candidate.dispute, doubt="mailbox"))
        decision = self._rules.first_match(subject_of(candidate, self._catalog), self._today)
        rule = decision.rule
        entry = entry._replace(rule=rule.name if rule else "", why=decision.why, expired=decision.expired)
        if decision.undecided:
            note = "neither this rule nor a later one decides until that is settled"
            return Evaluation(candidate, entry._replace(action="undecided", note=note, doubt="group"))
        if rule is None:
            return Evaluation(candidate, entry._replace(action="unmatched"))
        if rule.ignore:
            until = f" (until {rule.until.isoformat()})" if rule.until else ""
            hidden = candidate.finding is not None and candidate.finding.was_shared
            warnings = (IGNORES_SHARED.format(rule.name),) if hidden else ()
            return Evaluation(candidate, entry._replace(action="ignore", note=rule.reason + until, warnings=warnings))
        if why := why_no_license_helps(candidate, self._catalog):
            return Evaluation(candidate, entry._replace(action="insufficient", note=why))
        return Evaluation(candidate, entry, rule)
