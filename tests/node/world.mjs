// What the scripts share: the world that the Python test tells on standard input, and the official clients for it.
import { readFileSync } from "node:fs";
import { AzureMapsManagementClient } from "@azure/arm-maps";
import { ClientSecretCredential } from "@azure/identity";

export const world = JSON.parse(readFileSync(0, "utf8"));

export function credentialOf(client, secret = world.secrets[client]) {
  return new ClientSecretCredential(world.tenant, client, secret, {
    authorityHost: world.url,
    disableInstanceDiscovery: true,
  });
}

export function management(credential) {
  return new AzureMapsManagementClient(credential, world.subscription, {
    endpoint: world.url,
    // Left out, the client would ask for a token *for the emulator's address*, which is no resource of Entra.
    credentialScopes: "https://management.azure.com/.default",
  });
}

export function sasParameters(wanted = {}) {
  const now = Date.now();
  const stamp = (instant) => new Date(instant).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    signingKey: "primaryKey",
    principalId: world.principal,
    maxRatePerSecond: 500,
    start: stamp(now - 1000),
    expiry: stamp(now + 3600_000),
    ...wanted,
  };
}

// A refusal is told as the client raised it: its class, its code and its status.
export async function outcome(attempt) {
  try {
    return { value: await attempt() };
  } catch (error) {
    return { error: error.name, code: error.code, status: error.statusCode, message: error.message };
  }
}
