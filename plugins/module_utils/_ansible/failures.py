# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module returns where it fails: of an error, of a run that was stopped, of a mistake of this collection."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    ConfigurationError,
    Interrupted,
    M365Error,
    summarize,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import printable
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import to_plain

FORBIDDEN_RESULTS = frozenset({"items", "keys", "values", "get", "update", "copy", "pop"})
"""Names that Jinja would take for methods of the result."""


def failure(error: M365Error, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Make the arguments of ``fail_json``. ``error.partial``, where set, says what was done before."""
    detail: dict[str, Any] = {
        "code": error.code,
        "message": printable(error.message),
        "hint": printable(error.hint),
    }
    if isinstance(error, ApiError):
        detail |= {"status": error.status, "request_id": error.request_id, "service": error.service}
        detail["request"] = error.request
    problems = [printable(text) for text in error.problems] if isinstance(error, ConfigurationError) else []
    plain = to_plain({**facts, **error.partial, "error": detail, "problems": problems})
    return {"msg": printable(str(error)), **plain}


def safe_failure(error: M365Error, facts: Mapping[str, Any], ledger: Mapping[str, str]) -> dict[str, Any]:
    """The same, also where something in it has no plain form: what was written must not be lost with it."""
    try:
        return failure(error, facts)
    except Exception as wrong:
        return failure(Unexpected(wrong, ledger), {})


class Unexpected(M365Error):
    """A mistake of this collection. ``ledger``: what was written before it, by user; it must not be lost.

    The text of the exception may quote secrets, so the result has only its type and place.
    """

    def __init__(self, error: Exception, ledger: Mapping[str, str]) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{_name(frames[-1].filename)}, line {frames[-1].lineno}" if frames else "an unknown place"
        own = [frame for frame in frames if "m365" in frame.filename]
        if own and own[-1] is not frames[-1]:
            place += f", called from {_name(own[-1].filename)}, line {own[-1].lineno}"
        written = {state: [user for user, its in ledger.items() if its == state] for state in ("changed", "unknown")}
        done = "Nothing was written."
        if ledger:
            done = (
                f"Before that {len(written['changed'])} users were changed ({summarize(written['changed'])}), and of "
                f"{len(written['unknown'])} the outcome is not known ({summarize(written['unknown'])})."
            )
        super().__init__(
            f"An unexpected {type(error).__name__} in {place}: this is an error of the collection. {done}",
            code="unexpected_error",
            hint="Please report it, with this message. Run again: the next run does not repeat what was written.",
        )
        self.partial = {"changed": bool(ledger), "written": written}


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def interrupted(result: Mapping[str, Any], *, check_mode: bool) -> Interrupted:
    """Say what a stopped run has done, and what it has not."""
    found: dict[str, list[str]] = {"changed": [], "unknown": [], "failed": [], "not tried": []}
    for row in result.get("users", ()):
        code = (row.get("error") or {}).get("code", "")
        state = {"unknown_outcome": "unknown", "not_tried": "not tried"}.get(code, str(row.get("status")))
        if state in found:
            found[state].append(row["user_principal_name"] or row["user_id"])
    text = "The run was stopped before anything was written."
    if not check_mode and (result.get("changed") or found["unknown"]):
        words = {**{state: state for state in found}, "unknown": "of unknown outcome (sent, but not answered)"}
        counts = [
            f"{len(names)} {words[kind]}" + (f" ({summarize(names)})" if names else "") for kind, names in found.items()
        ]
        text = f"The run was stopped. Users: {'; '.join(counts)}."
    return Interrupted(text, hint="Run again: it continues where this run ended.", partial=result)


def check_result(result: Mapping[str, Any], *, stopped: bool, check_mode: bool) -> None:
    """Raise Interrupted for the result of a run that was stopped."""
    if stopped:
        raise interrupted(result, check_mode=check_mode)
    if wrong := FORBIDDEN_RESULTS & result.keys():
        raise RuntimeError(f"no result may be called {', '.join(sorted(wrong))}")
