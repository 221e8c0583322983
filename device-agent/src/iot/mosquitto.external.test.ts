import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { TestCa } from '../testing/test-pki.ts';
import { type BrokerUnderTest, describeAtBroker, observer, testBoard } from './testing/describe-at-broker.ts';
import { Mosquitto } from './testing/mosquitto.ts';

const hourMs = 3_600_000;

async function startMosquitto(): Promise<BrokerUnderTest> {
  const ca = await TestCa.create();
  const issue = (notAfter = new Date(Date.now() + hourMs)) =>
    ca.issueClient({ commonName: testBoard, notAfter });
  const revoked = await issue();
  const mosquitto = await Mosquitto.start(await temporaryDirectory(), ca, await ca.revoke(revoked));
  const stranger = await (await TestCa.create('Stranger')).issueClient({ commonName: testBoard });
  return {
    port: mosquitto.port,
    rootCa: ca.certificate,
    board: await issue(),
    observer: await ca.issueClient({ commonName: observer }),
    refused: [
      { what: 'revoked', certificate: async () => revoked, code: 'certificate-rejected' },
      {
        what: 'expired',
        certificate: () => issue(new Date(Date.now() - 1_000)),
        code: 'certificate-expired',
      },
      { what: 'of another authority', certificate: async () => stranger, code: 'certificate-rejected' },
    ],
    kill: () => mosquitto.kill(),
    restart: () => mosquitto.restart(),
    stop: () => mosquitto.kill(),
  };
}

describeAtBroker('mosquitto', ['revoked', 'expired', 'of another authority'], startMosquitto);
