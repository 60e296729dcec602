# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that every module has: signing in, endpoints, limits."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of ``module.COMMON_SPEC``."""

    DOCUMENTATION = r"""
options:
  tenant_id:
    description:
      - The tenant, by its GUID or a verified domain.
      - Modules that ask Exchange Online need the GUID or the initial domain (C(contoso.onmicrosoft.com)).
      - If not set, the environment variables E(M365_TENANT_ID), E(AZURE_TENANT_ID) and E(AZURE_TENANT) are used,
        in this order.
    type: str
  expected_domain:
    description:
      - A verified domain of the expected tenant, such as V(contoso.com) or V(contoso.onmicrosoft.com). Case does
        not matter.
      - If the credentials belong to another tenant, the task fails with the code C(wrong_tenant) before any user is
        read. It also fails if the tenant's domains cannot be read (permission C(Organization.Read.All)).
      - If not set, the environment variable E(M365_EXPECTED_DOMAIN) is used. If that is not set either, the tenant is
        not checked.
    type: str
    version_added: 0.1.0
  client_id:
    description:
      - The application (client) id of the app registration, or of a user-assigned managed identity.
      - If not set, the environment variables E(M365_CLIENT_ID) and E(AZURE_CLIENT_ID) are used, in this order.
    type: str
  client_secret:
    description:
      - The value of a client secret (not its id).
      - It needs 8 characters or more. A number, a date, a word such as V(password), or a part of O(tenant_id) or
        O(client_id) is refused, because Ansible hides a secret wherever it occurs in a result.
      - If not set, the environment variables E(M365_CLIENT_SECRET), E(AZURE_CLIENT_SECRET)
        and E(AZURE_SECRET) are used, in this order.
    type: str
  certificate_path:
    description:
      - A file on the machine where the module runs, with the app's RSA key and its certificate, as PEM or PFX.
      - Of several certificates of the key, the valid one that ends last is used. If none is valid now, the task fails
        with the code C(certificate_dates).
      - A key of fewer than 2048 bits, a certificate with less than 30 days left, and a file that others can read or
        change are warnings.
      - If not set, the environment variables E(M365_CERTIFICATE_PATH) and E(AZURE_CLIENT_CERTIFICATE_PATH) are used,
        in this order.
    type: path
  certificate_password:
    description:
      - The password of O(certificate_path), if it has one.
      - It is refused for the same reasons as O(client_secret), even if it is not used.
      - If not set, the environment variables E(M365_CERTIFICATE_PASSWORD)
        and E(AZURE_CLIENT_CERTIFICATE_PASSWORD) are used, in this order.
    type: str
  federated_token_file:
    description:
      - A file on the machine where the module runs, with a token of an issuer that the app trusts (workload identity).
        It is read again for each new token.
      - If not set, the environment variables E(M365_FEDERATED_TOKEN_FILE) and E(AZURE_FEDERATED_TOKEN_FILE) are used,
        in this order.
    type: path
  access_tokens:
    description:
      - Tokens that were obtained elsewhere. The module cannot renew them. Each needs 8 characters or more.
    type: dict
    suboptions:
      graph:
        description: A token for Microsoft Graph.
        type: str
      exchange:
        description: A token for Exchange Online.
        type: str
  auth_source:
    description:
      - How to sign in.
      - V(auto), the default, takes the first of V(client_secret), V(certificate),
        V(federated_token) and V(access_tokens) whose options are complete. Options come before C(M365_*) variables
        and those before C(AZURE_*) variables. Two of them given as options at once are an error.
      - V(managed_identity) is used only if this option names it.
      - RV(ignore:auth) says what was chosen, and why.
      - If not set, the environment variable E(M365_AUTH_SOURCE) is used.
    type: str
    choices: [auto, client_secret, certificate, federated_token, managed_identity, access_tokens]
  use_environment:
    description:
      - Whether environment variables stand in for O(tenant_id), O(client_id), O(client_secret), O(certificate_path),
        O(certificate_password), O(federated_token_file) and O(auth_source) if these are not set.
      - Always V(false) for a host that has variables such as C(m365_tenant_id), and in a play with several hosts, so
        that no host uses the tenant of another.
    type: bool
    default: true
  cloud:
    description:
      - The national cloud of the tenant. GCC is in V(public), GCC High is V(usgov).
      - V(AzureCloud), V(AzureUSGovernment) and V(AzureChinaCloud) are Azure's names for V(public), V(usgov) and
        V(china).
      - If not set, the environment variables E(M365_CLOUD) and E(AZURE_CLOUD_ENVIRONMENT) are used,
        in this order. If these are not set either, it is V(public).
    type: str
    choices: [public, usgov, dod, china, AzureCloud, AzureUSGovernment, AzureChinaCloud]
  login_url:
    description:
      - The address of the identity platform, if it is not that of O(cloud). Must begin with C(https://) and have no
        path.
      - If not set, the environment variable E(M365_LOGIN_URL) is used.
    type: str
  graph_url:
    description:
      - The address of Microsoft Graph, if it is not that of O(cloud). Must begin with C(https://) and have no path.
      - If not set, the environment variable E(M365_GRAPH_URL) is used.
    type: str
  exchange_url:
    description:
      - The address of Exchange Online, if it is not that of O(cloud). Must begin with C(https://) and have no path.
      - If not set, the environment variable E(M365_EXCHANGE_URL) is used.
    type: str
  ca_path:
    description:
      - A file with CA certificates (PEM) to trust, or a directory of them as OpenSSL wants it,
        on the machine where the module runs. It replaces the default CA certificates.
      - If not set, the environment variables E(M365_CA_PATH) and E(REQUESTS_CA_BUNDLE) are used, in this order.
    type: path
  validate_certs:
    description:
      - Whether to check the certificates of the servers. If not, anyone on the network path can read the
        tokens.
      - V(false) is a warning in every run, and results and reports contain it. A task that writes to Microsoft's
        services is refused.
    type: bool
    default: true
  exchange_api:
    description:
      - Which API of Exchange Online to use.
      - V(invoke_command) is what the Exchange Online PowerShell module uses. Microsoft does not document it.
      - V(v2) is documented and a preview. It has no server-side filter and only some of the cmdlets,
        so it reads every mailbox.
      - If not set, the environment variable E(M365_EXCHANGE_API) is used. If that is not set either, it is
        V(invoke_command).
    type: str
    choices: [invoke_command, v2]
  timeout:
    description:
      - How long one request may take, in seconds, from connecting to the last byte of its answer.
      - Connecting may take up to ten of these seconds for each address of the host.
    type: float
    default: 60.0
  retry_seconds:
    description:
      - How long one request is tried again while a service throttles or fails, in seconds.
      - A write that waits for the service's quota is not given up while other writes of the run succeed.
    type: float
    default: 300.0
  concurrency:
    description:
      - How many requests are sent in parallel at first, from 1 to 32.
      - The number grows up to twice this value while requests succeed. Each throttled answer lowers it by one, to one
        at least. With V(1) requests are sent one after the other.
    type: int
    default: 4
  max_response_bytes:
    description:
      - The largest answer to accept, in bytes after decompression. If an answer is larger, the task fails.
      - The largest regular answers are pages of a thousand users with all their plans, about 10 MB.
    type: int
    default: 67108864
notes:
  - The environment variables are read where the module runs. To use those of the controller, run the module there
    (C(delegate_to) or a local connection), or pass them as options.
  - Names that begin with C(m365_) or C(M365_) are reserved for this collection. An unknown variable of the host stops a
    task that would write. The host then does not use the tenant of the environment either. An unknown variable of the
    environment is an error unless O(use_environment=false).
  - Options that are not set in a task can be set for all modules of this collection with C(module_defaults)
    and the group C(group/m365.licensing.m365).
requirements:
  - msal >= 1.32.0
  - requests >= 2.31.0
  - urllib3 >= 1.26.18 (comes with requests)
"""
