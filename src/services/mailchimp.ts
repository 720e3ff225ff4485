import { createTurns } from "../lib/time.ts"
import type { MailchimpEvent } from "../mailchimp/client.ts"
import { createFixedAllowance } from "../mailchimp/limiter/allowance.ts"
import { createLimiters } from "../mailchimp/limiter/limiters.ts"
import { createMailchimpOAuth } from "../mailchimp/oauth.ts"
import type { Shared } from "./shared.ts"

export function createMailchimp({ config: { mailchimp }, redaction, clock }: Shared) {
  const {
    datacenterUrl: dataCenterUrl,
    maxConnections: permits,
    requestsPerSecond: ratePerSecond,
  } = mailchimp
  const allowance = createFixedAllowance({ permits, ratePerSecond })
  return {
    oauth: createMailchimpOAuth({ ...mailchimp, dataCenterUrl, timeoutMs: 10_000, redaction, clock }),
    limiters: createLimiters({ allowanceOf: () => allowance, clock }),
  }
}

export type Mailchimp = ReturnType<typeof createMailchimp>

export function toClientOptions({ config, redaction, observe, clock }: Shared) {
  const { mailchimp, cursorMarginS } = config
  return {
    apiUrl: mailchimp.apiUrl,
    listsPath: mailchimp.listsPath,
    timeoutMs: mailchimp.timeoutMs,
    clockMarginS: cursorMarginS,
    retryMs: mailchimp.retryS * 1000,
    nextTurn: createTurns(),
    redaction,
    clock,
    onEvent: (event: MailchimpEvent) => observe({ type: "mailchimp", event }),
  }
}
