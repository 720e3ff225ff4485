import { z } from "zod"

/** A JSON Schema, as far as the reference shows it. */
const jsonSchema = z.object({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  format: z.string().optional(),
  enum: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
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

const parameter = z.object({
  name: z.string(),
  in: z.enum(["query", "path", "header"]),
  required: z.boolean(),
  description: z.string().optional(),
  schema: jsonSchema,
})

export type Parameter = z.infer<typeof parameter>

const operation = z.object({
  summary: z.string(),
  description: z.string().optional(),
  tags: z.array(z.string()),
  security: z.array(z.unknown()),
  parameters: z.array(parameter).default([]),
  responses: z.record(
    z.string(),
    z.object({
      description: z.string(),
      content: z.record(z.string(), z.object({ schema: jsonSchema })).default({}),
    }),
  ),
})

export type Operation = z.infer<typeof operation>

/** The document at /openapi.json, as far as the reference shows it. */
export const openapiSchema = z.object({
  info: z.object({ description: z.string() }),
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  components: z.object({ schemas: z.record(z.string(), jsonSchema) }),
  paths: z.record(z.string(), z.record(z.string(), operation)),
})

export type OpenApi = z.infer<typeof openapiSchema>
