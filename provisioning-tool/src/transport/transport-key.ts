import { dirname, join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { ensurePrivateDirectory, exists, writeDirectoryDurably } from '../files/durable-files.ts';
import { readPrivateText } from '../files/private-file.ts';
import { Refusal } from '../refusal.ts';

const directoryOf = (workspace: string) => join(workspace, 'transport');
const keyFile = 'transport.key';

export async function refuseExistingTransportKey(workspace: string): Promise<void> {
  if (await exists(directoryOf(workspace)))
    throw new Refusal(
      'conflict',
      `There is a transport key already in ${directoryOf(workspace)}; sealed files may be on their way to it. ` +
        'aovis-provision bundle key shows its public half.',
    );
}

/** Makes the X25519 key to which bundles are sealed for this station; returns its public half, `age1…`. */
export async function createTransportKey(workspace: string): Promise<string> {
  await refuseExistingTransportKey(workspace);
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  await ensurePrivateDirectory(dirname(directoryOf(workspace)));
  // As age-keygen writes it.
  await writeDirectoryDurably(directoryOf(workspace), {
    [keyFile]: `# public key: ${recipient}\n${identity}\n`,
  });
  return recipient;
}

/** @throws Refusal when there is none, it is open to others or damaged */
export async function loadTransportKey(workspace: string): Promise<{ identity: string; recipient: string }> {
  const path = join(directoryOf(workspace), keyFile);
  if (!(await exists(path)))
    throw new Refusal(
      'usage',
      'This station has no transport key yet; make one with: aovis-provision bundle keygen',
    );
  const text = await readPrivateText(path, { what: 'The transport key' });
  const identity = text.split(/\r?\n/).find((line) => line.startsWith('AGE-SECRET-KEY-1')) ?? '';
  try {
    return { identity, recipient: await identityToRecipient(identity) };
  } catch {
    throw new Refusal('usage', `The transport key ${path} is damaged; put the right file back.`);
  }
}
