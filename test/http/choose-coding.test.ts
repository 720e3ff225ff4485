import { expect, test } from "bun:test"
import { chooseCoding } from "../../src/http/choose-coding.ts"

test.each([
  // curl, Python's http.client, Java: they take no coding that they did not request.
  [undefined, undefined],
  ["", undefined],
  ["identity", undefined],
  ["br", undefined],
  ["deflate, br;q=1.0", undefined],
  // curl --compressed, browsers, Bun, httpx.
  ["deflate, gzip, br, zstd", "zstd"],
  ["gzip, deflate, br, zstd", "zstd"],
  // Node, requests, older browsers.
  ["gzip, deflate", "gzip"],
  ["gzip, deflate, br", "gzip"],
  ["GZIP", "gzip"],
  ["x-gzip", "gzip"],
  ["zstd;q=0.5, gzip", "gzip"],
  ["zstd;q=0.5, gzip;q=0.9", "gzip"],
  ["zstd;q=0, gzip", "gzip"],
  ["gzip;q=0", undefined],
  ["gzip;q=0.001", "gzip"],
  ["gzip;q=0.5, identity", undefined],
  ["gzip;q=0.5, identity;q=0.4", "gzip"],
  ["gzip, identity;q=0", "gzip"],
  ["*", "gzip"],
  ["*;q=0.5, zstd", "zstd"],
  ["gzip;q=0, *", undefined],
  ["*;q=0, gzip;q=0.1", "gzip"],
  ["identity;q=0, *;q=0.1", "gzip"],
] as const)("Accept-Encoding: %s gives %s", (header, coding) => {
  expect(chooseCoding(header)).toBe(coding)
})

test.each(["identity;q=0", "*;q=0", "br, identity;q=0", "br, *;q=0", "gzip;q=0, zstd;q=0, identity;q=0"])(
  "Accept-Encoding: %s cannot be served, and the error lists the available codings",
  (header) => {
    expect(() => chooseCoding(header)).toThrow(
      expect.objectContaining({
        code: "not_acceptable",
        detail: expect.stringContaining("zstd, gzip, identity"),
      }),
    )
  },
)
