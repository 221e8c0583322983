import type { SceneSummary, SummaryLanguage } from '@aovis/contracts/http/video';
import { streamNameOf } from '@aovis/contracts/ids';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { RefusalBudget } from '../audit/refusal-budget.ts';
import type { DeviceAccess } from '../devices/device-access.ts';
import { ownedPart, type VideoRange } from '../video/video-range.ts';
import type { AiConsent, DailyUses, Thumbnails, VisionAnswer, VisionModel } from './ai-ports.ts';
import { readScene, type Scene } from './scene-answer.ts';
import { sceneInstructions, sceneQuestion } from './scene-prompt.ts';
import { readSummaryRange } from './summary-range.ts';

/** About 1,000 tokens a picture, and small enough that faces and plates are a few pixels. */
const pictures = { count: 8, heightPixels: 360, maxBytes: 256 * 1024 };
const maxOutputTokens = 400;
/** Both services together; an app gives up after a minute. */
const deadlineMs = 45_000;
const retryAfterMs = 10_000;

export interface SummaryDependencies {
  db: Database;
  clock: Clock;
  access: DeviceAccess;
  consent: AiConsent;
  uses: DailyUses;
  /** Of one user, and of one device. */
  usesPerDay: number;
  thumbnails: Thumbnails;
  /** Absent: the feature is off. */
  model: VisionModel | undefined;
}

export interface SummaryCaller {
  userId: string;
  deviceId: string;
  requestId: string;
  /** Aborted when nobody waits any more. */
  signal: AbortSignal;
}

export interface SummaryRequest {
  start?: string | undefined;
  end?: string | undefined;
  language: SummaryLanguage;
}

/** What a model sees on a few thumbnails. Nothing of it is kept but that it was done. */
export class SummaryService {
  readonly #dependencies: SummaryDependencies;
  readonly #refusals: RefusalBudget;

  constructor(dependencies: SummaryDependencies) {
    this.#dependencies = dependencies;
    this.#refusals = new RefusalBudget(dependencies.clock);
  }

  /**
   * @throws AppError device_not_found, entitlement_required, feature_disabled, consent_required, invalid_range,
   * rate_limited, stream_not_available, service_unavailable
   */
  async summarize(caller: SummaryCaller, request: SummaryRequest): Promise<SceneSummary> {
    const { access, model, clock } = this.#dependencies;
    const device = await access.assertDeviceServiceAccess(caller.userId, caller.deviceId, 'cloud_playback');
    if (model === undefined) throw new AppError('feature_disabled');
    await this.#assertConsent(caller);
    const reading = readSummaryRange(request, clock.now());
    if (!reading.ok) throw new AppError('invalid_range', { details: { problem: reading.problem } });
    const range = ownedPart(reading.range, device.ownedSince);
    await this.#countUse(caller);

    const signal = AbortSignal.any([caller.signal, AbortSignal.timeout(deadlineMs)]);
    const images = await this.#picturesOf(caller, range, signal);
    const { scene, ...usage } = await this.#look(
      model,
      { range, images, language: request.language },
      signal,
    );
    await this.#note(caller, scene === undefined ? 'failed' : 'ok', {
      images: images.length,
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
    });
    if (scene === undefined) throw new AppError('service_unavailable', { retryAfterMs });
    return {
      ...scene,
      language: request.language,
      start: range.start.toISOString(),
      end: range.end.toISOString(),
      images: images.length,
    };
  }

  async #assertConsent(caller: SummaryCaller): Promise<void> {
    if (await this.#dependencies.consent.given(caller.userId)) return;
    const error = new AppError('consent_required', { details: { consent: 'ai_features' } });
    await this.#noteRefusal(caller, error);
    throw error;
  }

  /** Counted before anything costs money; for the device too, whoever owns it in the course of the day. */
  async #countUse(caller: SummaryCaller): Promise<void> {
    const { uses, usesPerDay, clock } = this.#dependencies;
    for (const key of keysOf(caller)) {
      const { totalHits, resetTime } = await uses.increment(key);
      if (totalHits <= usesPerDay) continue;
      const waitMs = Math.max(1_000, (resetTime?.getTime() ?? 0) - clock.now().getTime());
      const error = new AppError('rate_limited', {
        details: { limit: usesPerDay, per: 'day' },
        retryAfterMs: waitMs,
      });
      await this.#noteRefusal(caller, error);
      throw error;
    }
  }

  async #picturesOf(caller: SummaryCaller, range: VideoRange, signal: AbortSignal): Promise<Uint8Array[]> {
    const { thumbnails, uses } = this.#dependencies;
    const images = await thumbnails.take(streamNameOf(caller.deviceId), { range, ...pictures }, signal);
    if (images.length > 0) return images;
    // Nothing was looked at.
    for (const key of keysOf(caller)) await uses.decrement(key);
    throw new AppError('stream_not_available');
  }

  async #look(
    model: VisionModel,
    { range, images, language }: { range: VideoRange; images: Uint8Array[]; language: SummaryLanguage },
    signal: AbortSignal,
  ): Promise<Omit<VisionAnswer, 'text'> & { scene: Scene | undefined }> {
    const { text, inputTokens, outputTokens } = await model.ask(
      {
        instructions: sceneInstructions(language),
        question: sceneQuestion(range, images.length),
        images,
        maxOutputTokens,
      },
      signal,
    );
    return { scene: readScene(text), inputTokens, outputTokens };
  }

  async #noteRefusal(caller: SummaryCaller, { code }: AppError): Promise<void> {
    const leftOut = this.#refusals.take();
    if (leftOut !== undefined) await this.#note(caller, 'refused', { code, ...leftOut });
  }

  async #note(
    { userId, deviceId, requestId }: SummaryCaller,
    outcome: 'ok' | 'refused' | 'failed',
    details: Record<string, unknown>,
  ): Promise<void> {
    await transaction(this.#dependencies.db, (trx) =>
      record(trx, {
        action: 'ai.summarize',
        actor: { kind: 'user', id: userId },
        subject: { kind: 'device', id: deviceId },
        outcome,
        details,
        requestId,
      }),
    );
  }
}

function keysOf({ userId, deviceId }: SummaryCaller): string[] {
  return [`user:${userId}`, `device:${deviceId}`];
}
