import { expect, test } from "bun:test"
import type { z } from "zod"
import type { MemberStatus } from "../../src/client/member.ts"
import type * as client from "../../src/client/types.ts"
import type { ErrorCode, Upstream } from "../../src/errors.ts"
import type { eventLineSchema } from "../../src/exports/event-lines.ts"
import type { connectionSchema, disconnectedSchema, loginSchema } from "../../src/http/routes/auth.ts"
import type { listDetailsSchema, listSchema } from "../../src/http/routes/lists.ts"
import type { memberStatuses } from "../../src/sandbox/members/member.ts"

/** True only if both types are the same, with the same optional fields. */
type Same<A, B> =
  (<T>(value: T) => T extends A ? 1 : 2) extends <T>(value: T) => T extends B ? 1 : 2 ? true : false
/** An intersection as one object type, at every depth. The schema knows a code as any text, the client knows each code. */
type Flat<T> = T extends object ? { [K in keyof T]: K extends "code" ? "code" : Flat<T[K]> } : T
type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** The object does not compile if a type differs. */
test("the client's types, written out, are those of the service's schemas", () => {
  type Line = Flat<client.EventLine>
  type ServiceLine = Flat<z.output<typeof eventLineSchema>>
  type Kind = Line["$export"]
  type OfEachKind = {
    [K in Kind]: Same<Extract<Line, { $export: K }>, Extract<ServiceLine, { $export: K }>>
  }
  const isSame: {
    kinds: Same<Kind, ServiceLine["$export"]>
    lines: Same<OfEachKind[Kind], true>
    codes: Same<client.ErrorCode, ErrorCode>
    upstream: Same<keyof client.Upstream, keyof Writable<Upstream>>
    list: Same<Flat<client.List>, Flat<z.output<typeof listSchema>>>
    listDetails: Same<Flat<client.ListDetails>, Flat<z.output<typeof listDetailsSchema>>>
    connection: Same<Flat<client.Connection>, Flat<z.output<typeof connectionSchema>>>
    disconnected: Same<Flat<client.Disconnected>, Flat<z.output<typeof disconnectedSchema>>>
    login: Same<Flat<client.Login>, Flat<z.output<typeof loginSchema>>>
    statuses: Same<MemberStatus, (typeof memberStatuses)[number]>
  } = {
    kinds: true,
    lines: true,
    codes: true,
    upstream: true,
    list: true,
    listDetails: true,
    connection: true,
    disconnected: true,
    login: true,
    statuses: true,
  }
  expect(Object.values(isSame)).not.toContain(false)
})
