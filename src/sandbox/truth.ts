import type { Member } from "./members/member.ts"
import type { MemberTable } from "./members/member-table.ts"
import type { Version } from "./members/version.ts"

/** A present or former version of a member. */
export type TrueMember = {
  /** The key of the member: the id in its row, unless the seed gave it another id. */
  id: string
  /** `gone` if the member is deleted, or has another id since its address changed. */
  status: Member["status"] | "gone"
  /** Seconds since the epoch. */
  lastChanged: number
  /** Whether the version has the `last_changed` of the previous version, so that it is not newer to an export. */
  isSilent: boolean
  /** When the version began, in ms; -Infinity for seeded members. */
  at: number
  /** The row's text as on the wire, without `_links`; the last text if the member is gone. */
  row: string
}

/** The true contents and history of a list, to compare an export with. Independent of what the API already shows. */
export type Truth = {
  /** Every member that is in the list now, archived members included. */
  members(): Generator<TrueMember>
  /** One member's versions, oldest first; empty for a member that the list never had. */
  history(memberId: string): TrueMember[]
  /** The members that were in the list, archived or not, at every moment from one time to the other, both included. */
  presentDuring(fromMs: number, toMs: number): Generator<string>
}

export function createTruth(table: MemberTable): Truth {
  const describe = (index: number, version: Version): TrueMember => ({
    id: table.key(index),
    status: version.status,
    lastChanged: version.lastChanged,
    isSilent: version.isSilent ?? false,
    at: version.at,
    row: table.text(version),
  })

  const latest = function* () {
    for (let index = 0; index < table.size; index++) {
      const version = table.latest(index)
      if (version) yield { index, version }
    }
  }

  const history = (memberId: string): TrueMember[] => {
    const index = table.find(memberId)
    const versions: TrueMember[] = []
    if (index === undefined) return versions
    for (let version = table.latest(index); version; version = version.previous)
      versions.unshift(describe(index, version))
    return versions
  }

  return {
    *members() {
      for (const { index, version } of latest()) if (version.status !== "gone") yield describe(index, version)
    },
    history,
    *presentDuring(fromMs, toMs) {
      for (const { index, version: newest } of latest()) {
        let version: Version | undefined = newest
        let present = true
        // The interval includes its ends: a member that was deleted in the millisecond of an end was not present
        // throughout.
        while (version && version.at >= fromMs) {
          if (version.status === "gone" && version.at <= toMs) present = false
          version = version.previous
        }
        if (present && version && version.status !== "gone") yield table.key(index)
      }
    },
  }
}
