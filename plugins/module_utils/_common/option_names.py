# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What messages call an option: its own name, or that of the variable by which role and playbooks set it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from .errors import ConfigurationError, M365Error

NO_VARIABLES = frozenset({"identities", "licenses", "output_path", "users", "variable_prefix"})
"""Options that no variable of role and playbooks sets, so their names have no prefix."""

_BEFORE = r"(?<![\w./'\"@-])"
_AFTER = r"(?![\w/'\"@-])"


class Naming:
    """The names of ``options``, which have variables, with ``prefix``; without a prefix texts stay as they are."""

    def __init__(self, prefix: str, options: Iterable[str]) -> None:
        self._prefix = prefix
        self.options = frozenset(options) - NO_VARIABLES

    def variable(self, option: str) -> str:
        """The name of the variable that an option comes from, where it comes from one."""
        return f"{self._prefix}{option}" if option in self.options else option

    def text(self, text: str) -> str:
        """A message with the names of variables: at its beginning, and words with an underscore anywhere.

        A word without one may be plain English, and a quoted one is data.
        """
        if not self._prefix:
            return text
        text = self._unsettable.sub("", text)
        return self._words.sub(lambda found: self.variable(found[0]), text)

    def error(self, error: M365Error) -> None:
        """The same in all that an error says."""
        if not self._prefix:
            return
        error.message, error.hint = self._begun(error, error.message), self.text(error.hint)
        if isinstance(error, ConfigurationError):
            error.problems = [self._begun(error, problem) for problem in error.problems]
        if "alarm" in error.partial:
            error.partial = {**error.partial, "alarm": [self.text(sentence) for sentence in error.partial["alarm"]]}

    def refused(self, text: str) -> str:
        """A message of Ansible's own about options: ``value of fail_on must be one of ...``."""
        if not self._prefix:
            return text
        begin = re.match(r"missing required arguments: |one of the following is required: ", text)
        if begin:
            return begin[0] + re.sub(r"\w+", lambda found: self.variable(found[0]), text[begin.end() :])
        return self._refused.sub(lambda found: f"{found[1]}{self.variable(found[2])}", text)

    def _begun(self, error: M365Error, text: str) -> str:
        """An error of the options begins with the name of one, whatever follows."""
        if isinstance(error, ConfigurationError):
            text = self._beginning.sub(lambda found: self.variable(found[0]), text)
        return self.text(text)

    @cached_property
    def _any(self) -> str:
        return "|".join(sorted(map(re.escape, self.options), key=len, reverse=True))

    @cached_property
    def _beginning(self) -> re.Pattern[str]:
        return re.compile(rf"(?:\A|(?<=; ))(?:{self._any})\b")

    @cached_property
    def _words(self) -> re.Pattern[str]:
        long = "|".join(sorted((name for name in self.options if "_" in name), key=len, reverse=True))
        return re.compile(rf"(?:\A|(?<=; ))(?:{self._any})(?=[:\[])|{_BEFORE}(?:{long}){_AFTER}")

    @cached_property
    def _unsettable(self) -> re.Pattern[str]:
        """``output_path or`` before an option that can be set."""
        return re.compile(rf"{_BEFORE}(?:{'|'.join(sorted(NO_VARIABLES))}) or (?=(?:{self._any}){_AFTER})")

    @cached_property
    def _refused(self) -> re.Pattern[str]:
        begin = r"\A(?:argument|value of|elements value for option|invalid type \S+ for option)"
        return re.compile(rf"({begin} '?|found in '?)({self._any})\b", re.IGNORECASE)
