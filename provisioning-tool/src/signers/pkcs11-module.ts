import type * as pkcs11js from 'pkcs11js';
import type { PKCS11, Template } from 'pkcs11js';
import { Refusal } from '../refusal.ts';

export type Pkcs11Library = typeof pkcs11js;

/**
 * The native addon. It is an optional dependency that is compiled where a token is used and nowhere else
 * (docs/adr/0022-keys-on-tokens.md).
 * @throws Refusal when it was not built
 */
export async function loadPkcs11(): Promise<Pkcs11Library> {
  try {
    // CommonJS: under its own name Node sees only some of what it exports.
    const loaded = (await import('pkcs11js')) as Pkcs11Library & { default?: Pkcs11Library };
    return loaded.default ?? loaded;
  } catch (error) {
    throw new Refusal(
      'ca',
      'This installation cannot talk to tokens: the addon pkcs11js is not compiled, or not there. On this computer, ' +
        'with a C++ compiler and Python, run beside the program: npm install pkcs11js@2.1.7; ' +
        'npm --prefix node_modules/pkcs11js run build',
      { cause: error },
    );
  }
}

/** A module's library, initialised, and how to let go of it. @throws Refusal */
export function openModule(
  library: Pkcs11Library,
  path: string,
): { module: PKCS11; closeModule: () => void } {
  const module = new library.PKCS11();
  try {
    module.load(path);
  } catch (error) {
    throw new Refusal('ca', `The PKCS#11 library ${path} cannot be loaded; check module-path in the URI.`, {
      cause: error,
    });
  }
  try {
    module.C_Initialize();
  } catch (error) {
    module.close();
    // Only one signer is open at a time; a library that says otherwise belongs to somebody else in this process.
    throw tokenRefusal(path, error);
  }
  return {
    module,
    closeModule: () => {
      module.C_Finalize();
      module.close();
    },
  };
}

/** The one object of this class and label. @throws Refusal for none and for several */
export function findObject(
  module: PKCS11,
  session: Buffer,
  template: Template,
  describe: { what: string; token: string },
): Buffer {
  module.C_FindObjectsInit(session, template);
  const found = module.C_FindObjects(session, 2);
  module.C_FindObjectsFinal(session);
  const [object, second] = found;
  if (object === undefined || second !== undefined) {
    throw new Refusal(
      'ca',
      `The token ${describe.token} has ${object === undefined ? 'no' : 'more than one'} ${describe.what}; ` +
        'check the object label in the URI, which private and public key must share and no other key may have.',
    );
  }
  return object;
}

/** What a token's refusal means for the operator (PKCS#11 v3.1 §5.1, return values). */
export function tokenRefusal(token: string, error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const code =
    error instanceof Error ? (/^CKR_\w+/.exec(error.message)?.[0] ?? error.message) : String(error);
  const sentence = sentences[code] ?? `refuses (${code}); see the vendor's documentation of that code.`;
  return new Refusal('ca', `The token ${token} ${sentence}`, { cause: error });
}

const sentences: Record<string, string> = {
  CKR_PIN_INCORRECT: 'does not open with this PIN; mind that it locks after a few wrong ones.',
  CKR_PIN_LEN_RANGE: 'does not open with this PIN: its length is wrong.',
  CKR_PIN_LOCKED: 'is locked after too many wrong PINs; unlock it with the security officer’s PIN.',
  CKR_DEVICE_REMOVED: 'was taken out; put it back and run the same command again.',
  CKR_TOKEN_NOT_PRESENT: 'is not there; put it in and run the same command again.',
  CKR_KEY_FUNCTION_NOT_PERMITTED: 'has the key, but not for signing; make one with CKA_SIGN.',
};
