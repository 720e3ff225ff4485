import { html } from "hono/html"
import type { JsonSchema } from "./document.ts"
import { fieldRows } from "./fields.ts"
import { inlineCode, sentence } from "./inline-code.ts"

/** The fields of an object and of the objects in it, a row each. */
export function fieldTable(schema: JsonSchema) {
  return html`<div class="wide" tabindex="0" role="group" aria-label="Fields">
    <table>
      <thead>
        <tr>
          <th>Field</th>
          <th>Type</th>
          <th>Meaning</th>
        </tr>
      </thead>
      <tbody>
        ${fieldRows(schema).map(
          ({ path, type, description }) =>
            html`<tr>
              <td>${path}</td>
              <td>${inlineCode(type)}</td>
              <td>${sentence(description)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}
