import express, { type Request, type RequestHandler } from 'express';
import { AppError } from '../kernel/errors.ts';

export const maxBodyBytes = 256 * 1024;
/** Deeper or longer than anything the contracts define; stops what is built to exhaust a parser. */
const maxDepth = 32;
const maxItems = 10_000;

/** Reads the body as bytes, whatever its type: signatures are made over bytes. */
export function readBody(): RequestHandler {
  // Nothing compressed: no bombs, and the bytes that were signed are the bytes that came.
  return express.raw({ type: () => true, limit: maxBodyBytes, inflate: false });
}

export function hasBody(request: Request): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  );
}

/**
 * The JSON of the body.
 * @throws AppError unsupported_media_type, invalid_json, invalid_request
 */
export function parseJsonBody(request: Request): unknown {
  if (!request.is(['application/json', 'application/*+json'])) throw new AppError('unsupported_media_type');
  const bytes: unknown = request.body;
  const value = parse(Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0));
  refuseHostile(value);
  return value;
}

/** Fatal: bytes that are no UTF-8 must not turn into replacement characters. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new AppError('invalid_json', { cause });
  }
}

function refuseHostile(value: unknown, depth = 0): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth >= maxDepth) refuse(`nested deeper than ${maxDepth} levels`);
  const items: unknown[] = Array.isArray(value) ? value : Object.values(value);
  if (items.length > maxItems) refuse(`more than ${maxItems} items in one list or object`);
  if (Object.hasOwn(value, '__proto__')) refuse('the key __proto__ is not allowed');
  for (const item of items) refuseHostile(item, depth + 1);
}

function refuse(message: string): never {
  throw new AppError('invalid_request', { details: [{ path: 'body', message }] });
}
