// Azure Resource Manager through @azure/arm-maps and @azure/identity, as published; one JSON object with every outcome.
import { ManagedIdentityCredential } from "@azure/identity";
import { credentialOf, management, outcome, sasParameters, world } from "./world.mjs";

const { group, account } = world;
const owner = management(credentialOf(world.owner)).accounts;
const nobody = management(credentialOf(world.nobody)).accounts;
// Found through IDENTITY_ENDPOINT and IDENTITY_HEADER, as on App Service.
const issuer = management(new ManagedIdentityCredential({ clientId: world.issuer })).accounts;

async function names(pages) {
  const found = [];
  for await (const each of pages) {
    found.push(each.name);
  }
  return found.sort();
}

const results = {
  get: await outcome(() => owner.get(group, account)),
  listed: await outcome(() => names(owner.listByResourceGroup(group))),
  listedInSubscription: await outcome(() => names(owner.listBySubscription())),
  keys: await outcome(() => owner.listKeys(group, account)),
  regenerated: await outcome(() => owner.regenerateKeys(group, account, { keyType: "secondary" })),
  keysAfter: await outcome(() => owner.listKeys(group, account)),
  sas: await outcome(() => owner.listSas(group, account, sasParameters())),
  sasOfManagedIdentity: await outcome(() => issuer.listSas(group, account, sasParameters())),
  keysOfManagedIdentity: await outcome(() => issuer.listKeys(group, account)),
  sasOfNobody: await outcome(() => nobody.listSas(group, account, sasParameters())),
  sasTooFast: await outcome(() => owner.listSas(group, account, sasParameters({ maxRatePerSecond: 501 }))),
  missing: await outcome(() => owner.get(group, "no-such-account")),
  wrongSecret: await outcome(() => management(credentialOf(world.owner, "wrong")).accounts.get(group, account)),
};
console.log(JSON.stringify(results));
