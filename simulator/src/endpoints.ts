import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** `endpoints.json`: where everything of a running local system is. local-cloud writes it, the simulator adds to it. */
export const endpointsSchema = z.object({
  schema: z.literal(1),
  region: z.string(),
  accountId: z.string(),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  rootCaPath: z.string(),
  iot: z.object({
    controlUrl: z.string(),
    dataUrl: z.string(),
    mqttHost: z.string(),
    mqttPort: z.int(),
    credentialsHost: z.string(),
    credentialsPort: z.int(),
    adminUrl: z.string(),
  }),
  kinesisVideoUrl: z.string(),
  kinesisSignalingUrl: z.string(),
  bedrockUrl: z.string(),
  serviceQuotasUrl: z.string(),
  stripeUrl: z.string(),
  eiotclubUrl: z.string(),
  oidc: z.object({ google: z.string(), apple: z.string() }),
  mail: z.object({ smtpPort: z.int(), url: z.string() }),
  backendUrl: z.string().optional(),
  databaseUrl: z.string().optional(),
});
export type Endpoints = z.infer<typeof endpointsSchema>;

export function readEndpoints(file: string): Endpoints {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(
      `There is no ${file}: the local system is not running. Start it with «npm start» in another terminal.`,
      { cause },
    );
  }
  return endpointsSchema.parse(JSON.parse(text));
}
