// The data plane through @azure-rest/maps-search, as published, with each credential; one JSON object of outcomes.
import mapsSearch, { isUnexpected } from "@azure-rest/maps-search";
import { AzureKeyCredential, AzureSASCredential } from "@azure/core-auth";
import { credentialOf, management, outcome, sasParameters, world } from "./world.mjs";

const { group, account } = world;
const accounts = management(credentialOf(world.owner)).accounts;
const newSas = async (wanted) => (await accounts.listSas(group, account, sasParameters(wanted))).accountSasToken;
const client = (...credential) => mapsSearch(...credential, { endpoint: world.url });
const sasClient = (token) => client(new AzureSASCredential(token));

async function told(request) {
  const answer = await request;
  return {
    status: Number(answer.status),
    unexpected: isUnexpected(answer),
    body: answer.body,
    challenge: answer.headers["www-authenticate"],
  };
}

const geocode = (from, query = "Paris") =>
  outcome(() => told(from.path("/geocode").get({ queryParameters: { query } })));

const batch = (from) =>
  outcome(() =>
    told(from.path("/geocode:batch").post({ body: { batchItems: [{ query: "Paris" }, { query: "Redmond" }] } })),
  );

const token = await newSas();
const [header, payload, signature] = token.split(".");
const flipped = (signature[0] === "A" ? "B" : "A") + signature.slice(1);
const { primaryKey } = await accounts.listKeys(group, account);
const withSas = sasClient(token);
const withKey = client(new AzureKeyCredential(primaryKey));

const results = {
  geocode: await geocode(withSas),
  reverse: await outcome(() =>
    told(withSas.path("/reverseGeocode").get({ queryParameters: { coordinates: [2.35, 48.85] } })),
  ),
  withKey: await geocode(withKey),
  batchWithKey: await batch(withKey),
  // A reader reads; a batch is an action of its own.
  batchWithReaderSas: await batch(withSas),
  withEntra: await geocode(client(credentialOf(world.reader), world.accountClientId)),
  withEntraAndNoRole: await geocode(client(credentialOf(world.nobody), world.accountClientId)),
  withEntraForAnotherAccount: await geocode(client(credentialOf(world.reader), world.subscription)),
  tampered: await geocode(sasClient(`${header}.${payload}.${flipped}`)),
  foreignRegion: await geocode(sasClient(await newSas({ regions: ["westeurope"] }))),
  wrongKey: await geocode(client(new AzureKeyCredential("nonsense"))),
  emptyQuery: await geocode(withSas, ""),
};
// Last, because it kills the key that signed everything above.
await accounts.regenerateKeys(group, account, { keyType: "primary" });
results.afterRegeneration = await geocode(withSas);
results.signedAnew = await geocode(sasClient(await newSas()));
console.log(JSON.stringify(results));
