import { MailchimpExportError } from "../client/error.ts"
import { h } from "./dom.browser.ts"
import { adviceOf, plainWords } from "./words.ts"

/** What went wrong, in Mailchimp's own words if it said any, and what to do. */
export function problemBox(error: MailchimpExportError): HTMLElement {
  const { detail, upstream, requestId } = error
  const said = [upstream?.title, upstream?.detail].filter((text) => text !== undefined).join(": ")
  const box = h(
    "div",
    { className: "problem", role: "alert" },
    h("p", {}, `${(plainWords[error.code] ?? detail).replace(/\.$/, "")}.`),
  )
  if (said !== "") box.append(h("p", {}, "Mailchimp says: ", h("q", {}, said)))
  const advice = adviceOf(error)
  if (advice !== "") box.append(h("p", {}, h("strong", {}, advice)))
  if (requestId !== undefined)
    box.append(h("p", { className: "quiet" }, `Reference for support: ${requestId}`))
  return box
}

/** Every failure as an error that can be shown. An abort by the person is none: that is undefined. */
export function toShown(failure: unknown, signal?: AbortSignal): MailchimpExportError | undefined {
  if (signal?.aborted) return undefined
  if (failure instanceof MailchimpExportError) return failure
  const detail = failure instanceof Error ? failure.message : String(failure)
  return new MailchimpExportError("unexpected_response", { detail, retryable: false })
}
