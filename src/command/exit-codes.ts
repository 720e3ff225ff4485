import { MailchimpExportError } from "../client/error.ts"
import { CommandError } from "./command-error.ts"
import { Interrupted, ReaderLeft } from "./terminal.ts"

/** Every exit code. They never change, because scripts depend on them. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  incomplete: 3,
  loginRequired: 4,
  tryLater: 5,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** For `--help`. */
export const exitCodeHelp = `Exit codes:
  0    done
  1    failed
  2    wrong arguments or settings
  3    incomplete: what can be read was written, but members may be missing
  4    log in first: no account is connected, or the token is not accepted
  5    try again later: the service or Mailchimp cannot answer now
  130  interrupted`

const loginCodes: readonly string[] = [
  "unauthorized",
  "access_token_not_found",
  "connection_invalidated",
  "disconnected",
]

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof ReaderLeft) return exitCodes.done
  if (error instanceof Interrupted) return exitCodes.interrupted
  if (error instanceof CommandError) return exitCodes[error.outcome]
  if (!(error instanceof MailchimpExportError)) return exitCodes.failed
  if (error.code === "incomplete") return exitCodes.incomplete
  if (loginCodes.includes(error.code)) return exitCodes.loginRequired
  if (error.code === "invalid_parameter") return exitCodes.usage
  return error.retryable ? exitCodes.tryLater : exitCodes.failed
}
