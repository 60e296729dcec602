// Copyright (c) 2026 m365.licensing contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// One step by @microsoft/microsoft-graph-client, signed in by @azure/identity: node graph_client.cjs STEP JSON.
// Prints what the client gave, as one line of JSON; a GraphError as {"error": …}.
"use strict";

const { ClientSecretCredential } = require("@azure/identity");
const { BatchRequestContent, BatchResponseContent, Client, GraphError, PageIterator } = require("@microsoft/microsoft-graph-client");
const {
  TokenCredentialAuthenticationProvider,
} = require("@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials");

const credential = new ClientSecretCredential(
  process.env.M365_TENANT_ID,
  process.env.M365_CLIENT_ID,
  process.env.M365_CLIENT_SECRET,
);
const client = Client.initWithMiddleware({
  authProvider: new TokenCredentialAuthenticationProvider(credential, {
    scopes: ["https://graph.microsoft.com/.default"],
  }),
});

const steps = {
  async users({ top }) {
    const found = [];
    const page = await client.api("/users").top(top).select("id,userPrincipalName").get();
    await new PageIterator(client, page, (user) => found.push(user) > 0).iterate();
    return found;
  },
  user: ({ user }) => client.api(`/users/${user}`).get(),
  filtered: ({ filter, select }) =>
    client
      .api("/users")
      .header("ConsistencyLevel", "eventual")
      .count(true)
      .filter(filter)
      .select(select)
      .get()
      .then((page) => ({ count: page["@odata.count"], value: page.value })),
  skus: () => client.api("/subscribedSkus").get().then((page) => page.value),
  details: ({ user }) => client.api(`/users/${user}/licenseDetails`).get().then((page) => page.value),
  assign: ({ user, add, remove }) =>
    client.api(`/users/${user}/assignLicense`).post({ addLicenses: add, removeLicenses: remove }),
  async batch({ urls }) {
    const parts = urls.map((url, index) => ({
      id: String(index),
      // The client cuts off the host alone, and a url in a batch has no version; Node knows no Request without a host.
      request: new Request(`https://graph.microsoft.com${url}`, { method: "GET" }),
    }));
    const content = await new BatchRequestContent(parts).getContent();
    const answers = new BatchResponseContent(await client.api("/$batch").post(content));
    return Promise.all(
      urls.map(async (_url, index) => {
        const answer = answers.getResponseById(String(index));
        return { status: answer.status, body: await answer.json() };
      }),
    );
  },
};

async function main() {
  const [step, argument] = process.argv.slice(2);
  try {
    return await steps[step](JSON.parse(argument));
  } catch (error) {
    if (!(error instanceof GraphError)) {
      throw error;
    }
    return { error: { status: error.statusCode, code: error.code, message: error.message, request: error.requestId } };
  }
}

main().then(
  (found) => process.stdout.write(`${JSON.stringify(found)}\n`),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  },
);
