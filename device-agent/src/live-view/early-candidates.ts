import type { IceCandidate } from './peer/peer-library.ts';

const maxClients = 20;
const maxPerClient = 40;

/** Candidates that come before their offer is answered; messages of one viewer may overtake each other. */
export class EarlyCandidates {
  readonly #byClient = new Map<string, IceCandidate[]>();

  add(clientId: string, candidate: IceCandidate): void {
    const known = this.#byClient.get(clientId) ?? [];
    if (known.length < maxPerClient) known.push(candidate);
    this.#byClient.set(clientId, known);
    const oldest = this.#byClient.keys().next().value;
    if (this.#byClient.size > maxClients && oldest !== undefined) this.#byClient.delete(oldest);
  }

  take(clientId: string): IceCandidate[] {
    const known = this.#byClient.get(clientId) ?? [];
    this.#byClient.delete(clientId);
    return known;
  }
}
