import { expect, test } from "bun:test"
import { freeSent } from "../../src/http/free-sent.ts"

const chunkBytes = 256 * 1024
const chunkCount = 100

/** Each chunk of one letter only, in turn, so that a byte of another chunk's memory shows. */
function letterOf(chunk: number): number {
  return 65 + (chunk % 26)
}

async function* letters(made: Uint8Array[] = []) {
  for (let index = 0; index < chunkCount; index += 1) {
    const chunk = new Uint8Array(chunkBytes).fill(letterOf(index))
    made.push(chunk)
    yield chunk
  }
}

test("freeSent() frees a chunk when the next one is asked for, and passes all of it on", async () => {
  const made: Uint8Array[] = []
  const sent = freeSent(letters(made))
  const first = await sent.next()
  expect(first.value?.length).toBe(chunkBytes)
  await sent.next()
  expect(made.map(({ length }) => length)).toEqual([0, chunkBytes])
  await sent.return(undefined)
})

test("freeSent() frees nothing that Bun's server has still to send, however slow its reader is", async () => {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(freeSent(letters())),
  })
  try {
    const readAtPace = async (pauseEveryBytes: number) => {
      let at = 0
      let wrong = 0
      let nextPause = pauseEveryBytes
      const answer = await fetch(server.url)
      for await (const part of answer.body ?? []) {
        for (const byte of part) if (byte !== letterOf(Math.floor(at++ / chunkBytes))) wrong += 1
        if (at > nextPause) {
          nextPause += pauseEveryBytes
          await Bun.sleep(2)
        }
      }
      return { at, wrong }
    }
    const paces = await Promise.all([Infinity, 4_000_000, 500_000, 100_000].map(readAtPace))
    expect(paces).toEqual(paces.map(() => ({ at: chunkBytes * chunkCount, wrong: 0 })))
  } finally {
    await server.stop(true)
  }
})
