# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AnsibleModule of this collection: options in, one call, a result or one clear error out.

The only file that knows AnsibleModule. A module hands its work to ``run_module`` and sees a ``Context``.
"""

from __future__ import annotations

import copy
import gc
import os
import re
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]
from ansible_collections.m365.licensing.plugins.module_utils._auth import (
    MSAL_IMPORT_ERROR,
    AuthOptions,
    TokenSource,
    options_from,
)
from ansible_collections.m365.licensing.plugins.module_utils._auth_options import (
    AUTH_SOURCE_CHOICES,
    CLOUD_CHOICES,
    ENVIRONMENT,
    EXCHANGE_API_CHOICES,
    SECRET_OPTIONS,
    written_in_addresses,
)
from ansible_collections.m365.licensing.plugins.module_utils._consent import CONSENTS
from ansible_collections.m365.licensing.plugins.module_utils._errors import (
    ApiError,
    ConfigurationError,
    Interrupted,
    M365Error,
    named,
)
from ansible_collections.m365.licensing.plugins.module_utils._exchange import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph import Graph
from ansible_collections.m365.licensing.plugins.module_utils._http import (
    REQUESTS_IMPORT_ERROR,
    HttpClient,
    HttpSettings,
    Service,
)
from ansible_collections.m365.licensing.plugins.module_utils._libraries import check_libraries
from ansible_collections.m365.licensing.plugins.module_utils._plain import to_plain
from ansible_collections.m365.licensing.plugins.module_utils._redaction import Redactor, printable
from ansible_collections.m365.licensing.plugins.module_utils._secrets import MASK, check_secrets, weak_options
from ansible_collections.m365.licensing.plugins.module_utils._stop import Stop

COMMON_SPEC: dict[str, dict[str, Any]] = {
    "tenant_id": {"type": "str"},
    "client_id": {"type": "str"},
    "client_secret": {"type": "str", "no_log": True},
    "certificate_path": {"type": "path"},
    "certificate_password": {"type": "str", "no_log": True},
    "federated_token_file": {"type": "path", "no_log": False},
    "access_tokens": {
        "type": "dict",
        "no_log": True,
        "options": {"graph": {"type": "str", "no_log": True}, "exchange": {"type": "str", "no_log": True}},
    },
    "auth_source": {"type": "str", "choices": AUTH_SOURCE_CHOICES},
    "use_environment": {"type": "bool", "default": True},
    "cloud": {"type": "str", "choices": CLOUD_CHOICES},
    "login_url": {"type": "str"},
    "graph_url": {"type": "str"},
    "exchange_url": {"type": "str"},
    "ca_path": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "exchange_api": {"type": "str", "choices": EXCHANGE_API_CHOICES},
    "timeout": {"type": "float", "default": 60.0},
    "retry_seconds": {"type": "float", "default": 300.0},
    "concurrency": {"type": "int", "default": 4},
    "max_response_bytes": {"type": "int", "default": HttpSettings().max_response_bytes},
}
"""The options of every module. Those with variables have no default here: a default would hide the environment."""

CONCURRENCY_MAX = 32
GC_OBJECTS, GC_YOUNG, GC_OLD = 100_000, 50, 100
"""When Python looks for cycles: after so many new objects, and older ones after so many looks [gc.set_threshold]."""
RESPONSE_BYTES_MIN = 65536
"""Room for every refusal and for what the identity platform says of itself: less would only break the signing in."""
FORBIDDEN_RESULTS = frozenset({"items", "keys", "values", "get", "update", "copy", "pop"})
"""Names that Jinja would take for methods of the result."""


class Context:
    """What a module's work can use. Services are made when they are first asked for."""

    def __init__(self, module: AnsibleModule, options: AuthOptions, client: HttpClient, tokens: TokenSource) -> None:
        self._module = module
        self.options = options
        self.client = client
        self._tokens = tokens
        self.params: dict[str, Any] = module.params
        self.check_mode: bool = module.check_mode
        self.diff: bool = module._diff  # AnsibleModule has no public name for it

    @cached_property
    def graph(self) -> Graph:
        """Microsoft Graph."""
        return Graph(self._service("graph", "Microsoft Graph"))

    @cached_property
    def exchange(self) -> Exchange:
        """Exchange Online. Raises ConfigurationError where its options are missing."""
        if not self.options.tenant_id:
            raise ConfigurationError(f"Exchange Online needs tenant_id (or {', '.join(ENVIRONMENT['tenant_id'])}).")
        service = self._service("exchange", "Exchange Online")
        return Exchange(service, self.options.tenant_id, self.options.exchange_api)

    def check_exchange_options(self) -> None:
        """Raise ConfigurationError where Exchange Online cannot be asked with the options as they are."""
        options_from(self.params, os.environ, resources=("exchange",))

    def _service(self, resource: str, name: str) -> Service:
        def token(refresh: bool) -> str:
            return self._tokens.token(resource, refresh=refresh)

        return Service(self.client, name, self.options.endpoints.base(resource), token, CONSENTS[resource])

    def warn(self, text: str) -> None:
        """Show a warning with the result."""
        _warn(self._module, self.client.redactor, [text])

    def write_private(self, path: str, text: str | Iterable[str]) -> None:
        """Write a file that only its owner can read, whole or not at all. Not for check mode: the caller decides."""
        place = Path(path).expanduser()
        try:
            # of its name as much as leaves room for what is added
            descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name[:40]}.")
        except OSError as error:
            raise _unwritable(path, error) from None
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.writelines([text] if isinstance(text, str) else text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(place)
        except BaseException as error:
            Path(name).unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _unwritable(path, error) from None
            raise


class _Module(AnsibleModule):  # type: ignore[misc]
    """Ansible's, but for two things.

    An option that is null or an empty text is refused: Ansible would take some for the default, some for a value, and
    a guard that somebody left empty would be none. And where ``access_tokens`` is given in a wrong form Ansible shows
    all options: no token is among them.
    """

    def _load_params(self) -> None:
        super()._load_params()
        self.empty = [name for name, value in self.params.items() if name[0] != "_" and _is_empty(value)]
        for name in self.empty:
            del self.params[name]

    def empty_options(self) -> list[str]:
        """What is wrong with each option that is empty."""
        advice = "is empty (null or a blank text); set a value, or leave it out to get its default"
        return [f"{self.variable(name)}: {advice}" for name in sorted(self.empty)]

    def variable(self, option: str) -> str:
        """The name of the variable that an option comes from, where it comes from one."""
        return option if option in COMMON_SPEC else f"{self.params.get('variable_prefix') or ''}{option}"

    def fail_json(self, msg: str, **more: Any) -> NoReturn:
        if "error" not in more:
            # Ansible misses a required option that is there, but empty
            msg = " ".join([*self.empty_options(), msg])
        waiting = [self.params.get("access_tokens")]
        while waiting:
            value = waiting.pop()
            if isinstance(value, Mapping):
                waiting += [*value.keys(), *value.values()]
            elif isinstance(value, (list, tuple)):
                waiting += value
            elif value is not None and value not in COMMON_SPEC["access_tokens"]["options"]:
                _hide(self, [str(value)])
        super().fail_json(msg, **more)
        raise SystemExit(1)  # not reached


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def run_module(
    argument_spec: Mapping[str, Any],
    work: Callable[[Context], Mapping[str, Any]],
    *,
    supports_check_mode: bool = True,
    uses_graph: bool = True,
    uses_exchange: bool = False,
    **further: Any,
) -> None:
    """Run a module: check the options, do the work, exit with its result or fail with one message.

    ``uses_graph``, ``uses_exchange``: the service will be asked, so its options are checked before the first request.
    ``further`` goes to AnsibleModule (``mutually_exclusive`` and the like).
    """
    module = _Module(argument_spec={**COMMON_SPEC, **argument_spec}, supports_check_mode=supports_check_mode, **further)
    params = copy.deepcopy(module.params)
    _show_weak_secrets(module)
    # Variables that are left over from something else are neither used nor hidden: they may occur in what is returned.
    hidden = [str(module.params[option] or "") for option in SECRET_OPTIONS]
    hidden += written_in_addresses(module.params, os.environ)
    _hide(module, hidden)
    # what services answer has no cycles, and a search for some among millions of objects takes a third of the time
    gc.set_threshold(GC_OBJECTS, GC_YOUNG, GC_OLD)
    told: dict[str, Any] = {}
    client: HttpClient | None = None
    shown = Redactor()
    stop = Stop()
    stop.on_signals()
    try:
        check_libraries(REQUESTS_IMPORT_ERROR, MSAL_IMPORT_ERROR)
        _refuse_empty(module)
        resources = ("graph",) * uses_graph + ("exchange",) * uses_exchange
        options = options_from(params, os.environ, resources=resources)
        check_secrets(params, os.environ, options)
        _hide(module, options.secrets)
        told["auth"] = {"source": options.source, "reason": options.reason}
        client = HttpClient(_settings(module.params, options), stop=stop)
        shown = client.redactor
        shown.learn(*hidden)
        tokens = TokenSource(options, client, on_token=lambda token: _hide(module, [token]))
        result = dict(work(Context(module, options, client, tokens)))
        _check(result, stop, check_mode=module.check_mode)
        _warn(module, shown, result.pop("warnings", ()))
        result = to_plain({"changed": False, **told, "requests": client.requests, **result})
    except M365Error as error:
        if isinstance(error, ConfigurationError):
            _name_variables(error, module, argument_spec)
        told["requests"] = client.requests if client else 0
        if stop.told:
            error = _interrupted(error.partial, check_mode=module.check_mode)
            # Who reads this process's answer may have been stopped, too: the journal of the machine keeps it.
            module.log(shown.mask(str(error)))
        result = failure(error, told)
    except Exception as error:
        told["requests"] = client.requests if client else 0
        result = failure(Unexpected(error, client.ledger if client else {}), told)
    finally:
        if client:
            client.close()
    if "msg" in result:
        _warn(module, shown, result.pop("warnings", ()))
        module.fail_json(**result)
    module.exit_json(**result)


def _refuse_empty(module: _Module) -> None:
    """Raises ConfigurationError where an option is empty."""
    if problems := module.empty_options():
        raise ConfigurationError(problems)


def _name_variables(error: ConfigurationError, module: _Module, options: Iterable[str]) -> None:
    """Give each problem, and the message, the names of the variables that the options come from."""
    option = re.compile(rf"(?:\A|(?<=; ))(?:{'|'.join(map(re.escape, options))})\b")
    error.message, *error.problems = (
        option.sub(lambda found: module.variable(found[0]), text) for text in (error.message, *error.problems)
    )


def failure(error: M365Error, told: Mapping[str, Any]) -> dict[str, Any]:
    """Make the arguments of ``fail_json``. ``error.partial``, where set, says what was done before."""
    detail: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, ApiError):
        detail |= {"status": error.status, "request_id": error.request_id, "service": error.service}
        detail["request"] = error.request
    problems = error.problems if isinstance(error, ConfigurationError) else []
    plain = to_plain({**told, **error.partial, "error": detail, "problems": problems})
    return {"msg": str(error), **plain}


