import type { Clock } from "../../lib/time.ts"
import type { Account } from "../account.ts"
import { md5 } from "../members/member.ts"

/** A person's consent: the app may exchange its code for a token of the account. */
type Grant = { account: Account; clientId: string; redirectUri: string }

/** The codes that were not exchanged yet, and the tokens that are issued for them. */
export type Grants = {
  /** Returns the code of the grant. */
  add(grant: Grant): string
  /** Uses a code up, and returns its grant unless the code is unknown, used or too old. */
  take(code: string): Grant | undefined
  /** A new access token of the account. */
  issueToken(account: Account): string
}

/** A code works once, and only for this long. */
const CODE_LIFE_MS = 30_000

export function createGrants(clock: Clock, seed: number): Grants {
  const grants = new Map<string, Grant & { expiresAt: number }>()
  let serial = 0
  const newSecret = (kind: string) => md5(`${seed} ${kind} ${serial++} ${clock.now()}`)
  return {
    add(grant) {
      const code = newSecret("code")
      grants.set(code, { ...grant, expiresAt: clock.now() + CODE_LIFE_MS })
      return code
    },
    take(code) {
      const grant = grants.get(code)
      grants.delete(code)
      return grant && grant.expiresAt > clock.now() ? grant : undefined
    },
    issueToken(account) {
      const token = newSecret("token")
      account.tokens.add(token)
      return token
    },
  }
}
