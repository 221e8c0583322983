import { TestServer } from './test-server.ts';

declare global {
  var aovisTestServer: TestServer | undefined;
}

export default async function globalSetup(): Promise<void> {
  globalThis.aovisTestServer = new TestServer();
  await globalThis.aovisTestServer.start();
}