def _check(result: Mapping[str, Any], stop: Stop, *, check_mode: bool) -> None:
    if stop.told:
        raise _interrupted(result, check_mode=check_mode)
    if wrong := FORBIDDEN_RESULTS & result.keys():
        raise RuntimeError(f"no result may be called {', '.join(sorted(wrong))}")


class Unexpected(M365Error):
    """A mistake of this collection. ``ledger``: what was written before it, by user; it must not be lost.

    What the exception says may quote anything, so only its kind and place are told.
    """

    def __init__(self, error: Exception, ledger: Mapping[str, str]) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "an unknown place"
        own = [frame for frame in frames if "m365" in frame.filename]
        if own and own[-1] is not frames[-1]:
            place += f", called from {Path(own[-1].filename).name}, line {own[-1].lineno}"
        written = {fate: [user for user, its in ledger.items() if its == fate] for fate in ("changed", "unknown")}
        done = "Nothing was written."
        if ledger:
            done = (
                f"Before that {len(written['changed'])} users were changed ({named(written['changed'])}), and of "
                f"{len(written['unknown'])} the outcome is not known ({named(written['unknown'])})."
            )
        super().__init__(
            f"An unexpected {type(error).__name__} in {place}: a mistake of this collection. {done}",
            code="unexpected_error",
            hint="Please report it, with this message. Run again: what was written stays, and is not written twice.",
        )
        self.partial = {"changed": bool(ledger), "written": written}


