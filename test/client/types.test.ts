import { expect, test } from "bun:test"
import type { z } from "zod"
import type { MemberStatus } from "../../src/client/member.ts"
import type * as client from "../../src/client/types.ts"
import type { ErrorCode, Upstream } from "../../src/errors.ts"
import type { eventLineSchema } from "../../src/exports/event-lines.ts"
import type { connectionSchema, loginSchema } from "../../src/http/routes/auth.ts"
import type { listSchema } from "../../src/http/routes/lists.ts"
import { memberStatuses } from "../../src/sandbox/members/member.ts"

/** True only if both types are the same, with the same optional fields. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** An intersection as one object type, at every depth. The schema knows a code as any text, the client knows each code. */
type Flat<T> = T extends object ? { [K in keyof T]: K extends "code" ? "code" : Flat<T[K]> } : T
type Writable<T> = { -readonly [K in keyof T]: T[K] }

function expectTrue<_ extends true>(): void {}

/** These calls do not compile if a type differs. */
test("the client's types, written out, are those of the service's schemas", () => {
  type Line = Flat<client.EventLine>
  type ServiceLine = Flat<z.output<typeof eventLineSchema>>
  type Kind = Line["$export"]
  expectTrue<Same<Kind, ServiceLine["$export"]>>()
  type OfEachKind = {
    [K in Kind]: Same<Extract<Line, { $export: K }>, Extract<ServiceLine, { $export: K }>>
  }
  expectTrue<OfEachKind[Kind]>()
  expectTrue<Same<client.ErrorCode, ErrorCode>>()
  expectTrue<Same<keyof client.Upstream, keyof Writable<Upstream>>>()
  expectTrue<Same<Flat<client.List>, Flat<z.output<typeof listSchema>>>>()
  expectTrue<Same<Flat<client.Connection>, Flat<z.output<typeof connectionSchema>>>>()
  expectTrue<Same<Flat<client.Login>, Flat<z.output<typeof loginSchema>>>>()
  expectTrue<Same<MemberStatus, (typeof memberStatuses)[number]>>()
  expect(memberStatuses).toContain("subscribed")
})
