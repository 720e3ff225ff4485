import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { ConnectionStore } from "../../src/connections/connection.ts"
import { mongodbStartTimeoutMs } from "../support/mongodb.ts"
import { found, newConnection, newOwner, type StoreUnderTest } from "./connection-store.ts"

/** What replicas may change of one connection at once, in a store whose updates of one connection are atomic. */
export function connectionStoreRaces(
  name: string,
  create: () => Promise<StoreUnderTest<ConnectionStore>> | StoreUnderTest<ConnectionStore>,
  describeSuite: (name: string, suite: () => void) => void = describe,
) {
  describeSuite(`${name}: races of connections`, () => {
    let underTest: StoreUnderTest<ConnectionStore>

    beforeAll(async () => {
      underTest = await create()
    }, mongodbStartTimeoutMs)

    afterAll(() => underTest.close())

    test("of concurrent changes of different fields none is lost", async () => {
      const [first, second, third] = [
        await underTest.open(),
        await underTest.open(),
        await underTest.open(),
      ] as const
      for (let round = 0; round < 20; round += 1) {
        const owner = newOwner()
        await first.insert(newConnection(owner))
        const connection = await found(first, owner)
        const accessToken = "renewed"
        const metadata = { dc: "us20" }
        await Promise.all([
          first.update(connection, { metadata }),
          second.update(connection, { tokenInvalidated: true }),
          third.update(connection, { accessToken }),
          second.update(connection, { disconnecting: true }),
        ])
        expect(await first.find(owner)).toBeUndefined()
        expect(await first.disconnecting(owner)).toEqual([
          { ...connection, accessToken, metadata, tokenInvalidated: true },
        ])
      }
    })
  })
}
