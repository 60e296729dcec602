# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options as Ansible may log them: a value that does not look like what its option expects is replaced before."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.option_values import (
    PATHS,
    is_random,
    secrets_in,
    texts_in,
    without_secrets,
)

from .options import ENVIRONMENT, shows_value

MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
"""What Ansible writes instead of a secret."""
_NAME = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+)*")


class Masked(NamedTuple):
    """What is not to be logged."""

    given: dict[str, Any]
    """The values that were replaced, by option."""
    secrets: list[str]
    """What must not appear anywhere: it looks like a key, a token or a secret, whatever option it is in."""


def mask_options(params: dict[str, Any], spec: Mapping[str, Mapping[str, Any]]) -> Masked:
    """Replace values in ``params``: of options that no module has, and those that do not look like what is expected.

    Options that Ansible itself hides stay as they are.
    """
    options = {name: value for name, value in params.items() if not name.startswith("_") and value is not None}
    secrets = [piece for text in texts_in(options) for piece in secrets_in(text)]
    masked = Masked({}, secrets)
    known = {name: option for key, option in spec.items() for name in (key, *option.get("aliases", ()))}
    for name, value in options.items():
        if known.get(name, {}).get("no_log") or (name in known and _may_be_logged(name, value)):
            continue
        masked.given[name] = value
        masked.secrets.extend(_random_words(value))
        params[name] = (name.endswith("_url") and without_secrets(str(value))) or MASK
    return masked


def mask_keys(params: dict[str, Any], spec: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Replace names of options, and keys of their values, that may be secrets; return what was replaced.

    Ansible masks values alone: it quotes an option that it does not know, and logs each key. In options that it hides,
    every key is replaced that is not near one that belongs there.
    """
    found: list[str] = []
    known = {name for key, option in spec.items() for name in (key, *option.get("aliases", ()))}
    for name in list(params):
        if not name.startswith("_") and name not in known and not _may_be_name(name, known):
            found.append(name)
            params[MASK] = params.pop(name)
    for name, option in spec.items():
        if name in params:
            params[name] = _without_keys(
                params[name], option.get("options", {}) if option.get("no_log") else None, found
            )
    return found


def _without_keys(value: Any, allowed: Collection[str] | None, found: list[str]) -> Any:
    """The value with what may be a secret replaced in its keys; ``allowed``: the only ones that belong there."""
    if isinstance(value, (list, tuple)):
        return [_without_keys(item, allowed, found) for item in value]
    if not isinstance(value, Mapping):
        return value
    kept: dict[Any, Any] = {}
    for key, item in value.items():
        text = str(key)
        wrong = bool(secrets_in(text)) if allowed is None else text not in allowed and not _is_near(text, allowed)
        if wrong:
            found += [text, *secrets_in(text)]
        kept[MASK if wrong else key] = _without_keys(item, allowed, found)
    return kept


def _may_be_name(text: str, known: Collection[str]) -> bool:
    """Could this be meant as the name of an option?"""
    if secrets_in(text) or is_random(text):
        return False
    return bool(_NAME.fullmatch(text)) or _is_near(text, known)


def _is_near(text: str, names: Collection[str]) -> bool:
    return bool(difflib.get_close_matches(text.casefold(), names, 1, 0.6))


def secrets_in_environment(environ: Mapping[str, str]) -> list[str]:
    """What must not appear anywhere of the environment variables that stand for options."""
    texts = [
        text
        for option, variables in ENVIRONMENT.items()
        for text in (environ.get(name, "").strip() for name in variables)
        if text and not _may_be_logged(option, text)
    ]
    return [*(piece for text in texts for piece in secrets_in(text)), *_random_words(texts)]


def _random_words(value: Any) -> list[str]:
    return [word for text in texts_in(value) for word in text.split() if is_random(word)]


def _may_be_logged(name: str, value: Any) -> bool:
    # the name of a file that is there is a path, whatever it looks like
    return shows_value(name, value) or (name in PATHS and _is_there(str(value)))


def _is_there(path: str) -> bool:
    try:
        return Path(os.path.expandvars(path)).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long, with NUL, of a user that is not there
        return False


def written_in_addresses(params: Mapping[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Credentials in an address, which is refused: each ``user:password``, and the password."""
    names = {option: names for option, names in ENVIRONMENT.items() if option.endswith("_url")}
    given = [str(params.get(option) or "") for option in names]
    given += [environ.get(name, "") for variables in names.values() for name in variables]
    people = [(text.partition("//")[2] or text).rpartition("@")[0] for text in given]
    return [text for person in people for text in (person, person.partition(":")[2]) if text]
