import { html } from "hono/html"
import { isDeepStrictEqual } from "node:util"
import {
  isProblem,
  type JsonSchema,
  type Operation,
  type Parameter,
  resultOf,
  type Route,
} from "./document.ts"
import { typeOf } from "./fields.ts"
import { inlineCode, sentence } from "./inline-code.ts"
import { fieldTable } from "./render-fields.ts"

/** A longer example tells nobody what to type. */
const maxHint = 40

/** By the name of their parameter: the values with which controls begin. */
export type Prefilled = Readonly<Record<string, string>>

/** One route: what it does, a form whose end a script adds from the template of the page, and what it responds. */
export function renderRoute(route: Route, routes: readonly Route[], prefilled: Prefilled) {
  const { method, path, operation } = route
  const { operationId, summary, description = "", parameters } = operation
  const body = operation.requestBody?.content["application/json"]?.schema
  return html`<section class="route" id="${operationId}">
    <h3><span class="method">${method}</span> ${path}</h3>
    <p>${sentence(summary)} ${sentence(description)}</p>
    <form
      autocomplete="off"
      data-method="${method}"
      data-path="${path}"
      ${operation.security.length > 0 ? "data-needs-token" : ""}
      ${isFile(operation) ? "data-is-file" : ""}
      ${canRedirect(operation) ? html`data-accept="application/json"` : ""}
    >
      ${parameters.map((parameter) => renderParameter(parameter, prefilled[parameter.name]))}
      ${body === undefined ? "" : renderBody(body)}
    </form>
    <h4>Responses</h4>
    ${renderResponses(operation)} ${renderResult(route, routes)}
  </section>`
}

/** Whether all that a route responds are files. */
function isFile({ responses }: Operation): boolean {
  const types = Object.keys(responses["200"]?.content ?? {})
  return types.includes("application/gzip")
}

/** A page cannot see where a redirect leads, so it accepts JSON instead. */
function canRedirect({ responses }: Operation): boolean {
  return "302" in responses
}

function renderParameter(parameter: Parameter, value?: string) {
  const { name, required, schema, description = "" } = parameter
  return html`<div class="parameter">
    <label><code>${name}</code> ${renderInput(parameter, value)}</label>
    <p>
      <small>${parameter.in}, ${inlineCode(typeOf(schema))}${required ? ", required" : ""}</small>
      ${sentence(description)}
    </p>
  </div>`
}

/** What is not in the query says where it belongs. */
function renderInput(parameter: Parameter, value?: string) {
  const { name, required, schema } = parameter
  const given = {
    ...(parameter.in !== "query" && { "data-in": parameter.in }),
    ...(required && { required: "" }),
  }
  if (schema.enum !== undefined)
    return html`<select${attributes({ name, ...given })}>
      <option value="">–</option>
      ${schema.enum.map((each) => html`<option>${String(each)}</option>`)}
    </select>`
  const example = [schema.example ?? ""].flat().join(",")
  const hint = example !== "" && example.length <= maxHint && { placeholder: example }
  const texts = { ...(value !== undefined && { value }), ...hint }
  return html`<input${attributes({ name, ...given, ...texts })} />`
}

function attributes(values: Readonly<Record<string, string>>) {
  return Object.entries(values).map(([name, value]) =>
    value === "" ? html` ${name}` : html` ${name}="${value}"`,
  )
}

function renderBody(schema: JsonSchema) {
  return html`<div class="parameter">
      <label>
        <code>body</code>
        <textarea name="body" data-in="body" rows="3" spellcheck="false">{}</textarea>
      </label>
      <p><small>JSON</small></p>
    </div>
    <details>
      <summary>Fields of the body</summary>
      ${fieldTable(schema)}
    </details>`
}

function renderResponses({ responses }: Operation) {
  const [problems, results] = partition(Object.keys(responses), isProblem)
  return html`<dl class="responses">
    ${results.map((status) => {
      const { description = "", content = {} } = responses[status] ?? {}
      return html`<dt>${status}</dt>
        <dd>${sentence(description)} <small>${Object.keys(content).join(", ")}</small></dd>`
    })}
    ${
      problems.length === 0
        ? ""
        : html`<dt>Problems</dt>
            <dd>${problems.map((status) => html`<a href="#status-${status}">${status}</a> `)}</dd>`
    }
  </dl>`
}

function partition<T>(values: readonly T[], belongs: (value: T) => boolean): [T[], T[]] {
  return [values.filter(belongs), values.filter((value) => !belongs(value))]
}

/** The fields of a JSON response. Fields that a route has in common with an earlier one are shown once. */
function renderResult(route: Route, routes: readonly Route[]) {
  const result = resultOf(route.operation)
  if (result === undefined) return ""
  const first = routes.find(({ operation }) => isDeepStrictEqual(resultOf(operation), result))?.operation
  if (first !== undefined && first !== route.operation)
    return html`<p>The fields are those of <a href="#${first.operationId}">${first.summary}</a>.</p>`
  return html`<details>
    <summary>Fields of the response</summary>
    ${fieldTable(result)}
  </details>`
}