class RunInterrupted(Interrupted):
    """A run that was stopped. ``partial`` is its result as far as it came."""

    def __init__(self, message: str, partial: Mapping[str, Any], hint: str) -> None:
        super().__init__(message, hint=hint)
        self.partial = dict(partial)


def _interrupted(result: Mapping[str, Any], *, check_mode: bool) -> RunInterrupted:
    """Say what a stopped run has done, and what it has not."""
    found: dict[str, list[str]] = {"changed": [], "unknown": [], "failed": [], "not tried": []}
    for row in result.get("users", ()):
        code = (row.get("error") or {}).get("code", "")
        fate = {"unknown_outcome": "unknown", "not_tried": "not tried"}.get(code, str(row.get("status")))
        if fate in found:
            found[fate].append(row["user_principal_name"] or row["user_id"])
    text = "The run was stopped before anything was written."
    if not check_mode and (result.get("changed") or found["unknown"]):
        words = {**{fate: fate for fate in found}, "unknown": "of unknown outcome (sent, but not answered)"}
        told = [
            f"{len(names)} {words[fate]}" + (f" ({named(names)})" if names else "") for fate, names in found.items()
        ]
        text = f"The run was stopped. Users: {'; '.join(told)}."
    return RunInterrupted(text, result, "Run again: it takes up where this run ended.")


