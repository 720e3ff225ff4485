/** The part of `fetch` that this service uses, so that a test can replace it. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>

type FetchInit = RequestInit & {
  /** Bun's own option: if false, the body arrives as it was sent, still in its content coding. */
  readonly decompress?: boolean
}
