// Drives the emulator through Microsoft's JavaScript clients as published and prints what they saw as JSON.
import { AzureKeyCredential, AzureSASCredential } from "@azure/core-auth";
import { AzureMapsManagementClient } from "@azure/arm-maps";
import { ClientSecretCredential } from "@azure/identity";
import createSearch from "@azure-rest/maps-search";

const world = JSON.parse(process.env.EMULATOR_WORLD);
const search = createSearch.default ?? createSearch;
const signIn = (clientId, secret) =>
  new ClientSecretCredential(world.tenant, clientId, secret, { authorityHost: world.url, disableInstanceDiscovery: true });

const owner = signIn(world.owner, world.ownerSecret);
const options = { endpoint: world.url, credentialScopes: "https://management.azure.com/.default" };
const maps = new AzureMapsManagementClient(owner, world.subscription, options);
const nobody = new AzureMapsManagementClient(signIn(world.nobody, world.nobodySecret), world.subscription, options);

const account = await maps.accounts.get(world.group, world.account);
const now = Date.now();
const sas = await maps.accounts.listSas(world.group, world.account, {
  signingKey: "primaryKey",
  principalId: world.principal,
  maxRatePerSecond: 500,
  regions: ["eastus"],
  start: new Date(now).toISOString(),
  expiry: new Date(now + 3600_000).toISOString(),
});
const keys = await maps.accounts.listKeys(world.group, world.account);
const refused = await nobody.accounts.get(world.group, world.account).catch((error) => error);

const find = async (credential, ...more) =>
  await search(credential, ...more, { endpoint: world.url, baseUrl: world.url })
    .path("/geocode")
    .get({ queryParameters: { query: "Redmond" } });

const bySas = await find(new AzureSASCredential(sas.accountSasToken));
const byKey = await find(new AzureKeyCredential(keys.primaryKey));
const byBearer = await find(owner, account.properties.uniqueId);
await maps.accounts.regenerateKeys(world.group, world.account, { keyType: "primary" });
const afterwards = await find(new AzureSASCredential(sas.accountSasToken));
const listed = [];
for await (const each of maps.accounts.listByResourceGroup(world.group)) listed.push(each.name);

console.log(
  JSON.stringify({
    uniqueId: account.properties.uniqueId,
    identities: Object.keys(account.identity.userAssignedIdentities).length,
    refused: [refused.statusCode, refused.code],
    bySas: [bySas.status, bySas.body.features[0].properties.address.locality],
    byKey: byKey.status,
    byBearer: byBearer.status,
    afterwards: [afterwards.status, afterwards.headers["www-authenticate"].split(" ")[0]],
    listed,
  }),
);
