import { AppError } from "../../errors.ts"
import { TimedOut } from "../../lib/time.ts"

/**
 * Why an object store did not do something. Only its code is kept: errors of `fetch` have the presigned URL, with which
 * anyone could do the same request.
 */
export class StoreFailure extends Error {
  override readonly name = "StoreFailure"
  /** Whether the same request may succeed later. */
  readonly isTransient: boolean

  constructor(code: string, isTransient: boolean) {
    super(code)
    this.isTransient = isTransient
  }
}

/** What stores call their refusals. Anything else may be a fault that passes. */
const refusal = /^(AccessDenied|AllAccessDisabled|Invalid|NoSuch|Permanent|Request\w*Skewed|Signature)/
const longestBody = 64 * 1024

/** The failure of a response that is not ok. Reads its body, which names a code. */
export async function failureOf(response: Response): Promise<StoreFailure> {
  const { status } = response
  const body = Number(response.headers.get("content-length") ?? 0) > longestBody ? "" : await response.text()
  const code = codeIn(/<Code>([^<]*)<\/Code>/.exec(body)?.[1]) ?? `status ${status}`
  return new StoreFailure(code, status >= 500 || status === 429 || code === "RequestTimeout")
}

/** The failure of a request that got no response, or of Bun's own client. */
export function toFailure(error: unknown): StoreFailure {
  if (error instanceof StoreFailure) return error
  if (error instanceof TimedOut) return new StoreFailure("timed out", true)
  const code = error instanceof Error && "code" in error ? codeIn(String(error.code)) : undefined
  return new StoreFailure(code ?? "connection failed", !refusal.test(code ?? ""))
}

/** For callers of a {@link PartFiles}. */
export function unavailable(what: string, cause: StoreFailure): AppError {
  return new AppError(
    "job_files_unavailable",
    `Cannot ${what} the job's files because their object store failed: ${cause.message}`,
    { cause },
  )
}

function codeIn(text: string | undefined): string | undefined {
  return text !== undefined && /^\w{1,64}$/.test(text) ? text : undefined
}
