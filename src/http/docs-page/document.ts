import { z } from "zod"

/** A JSON Schema, as far as the documentation shows it. */
const jsonSchema = z.object({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  format: z.string().optional(),
  enum: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  example: z.unknown().optional(),
  default: z.unknown().optional(),
  required: z.array(z.string()).default([]),
  get properties() {
    return z.record(z.string(), jsonSchema).optional()
  },
  get items() {
    return jsonSchema.optional()
  },
  get oneOf() {
    return z.array(jsonSchema).optional()
  },
})

export type JsonSchema = z.infer<typeof jsonSchema>

const parameterSchema = z.object({
  name: z.string(),
  in: z.enum(["query", "path", "header"]),
  required: z.boolean(),
  description: z.string().optional(),
  schema: jsonSchema,
})

export type Parameter = z.infer<typeof parameterSchema>

const contentSchema = z.record(z.string(), z.object({ schema: jsonSchema })).default({})

const operationSchema = z.object({
  operationId: z.string(),
  summary: z.string(),
  description: z.string().optional(),
  tags: z.array(z.string()),
  security: z.array(z.unknown()),
  parameters: z.array(parameterSchema).default([]),
  requestBody: z.object({ content: contentSchema }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: contentSchema })),
})

export type Operation = z.infer<typeof operationSchema>

const documentSchema = z.object({
  info: z.object({ title: z.string(), description: z.string() }),
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  components: z.object({ schemas: z.record(z.string(), jsonSchema) }),
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
})

/** The document at /openapi.json, as far as the documentation shows it, with each reference replaced by what it names. */
export type ApiDocument = z.infer<typeof documentSchema>

/** @throws if it is not such a document */
export function parseDocument(document: unknown): ApiDocument {
  return documentSchema.parse(withoutReferences(document, document))
}

const referenceSchema = z.object({ $ref: z.string().startsWith("#/") })

/** No schema of the document contains itself. */
function withoutReferences(value: unknown, document: unknown): unknown {
  const reference = referenceSchema.safeParse(value)
  if (reference.success) return withoutReferences(find(reference.data.$ref, document), document)
  if (Array.isArray(value)) return value.map((each) => withoutReferences(each, document))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, withoutReferences(each, document)]),
  )
}

/** What a JSON pointer names, whose parts need no escapes here. */
function find(reference: string, document: unknown): unknown {
  let found = document
  for (const name of reference.split("/").slice(1))
    found = z.record(z.string(), z.unknown()).parse(found)[name]
  return found
}

/** One route of the document. */
export type Route = {
  /** In capitals. */
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

/** Every route, in the order of the document. */
export function routesOf({ paths }: ApiDocument): Route[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  )
}

/** Whether a response with this status is a problem. */
export function isProblem(status: string): boolean {
  return Number(status) >= 400
}

/** What a JSON response holds, without the envelope around it. Undefined if there is none: an export's rows have the selected fields. */
export function resultOf({ responses }: Operation): JsonSchema | undefined {
  const schema = (responses["200"] ?? responses["202"])?.content["application/json"]?.schema
  const data = schema?.properties?.["data"] ?? schema
  const result = data?.items ?? data
  // A member has Mailchimp's fields, which the document does not list.
  return Object.keys(result?.properties ?? {}).length > 0 ? result : undefined
}
