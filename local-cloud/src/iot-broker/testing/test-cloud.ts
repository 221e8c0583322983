import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import pino from 'pino';
import type { PolicyDocument } from '../../iot-core/registry.ts';
import { Clock } from '../../kernel/clock.ts';
import { Faults } from '../../kernel/faults.ts';
import { Pki } from '../../kernel/pki.ts';
import { AccessKeys } from '../../kernel/principal.ts';
import type { Environment } from '../../kernel/service.ts';
import { Store } from '../../kernel/store.ts';
import { type Broker, createBroker } from '../broker.ts';
import type { BrokerOptions } from '../broker-options.ts';
import type { Message } from '../message.ts';
import { MemoryRegistry } from './memory-registry.ts';

/** A board's identity as the factory leaves it. */
export interface TestBoard {
  thingName: string;
  certificateId: string;
  keyPem: string;
  certificatePem: string;
}

const arn = (rest: string): string => `arn:aws:iot:eu-central-1:000000000000:${rest}`;
const thing = '${iot:Connection.Thing.ThingName}';

/** What a board may do, scoped to itself by variables. */
export const boardPolicy: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: 'iot:Connect', Resource: arn(`client/${thing}`) },
    {
      Effect: 'Allow',
      Action: ['iot:Publish', 'iot:RetainPublish', 'iot:Receive'],
      Resource: [arn(`topic/aovis/${thing}/*`), arn(`topic/$aws/things/${thing}/*`)],
    },
    {
      Effect: 'Allow',
      Action: 'iot:Subscribe',
      Resource: [arn(`topicfilter/aovis/${thing}/*`), arn(`topicfilter/$aws/things/${thing}/*`)],
    },
  ],
};

export const everythingPolicy: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'iot:*', Resource: '*' }],
};

/** What services are given, in a folder of its own. */
export async function openEnvironment(): Promise<Environment> {
  const directory = mkdtempSync(join(tmpdir(), 'local-cloud-'));
  return {
    region: 'eu-central-1',
    accountId: '000000000000',
    clock: new Clock(),
    store: new Store(join(directory, 'state.sqlite')),
    directory,
    faults: new Faults(),
    accessKeys: new AccessKeys(),
    pki: await Pki.open(join(directory, 'pki')),
    log: pino({ level: 'silent' }),
  };
}

export function closeEnvironment({ store, directory }: Environment): void {
  store.close();
  rmSync(directory, { recursive: true, force: true });
}

/** A broker on a free port with its own store and certificates; clients by mqtt.js. */
export class TestCloud {
  readonly environment: Environment;
  readonly registry: MemoryRegistry;
  readonly #clients: MqttClient[] = [];
  readonly #options: Partial<BrokerOptions>;
  #broker: Broker;

  private constructor(environment: Environment, options: Partial<BrokerOptions>) {
    this.environment = environment;
    this.registry = new MemoryRegistry();
    this.#options = options;
    this.#broker = createBroker(environment, this.registry, options);
  }

  static async start(options: Partial<BrokerOptions> = {}): Promise<TestCloud> {
    const cloud = new TestCloud(await openEnvironment(), { replayPerSecond: 1000, ...options });
    await cloud.broker.start();
    return cloud;
  }

  get broker(): Broker {
    return this.#broker;
  }

  /** As after a kill: the broker stops and a new one reads what the store holds. */
  async restartBroker(): Promise<void> {
    await this.#broker.stop();
    this.#broker = createBroker(this.environment, this.registry, this.#options);
    await this.#broker.start();
  }

  /** Makes a certificate, registers it, attaches it to a thing of that name. */
  async board(
    thingName: string,
    { policy = boardPolicy, registered = true, exclusive = false } = {},
  ): Promise<TestBoard> {
    const identity = await this.identity();
    if (registered) {
      const { certificateId } = this.registry.addCertificate(identity.certificatePem);
      this.registry.addThing(thingName);
      this.registry.attach(certificateId, thingName, exclusive);
      this.registry.setPolicies(certificateId, [policy]);
      return { thingName, certificateId, ...identity };
    }
    return { thingName, certificateId: '', ...identity };
  }

  async identity(): Promise<{ keyPem: string; certificatePem: string }> {
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ]);
    const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
    const keyPem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
    return { keyPem, certificatePem: await this.environment.pki.clientCertificate(keys.publicKey) };
  }

  /** An mqtt.js client that does not reconnect by itself; not connected yet. */
  client(board: TestBoard, options: IClientOptions = {}): MqttClient {
    const client = mqtt.connect({
      protocol: 'mqtts',
      host: 'localhost',
      port: this.broker.port,
      ca: this.environment.pki.rootCaPem,
      key: board.keyPem,
      cert: board.certificatePem,
      clientId: board.thingName,
      protocolVersion: 4,
      reconnectPeriod: 0,
      // Left to it, mqtt.js looks at names this server has none of.
      servername: 'localhost',
      ...options,
    });
    client.on('error', () => undefined);
    this.#clients.push(client);
    return client;
  }

  /** A connected client. */
  async connect(board: TestBoard, options: IClientOptions = {}): Promise<MqttClient> {
    const client = this.client(board, options);
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.once('close', () => reject(new Error('The broker closed the connection')));
    });
    return client;
  }

  /** The next message on the broker that a test waits for. */
  async message(matches: (message: Message) => boolean): Promise<Message> {
    return new Promise((resolve) => {
      const stop = this.broker.tap((message) => {
        if (!matches(message)) return;
        stop();
        resolve(message);
      });
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map(async (client) => client.endAsync(true)));
    await this.broker.stop();
    closeEnvironment(this.environment);
  }
}

/** Resolves when the client's connection has ended. */
export async function closed(client: MqttClient): Promise<void> {
  if (!client.connected) return;
  await new Promise<void>((resolve) => {
    client.once('close', () => resolve());
  });
}

/** The next message a client receives, as text, with its topic. */
export async function received(client: MqttClient): Promise<{ topic: string; text: string }> {
  return new Promise((resolve) => {
    client.once('message', (topic, payload) => resolve({ topic, text: payload.toString('utf8') }));
  });
}
