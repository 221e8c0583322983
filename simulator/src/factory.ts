import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deviceIdOf } from '@aovis/contracts/ids';
import type { Endpoints } from './endpoints.ts';
import { expectProgram, type ProgramResult } from './managed-process.ts';

const provision = join(import.meta.dirname, '../../provisioning-tool/src/main.ts');

export const stationId = 'line-1';

export interface BoardOrder {
  serial: string;
  model: string;
  iccid?: string;
}

/** A provisioned board as the factory leaves it: what is flashed and what is printed. */
export interface ProvisionedBoard {
  deviceId: string;
  serial: string;
  bundle: string;
  /** As printed on the label. */
  activationCode: string;
}

/** Drives `aovis-provision` as an operator would: the same command lines, one process each. */
export class Factory {
  readonly workspace: string;
  readonly #passphraseFile: string;
  readonly #env: Record<string, string>;

  constructor(options: {
    workspace: string;
    passphraseFile: string;
    endpoints: Endpoints;
    backendUrl: string;
  }) {
    const { endpoints } = options;
    this.workspace = options.workspace;
    this.#passphraseFile = options.passphraseFile;
    mkdirSync(this.workspace, { recursive: true, mode: 0o700 });
    this.#env = {
      AWS_REGION: endpoints.region,
      AWS_ACCESS_KEY_ID: endpoints.accessKeyId,
      AWS_SECRET_ACCESS_KEY: endpoints.secretAccessKey,
      AOVIS_IOT_CONTROL_URL: endpoints.iot.controlUrl,
      AOVIS_SERVICE_QUOTAS_URL: endpoints.serviceQuotasUrl,
      AOVIS_KINESIS_VIDEO_URL: endpoints.kinesisVideoUrl,
      AOVIS_ROOT_CA_FILE: endpoints.rootCaPath,
      AOVIS_BACKEND_URL: options.backendUrl,
      AOVIS_STATION_ID: stationId,
    };
  }

  /** The command line of one call, for those who start it themselves. */
  command(...words: string[]): { args: string[]; env: Record<string, string> } {
    const passphrase = needsPassphrase(words) ? ['--passphrase-file', this.#passphraseFile] : [];
    return {
      args: [provision, ...words, '--workspace', this.workspace, '--no-input', ...passphrase],
      env: this.#env,
    };
  }

  async run(...words: string[]): Promise<ProgramResult> {
    return expectProgram({ name: `aovis-provision ${words.join(' ')}`, ...this.command(...words) });
  }

  /** Makes CA and station key unless they are there, and registers the CA. */
  async initialise(): Promise<void> {
    if (!existsSync(join(this.workspace, 'ca'))) await this.run('ca', 'init', '--organization', 'AOVIS');
    await this.run('ca', 'register');
    if (!existsSync(join(this.workspace, 'station'))) await this.run('station', 'init');
  }

  /** The station's public key in PEM, for registration at the backend. */
  async stationPublicKey(): Promise<string> {
    const { stdout } = await this.run('station', 'show', '--json');
    return (JSON.parse(stdout) as { public_key_pem: string }).public_key_pem;
  }

  /** Writes the CSV of an order; `runBatch` takes it from there. */
  writeOrder(batch: string, boards: readonly BoardOrder[]): string {
    const file = join(this.workspace, `${batch}.csv`);
    const rows = boards.map(({ serial, model, iccid }) => `${serial},${model},${iccid ?? ''}`);
    writeFileSync(file, `${['serial,model,iccid', ...rows].join('\n')}\n`, { mode: 0o600 });
    return file;
  }

  async runBatch(csv: string): Promise<ProgramResult> {
    return this.run('batch', 'run', csv);
  }

  /** The boards of a finished batch, from its labels. */
  boards(batch: string): ProvisionedBoard[] {
    const folder = join(this.workspace, 'batches', batch);
    const [header, ...rows] = readFileSync(join(folder, 'labels.csv'), 'utf8').trim().split('\n');
    const columns = (header ?? '').split(',');
    const cell = (row: string[], column: string): string => row[columns.indexOf(column)] ?? '';
    return rows.map((line) => {
      const row = line.split(',');
      const serial = cell(row, 'serial');
      const deviceId = deviceIdOf(serial);
      return {
        deviceId,
        serial,
        bundle: join(folder, 'bundles', deviceId),
        activationCode: cell(row, 'activation_code'),
      };
    });
  }
}

/** An ICCID with a right Luhn digit, from invented digits, for board number `index`. */
export function inventIccid(index: number): string {
  const body = `8999999${String(index).padStart(11, '0')}`;
  const sum = body
    .split('')
    .reverse()
    .reduce((total, digit, i) => {
      const weighted = i % 2 === 0 ? Number(digit) * 2 : Number(digit);
      return total + (weighted > 9 ? weighted - 9 : weighted);
    }, 0);
  return `${body}${(10 - (sum % 10)) % 10}`;
}

function needsPassphrase([group, verb]: string[]): boolean {
  if (group === 'device') return verb === 'rotate' || verb === 'rma';
  return (group === 'ca' && verb !== 'show') || (group === 'batch' && verb === 'run');
}
