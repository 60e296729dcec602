# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The language of the rules: what people may write, and every error at once, with its path.

An error reads ``license_state_rules[2].licenses[0].sku: what was found, what is allowed (rule 'its name')``.
Text keys take one text or a list (any of them), without regard to case, with ``*`` and ``?`` as wildcards.
Pure: no I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.countries import country_code, country_names
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid
from ansible_collections.m365.licensing.plugins.module_utils._common.typed_values import (
    format_value,
    nearest,
    truth,
    unknown_keys,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import REASONS
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import (
    IF_AVAILABLE,
    SkuFinder,
    Wanted,
    collect_skus,
    collect_wanted,
    flag_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType, Sku

from .rules import USER_TEXTS, Condition, Rule, UsageLocation
from .rules_conditions import (
    flag_condition,
    group_condition,
    has_condition,
    lacks_condition,
    not_condition,
    reason_condition,
    recipient_condition,
    text_condition,
)

SCOPES = ("mailboxes_at_risk", "all_users")
"""Which users the rules look at."""

UNQUOTED = "Quote its dates: before ansible-core 2.19 a template makes a text of a list that holds one."
RULE_KEYS = (
    "name",
    "match",
    "licenses",
    "fallback",
    "remove",
    "usage_location",
    "via",
    "action",
    "reason",
    "until",
)
"""What a rule may hold."""


def parse_rules(
    raw: Any,
    skus: Sequence[Sku],
    catalog: Catalog,
    path: str = "license_state_rules",
    *,
    scope: str = "mailboxes_at_risk",
) -> tuple[Rule, ...]:
    """The rules in their order. Raises ConfigurationError with every problem of every rule.

    ``skus`` are the tenant's. In the scope ``mailboxes_at_risk`` a SKU is refused as a remedy that has no mailbox
    rights, or of which that is not known.
    Groups are known by name only until ``bind_groups``.
    """
    if scope not in SCOPES:
        raise ConfigurationError(f"scope: expected one of {', '.join(SCOPES)}, found {format_value(scope)}")
    if not isinstance(raw, (list, tuple)):
        hint = UNQUOTED if isinstance(raw, str) and "datetime.date(" in raw else ""
        raise ConfigurationError(f"{path}: expected a list of rules, found {format_value(raw)}", hint=hint)
    if not raw:
        raise ConfigurationError(f"{path}: the list is empty; write at least one rule")
    catalog = catalog.in_tenant(skus)
    finder = SkuFinder(skus, catalog)
    problems: list[str] = []
    rules: list[Rule] = []
    names: dict[str, str] = {}
    for index, entry in enumerate(raw):
        here = f"{path}[{index}]"
        if not isinstance(entry, Mapping):
            problems.append(f"{here}: expected a rule (a dictionary), found {format_value(entry)}")
            continue
        own: list[str] = []
        rules.append(_rule(entry, finder, here, own, _refusal(catalog, scope)))
        name = rules[-1].name
        if name and name.casefold() in names:
            own.append(f"{here}.name: {names[name.casefold()]} has the same name; reports tell rules apart by it")
        names.setdefault(name.casefold(), here)
        problems += [f"{problem} (rule {name!r})" if name else problem for problem in own]
    if problems:
        raise ConfigurationError(problems, code="invalid_rules")
    return tuple(rules)


def rule_warnings(
    rules: Sequence[Rule], skus: Iterable[Sku], catalog: Catalog, *, scope: str = "mailboxes_at_risk"
) -> tuple[str, ...]:
    """What is allowed but hardly meant: rules that are never reached, remedies that carry no mailbox."""
    warnings: list[str] = []
    catch_all: Rule | None = None
    by_id = {sku.id: sku for sku in skus}
    finder = SkuFinder(tuple(by_id.values()), catalog)
    for rule in rules:
        if catch_all is not None:
            warnings.append(
                f"{rule.path}: never reached: {catch_all.name!r} before it matches every user (rule {rule.name!r})"
            )
        elif not rule.conditions and rule.until is None:
            catch_all = rule
        warnings += _of_missing(rule, finder)
        if scope != "mailboxes_at_risk":
            continue
        for key, wanted in (("licenses", rule.licenses), ("fallback", rule.fallback)):
            if wanted and not any(_exchange(by_id.get(item.sku_id), catalog) for item in wanted):
                warnings.append(
                    f"{rule.path}.{key}: none of these SKUs carries a mailbox or an archive, so they save none "
                    f"(rule {rule.name!r})"
                )
    return tuple(warnings)


def _of_missing(rule: Rule, finder: SkuFinder) -> list[str]:
    """Of SKUs that ``if_available`` leaves out: those that are likely misspelt, and a rule that has none left."""
    found = [
        f"{item.path}: {item.name!r} is a SKU neither of the tenant nor of Microsoft's table: it is left out "
        f"({finder.near(item.name)}) (rule {rule.name!r})"
        for item in rule.missing
        if not finder.published(item.name)
    ]
    if rule.missing and not (rule.ignore or rule.licenses or rule.fallback):
        names = ", ".join(dict.fromkeys(item.name for item in rule.missing))
        found.append(f"{rule.path}: the tenant has none of {names}, so this rule licenses no user (rule {rule.name!r})")
    return found


def _exchange(sku: Sku | None, catalog: Catalog) -> bool:
    return sku is not None and any(catalog.plan_class(plan.id) is not None for plan in sku.plans)


def _refusal(catalog: Catalog, scope: str) -> Callable[[Sku], str] | None:
    def refuse(sku: Sku) -> str:
        if catalog.rights_unknown(sku.id):
            return (
                f"{sku.part_number} is in no table of SKUs, and carries of Exchange the Kiosk plan alone, beside "
                "Teams, as SKUs without rights to a mailbox do. Whether it has them is not known, so it is no remedy "
                "for a mailbox at risk; name a SKU with Exchange Online Kiosk, Plan 1 or Plan 2"
            )
        if catalog.no_rights(sku.id):
            return (
                f"{sku.part_number} carries an Exchange plan but no rights to a mailbox, so it is no remedy for a "
                "mailbox at risk; name a SKU with Exchange Online Kiosk, Plan 1 or Plan 2"
            )
        return ""

    return refuse if scope == "mailboxes_at_risk" else None


def _rule(
    entry: Mapping[Any, Any],
    finder: SkuFinder,
    path: str,
    problems: list[str],
    refuse: Callable[[Sku], str] | None,
) -> Rule:
    unknown_keys(entry, RULE_KEYS, path, problems)
    known_missing = len(finder.missing)
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        problems.append(f"{path}.name: expected a name, found {format_value(name)}; the report names rules by it")
        name = ""
    conditions: tuple[Condition, ...] = ()
    if entry.get("match") is None:
        problems.append(f"{path}.match: is missing; write which users it means, or {{}} for every user")
    else:
        conditions = parse_match(entry["match"], finder, f"{path}.match", problems)
    licenses = _licenses(entry, "licenses", finder, path, problems, refuse)
    fallback = _licenses(entry, "fallback", finder, path, problems, refuse)
    remove: tuple[str, ...] = ()
    if entry.get("remove") is not None:
        remove = collect_skus(entry["remove"], finder, f"{path}.remove", problems, optional=True)
    _check_via(entry.get("via"), f"{path}.via", problems)
    ignore = _check_action(entry, path, problems)
    _check_contradictions(entry, licenses, fallback, remove, finder, path, problems)
    return Rule(
        name=name.strip(),
        path=path,
        conditions=conditions,
        licenses=licenses,
        fallback=fallback,
        remove=remove,
        usage_location=_usage_location(entry.get("usage_location"), f"{path}.usage_location", problems),
        ignore=ignore,
        reason=str(entry.get("reason") or "").strip(),
        until=_until(entry.get("until"), f"{path}.until", problems),
        missing=tuple(finder.missing[known_missing:]),
    )


def _licenses(
    entry: Mapping[Any, Any],
    key: str,
    finder: SkuFinder,
    path: str,
    problems: list[str],
    refuse: Callable[[Sku], str] | None,
) -> tuple[Wanted, ...]:
    if entry.get(key) is None:
        return ()
    return collect_wanted(entry[key], finder, f"{path}.{key}", problems, refuse=refuse, optional=True)


def _check_action(entry: Mapping[Any, Any], path: str, problems: list[str]) -> bool:
    action = entry.get("action")
    if action is None:
        for key in ("reason", "until"):
            if entry.get(key) is not None:
                problems.append(f"{path}.{key}: belongs to an exception; it needs action: ignore")
        if entry.get("licenses") is None:
            problems.append(f"{path}: does nothing; it needs licenses, or action: ignore with a reason")
        return False
    if action != "ignore":
        problems.append(f"{path}.action: expected ignore, found {format_value(action)}")
    reason = entry.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        problems.append(f"{path}.reason: expected why these users are ignored, found {format_value(reason)}")
    for key in ("licenses", "fallback", "remove", "usage_location", "via"):
        if entry.get(key) is not None:
            problems.append(f"{path}.{key}: contradicts action: ignore, which changes nothing; remove one of them")
    return True


def _check_contradictions(
    entry: Mapping[Any, Any],
    licenses: tuple[Wanted, ...],
    fallback: tuple[Wanted, ...],
    remove: tuple[str, ...],
    finder: SkuFinder,
    path: str,
    problems: list[str],
) -> None:
    if entry.get("action") is None and entry.get("licenses") is None:
        for key in ("fallback", "remove"):
            if entry.get(key) is not None:
                problems.append(f"{path}.{key}: only goes with licenses")
    for sku_id in sorted(set(remove) & {item.sku_id for item in licenses}):
        part = finder.by_id(sku_id).part_number
        problems.append(f"{path}.remove: {part} is also in licenses; a rule cannot give and take the same SKU")
    if fallback and set(fallback) == set(licenses):
        problems.append(f"{path}.fallback: is the same as licenses; a fallback is what is left when those are gone")


def _check_via(via: Any, path: str, problems: list[str]) -> None:
    if via is None or via == "direct":
        return
    if isinstance(via, Mapping) and "group" in via:
        problems.append(f"{path}: licenses through a group are not supported yet; only direct is")
    else:
        problems.append(f"{path}: expected direct, found {format_value(via)}")


def _until(value: Any, path: str, problems: list[str]) -> date | None:
    """YAML makes a date of an unquoted 2026-12-31, JSON leaves it a text: both are understood."""
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    # newer Pythons read more forms than this one
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value.strip()):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            pass
    problems.append(f"{path}: expected the last day of the exception as YYYY-MM-DD, found {format_value(value)}")
    return None


def _usage_location(value: Any, path: str, problems: list[str]) -> UsageLocation | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        code = _country(value, path, problems)
        return UsageLocation(code=code) if code else None
    unknown_keys(value, ("from", "default"), path, problems)
    if value.get("from") != "country":
        problems.append(f"{path}.from: expected country, found {format_value(value.get('from'))}")
    default = value.get("default")
    return UsageLocation(
        from_country=True, default=None if default is None else _country(default, f"{path}.default", problems)
    )


def _country(value: Any, path: str, problems: list[str]) -> str | None:
    code = country_code(value) if isinstance(value, str) else None
    if code is None:
        problems.append(f"{path}: {no_country(value)}")
    return code


TEXT_KEYS = USER_TEXTS
"""Keys of ``match`` that compare a text."""
FLAG_KEYS = ("account_enabled", "on_premises_sync", "at_risk", "covered")
"""Keys of ``match`` that are true or false."""
WORD_KEYS = ("recipient_type", "reason")
"""Keys of ``match`` that know few words."""
MATCH_KEYS = (*TEXT_KEYS, *FLAG_KEYS, *WORD_KEYS, "extension_attributes", "group", "has", "lacks", "not")
"""What ``match`` may hold; ``not`` holds the same, but no further ``not``."""
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)+")
EXTENSION_ATTRIBUTES = tuple(f"extensionAttribute{number}" for number in range(1, 16))
"""The keys of ``extension_attributes``, as Graph names them (onPremisesExtensionAttributes)."""


