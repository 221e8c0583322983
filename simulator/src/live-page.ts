import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Answer } from './expect-answer.ts';

export interface LivePage {
  /** Open it in a browser: what the camera sees now, and buttons that command it. */
  url: string;
  close(): Promise<void>;
}

const pages = join(import.meta.dirname, '../pages/live');
// The package's bundle is the whole client; what its Node.js part depends on is not installed (docs/adr/0021).
const client = join(
  dirname(createRequire(import.meta.url).resolve('amazon-kinesis-video-streams-webrtc/package.json')),
  'dist/kvs-webrtc.min.js',
);

const files: Readonly<Record<string, { path: string; type: string }>> = {
  '': { path: join(pages, 'index.html'), type: 'text/html; charset=utf-8' },
  'live.css': { path: join(pages, 'live.css'), type: 'text/css' },
  'live.js': { path: join(pages, 'live.js'), type: 'text/javascript' },
  'kvs-webrtc.min.js': { path: client, type: 'text/javascript' },
};

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; media-src blob:";

/**
 * Serves a page with AWS's own browser client that shows the live view, on a free port of this machine. Each attempt
 * to connect asks `invite` anew. The address holds a secret: whoever knows it is let in.
 */
export async function serveLivePage(invite: () => Promise<Answer<unknown>>): Promise<LivePage> {
  const secret = randomBytes(16).toString('hex');
  const server = createServer((request, response) => {
    const name = request.url?.startsWith(`/${secret}/`) ? request.url.slice(secret.length + 2) : undefined;
    const file = name === undefined ? undefined : files[name];
    if (name === 'invitation' && request.method === 'POST') {
      void answerInvitation(invite).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
        response.end(JSON.stringify(body));
      });
      return;
    }
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': file.type, 'content-security-policy': policy });
    response.end(readFileSync(file.path));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/${secret}/`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerInvitation(invite: () => Promise<Answer<unknown>>): Promise<Answer<unknown>> {
  try {
    return await invite();
  } catch (error) {
    const message = `The backend cannot be asked: ${error instanceof Error ? error.message : String(error)}`;
    return { status: 502, body: { error: { message } } };
  }
}
