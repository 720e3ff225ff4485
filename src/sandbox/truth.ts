import type { Member } from "./members/member.ts"
import type { MemberTable, Version } from "./members/member-table.ts"

/** A member as it is, or was. */
export type TrueMember = {
  /** The key that it is known by: the id in its row, unless the seed gave it another one. */
  id: string
  /** `gone` where it is deleted, or has another id since its address changed. */
  status: Member["status"] | "gone"
  /** Seconds since the epoch. */
  lastChanged: number
  /** Whether it is the version before, changed in a way that `last_changed` does not tell: to an export no newer one. */
  isSilent: boolean
  /** When it came to be so, in ms; -Infinity for what was seeded. */
  at: number
  /** The row's text as on the wire, without `_links`; the last one where the member is gone. */
  row: string
}

/** What a list really holds and held, to compare an export with. Nothing of it depends on what the API already shows. */
export type Truth = {
  /** Everyone who is in the list now, the archived included. */
  members(): Generator<TrueMember>
  /** One member's versions, oldest first; empty for a member that the list never had. */
  history(memberId: string): TrueMember[]
  /** The version in force at a time in ms, or undefined if the member was not there yet. */
  versionAt(memberId: string, atMs: number): TrueMember | undefined
  /** Those who were in the list, archived or not, at each moment from one time to the other, both included. */
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
    versionAt: (memberId, atMs) => history(memberId).findLast(({ at }) => at <= atMs),
    *presentDuring(fromMs, toMs) {
      for (const { index, version: newest } of latest()) {
        let version: Version | undefined = newest
        let present = true
        // A change at the very millisecond of an end counts as within: who was gone then was not there all along.
        while (version && version.at >= fromMs) {
          if (version.status === "gone" && version.at <= toMs) present = false
          version = version.previous
        }
        if (present && version && version.status !== "gone") yield table.key(index)
      }
    },
  }
}
