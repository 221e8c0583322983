import { bindingChallengeSchema } from '@aovis/contracts/binding-proof';
import { ulidSchema } from '@aovis/contracts/ids';
import { bindingChallengeTopic } from '@aovis/contracts/topics';
import { z } from 'zod';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { OutboxHandlers, OutboxMessage } from '../../outbox/outbox.ts';
import type { BoardPublisher } from '../commands/board-publisher.ts';
import { announceOwnership } from '../devices/ownership-shadow.ts';
import type { ShadowPort } from '../devices/shadow-port.ts';
import { type Claim, challengeOf, hasRunOut } from './claim.ts';
import { KnexClaimRepository } from './claim-repository.ts';

const challengeTopic = 'binding.challenge';
const payloadSchema = z.strictObject({ claim_id: ulidSchema });

/** The intent to ask a board; stored with its claim. */
export function challengeMessage({ id, deviceId, requestId }: Claim): OutboxMessage {
  return {
    topic: challengeTopic,
    key: `binding ${deviceId}`,
    payload: { claim_id: id } satisfies z.infer<typeof payloadSchema>,
    requestId,
  };
}

export interface ClaimEffects {
  db: Database;
  clock: Clock;
  shadows: ShadowPort;
  publisher: BoardPublisher;
}

/** Asks boards. A challenge may go out twice: a board signs once for each claim and gives the same answer again. */
export function claimOutboxHandlers({ db, clock, shadows, publisher }: ClaimEffects): OutboxHandlers {
  return {
    [challengeTopic]: async (payload, { signal }) => {
      const claims = new KnexClaimRepository(db);
      const claim = await claims.find(payloadSchema.parse(payload).claim_id);
      if (claim?.status !== 'pending' || hasRunOut(claim, clock.now())) return;
      // A board that was in use before boards were told of their owners learns its epoch here.
      await announceOwnership({ db, shadows }, claim.deviceId);
      const challenge = bindingChallengeSchema.parse(challengeOf(claim));
      await publisher.publish({ topic: bindingChallengeTopic(claim.deviceId), payload: challenge }, signal);
      await claims.notePublished(claim.id, clock.now());
    },
  };
}