def parse_match(raw: Any, finder: SkuFinder, path: str, problems: list[str]) -> tuple[Condition, ...]:
    """The conditions of a block; adds what is wrong to ``problems``, and returns what is right."""
    return _match(raw, finder, path, problems, nested=False)


def _match(raw: Any, finder: SkuFinder, path: str, problems: list[str], *, nested: bool) -> tuple[Condition, ...]:
    if not isinstance(raw, Mapping):
        problems.append(f"{path}: expected a dictionary of conditions, found {format_value(raw)}")
        return ()
    unknown_keys(raw, MATCH_KEYS[:-1] if nested else MATCH_KEYS, path, problems)
    conditions: list[Condition] = []
    # the cheap tests first: most rules are left at their first condition
    for key in (*FLAG_KEYS, *WORD_KEYS, "has", "lacks", *TEXT_KEYS):
        if key in raw:
            conditions += _condition(key, raw[key], finder, f"{path}.{key}", problems)
    if "extension_attributes" in raw:
        conditions += _extension_attributes(raw["extension_attributes"], f"{path}.extension_attributes", problems)
    if "group" in raw:
        conditions += _group(raw["group"], f"{path}.group", problems)
    if "not" in raw and not nested:
        conditions += _not(raw["not"], finder, f"{path}.not", problems)
    return tuple(conditions)


