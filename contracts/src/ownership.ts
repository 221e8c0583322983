import * as z from 'zod';

/**
 * Both sections of the named shadow `ownership`: desired is what the cloud's records say, reported what the board has
 * acted on, so that the difference is a board that has not yet wiped what a former owner left on it. A board that was
 * away finds it when it returns. Unknown keys pass: a later cloud may say more.
 */
export const ownershipStateSchema = z.object({
  /** Counts the changes of owner, both the end and the beginning of an ownership. What was signed in another is void. */
  epoch: z.int().nonnegative(),
  /** Whether somebody owns the board now. Never who. */
  owned: z.boolean(),
  /**
   * A share has ended: guests whom the backend invited to the live view before this instant (epoch ms) may not look on.
   * Absent while none has; of an earlier epoch it says nothing.
   */
  viewers_since: z.int().nonnegative().optional(),
  /**
   * The owner's plan was suspended or taken back before its time: whom the backend invited to the live view before this instant
   * (epoch ms), the owner as well, may not look on. Absent while none was. A plan that runs out is in each invitation.
   */
  live_since: z.int().nonnegative().optional(),
});
export type OwnershipState = z.infer<typeof ownershipStateSchema>;
