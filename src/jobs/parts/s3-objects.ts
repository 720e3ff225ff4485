import type { Fetch } from "../../lib/fetch.ts"
import type { Clock } from "../../lib/time.ts"
import { failureOf } from "./s3-failure.ts"
import { createRetry, type RetryOptions } from "./s3-retry.ts"

export type BucketOptions = {
  readonly bucket: string
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** An upload waits for a store that is being restarted. Mailchimp is not read meanwhile. */
const uploadRetryMs = 120_000
/** Everything else has somebody who waits for it, or is repeated by the purge. */
const retryMs = 5000
const timeoutMs = 10_000
/** An upload may take longer by this for each byte: at least a megabyte a second. */
const msPerByte = 1e-3
/** More than any difference of clocks that stores allow. Nobody else gets a presigned URL. */
const expiresInS = 3600

/**
 * The objects of a bucket. Every method is retried, and rejects with `job_files_unavailable`. Bun's client signs and lists; it
 * has no signal and no time-out, so `fetch` sends everything else.
 */
export function createObjects(
  options: BucketOptions,
  deps: { readonly fetch: Fetch; readonly clock: Clock; readonly random: () => number },
) {
  const client = new Bun.S3Client(options)
  const retry = createRetry(deps)

  /** The result of `read`, or undefined if the object, or the range of it, is not there. */
  const exchange = async <T>(
    key: string,
    request: RequestInit & { readonly method: "GET" | "HEAD" | "PUT" | "DELETE" },
    read: (response: Response) => Promise<T>,
  ): Promise<T | undefined> => {
    const url = client.presign(key, { method: request.method, expiresIn: expiresInS })
    const response = await deps.fetch(url, { ...request, redirect: "manual" })
    if (response.ok) return read(response)
    const failure = await failureOf(response)
    const isAbsent = response.status === 404 || response.status === 416
    if (isAbsent && failure.message !== "NoSuchBucket" && request.method !== "PUT") return undefined
    throw failure
  }

  return {
    /** @param read the bytes, anew for each attempt. `fetch` has copied a chunk when it requests the next one. */
    put: (key: string, size: number, read: () => AsyncGenerator<Uint8Array>, signal: AbortSignal) => {
      const limits = { timeoutMs: timeoutMs + size * msPerByte, retryMs: uploadRetryMs }
      const headers = { "content-length": String(size), "content-type": "application/octet-stream" }
      return retry(
        async (signal) => {
          // Without bytes a stream would be sent without its length, which stores refuse.
          const body = size === 0 ? new Uint8Array() : new Response(read()).body
          await exchange(key, { method: "PUT", headers, body, signal }, drained)
        },
        { what: "write", signal, ...limits },
      )
    },
    /** The size in bytes. */
    size: (key: string) =>
      retry(
        (signal) =>
          exchange(key, { method: "HEAD", signal }, async ({ headers }) =>
            Number(headers.get("content-length")),
          ),
        soon("read"),
      ),
    /** The bytes from `start` to before `end`, or fewer if the object is shorter. */
    get: (key: string, start: number, end: number) => {
      const headers = { range: `bytes=${start}-${end - 1}` }
      return retry(
        (signal) => exchange(key, { method: "GET", headers, signal }, (response) => response.bytes()),
        soon("read"),
      )
    },
    delete: (key: string) =>
      retry((signal) => exchange(key, { method: "DELETE", signal }, drained), soon("remove")),
    /** The keys that begin with `prefix`; with a delimiter, up to its next occurrence. */
    list: async (prefix: string, delimiter?: string): Promise<readonly string[]> => {
      const keys: string[] = []
      for (let continuationToken: string | undefined; ;) {
        const page = {
          prefix,
          ...(delimiter && { delimiter }),
          ...(continuationToken && { continuationToken }),
        }
        const found = await retry(() => client.list(page), soon("list"))
        keys.push(...(found.contents ?? []).map(({ key }) => key))
        keys.push(...(found.commonPrefixes ?? []).map(({ prefix }) => prefix))
        if (!found.isTruncated || found.nextContinuationToken === undefined) return keys
        continuationToken = found.nextContinuationToken
      }
    },
  }
}

function soon(what: string): RetryOptions {
  return { what, timeoutMs, retryMs }
}

/** A body that is not read would keep its connection. */
async function drained(response: Response): Promise<void> {
  await response.bytes()
}
