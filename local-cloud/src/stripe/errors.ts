import type { ZodError } from 'zod';
import type { FormTree } from './form.ts';

export type StripeErrorType = 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';

/** A refusal in the shape of Stripe's API (docs.stripe.com/api/errors). */
export class StripeError extends Error {
  readonly status: number;
  readonly type: StripeErrorType;
  readonly code: string | undefined;
  readonly param: string | undefined;

  constructor(
    message: string,
    more: {
      status?: number;
      type?: StripeErrorType;
      code?: string | undefined;
      param?: string | undefined;
    } = {},
  ) {
    super(message);
    this.status = more.status ?? 400;
    this.type = more.type ?? 'invalid_request_error';
    this.code = more.code;
    this.param = more.param;
  }

  toJSON(): Record<string, unknown> {
    const { message, type, code, param } = this;
    return {
      error: {
        ...(code === undefined
          ? {}
          : { code, doc_url: `https://stripe.com/docs/error-codes/${docName(code)}` }),
        message,
        ...(param === undefined ? {} : { param }),
        type,
      },
    };
  }
}

export function noSuch(kind: string, id: string, param = 'id', status = 404): StripeError {
  return new StripeError(`No such ${kind}: '${id}'`, { status, code: 'resource_missing', param });
}

/** The first thing wrong with the parameters, in Stripe's words where those are known. */
export function paramError(error: ZodError, params: FormTree): StripeError {
  const issue = error.issues[0];
  if (issue === undefined) return new StripeError(error.message);
  if (issue.code === 'unrecognized_keys') {
    const param = paramName([...issue.path, issue.keys[0] ?? '']);
    return new StripeError(`Received unknown parameter: ${param}`, { code: 'parameter_unknown', param });
  }
  const param = paramName(issue.path);
  if (valueAt(params, issue.path) === undefined && issue.code !== 'custom')
    return new StripeError(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
  return new StripeError(`Invalid ${param}: ${issue.message}`, { param });
}

/** `line_items[0][price_data][currency]` */
function paramName(path: readonly PropertyKey[]): string {
  const [first = '', ...rest] = path.map(String);
  return `${first}${rest.map((key) => `[${key}]`).join('')}`;
}

function valueAt(params: FormTree, path: readonly PropertyKey[]): unknown {
  return path.reduce<FormTree | string | undefined>(
    (value, key) => (typeof value === 'object' ? value[String(key)] : undefined),
    params,
  );
}

function docName(code: string): string {
  return code.replaceAll('_', '-');
}
