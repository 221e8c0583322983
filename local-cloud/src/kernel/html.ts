/** Text for HTML. */
export function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (mark) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[mark] ?? mark,
  );
}

/** A whole page in the plain look of the local surfaces. `body` is HTML already. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
  code, pre { font: 13px/1.45 ui-monospace, monospace; } pre { overflow: auto; white-space: pre-wrap; }
  iframe { width: 100%; height: 14rem; border: 1px solid #8884; background: #fff; }
  h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
  pre { background: #8881; padding: .5rem .75rem; margin: .25rem 0 1rem; border-radius: 4px; }
  td > code { overflow-wrap: anywhere; }
  .recipe { margin: 0; }
  .quiet { color: #777; }
</style>
</head>
<body>
${body}
</body>
</html>
`;
}
