# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options as Ansible may log them: a value that does not look like what its option expects is replaced before."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._auth_options import ENVIRONMENT, shows_value
from ansible_collections.m365.licensing.plugins.module_utils._option_values import (
    PATHS,
    is_random,
    secrets_in,
    texts_in,
    without_secrets,
)

MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
"""What Ansible writes instead of a secret."""


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


def secrets_in_environment(environ: Mapping[str, str]) -> list[str]:
    """The same of the variables that stand for options: what of them must not appear anywhere."""
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
    """Credentials that somebody wrote into an address, which is refused: each ``user:password``, and the password."""
    names = {option: names for option, names in ENVIRONMENT.items() if option.endswith("_url")}
    given = [str(params.get(option) or "") for option in names]
    given += [environ.get(name, "") for variables in names.values() for name in variables]
    people = [(text.partition("//")[2] or text).rpartition("@")[0] for text in given]
    return [text for person in people for text in (person, person.partition(":")[2]) if text]
