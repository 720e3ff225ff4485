import type { Account } from "../account.ts"
import type { FaultAction } from "./fault-action.ts"

/** Revokes or disables the account if the fault does that. Returns whether it did. */
export function strikeAccount(account: Account, fault: FaultAction | undefined): boolean {
  if (fault?.kind === "revoke") account.tokens.clear()
  else if (fault?.kind === "disable") account.disabled = true
  else return false
  return true
}
