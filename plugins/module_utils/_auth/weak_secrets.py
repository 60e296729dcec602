# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that cannot be hidden without harm. Pure.

Ansible replaces a secret wherever it occurs in a result. One such as ``2026`` occurs in dates, sizes and names: the
next task would get false data. So it is refused before the first request; no message shows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._http.proxies import written_in_proxies

from .options import (
    ENVIRONMENT,
    SECRET_OPTIONS,
    AuthOptions,
)

SHORTEST = 8
"""Characters that a secret needs at least."""

_KEY = re.compile(r"[a-z]+(?:_[a-z0-9]+)+")
_MAYBE_LICENSE = re.compile(r"[\w ()+,./-]{1,128}", re.ASCII)
_NUMBER_OR_DATE = re.compile(r"[\d\s.,:/+TZ-]+")
WORDS = frozenset(
    {
        *("accepted", "alternative", "application", "archiving", "assigned", "available", "calculated"),
        *("capability", "certificate", "complete", "confidence", "confirmation", "confirmed", "consumed"),
        *("coverage", "deadline", "decision", "department", "disabled", "disagreement", "disagreements"),
        *("enterprise", "equipment", "equipmentmailbox", "evidence", "excepted", "exceptions", "exchange"),
        *("excluded", "expiring", "explanations", "inherited", "insufficient", "licensed", "licenses"),
        *("litigation", "location", "mailboxes", "mailuser", "microsoft", "microsoftonline", "onmicrosoft"),
        *("onmicrosoft.com", "optional", "password", "permission", "permissions", "protected", "provisioned"),
        *("recipient", "reconciliation", "remediation", "requests", "reserved", "retention", "roommailbox"),
        *("severity", "sharedmailbox", "shortage", "soft_deleted", "softdeleted", "standard", "strategy"),
        *(
            "subscribed",
            "subscriptions",
            "suspended",
            "unavailable",
            "unchanged",
            "uncovered",
            "undecided",
            "undefined",
            "unlicensed",
        ),
        *("unlimited", "unmatched", "unresolved", "usermailbox", "username", "violations", "warnings"),
    }
)
"""Words of eight letters and more that results are full of; shorter ones are refused for their length."""
_OPTIONS_SHOWN = ("tenant_id", "client_id", "certificate_path", "federated_token_file")


def weakness_of(secret: str) -> str:
    """Why a secret occurs in ordinary data, as a part of a sentence; nothing where it does not."""
    text = secret.strip()
    if len(text) < SHORTEST:
        return f"has fewer than {SHORTEST} characters"
    if _NUMBER_OR_DATE.fullmatch(text):
        return "is only a number or a date"
    if text.casefold() in WORDS:
        return "is a word that results are full of"
    if _KEY.fullmatch(text):
        return "is made of words and underscores as names in results are"
    if _MAYBE_LICENSE.fullmatch(text) and text.casefold() in _license_names():
        return "is a part of a name of Microsoft's licenses"
    return ""


@lru_cache(maxsize=1)
def _license_names() -> str:
    """Those of all SKUs and plans, line by line."""
    # only few secrets can be a name, and the table is long
    from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog_data import PLANS, SKUS  # noqa: PLC0415

    names = [*PLANS.values(), *(name for both in SKUS.values() for name in both)]
    return "\n".join(names).casefold()


def secrets_in_proxies(environ: Mapping[str, str]) -> list[str]:
    """Credentials in the addresses of proxies, but for those that occur in ordinary data."""
    return [text for text in written_in_proxies(environ) if not weakness_of(text)]


def weak_options(params: Mapping[str, Any]) -> dict[str, str]:
    """Secrets given as options of the module that Ansible cannot hide without harm: each with its weakness."""
    given = {name: params.get(name) for name in SECRET_OPTIONS}
    tokens = params.get("access_tokens")
    if isinstance(tokens, Mapping):
        given |= {f"access_tokens.{name}": token for name, token in tokens.items()}
    texts = {name: str(value) for name, value in given.items() if value is not None and str(value).strip()}
    return {name: weakness for name, text in texts.items() if (weakness := weakness_of(text))}


def check_secrets(params: Mapping[str, Any], environ: Mapping[str, str], options: AuthOptions) -> None:
    """Raise ConfigurationError for secrets that are weak and hidden: that are used, or given as options.

    A variable that is left over from something else is neither used nor hidden, so it may be anything.
    """
    if problems := _secret_problems(params, environ, options):
        raise ConfigurationError(problems)


def _secret_problems(params: Mapping[str, Any], environ: Mapping[str, str], options: AuthOptions) -> list[str]:
    weak = weak_options(params)
    problems = [_problem(name, f"option {name}", weakness, options) for name, weakness in weak.items()]
    shown = {name: getattr(options, name) for name in _OPTIONS_SHOWN}
    for name in SECRET_OPTIONS:
        secret = getattr(options, name).strip()
        if not secret or name in weak:
            continue
        variable = next((text for text in ENVIRONMENT[name] if environ.get(text, "").strip()), name)
        origin = variable if params.get(name) is None or not str(params[name]).strip() else f"option {name}"
        weakness = weakness_of(secret) or next(
            (f"is also a part of {option}" for option, text in shown.items() if secret in text), ""
        )
        if weakness:
            problems.append(_problem(name, origin, weakness, options))
    return problems


def _problem(name: str, origin: str, weakness: str, options: AuthOptions) -> str:
    used = bool(options.access_tokens) if name.startswith("access_tokens") else bool(getattr(options, name))
    if not used:
        advice = f"Signing in by {options.source} does not use it: leave it out"
    elif name == "certificate_password":
        advice = "Encrypt the certificate's file again, with a longer password"
    elif name == "client_secret":
        advice = "Give the value of a client secret, as the app registration shows it once"
    else:
        advice = "Give a token"
    return (
        f"{origin}: the secret {weakness}. Ansible hides it wherever it occurs in a result, so that dates and names "
        f"would be false. {advice}"
    )
