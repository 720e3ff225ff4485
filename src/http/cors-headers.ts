/** The request headers that a page of another origin may send: those that any route reads. */
export const allowedHeaders = [
  "Authorization",
  "Export-Cursor",
  "Idempotency-Key",
  "Prefer",
  "Range",
  "If-Range",
  "Content-Type",
  "X-Request-Id",
]

/** The response headers that a page of another origin may read. */
export const exposedHeaders = [
  "X-Request-Id",
  "Retry-After",
  "Location",
  "Age",
  "ETag",
  "Content-Range",
  "Content-Disposition",
]
