import { expect, test } from "bun:test"
import { compact } from "../../../src/http/docs-page/compact.ts"

test("compact() takes off what HTML does not need, and keeps the spaces between words", () => {
  const page = `<div class="wide" title="a b">
    <p>
      <small>query</small>
      It&#39;s &quot;<b>it</b>&quot;
    </p>
  </div>
  <pre>{&quot;a&quot;:1}</pre>`
  expect(compact(page)).toBe(
    '<div class=wide title="a b"><p><small>query</small> It\'s &quot;<b>it</b>&quot;</div><pre>{"a":1}</pre>',
  )
})
