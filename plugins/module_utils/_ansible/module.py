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
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]
from ansible.module_utils.errors import UnsupportedError  # type: ignore[import-untyped]
from ansible_collections.m365.licensing.plugins.module_utils._auth.consent import CONSENTS
from ansible_collections.m365.licensing.plugins.module_utils._auth.masking import (
    MASK,
    mask_keys,
    mask_options,
    secrets_in_environment,
    written_in_addresses,
)
from ansible_collections.m365.licensing.plugins.module_utils._auth.options import (
    AUTH_SOURCE_CHOICES,
    CLOUD_CHOICES,
    ENVIRONMENT,
    EXCHANGE_API_CHOICES,
    SECRET_OPTIONS,
    UNVERIFIED,
    UNVERIFIED_REFUSED,
)
from ansible_collections.m365.licensing.plugins.module_utils._auth.tokens import (
    MSAL_IMPORT_ERROR,
    AuthOptions,
    TokenSource,
    options_from,
)
from ansible_collections.m365.licensing.plugins.module_utils._auth.weak_secrets import (
    check_secrets,
    secrets_in_proxies,
    weak_options,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError, M365Error
from ansible_collections.m365.licensing.plugins.module_utils._common.option_names import Naming
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid
from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import Redactor, printable
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import to_plain
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._files.private import write_private
from ansible_collections.m365.licensing.plugins.module_utils._files.trusted import Changers, changers_of
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._graph.tenant import (
    Tenant,
    claims,
    read_tenant,
    require_domain,
)
from ansible_collections.m365.licensing.plugins.module_utils._http.client import (
    REQUESTS_IMPORT_ERROR,
    HttpClient,
    HttpSettings,
    Service,
)
from ansible_collections.m365.licensing.plugins.module_utils._http.interrupt import Stop
from ansible_collections.m365.licensing.plugins.module_utils._http.settings import settings_from

from .failures import (
    Unexpected,
    check_result,
    failure,
    interrupted,
    safe_failure,
)
from .libraries import raise_if_libraries_missing

COMMON_SPEC: dict[str, dict[str, Any]] = {
    "tenant_id": {"type": "str"},
    "expected_domain": {"type": "str"},
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

GC_OBJECTS, GC_YOUNG, GC_OLD = 100_000, 50, 100
"""Python's thresholds for collecting cycles: new objects, and collections for older ones [gc.set_threshold]."""


class Context:
    """Everything that the work of a module uses. Services are created at their first use."""

    def __init__(self, module: _Module, options: AuthOptions, client: HttpClient, tokens: TokenSource) -> None:
        self._module = module
        self.options = options
        self.client = client
        self._tokens = tokens
        self.params: dict[str, Any] = module.params
        self.check_mode: bool = module.check_mode
        self.diff: bool = module._diff  # AnsibleModule has no public name for it
        self.known: Tenant | None = None
        """The tenant, as soon as it is known."""
        self.record_path = ""
        """The file that records what the run writes, as soon as it exists."""
        self._open_files: list[str] = []

    @cached_property
    def tenant(self) -> Tenant:
        """The tenant, for one request. Raises WrongTenant where it is not the one that was expected."""
        named, token = self.options.tenant_id, claims(self._tokens.token("graph"))
        self.known = Tenant(named if is_guid(named) else token.get("tid", named))
        self.known, problem = read_tenant(self._graph, self.options.expected_domain, self.known)
        if problem:
            self.warn(problem)
        require_domain(self.known, self.options.expected_domain)
        return self.known

    @cached_property
    def application(self) -> str:
        """The client id that the run signs in with; empty where neither options nor token say it."""
        token = claims(self._tokens.token("graph"))
        return self.options.client_id or token.get("appid") or token.get("azp", "")

    @cached_property
    def _graph(self) -> Graph:
        return Graph(self._service("graph", "Microsoft Graph"))

    @property
    def graph(self) -> Graph:
        """Microsoft Graph. Raises WrongTenant where another tenant was expected."""
        self._raise_if_wrong_tenant()
        return self._graph

    def _raise_if_wrong_tenant(self) -> None:
        """Sends no other request before the tenant is known to be the expected one."""
        if self.options.expected_domain:
            _found = self.tenant

    @cached_property
    def exchange(self) -> Exchange:
        """Exchange Online. Raises ConfigurationError where its options are missing; WrongTenant as ``graph``."""
        self._raise_if_wrong_tenant()
        if not self.options.tenant_id:
            raise ConfigurationError(f"Exchange Online needs tenant_id (or {', '.join(ENVIRONMENT['tenant_id'])}).")
        service = self._service("exchange", "Exchange Online")
        return Exchange(service, self.options.tenant_id, self.options.exchange_api)

    def raise_if_unverified(self) -> None:
        """Raise ConfigurationError where a run that writes must not believe what it reads.

        Another server may answer in place of Microsoft's services, or every user can change a file of the run.
        """
        if self._open_files:
            advice = "A run that writes does not use it: remove that right (chmod o-w), or use another path"
            raise ConfigurationError([f"{text}. {advice}" for text in self._open_files], code="unsafe_file")
        if not self.params["validate_certs"] and self.options.endpoints.microsoft:
            raise ConfigurationError(UNVERIFIED_REFUSED)

    def file_warnings(self) -> list[str]:
        """Warnings of files that decide what the run does and that others can change. Some of them stop a write.

        A certificate that others can change is a warning alone: it signs in as the app, or not at all.
        """
        warnings: list[str] = []
        for name in ("ca_path", "federated_token_file", "certificate_path", "rules_file"):
            path = str(getattr(self.options, name, "") or self.params.get(name) or "")
            found = changers_of(path) if path else Changers([], [])
            problems = [f"{name}: {text}" for text in found.everybody]
            self._open_files += [] if name == "certificate_path" else problems
            warnings += [f"{text}." for text in (*problems, *(f"{name}: {text}" for text in found.some))]
        return warnings

    def check_exchange_options(self) -> None:
        """Raise ConfigurationError where Exchange Online cannot be asked with the options as they are."""
        options_from({**self.params, **self._module.given}, os.environ, resources=("exchange",))

    def _service(self, resource: str, name: str) -> Service:
        def token(refresh: bool) -> str:
            return self._tokens.token(resource, refresh=refresh)

        return Service(self.client, name, self.options.endpoints.base(resource), token, CONSENTS[resource])

    def warn(self, text: str) -> None:
        """Show a warning with the result. It names the tenant, once that is known: a play may have thirty of them."""
        self.warn_all([text])

    def warn_all(self, texts: Iterable[str]) -> None:
        """The same for several."""
        label = self.known.label if self.known else ""
        for text in texts:
            # Ansible masks secrets in results, and not in warnings
            named = self._module.naming.text(text)
            self._module.warn(printable(self.client.redactor.mask(f"{label}: {named}" if label else named)))

    def facts(self) -> dict[str, Any]:
        """What every result says, whatever the module does; tenant and record once they are known."""
        facts: dict[str, Any] = {"requests": self.client.requests}
        if self.known:
            facts["tenant"] = self.known.row()
        if self.record_path:
            facts["record_path"] = self.record_path
        return facts

    def write_json(self, path: str, pieces: Iterable[str], mode: int = 0o600) -> None:
        """Write JSON or JSON Lines to a file as ``write_private`` does, without the secrets of this run.

        No text of JSON may go on in the next piece. Not for check mode: the caller decides.
        """
        write_private(path, map(self.client.redactor.mask_json, pieces), mode)

    def write_markdown(self, path: str, text: str, mode: int = 0o600) -> None:
        """The same for Markdown. Who makes it has masked its values: a cut secret would not be known for one."""
        write_private(path, [self.client.redactor.mask_data(text)], mode)


class _Module(AnsibleModule):  # type: ignore[misc]
    """AnsibleModule with three differences. ``nullable``: options that may be empty, as if they were left out.

    An option that is null or an empty text is refused: Ansible would take some for the default, some for a value, and
    a guard that somebody left empty would be none. Where ``access_tokens`` is given in a wrong form Ansible shows
    all options: no token is among them. And a value that may be a secret in the wrong option is not logged: ``given``
    has it.
    """

    def __init__(self, *, nullable: Collection[str] = (), **further: Any) -> None:
        self._nullable = nullable
        super().__init__(**further)

    def _load_params(self) -> None:
        super()._load_params()
        names = mask_keys(self.params, self.argument_spec)
        empty = [name for name, value in self.params.items() if name[0] != "_" and _is_empty(value)]
        self.empty = [name for name in empty if name not in self._nullable]
        for name in empty:
            del self.params[name]
        # before Ansible looks at them: it quotes what it refuses, and logs the rest
        masked = mask_options(self.params, self.argument_spec)
        self.given, self.secrets = masked
        self.secrets += names
        _hide(self, self.secrets)

    def empty_options(self) -> list[str]:
        """One problem for each empty option."""
        advice = "is empty (null or a blank text); set a value, or leave it out to get its default"
        # those that a variable of the environment may say instead are called options everywhere
        kind = dict.fromkeys((*ENVIRONMENT, "access_tokens"), "option ")
        return [f"{kind.get(name, '')}{self.naming.variable(name)}: {advice}" for name in sorted(self.empty)]

    @cached_property
    def naming(self) -> Naming:
        """The names of options in messages of this task."""
        return Naming(str(self.params.get("variable_prefix") or ""), set(self.argument_spec) - set(COMMON_SPEC))

    def fail_json(self, msg: str, **more: Any) -> NoReturn:
        if "error" not in more:
            # Ansible tells the first mistake alone, and misses a required option that is there, but empty
            problems = [*self.empty_options(), *(self._refusals() or [msg])]
            msg = "; ".join(problems)
            more |= {"error": {"code": "invalid_options", "message": msg, "hint": ""}, "problems": problems}
        waiting = [self.params.get("access_tokens")]
        while waiting:
            value = waiting.pop()
            if isinstance(value, Mapping):
                waiting += [*value.keys(), *value.values()]
            elif isinstance(value, (list, tuple)):
                waiting += value
            elif value is not None and value not in COMMON_SPEC["access_tokens"]["options"]:
                _hide(self, [str(value)])
        # a text that Ansible has made a dictionary of has keys only now
        _hide(self, mask_keys(self.params, self.argument_spec))
        super().fail_json(msg, **more)
        raise SystemExit(1)  # not reached

    def _refusals(self) -> list[str]:
        """Ansible's problems with the options."""
        result = getattr(self, "validation_result", None)
        return [
            f"Unsupported parameters for ({self._name}) module: {error}"
            if isinstance(error, UnsupportedError)
            else self.naming.refused(str(error))
            for error in (result.errors if result else ())
        ]


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
    ``further`` goes to AnsibleModule (``mutually_exclusive`` and the like), but for ``nullable``: options that
    may be left empty, as if they were left out.
    """
    module = _Module(argument_spec={**COMMON_SPEC, **argument_spec}, supports_check_mode=supports_check_mode, **further)
    params = copy.deepcopy({**module.params, **module.given})
    _show_weak_secrets(module)
    # Variables that are left over from something else are neither used nor hidden: they may occur in what is returned.
    hidden = [str(module.params[option] or "") for option in SECRET_OPTIONS]
    hidden += [*written_in_addresses(params, os.environ), *secrets_in_environment(os.environ), *module.secrets]
    hidden += secrets_in_proxies(os.environ)
    _hide(module, hidden)
    # what services answer has no cycles, and a search for some among millions of objects takes a third of the time
    gc.set_threshold(GC_OBJECTS, GC_YOUNG, GC_OLD)
    facts: dict[str, Any] = {}
    client: HttpClient | None = None
    context: Context | None = None
    redactor = Redactor()
    stop = Stop()
    stop.on_signals()
    try:
        resources = ("graph",) * uses_graph + ("exchange",) * uses_exchange
        options = _options(module, params, resources)
        _hide(module, options.secrets)
        facts["auth"] = {"source": options.source, "reason": options.reason}
        client = HttpClient(settings_from(module.params, options.ca_path), stop=stop)
        redactor = client.redactor
        redactor.learn(*hidden)
        tokens = TokenSource(options, client, on_token=lambda token: _hide(module, [token]))
        context = Context(module, options, client, tokens)
        context.warn_all(
            [*context.file_warnings(), *([] if module.params["validate_certs"] else [UNVERIFIED]), *tokens.warnings]
        )
        result = dict(work(context))
        check_result(result, stopped=stop.requested, check_mode=module.check_mode)
        context.warn_all(result.pop("warnings", ()))
        result = to_plain({"changed": False, **facts, **context.facts(), **result})
    except M365Error as error:
        module.naming.error(error)
        facts |= context.facts() if context else {"requests": client.requests if client else 0}
        if stop.requested:
            error = interrupted(error.partial, check_mode=module.check_mode)
            # The reader of the result may have been stopped, too, so the journal of the machine keeps the message.
            module.log(redactor.mask(str(error)))
        result = safe_failure(error, facts, client.ledger if client else {})
    except Exception as error:
        facts |= context.facts() if context else {"requests": client.requests if client else 0}
        result = failure(Unexpected(error, client.ledger if client else {}), facts)
    finally:
        if client:
            client.close()
    if "msg" in result:
        if context:
            context.warn_all(result.pop("warnings", ()))
        module.fail_json(**redactor.mask_data(result))
    # Ansible masks values and no keys, such as names of rules, and no secret that is written otherwise
    module.exit_json(**redactor.mask_data(result))


def _options(module: _Module, params: Mapping[str, Any], resources: tuple[str, ...]) -> AuthOptions:
    """How to sign in. Raises ConfigurationError where libraries are missing, options empty, or secrets weak."""
    raise_if_libraries_missing(REQUESTS_IMPORT_ERROR, MSAL_IMPORT_ERROR)
    if problems := module.empty_options():
        raise ConfigurationError(problems)
    options = options_from(params, os.environ, resources=resources)
    check_secrets(params, os.environ, options)
    return options


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
