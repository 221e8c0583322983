import { join } from 'node:path';
import type { Express, RequestHandler } from 'express';
import { apiContracts } from './api-contracts.ts';
import { methodNotAllowed } from './mount.ts';
import { openApiDocument } from './openapi.ts';

/** Pages for people, with their scripts and styles: the whole list, so that nothing else is ever served from disk. */
const files: Readonly<Record<string, string>> = {
  '/docs': 'docs.html',
  '/docs/docs.js': 'docs.js',
  '/docs/docs.css': 'docs.css',
  '/docs/icon.svg': 'icon.svg',
  '/docs/schema.js': 'schema.js',
  '/a': 'activate.html',
  '/a/activate.js': 'activate.js',
  '/auth/magic-link': 'magic-link.html',
  '/auth/magic-link.js': 'magic-link.js',
  '/accept/share': 'accept-share.html',
  '/accept/transfer': 'accept-transfer.html',
  '/accept/accept.js': 'accept.js',
  '/checkout/data-plan': 'data-plan-paid.html',
};

export const magicLinkPagePath = '/auth/magic-link';
export const acceptSharePagePath = '/accept/share';
export const acceptTransferPagePath = '/accept/transfer';
export const dataPlanPaidPagePath = '/checkout/data-plan';
export const checkoutSuccessPagePath = '/checkout/success';

export function mountPages(app: Express): void {
  for (const [path, file] of Object.entries(files)) app.get(path, page(file));
  let document: unknown;
  app.get('/openapi.json', (_request, response) => {
    document ??= openApiDocument(apiContracts);
    response.json(document);
  });
  app.all([...Object.keys(files), '/openapi.json'], methodNotAllowed(['GET', 'HEAD']));
}

function page(file: string): RequestHandler {
  return (_request, response, next) => {
    response.setHeader('Cache-Control', 'no-cache');
    response.sendFile(join(import.meta.dirname, 'pages', file), { cacheControl: false }, (error) => {
      if (error) next(error);
    });
  };
}
