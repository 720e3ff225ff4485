import { isDeepStrictEqual } from "node:util"
import {
  type ApiDocument,
  isProblem,
  type Operation,
  type Parameter,
  resultOf,
  type Route,
  routesOf,
} from "../../http/docs-page/document.ts"
import { typeOf } from "../../http/docs-page/fields.ts"
import { blocks, code, fieldTable, sentence, table } from "./markdown.ts"

/** Every route, in the groups of the document: its parameters and its responses. */
export function routesPart(document: ApiDocument): string {
  const { tags, info } = document
  const routes = routesOf(document)
  const open = routes.filter(({ operation }) => operation.security.length === 0)
  return blocks(
    "## Routes",
    sentence(info.description),
    `Every route requires \`Authorization: Bearer <JWT>\`, except ${open.map((route) => code(headingOf(route))).join(", ")}.`,
    'A JSON response is `{"success":true,"message":"Success","data":…}`: the tables of fields show what `data` holds.',
    ...tags.flatMap(({ name, description }) => [
      `### ${name}`,
      sentence(description),
      ...routes
        .filter(({ operation }) => operation.tags.includes(name))
        .map((route) => routePart(route, routes)),
    ]),
  )
}

function headingOf({ method, path }: Route): string {
  return `${method} ${path}`
}

/** The first route with the same parameters, if that is another one: long tables are printed once. */
function firstWithItsParameters(route: Route, routes: readonly Route[]): Route | undefined {
  const key = keyOf(route.operation.parameters)
  const first = routes.find(({ operation }) => keyOf(operation.parameters) === key)
  return first === route || route.operation.parameters.length <= 2 ? undefined : first
}

function keyOf(parameters: readonly Parameter[]): string {
  return JSON.stringify(parameters.filter((parameter) => parameter.in !== "path"))
}

function routePart(route: Route, routes: readonly Route[]): string {
  const { operation } = route
  const same = firstWithItsParameters(route, routes)
  const { summary, description = "", parameters, responses } = operation
  const shown = same === undefined ? parameters : parameters.filter((parameter) => parameter.in === "path")
  const problems = Object.entries(responses).filter(([status]) => isProblem(status))
  return blocks(
    `#### ${headingOf(route)}`,
    `${sentence(summary)} ${sentence(description)}`.trim(),
    table(["parameter", "in", "type", "description"], shown.map(parameterRow)),
    same === undefined ? "" : `The other parameters are those of ${linkTo(same)}.`,
    bodyOf(operation),
    table(
      ["status", "content", "description"],
      Object.entries(responses)
        .filter(([status]) => !isProblem(status))
        .map(([status, { description, content }]) => [
          status,
          Object.keys(content).map(code).join(", "),
          description,
        ]),
    ),
    fieldsOf(route, routes),
    problems.length === 0 ? "" : `[Problems](#problems): ${problems.map(([status]) => status).join(", ")}.`,
  )
}

function parameterRow({ name, in: place, required, schema, description = "" }: Parameter): string[] {
  return [code(name), place, `${typeOf(schema)}${required ? ", required" : ""}`, description]
}

function bodyOf({ requestBody }: Operation): string {
  const schema = requestBody?.content["application/json"]?.schema
  return schema === undefined ? "" : blocks("The body is JSON:", fieldTable(schema))
}

/** The fields of a JSON response. Fields that a route has in common with an earlier one are printed once. */
function fieldsOf(route: Route, routes: readonly Route[]): string {
  const result = resultOf(route.operation)
  if (result === undefined) return ""
  const first = routes.find(({ operation }) => isDeepStrictEqual(resultOf(operation), result))
  return first === undefined || first === route
    ? fieldTable(result)
    : `The fields are those of ${linkTo(first)}.`
}

function linkTo(route: Route): string {
  const heading = headingOf(route)
  return `[${heading}](#${anchorOf(heading)})`
}

/** The anchor that GitHub gives to a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, "")
    .replaceAll(" ", "-")
}