def _condition(key: str, value: Any, finder: SkuFinder, path: str, problems: list[str]) -> list[Condition]:
    if key in FLAG_KEYS:
        flag = _flag(value, path, problems)
        return [] if flag is None else [flag_condition(key, flag)]
    if key in ("has", "lacks"):
        ids = collect_skus(value, finder, path, problems, optional=True)
        names = [finder.by_id(sku_id).part_number for sku_id in ids]
        make = has_condition if key == "has" else lacks_condition
        # all of them may be missing in this tenant: then no user has them, and every user lacks them
        return [make(ids, names or ["what the tenant does not have"])]
    if key == "recipient_type":
        kinds = _words(value, path, problems, "recipient type", [kind.value for kind in RecipientType])
        return [recipient_condition(kinds)] if kinds else []
    if key == "reason":
        words = _words(value, path, problems, "reason", REASONS)
        return [reason_condition(words)] if words else []
    texts = _texts_of(value, path, problems, "a text", empty=True)
    single = not isinstance(value, (list, tuple))
    for index, text in enumerate([value] if single else value):
        if isinstance(text, str) and (reason := _never_fits(key, text)):
            problems.append(f"{path}: {reason}" if single else f"{path}[{index}]: {reason}")
    return [text_condition(key, texts)] if texts else []


