import { readFile } from "node:fs/promises"
import type { Service } from "../client/request.ts"
import { CommandError } from "./command-error.ts"
import type { Terminal } from "./terminal.ts"

/** Arguments are visible to every user of the machine, so no option takes the token itself. */
export type ServiceOptions = {
  readonly tokenFile?: string | undefined
  readonly subAccount?: string | undefined
}

/**
 * Where the service is, and who is calling.
 *
 * @throws {CommandError} `usage` if the environment lacks the URL or the token
 */
export function toService(
  { tokenFile, subAccount }: ServiceOptions,
  { env, signal, fetch }: Pick<Terminal, "env" | "signal" | "fetch">,
): Service {
  const baseUrl = env["MAILCHIMP_EXPORT_URL"]
  if (!baseUrl)
    throw new CommandError(
      "usage",
      "MAILCHIMP_EXPORT_URL is not set: set it to the URL of the service, such as https://export.example.com",
    )
  if (!/^https?:$/.test(protocolOf(baseUrl)))
    throw new CommandError(
      "usage",
      "MAILCHIMP_EXPORT_URL is not a URL: it must begin with https:// or http://",
    )
  return { baseUrl, token: toToken(tokenFile, env), subAccountId: subAccount, signal, fetch }
}

function protocolOf(url: string): string {
  try {
    return new URL(url).protocol
  } catch {
    return ""
  }
}

/** A file is read for each request, so that a long export continues with a token that was renewed meanwhile. */
function toToken(tokenFile: string | undefined, env: Terminal["env"]): Service["token"] {
  if (tokenFile !== undefined) return () => readToken(tokenFile)
  const token = env["MAILCHIMP_EXPORT_TOKEN"]?.trim()
  if (!token)
    throw new CommandError(
      "usage",
      "There is no token: set MAILCHIMP_EXPORT_TOKEN, or name a file that has it with --token-file",
    )
  return token
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim()
  } catch (cause) {
    throw new CommandError(
      "usage",
      `Cannot read the token: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
}
