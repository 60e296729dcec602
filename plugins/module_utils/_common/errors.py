# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can go wrong, by what the reader of the message can do about it.

A message names the option, the rule or the request; ``hint`` says the way out. Neither ever holds a secret,
a token, or a request's body. ``_ansible/module.py`` turns these into ``fail_json`` in one place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .redaction import printable, shortened

MESSAGE_LENGTH = 4000
"""Characters of a message about a service."""
NAMED_AT_MOST = 20
"""Users, or problems, that one message names; the result has them all."""


class M365Error(Exception):
    """The base: a sentence for people, a hint, and a code for programs.

    ``partial``: the result as far as the run came, where there is one.
    """

    def __init__(
        self, message: str, *, code: str = "", hint: str = "", partial: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.partial = dict(partial or {})

    def __str__(self) -> str:
        stop = "." if self.hint and self.message[-1:] not in ("", *".!?:") else ""
        return f"{self.message}{stop} {self.hint}".strip()


class ConfigurationError(M365Error):
    """Options that are missing, contradictory or wrong. No request has been sent on their account.

    ``problems`` lists all of them, each with its path (``licenses[0].sku``), what was found and what is allowed; the
    message has the first of them.
    """

    def __init__(self, problems: str | Sequence[str], *, code: str = "invalid_options", hint: str = "") -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__(summarize(self.problems, "; "), code=code, hint=hint)


class AuthenticationError(M365Error):
    """No token: the identity platform refused (``code`` is its AADSTS code) or could not be reached."""


class ApiError(M365Error):
    """A service answered with an error, or with something that is not an answer.

    ``status`` is the HTTP status (0 where no answer came), ``code`` the service's own error code, ``service`` its
    name, ``request`` method and path without query, ``request_id`` what Microsoft's support asks for.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        hint: str = "",
        service: str = "",
        request: str = "",
        request_id: str = "",
    ) -> None:
        # it may quote a value that a service made up
        super().__init__(shortened(printable(message), MESSAGE_LENGTH), code=code, hint=hint)
        self.status = status
        self.service = service
        self.request = request
        self.request_id = request_id


class PermissionDenied(ApiError):
    """401 after one refreshed token, or 403: the hint names the permission or role and who must consent."""


class NotFound(ApiError):
    """404, or 410: what was asked for is not there (or this cloud has no such endpoint)."""


class ServiceUnavailable(ApiError):
    """Still refused, throttled (429) or unreachable when ``retry_seconds`` had passed."""


class UnknownOutcome(ServiceUnavailable):
    """A write was sent and its answer never came: it may or may not have happened. Read back before another try."""


class IncompleteAnswer(ApiError):
    """A page or a part is lost, repeated, truncated, not JSON, too large or from a foreign origin.

    Raised instead of ever returning a shorter list. Built by ``incomplete_answer``.
    """


class Interrupted(M365Error):
    """The run was stopped: by Ctrl-C, or because its job was cancelled. Nothing is sent after that."""

    def __init__(
        self, message: str = "The run was stopped.", *, hint: str = "", partial: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, code="interrupted", hint=hint, partial=partial)


def incomplete_answer(
    service: str,
    what: str,
    *,
    request: str = "",
    code: str = "incomplete_answer",
    hint: str = "",
    cause: ApiError | None = None,
) -> IncompleteAnswer:
    """The error for an answer that is not whole. ``what`` is wrong with it: a sentence without its full stop.

    ``cause``: the error that kept the rest of the answer away; its hint and its request's id are passed on.
    """
    return IncompleteAnswer(
        f"{service}: {what}.",
        code=code,
        hint=hint or (cause.hint if cause else ""),
        service=service,
        request=request or (cause.request if cause else ""),
        request_id=cause.request_id if cause else "",
    )


def summarize(names: Sequence[str], between: str = ", ") -> str:
    """Names for a message: the first of them, and how many more there are."""
    more = len(names) - NAMED_AT_MOST
    return between.join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
