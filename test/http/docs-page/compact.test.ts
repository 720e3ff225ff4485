import { expect, test } from "bun:test"
import { compact } from "../../../src/http/docs-page/compact.ts"

test("compact() takes off what HTML does not need, and keeps the spaces between words", () => {
  const page = `<div>
    <p>
      <small>query</small>
      It&#39;s &quot;<b>it</b>&quot;
    </p>
  </div>
  <pre>{&quot;a&quot;:1}</pre>`
  expect(compact(page)).toBe(
    '<div><p><small>query</small>\nIt\'s &quot;<b>it</b>&quot;</div><pre>{"a":1}</pre>',
  )
})
