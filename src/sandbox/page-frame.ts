import { html, raw } from "hono/html"

/** The frame of the sandbox's pages: one style, light and dark, nothing loaded from elsewhere. */
export function renderFrame(title: string, body: unknown) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <link rel="icon" href="data:," />
        <title>${title}</title>
        <style>
          ${raw(style)}
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html>`
}

const style = `
:root { color-scheme: light dark; --ink: #22252b; --quiet: #626975; --ground: #f5f4f1; --card: #fff; --line: #dcdad4; --accent: #0b6e6e; --accent-ink: #fff; --bad: #a3262a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e7e3; --quiet: #a3a8b1; --ground: #17191c; --card: #202328; --line: #363a41; --accent: #4fc0bd; --accent-ink: #0c2222; --bad: #ff8f8f; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); background: var(--ground); }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem; }
main.narrow { max-width: 31rem; padding-top: 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; letter-spacing: -.01em; }
h2 { font-size: 1.05rem; margin: 0 0 .75rem; }
p { margin: .25rem 0 1rem; } .quiet, small { color: var(--quiet); }
code { font: .86em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.5rem; margin: 1.25rem 0; }
.badge { display: inline-block; font-size: .8rem; font-weight: 600; color: var(--accent); border: 1px solid; border-radius: 99px; padding: .05rem .65rem; margin-bottom: .75rem; }
fieldset { border: 0; margin: 1.25rem 0; padding: 0; } legend { font-weight: 600; padding: 0; margin-bottom: .5rem; }
label.choice { display: flex; gap: .75rem; align-items: center; border: 1px solid var(--line); border-radius: 8px; padding: .65rem .85rem; margin-bottom: .5rem; cursor: pointer; }
label.choice:has(:checked) { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
label.choice span, label.choice small { display: block; } label.choice input { accent-color: var(--accent); width: 1.1rem; height: 1.1rem; }
ul.plain { padding-left: 1.2rem; margin: .25rem 0 1rem; }
.row { display: flex; gap: .6rem; flex-wrap: wrap; align-items: end; margin-top: .9rem; }
button { font: inherit; font-weight: 600; padding: .5rem 1.1rem; border-radius: 8px; border: 1px solid var(--line); background: transparent; color: var(--ink); cursor: pointer; }
button.main { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); }
button[aria-pressed="true"] { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); } button:hover { border-color: var(--accent); } button.main:hover { filter: brightness(1.08); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); }
th { font-size: .82rem; font-weight: 600; color: var(--quiet); } td.number, th.number { text-align: right; padding-right: 1.25rem; }
tr:last-child td { border-bottom: 0; } td { vertical-align: middle; } td button { padding: .2rem .7rem; font-weight: 400; font-size: .88rem; } .scroll { overflow-x: auto; }
select { font: inherit; padding: .45rem .5rem; border-radius: 8px; border: 1px solid var(--line); background: var(--card); color: var(--ink); }
.field { display: grid; gap: .2rem; font-size: .88rem; } .bad { color: var(--bad); }
`
