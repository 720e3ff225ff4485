import { fieldTable, typeOf } from "./fields.ts"
import { blocks, code, sentence, table } from "./markdown.ts"
import type { OpenApi, Operation, Parameter } from "./openapi.ts"

type Route = { readonly heading: string; readonly operation: Operation }

/** Every route, in the groups of the document: its parameters and its responses. */
export function routesPart({ paths, tags, info }: OpenApi): string {
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      heading: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  )
  const open = routes.filter(({ operation }) => operation.security.length === 0)
  return blocks(
    "## Routes",
    sentence(info.description),
    `Every route requires \`Authorization: Bearer <JWT>\`, except ${open.map(({ heading }) => code(heading)).join(", ")}.`,
    'A JSON response is `{"success":true,"message":"Success","data":…}`: the tables of fields show what `data` holds.',
    ...tags.flatMap(({ name, description }) => [
      `### ${name}`,
      sentence(description),
      ...routes
        .filter(({ operation }) => operation.tags.includes(name))
        .map((route) => routePart(route, firstWithItsParameters(route, routes))),
    ]),
  )
}

function isProblem([status]: readonly [string, unknown]): boolean {
  return Number(status) >= 400
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

function routePart({ heading, operation }: Route, same: Route | undefined): string {
  const { summary, description = "", parameters, responses } = operation
  const shown = same === undefined ? parameters : parameters.filter((parameter) => parameter.in === "path")
  const problems = Object.entries(responses).filter(isProblem)
  return blocks(
    `#### ${heading}`,
    `${sentence(summary)} ${sentence(description)}`.trim(),
    table(["parameter", "in", "type", "description"], shown.map(parameterRow)),
    same === undefined
      ? ""
      : `The other parameters are those of [${same.heading}](#${anchorOf(same.heading)}).`,
    table(
      ["status", "content", "description"],
      Object.entries(responses)
        .filter((response) => !isProblem(response))
        .map(([status, { description, content }]) => [
          status,
          Object.keys(content).map(code).join(", "),
          description,
        ]),
    ),
    fieldsOf(operation),
    problems.length === 0 ? "" : `[Problems](#problems): ${problems.map(([status]) => status).join(", ")}.`,
  )
}

function parameterRow({ name, in: place, required, schema, description = "" }: Parameter): string[] {
  return [code(name), place, `${typeOf(schema)}${required ? ", required" : ""}`, description]
}

/** The fields of a JSON response, without those of the envelope. An export's rows have the fields that are selected. */
function fieldsOf({ responses }: Operation): string {
  const schema = responses["200"]?.content["application/json"]?.schema
  const data = schema?.properties?.["data"] ?? schema
  return data === undefined ? "" : fieldTable(data.items ?? data)
}

/** The anchor that GitHub gives to a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, "")
    .replaceAll(" ", "-")
}
