import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type BundleDescriptor, bundleDescriptorSchema, bundleFiles } from '@aovis/contracts/provisioning';
import type { ProvisionedBoard } from '@aovis/simulator/factory';
import mqtt, { type MqttClient } from 'mqtt';

/** A board's identity in the hands of somebody who does with it what no agent would. */
export class BoardIdentity {
  readonly descriptor: BundleDescriptor;
  readonly #tls: { key: Buffer; cert: Buffer; ca: Buffer };

  constructor({ bundle }: ProvisionedBoard) {
    const read = (name: string): Buffer => readFileSync(join(bundle, name));
    this.descriptor = bundleDescriptorSchema.parse(JSON.parse(read(bundleFiles.descriptor).toString()));
    this.#tls = {
      key: read(bundleFiles.privateKey),
      cert: read(bundleFiles.certificate),
      ca: read(bundleFiles.rootCa),
    };
  }

  /** An MQTT connection under any client id; rejects when the broker does not take it. Ends at the first refusal. */
  async connect(clientId = this.descriptor.device_id): Promise<MqttClient> {
    return mqtt.connectAsync(
      `mqtts://${this.descriptor.endpoints.iot}`,
      { ...this.#tls, clientId, reconnectPeriod: 0, protocolVersion: 4 },
      false,
    );
  }

  /** What the credential provider answers, asked in the name of any thing. */
  async credentials(thing = this.descriptor.device_id): Promise<CredentialAnswer> {
    const { endpoints, role_alias } = this.descriptor;
    const url = `https://${endpoints.credentials}/role-aliases/${role_alias}/credentials`;
    const call = request(url, { ...this.#tls, agent: false, headers: { 'x-amzn-iot-thingname': thing } });
    call.end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, ...(JSON.parse(await text(response)) as object) };
  }
}

export interface CredentialAnswer {
  status: number;
  message?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken: string; expiration: string };
}
