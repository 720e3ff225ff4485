/** The part of `fetch` that is used, so that a test can be one. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>
