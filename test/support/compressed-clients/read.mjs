/** Node: reads an export with fetch. Writes "+N" for each chunk of N lines, and the end or the error. Arguments: URL, headers. */
const [url, headers] = process.argv.slice(2)
try {
  const response = await fetch(url, { headers: JSON.parse(headers) })
  process.stdout.write(`${response.headers.get("content-encoding")}\n`)
  for await (const chunk of response.body)
    process.stdout.write(`+${chunk.filter((byte) => byte === 10).length}\n`)
  process.stdout.write("end\n")
} catch (error) {
  process.stdout.write(`${error}\n`)
}
