import { type Setting as BackendSetting, settings as backend } from '../backend/src/config/settings.ts';
import { settings as agent } from '../device-agent/src/config.ts';
import { settings as localCloud } from '../local-cloud/src/config.ts';
import { settings as provisioning } from '../provisioning-tool/src/settings.ts';

/** One setting of one program, as `.env.example` shows it. */
export interface Row {
  variable: string;
  sentence: string;
  /** Without one, and unless `optional`, it must be filled in. */
  default?: string | undefined;
  optional?: boolean;
  example?: string | undefined;
  secret?: boolean;
}

export interface Section {
  /** The program and how it is started. */
  title: string;
  rows: readonly Row[];
}

const simulator: readonly Row[] = [
  {
    variable: 'DATABASE_URL',
    sentence: 'A PostgreSQL of yours; without it npm start and npm run demo bring their own.',
    optional: true,
  },
  {
    variable: 'AOVIS_CHROMIUM',
    sentence: 'Browser that plays the picture in the demo; empty: none, a parser reads the video instead.',
    default: '/usr/bin/chromium',
  },
  {
    variable: 'AOVIS_BOARD_NODE',
    sentence: 'The Node (20 or newer) that boards run; without it the one of the simulator.',
    optional: true,
  },
];

/** Every program's settings, from its own table. */
export const sections: readonly Section[] = [
  {
    title: 'Backend: npm run backend. DATABASE_URL also: npm run migrate, node backend/src/cli.ts',
    rows: Object.values<BackendSetting<unknown>>(backend),
  },
  {
    title: 'Factory: npm run provision. Also as flags, and in the config.json of the workspace',
    rows: [
      {
        variable: 'AOVIS_WORKSPACE',
        sentence: 'Folder of the station: CA, batches, bundles.',
        default: './factory',
      },
      ...Object.values<Row>(provisioning).map((row) => ({ ...row, optional: row.default === undefined })),
    ],
  },
  { title: 'Board: aovis-agent. Also as flags', rows: Object.values<Row>(agent) },
  {
    title: 'Stand-ins for the cloud: npm run cloud',
    rows: Object.values(localCloud).map(({ about, ...row }) => ({ ...row, sentence: `${about}.` })),
  },
  { title: 'Simulator: npm start, npm run demo, npm run board', rows: simulator },
];

const head = `# Settings of all programs, a section each; made from their tables by npm run check:generated -- --write.
# Take over the section of the program that runs. Lines without # must be filled in, the others show defaults.
# No program reads this file by itself: node --env-file=.env backend/src/main.ts, or the environment of the service.
`;

export function envExample(): string {
  return [head, ...sections.map(sectionText)].join('\n');
}

function sectionText({ title, rows }: Section): string {
  return `${[`### ${title}\n`, ...rows.map(rowText)].join('\n')}`;
}

function rowText({ variable, sentence, secret, example = '', optional = false, ...row }: Row): string {
  const note = secret ? ` Secret; ${variable}_FILE may name a file instead.` : '';
  const mustBeFilled = row.default === undefined && !optional;
  const line = mustBeFilled ? `${variable}=${example}` : `#${variable}=${row.default ?? ''}`;
  return `# ${sentence}${note}\n${line}\n`;
}
