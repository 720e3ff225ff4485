import { Counter, Gauge, Histogram, type Registry } from "prom-client"

const prefix = "mailchimp_export_"

/** Creates the metrics of one registry: their names begin alike, and none has a label that names a person or an account. */
export type Instruments = ReturnType<typeof createInstruments>

export function createInstruments(registry: Registry) {
  const registers = [registry]
  return {
    /**
     * @param known values of its only label that begin at 0, because Prometheus sees no increase in a series that begins at 1:
     *   an alert would miss the first
     */
    counter: <Label extends string>(
      name: string,
      help: string,
      labelNames: readonly Label[] = [],
      known: readonly string[] = [],
    ) => {
      const counter = new Counter<Label>({ name: prefix + name, help, labelNames, registers })
      for (const value of known) counter.labels(value).inc(0)
      return counter
    },

    histogram: <Label extends string>(
      name: string,
      help: string,
      { buckets, labelNames = [] }: { readonly buckets: number[]; readonly labelNames?: readonly Label[] },
    ) => new Histogram<Label>({ name: prefix + name, help, labelNames, buckets, registers }),

    /** A value that is set when an event reports it. */
    gauge: (name: string, help: string) => new Gauge({ name: prefix + name, help, registers }),

    /** A value that is read for each scrape. A value that cannot be read is left out of that scrape. */
    reading: (name: string, help: string, read: () => number | Promise<number | undefined>) =>
      new Gauge({
        name: prefix + name,
        help,
        registers,
        async collect() {
          const value = await read()
          if (value === undefined) this.remove()
          else this.set(value)
        },
      }),

    /** The same, for several values that differ in one label. */
    readings: <Label extends string>(
      name: string,
      help: string,
      label: Label,
      read: () => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>> | undefined>,
    ) =>
      new Gauge({
        name: prefix + name,
        help,
        labelNames: [label],
        registers,
        async collect() {
          const values = await read()
          this.reset()
          for (const [value, number] of Object.entries(values ?? {})) this.labels(value).set(number)
        },
      }),
  }
}
