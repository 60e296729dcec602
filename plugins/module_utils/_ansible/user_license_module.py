# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``m365_user_license``: from its options to ``_user_licenses``, with a record of what it writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._assign.apply import Written
from ansible_collections.m365.licensing.plugins.module_utils._assign.workflow import (
    Options,
    check_options,
    license_users,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku
from ansible_collections.m365.licensing.plugins.module_utils._reporting.run_facts import run_facts

from .module import Context
from .record import Recording, record_folder
from .report_files import report_stem, run_stamp


def run_user_license(context: Context) -> dict[str, Any]:
    """The module ``m365_user_license``."""
    options = Options(**{name: context.params[name] for name in Options._fields})
    check_options(options)
    context.raise_if_unverified()
    writes = bool(options.users) and not context.check_mode
    folder = record_folder(context.params["record_dir"]) if writes else None
    header: dict[str, Any] = {}
    stem = ""
    if options.users:
        tenant, began = context.tenant, context.client.wall.now()
        run = run_facts(
            f"state {options.state}",
            application=context.application,
            time=began,
            check_mode=context.check_mode,
            validate_certs=context.params["validate_certs"],
        )
        header = {"module": "m365_user_license", "tenant": tenant.row(), **run, "rules_digest": None}
        stem = f"{report_stem(context.options.tenant_id or tenant.id)}-{run_stamp(began)}"
    with Recording(context, folder, stem, header) as recording:

        def record(skus: Mapping[str, Sku]) -> Written:
            return recording.begin(skus, BUILTIN.in_tenant(skus.values()))

        return license_users(
            context.graph,
            lambda: context.exchange,
            BUILTIN,
            options,
            check_mode=context.check_mode,
            record=record,
        )