def _never_fits(key: str, text: str) -> str:
    """Why no user can have this value; empty where one can."""
    wild = "*" in text or "?" in text
    if key == "usage_location" and text.strip() and not wild and country_code(text) is None:
        return no_country(text)
    if key == "mail_domain" and text.strip():
        domain = text.rpartition("@")[2].strip()
        fits = bool(domain) if wild else _DOMAIN.fullmatch(domain)
        if not fits:
            return f"expected a domain such as contoso.com, found {format_value(text)}"
        if "@" in text:
            return f"expected a domain, found {format_value(text)}; write {domain!r}"
    return ""


def no_country(value: Any) -> str:
    """What is wrong with a value that is not a country."""
    near = nearest(value, country_names()) if isinstance(value, str) else []
    # an unquoted NO is a boolean in YAML
    advice = " (quote it: an unquoted NO is a boolean)" if isinstance(value, bool) else ""
    tail = f" (nearest: {', '.join(near)})" if near else advice
    return f"expected an ISO 3166-1 code such as DE or a country, found {format_value(value)}{tail}"


def _words(value: Any, path: str, problems: list[str], what: str, allowed: Sequence[str]) -> list[str]:
    found = _texts_of(value, path, problems, f"a {what}")
    for word in found:
        if word not in allowed:
            near = "".join(f"nearest: {name}; " for name in nearest(word, allowed, 1))
            problems.append(f"{path}: unknown {what} {word!r} ({near}allowed: {', '.join(allowed)})")
    return found


