import { expect, test } from "bun:test"
import { settingsSchema } from "../../src/sandbox/admin/request-bodies.ts"
import { otherListParams } from "../../src/sandbox/api/list-routes.ts"
import { otherMemberFilters } from "../../src/sandbox/api/members-query.ts"
import { htmlPageNames } from "../../src/sandbox/api/problems.ts"
import { churnSchema } from "../../src/sandbox/churn.ts"
import { faultActionSchema } from "../../src/sandbox/faults/fault-action.ts"
import { oddities } from "../../src/sandbox/faults/odd-pages.ts"
import { createSandbox, defaultClient } from "../../src/sandbox/sandbox.ts"
import { defaultSettings } from "../../src/sandbox/settings.ts"

const readme = await Bun.file(new URL("../../src/sandbox/README.md", import.meta.url)).text()
const sandbox = createSandbox()

/** The text below a heading, up to the next heading. */
function section(heading: string): string {
  const [, text = ""] = readme.split(new RegExp(`^#+ ${heading}$`, "m"))
  return text.split(/^#+ /m)[0] ?? ""
}

/** The first column of the table below a heading. */
function firstColumn(heading: string): string[] {
  return [...section(heading).matchAll(/^\| `([^`]+)` +\|/gm)].map(([, code = ""]) => code)
}

function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code)
}

test("the README lists every route of the API, and no other", () => {
  const routes = sandbox.routes.map(({ method, path }) => `${method} ${path}`)
  const own = routes.flatMap((route) =>
    / (\/oauth2|\/3\.0)\//.test(route) ? [route.replace("/3.0", "")] : [],
  )
  expect(firstColumn("What it imitates").toSorted()).toEqual(own.toSorted())
})

test("the README lists every admin route, and no other", () => {
  const routes = sandbox.routes.map(({ method, path }) => `${method} ${path}`)
  const admin = routes.filter((route) => / \/(sandbox\/.*)?$/.test(route))
  expect(firstColumn("The admin API").toSorted()).toEqual(admin.toSorted())
})

test("the README and the admin API have every setting", () => {
  expect(firstColumn("Settings")).toEqual(Object.keys(defaultSettings))
  expect(Object.keys(settingsSchema.shape)).toEqual(Object.keys(defaultSettings))
})

test("the README lists every kind of fault in order, every oddity and every page of HTML", () => {
  expect(firstColumn("Faults")).toEqual(faultActionSchema.options.map(({ shape }) => shape.kind.value))
  expect(codeSpans(section("Faults"))).toEqual(expect.arrayContaining([...oddities, ...htmlPageNames]))
})

test("the README names every kind of change, and the parameters that are refused", () => {
  const changes = codeSpans(section("The admin API"))
  expect(changes).toEqual(expect.arrayContaining(Object.keys(churnSchema.shape)))
  const refused = codeSpans(section("What it does not imitate"))
  expect(refused).toEqual(expect.arrayContaining([...otherMemberFilters, ...otherListParams]))
})

test("the README describes the app and the accounts that are there by default", () => {
  const text = section("Start it").replaceAll(/ +/g, " ")
  expect(codeSpans(text)).toEqual(
    expect.arrayContaining([defaultClient.clientId, defaultClient.clientSecret]),
  )
  for (const { accountName, loginEmail, dc, lists } of sandbox.state.accounts) {
    expect(text).toContain(`| ${accountName} | ${loginEmail} | ${dc} | ${lists[0]?.name} (`)
    for (const { name, table } of lists)
      expect(text).toContain(`${name} (${table.size.toLocaleString("en-US")}`)
  }
})
