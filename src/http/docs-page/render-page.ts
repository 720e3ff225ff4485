import { html } from "hono/html"
import { errorTable } from "../../errors.ts"
import { codeMeanings } from "./code-meanings.ts"
import { compact } from "./compact.ts"
import { type ApiDocument, type Route, routesOf } from "./document.ts"
import { eventExamples } from "./event-examples.ts"
import { inlineCode, sentence } from "./inline-code.ts"
import { fieldTable } from "./render-fields.ts"
import { type Prefilled, renderRoute } from "./render-route.ts"

const statuses = [...new Set(Object.values(errorTable).map(({ status }) => status))].toSorted((a, b) => a - b)

/** The body of the page: routes by subject, event lines, and each problem at its anchor. */
export function renderPage(document: ApiDocument, prefilled: Prefilled): string {
  const { info, tags, components } = document
  const all = routesOf(document)
  const groups = tags.map((tag) => ({
    ...tag,
    routes: all.filter(({ operation }) => operation.tags.includes(tag.name)),
  }))
  const { ExportEvent: events, Problem: problem } = components.schemas
  const page = html`<header>
      <h1>${info.title}</h1>
      <p>${sentence(info.description)} Programs read <a href="/openapi.json">openapi.json</a>.</p>
      <form class="token">
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck="false"
          aria-describedby="token-about"
        />
        <small id="token-about">
          Your platform's JWT, to try the routes. This page forgets it when you close or reload it.
        </small>
      </form>
    </header>
    <nav aria-label="Contents">
      ${groups.map(renderGroupLinks)}
      <p><a href="#event-lines">Event lines</a></p>
      <p><a href="#problems">Problems</a></p>
    </nav>
    <main>
      ${groups.map(
        ({ name, description, routes }) =>
          html`<h2 id="${name.toLowerCase()}">${name}</h2>
            <p>${sentence(description)}</p>
            ${routes.map((route) => renderRoute(route, all, prefilled))}`,
      )}
      <h2 id="event-lines">Event lines</h2>
      <p>
        With <code>events=true</code> an NDJSON export has lines between the members that say how far it is.
        Each is an object with the key <code>$export</code>, which no member has. All have arrived if an
        <code>end</code> says <code>complete</code>; without <code>end</code>, resume with the last
        <code>cursor</code>.
      </p>
      ${(events?.oneOf ?? []).map(renderEvent)}
      <h2 id="problems">Problems</h2>
      <p>
        An error is an
        <a href="https://www.rfc-editor.org/rfc/rfc9457" rel="noreferrer">RFC 9457</a> problem,
        <code>application/problem+json</code>. Retryable means that the same request may succeed later
        although nobody changes anything. A 429 and a 503 have <code>Retry-After</code>.
      </p>
      ${problem === undefined ? "" : fieldTable(problem)} ${statuses.map(renderStatus)}
    </main>
    ${formEnd}`
  return compact(String(page))
}

/** What each form ends with, if scripts run. */
const formEnd = html`<template>
  <pre class="curl"></pre>
  <p class="actions">
    <button type="submit">Try it</button> <button type="button" class="copy">Copy the curl line</button>
    <button type="button" class="stop" hidden>Stop</button>
  </p>
  <p role="status"></p>
  <pre class="result" tabindex="0" role="log" aria-label="Response" hidden></pre>
</template>`

function renderGroupLinks({ name, routes }: { readonly name: string; readonly routes: readonly Route[] }) {
  return html`<p><a href="#${name.toLowerCase()}">${name}</a></p>
    <ul>
      ${routes.map(
        ({ method, operation: { operationId, summary } }) =>
          html`<li>
            <a href="#${operationId}"><span class="method">${method}</span> ${summary}</a>
          </li>`,
      )}
    </ul>`
}

function renderEvent(kind: NonNullable<ApiDocument["components"]["schemas"][string]["oneOf"]>[number]) {
  const { $export, ...properties } = kind.properties ?? {}
  const name = String($export?.enum?.[0])
  const example = Object.values(eventExamples).find((line) => line.$export === name)
  return html`<section id="event-${name}">
    <h3><code>${name}</code></h3>
    <p>${sentence(kind.description ?? "")}</p>
    <pre>${JSON.stringify(example)}</pre>
    ${fieldTable({ ...kind, properties })}
  </section>`
}

function renderStatus(status: number) {
  const problems = Object.entries(errorTable).filter(([, problem]) => problem.status === status)
  return html`<h3 id="status-${status}">${status}</h3>
    ${problems.map(
      ([code, { retryable }]) =>
        html`<section class="problem" id="${code}">
          <h4><code>${code}</code></h4>
          <p>${inlineCode(codeMeanings.get(code) ?? "")}${retryable ? " Retryable." : ""}</p>
        </section>`,
    )}`
}