def _extension_attributes(raw: Any, path: str, problems: list[str]) -> list[Condition]:
    if not isinstance(raw, Mapping) or not raw:
        problems.append(f"{path}: expected {{extensionAttribute1: …}}, found {format_value(raw)}")
        return []
    conditions: list[Condition] = []
    for key, value in raw.items():
        if key not in EXTENSION_ATTRIBUTES:
            problems.append(f"{path}: unknown key {str(key)!r} (allowed: extensionAttribute1 to extensionAttribute15)")
        elif texts := _texts_of(value, f"{path}.{key}", problems, "a text", empty=True):
            conditions.append(text_condition(key, texts))
    return conditions


def _not(raw: Any, finder: SkuFinder, path: str, problems: list[str]) -> list[Condition]:
    single = isinstance(raw, Mapping)
    entries = [raw] if single else raw
    if not isinstance(entries, (list, tuple)) or not entries:
        problems.append(f"{path}: expected a match block or a list of them, found {format_value(raw)}")
        return []
    blocks: list[tuple[Condition, ...]] = []
    for index, entry in enumerate(entries):
        here = path if single else f"{path}[{index}]"
        if isinstance(entry, Mapping) and not entry:
            problems.append(f"{here}: an empty block matches every user, so the rule would match no user")
        blocks.append(_match(entry, finder, here, problems, nested=True))
    return [not_condition([block for block in blocks if block])] if any(blocks) else []


def _flag(value: Any, path: str, problems: list[str]) -> bool | None:
    flag = truth(value)
    if flag is None:
        problems.append(f"{path}: expected true or false, found {format_value(value)}")
    return flag


def _group(value: Any, path: str, problems: list[str]) -> list[Condition]:
    """Groups by id or name; each may be ``{id: X, if_available: true}``, or ``name`` in place of ``id``."""
    single, what = not isinstance(value, (list, tuple)), "a group's name or id"
    found: list[str] = []
    optional: list[str] = []
    for index, item in enumerate([value] if single else value or _texts_of(value, path, problems, what)):
        here, name = path if single else f"{path}[{index}]", item
        may_be_missing = False
        if isinstance(item, Mapping):
            unknown_keys(item, ("id", "name", IF_AVAILABLE), here, problems)
            may_be_missing = flag_of(item, here, problems)
            if "id" in item and (wrong := _not_an_id(item)):
                problems.append(f"{here}{wrong}")
                continue
            key = "id" if "id" in item else "name"
            here, name = f"{here}.{key}", item.get(key)
        if _is_text(name, here, problems, what):
            found.append(name)
            optional += [name] * may_be_missing
    return [group_condition(found, optional=frozenset(optional))] if found else []


def _not_an_id(item: Mapping[str, Any]) -> str:
    """What is wrong with the ``id`` of a group, after its path; empty where it is one."""
    if "name" in item:
        return ": expected id or name, found both"
    if isinstance(item["id"], str) and is_guid(item["id"].strip()):
        return ""
    return f".id: expected the id of a group, found {format_value(item['id'])}"


def _texts_of(value: Any, path: str, problems: list[str], what: str, *, empty: bool = False) -> list[str]:
    single = not isinstance(value, (list, tuple))
    texts = [value] if single else list(value)
    if not texts:
        problems.append(f"{path}: expected {what} or a list, found an empty list, which would match no user")
    return [
        text
        for index, text in enumerate(texts)
        if _is_text(text, path if single else f"{path}[{index}]", problems, what, empty=empty)
    ]


def _is_text(text: Any, path: str, problems: list[str], what: str, *, empty: bool = False) -> bool:
    if isinstance(text, str) and (text.strip() or empty):
        return True
    quote = "; quote it if it is a text" if isinstance(text, (int, float)) else ""
    problems.append(f"{path}: expected {what}, found {format_value(text)}{quote}")
    return False
