import { connect, connection } from "../../client/account.ts"
import { MailchimpExportError } from "../../client/error.ts"
import type { Service } from "../../client/request.ts"
import type { Clock } from "../../lib/time.ts"
import { CommandError } from "../command-error.ts"
import type { Terminal } from "../terminal.ts"

export type ConnectOptions = {
  /** Where the browser goes after the login. The service's own page by default. */
  readonly forwardUrl?: string | undefined
  readonly open?: boolean | undefined
}

const pollEveryMs = 2000
/** A login expires after ten minutes. */
const patienceMs = 10 * 60_000

/** Shows where to log in at Mailchimp, and waits until the account is connected. */
export async function connectCommand(
  service: Service,
  { forwardUrl = new URL("/healthz", service.baseUrl).href, open = true }: ConnectOptions,
  {
    terminal,
    clock,
    openBrowser,
  }: { readonly terminal: Terminal; readonly clock: Clock; readonly openBrowser: (url: string) => void },
): Promise<void> {
  const { stderr, signal } = terminal
  let isBoundToBrowser = false
  const watched: Service = {
    ...service,
    fetch: async (url, init) => {
      const response = await (service.fetch ?? fetch)(url, init)
      isBoundToBrowser = response.headers.getSetCookie().length > 0
      return response
    },
  }
  const { redirect_url: url, connected } = await connect(forwardUrl, watched)
  if (connected || url === null) return stderr.write("The account is connected already\n")
  if (isBoundToBrowser)
    throw new CommandError(
      "failed",
      "Cannot connect from here because the service accepts a login only from the browser that began it: connect in your platform, or set LOGIN_COOKIE=off at the service",
    )
  await stderr.write(
    `Log in at Mailchimp:\n\n  ${url}\n\nWaiting until the account is connected. Ctrl-C stops.\n`,
  )
  if (open && stderr.isTTY === true) openBrowser(url)
  const deadlineMs = clock.monotonicMs() + patienceMs
  while (!(await isConnected(service))) {
    if (clock.monotonicMs() >= deadlineMs)
      throw new CommandError("loginRequired", "The login was not finished within ten minutes: connect again")
    await clock.sleep(pollEveryMs, signal)
  }
  await stderr.write("Connected. Next: mailchimp-export pull --out contacts.ndjson\n")
}

async function isConnected(service: Service): Promise<boolean> {
  try {
    return !(await connection(service)).token_invalidated
  } catch (error) {
    if (error instanceof MailchimpExportError && (error.code === "access_token_not_found" || error.retryable))
      return false
    throw error
  }
}
