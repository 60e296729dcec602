# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The baseline of the modules: the same requests in a plain loop over ``requests``, one after the other.

No threads, no retries, no checks, no decisions; each answer is parsed and forgotten. Reads a job from standard input:
``{"info": {…}, "calls": [{service, method, path, query, json, headers, first_page}]}``. Follows every
``@odata.nextLink``, but not where ``first_page`` is true. Prints ``{"entries": N}``: the number of values or parts.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import requests


def main() -> None:
    """Send the requests of the job."""
    job = json.load(sys.stdin)
    info = job["info"]
    session = requests.Session()
    session.trust_env = False  # REQUESTS_CA_BUNDLE would override the next line
    session.verify = info["ca_path"]
    tokens: dict[str, str] = {}
    entries = 0
    for call in job["calls"]:
        service = call["service"]
        base = info[f"{service}_url"]
        if service not in tokens:
            tokens[service] = token(session, info, base)
        headers = {**call.get("headers", {}), "Authorization": f"Bearer {tokens[service]}"}
        url: str | None = base + call["path"]
        params: dict[str, str] | None = call.get("query")
        while url:
            answer = session.request(
                call["method"], url, params=params, json=call.get("json"), headers=headers, timeout=60
            )
            answer.raise_for_status()
            # writes return no body, reports a table
            body = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
            entries += len(body.get("value") or body.get("responses") or [body])
            url, params = None if call.get("first_page") else body.get("@odata.nextLink"), None
    json.dump({"entries": entries}, sys.stdout)


def token(session: requests.Session, info: dict[str, Any], base: str) -> str:
    """Return a token for a service, with the client secret."""
    form = {
        "grant_type": "client_credentials",
        "client_id": info["client_id"],
        "client_secret": info["client_secret"],
        "scope": f"{base}/.default",
    }
    url = f"{info['login_url']}/{info['tenant_id']}/oauth2/v2.0/token"
    answer = session.post(url, data=form, timeout=60)
    answer.raise_for_status()
    found: str = answer.json()["access_token"]
    return found


if __name__ == "__main__":
    main()
