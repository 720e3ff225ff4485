import { dirname, join } from "node:path"
import type { Config } from "../config.ts"
import { createRedaction } from "../lib/redaction.ts"
import type { Clock } from "../lib/time.ts"
import { createSealer } from "../sealer.ts"
import { readKeyFile } from "../storage/key-file.ts"
import { createFindConnectionId, createSealedConnections } from "../storage/sealed-connections.ts"
import { createSealedWebhooks } from "../storage/sealed-webhooks.ts"
import { openStorage } from "../storage/storage.ts"
import { announceDeliveries } from "../webhooks/announce-deliveries.ts"
import type { Shared } from "./shared.ts"

export function createSecrets({ tokenKeys, sqlitePath, secrets }: Config, clock: Clock) {
  const [firstKey = readKeyFile(join(dirname(sqlitePath), "token.key")), ...olderKeys] = tokenKeys ?? []
  const keys = [firstKey, ...olderKeys] as const
  const texts = keys.map(({ key }) => Buffer.from(key).toString("base64"))
  return { sealer: createSealer(keys), redaction: createRedaction([...secrets, ...texts], clock) }
}

export async function createStorage({ config, sealer, observe, clock, messages }: Shared) {
  const { deliveryRetentionS } = config
  const storage = await openStorage({ ...config.storage, deliveryRetentionS, clock })
  return {
    ...storage,
    connections: createSealedConnections(storage.connections, sealer, { onEvent: observe }),
    findConnectionId: createFindConnectionId(storage.connections),
    webhooks: createSealedWebhooks(storage.webhooks, sealer),
    deliveries: announceDeliveries(storage.deliveries, (id) => messages.send("deliveries_stored", id)),
  }
}