def _settings(params: Mapping[str, Any], options: AuthOptions) -> HttpSettings:
    problems = []
    # Not written as "smaller than": nan is not smaller than anything.
    if not 0 < params["timeout"] < float("inf"):
        problems.append(f"timeout: expected seconds greater than 0, found {params['timeout']}")
    if not 0 <= params["retry_seconds"] < float("inf"):
        problems.append(f"retry_seconds: expected 0 or more seconds, found {params['retry_seconds']}")
    if not 1 <= params["concurrency"] <= CONCURRENCY_MAX:
        problems.append(f"concurrency: expected 1 to {CONCURRENCY_MAX}, found {params['concurrency']}")
    if params["max_response_bytes"] < RESPONSE_BYTES_MIN:
        found = params["max_response_bytes"]
        problems.append(f"max_response_bytes: expected {RESPONSE_BYTES_MIN} or more, found {found}")
    if problems:
        raise ConfigurationError(problems)
    return HttpSettings(
        timeout=params["timeout"],
        retry_seconds=params["retry_seconds"],
        concurrency=params["concurrency"],
        ca_path=options.ca_path or None,
        validate_certs=params["validate_certs"],
        max_response_bytes=params["max_response_bytes"],
    )


def _warn(module: AnsibleModule, shown: Redactor, texts: Iterable[str]) -> None:
    """Show warnings. Ansible masks secrets in results, and not in these."""
    for text in texts:
        module.warn(printable(shown.mask(text)))


def _hide(module: AnsibleModule, secrets: list[str]) -> None:
    """Let AnsibleModule replace these in everything that it returns."""
    module.no_log_values.update(text for secret in secrets for text in (secret, secret.strip()) if text)


def _show_weak_secrets(module: AnsibleModule) -> None:
    """Keep Ansible from hiding secrets that are refused: it would make holes in the message that refuses them."""
    for name in weak_options(module.params):
        option, _mark, resource = name.partition(".")
        where, key = (module.params[option], resource) if resource else (module.params, option)
        module.no_log_values -= {str(where[key]), str(where[key]).strip()}
        where[key] = MASK


def _unwritable(path: str, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"{path!r} cannot be written: {error.strerror}.", code="not_writable")
