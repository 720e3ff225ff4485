import type { Database } from "bun:sqlite"
import { z } from "zod"
import type { Clock } from "../../lib/time.ts"
import type { Delivery, DeliveryStore, StoredDelivery } from "../../webhooks/delivery.ts"
import { deliveryKinds } from "../delivery-kinds.ts"
import { parseStored } from "../parse-stored.ts"
import type { Attempt } from "./database.ts"

const rowSchema = z.object({
  id: z.int(),
  connection_id: z.string(),
  list_id: z.string(),
  kind: deliveryKinds,
  member_id: z.string().nullable(),
  new_member_id: z.string().nullable(),
  arrived_at: z.int(),
})

/** At most this many are purged at once, so that after a long pause no insert waits for all of them. */
const purgedAtOnce = 1000

/** Deliveries in one table, one row each. Every insert purges some of what has expired, in the same transaction. */
export function createSqliteDeliveries(
  database: Database,
  attempt: Attempt,
  { clock, retentionS }: { readonly clock: Clock; readonly retentionS: number },
): DeliveryStore {
  const insert = database.query(
    `INSERT INTO deliveries (connection_id, list_id, kind, member_id, new_member_id, arrived_at)
     VALUES ($connectionId, $listId, $kind, $memberId, $newMemberId, $arrivedAt)`,
  )
  const purge = database.query(
    `DELETE FROM deliveries WHERE id IN
       (SELECT id FROM deliveries WHERE arrived_at < $expired ORDER BY arrived_at LIMIT ${purgedAtOnce})`,
  )
  const list = database.query(
    `SELECT * FROM deliveries WHERE connection_id = $connectionId
       AND (arrived_at, id) > ($arrivedAt, $id) AND arrived_at >= $expired
     ORDER BY arrived_at, id LIMIT $limit`,
  )
  const remove = database.query("DELETE FROM deliveries WHERE connection_id = $connectionId")
  const expired = () => Math.floor(clock.now() / 1000) - retentionS
  const insertAll = database.transaction((deliveries: readonly Delivery[]) => {
    purge.run({ expired: expired() })
    for (const { memberId = null, newMemberId = null, ...delivery } of deliveries)
      insert.run({ ...delivery, memberId, newMemberId })
  })

  return {
    insert: (deliveries) => attempt("store the delivery", () => insertAll.immediate(deliveries)),

    list: (connectionId, { arrivedAt, id = "0" }, limit) =>
      attempt("read the deliveries", () =>
        list
          .all({ connectionId, arrivedAt, id: Number(id), expired: expired(), limit })
          .map((row) => toDelivery(row)),
      ),

    deleteOfConnection: (connectionId) =>
      attempt("delete the deliveries", () => void remove.run({ connectionId })),
  }
}

function toDelivery(row: unknown): StoredDelivery {
  const stored = parseStored(rowSchema, row, "a stored delivery")
  return {
    id: String(stored.id),
    connectionId: stored.connection_id,
    listId: stored.list_id,
    kind: stored.kind,
    arrivedAt: stored.arrived_at,
    ...(stored.member_id !== null && { memberId: stored.member_id }),
    ...(stored.new_member_id !== null && { newMemberId: stored.new_member_id }),
  }
}
