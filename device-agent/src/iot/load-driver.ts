import { Refusal } from '../refusal.ts';
import { openMqttJsLink } from './mqtt-js-link.ts';
import type { MqttDriver, OpenLink } from './mqtt-link.ts';

/** Loads the driver; rejects with a `Refusal` when its package is missing or has no build for this machine. */
export async function loadDriver(driver: MqttDriver): Promise<OpenLink> {
  if (driver === 'mqtt') return openMqttJsLink;
  try {
    // Only now: its native part takes memory, and is not there on every architecture.
    const [sdk, { AwsCrtLink }] = await Promise.all([
      import('aws-iot-device-sdk-v2'),
      import('./aws-crt-link.ts'),
    ]);
    return (endpoint, events) => new AwsCrtLink(sdk, endpoint, events);
  } catch (cause) {
    throw new Refusal('usage', unloadable(cause), { cause });
  }
}

function unloadable(cause: unknown): string {
  const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
  return (
    `The MQTT driver aws-crt cannot be loaded (${reason}): it needs the package aws-iot-device-sdk-v2 installed beside ` +
    'the agent, and a build of its native part, which comes for Linux on x64 and arm64 but not on 32-bit ARM (this is ' +
    `${process.platform} on ${process.arch}). Install it with npm install aws-iot-device-sdk-v2@1.28.0, or use ` +
    '--mqtt-driver mqtt.'
  );
}
