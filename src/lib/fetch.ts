/** The part of `fetch` that is used, so that a test can be one. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>

type FetchInit = RequestInit & {
  /** Bun's own: with false the body comes as it was sent, still in its content coding. */
  readonly decompress?: boolean
}
