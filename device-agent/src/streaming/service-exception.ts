import type { IncomingHttpHeaders } from 'node:http';

/**
 * The exception that an error answer of AWS names, in `x-amzn-ErrorType`, `x-amz-ErrorType` or the body's `__type`,
 * without its namespace and address: `ResourceNotFoundException`.
 */
export function exceptionOf(headers: IncomingHttpHeaders, body: string): string | undefined {
  const named = headers['x-amzn-errortype'] ?? headers['x-amz-errortype'] ?? typeInBody(body);
  const text = Array.isArray(named) ? named[0] : named;
  return text === undefined ? undefined : /([A-Za-z]\w*)(?::|$)/.exec(text.replace(/^.*#/, ''))?.[1];
}

function typeInBody(body: string): string | undefined {
  return /"(?:__type|code)"\s*:\s*"([^"]{1,200})"/.exec(body)?.[1];
}
