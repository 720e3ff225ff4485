import type { MemberStatus } from "./member.ts"
import type { RowRange } from "./row-store.ts"

/** One version of a member, valid from a moment on. */
export type Version = RowRange & {
  /** When the version began, in ms; -Infinity for seeded members. */
  readonly at: number
  /** `gone` from the moment at which a member was deleted permanently, or its address and with it its id changed. */
  readonly status: MemberStatus | "gone"
  /** Seconds since the epoch; 0 if the row has none. */
  readonly lastChanged: number
  readonly timestampOpt: number
  /** Whether `last_changed` does not reflect the change. */
  readonly isSilent?: boolean
  readonly previous: Version | undefined
}
