import { createHash } from 'node:crypto';
import type { Conversation } from './converse-input.ts';
import { exampleIn, type Facts, fillExample, fillSchema } from './json-answer.ts';

export interface Answer {
  text: string;
  stopReason: 'end_turn' | 'max_tokens' | 'stop_sequence';
  inputTokens: number;
  outputTokens: number;
}

const charactersPerToken = 4;
/** About what vision models count for a picture. */
const pixelsPerToken = 750;

/** Computed from what was asked, so that a test knows it: no model is behind it. */
export function answerTo(conversation: Conversation): Answer {
  const { prompt, pictures, maxTokens, stopSequences } = conversation;
  const pictureTokens = pictures.map(({ width, height }) => Math.ceil((width * height) / pixelsPerToken));
  const inputTokens = tokens(prompt) + pictureTokens.reduce((sum, count) => sum + count, 0);
  const whole = textOf(conversation);
  const stops = stopSequences.map((stop) => whole.indexOf(stop)).filter((at) => at >= 0);
  const stopAt = Math.min(whole.length, ...stops);
  const maxCharacters = maxTokens * charactersPerToken;
  const text = whole.slice(0, Math.min(stopAt, maxCharacters));
  return {
    text,
    stopReason: stopAt > maxCharacters ? 'max_tokens' : stopAt < whole.length ? 'stop_sequence' : 'end_turn',
    inputTokens,
    outputTokens: tokens(text),
  };
}

function tokens(text: string): number {
  return Math.ceil(text.length / charactersPerToken);
}

/** JSON by the schema, else in the form of the example in the prompt, else of our own where JSON is asked for, else prose. */
function textOf({ prompt, pictures, schema }: Conversation): string {
  const facts = factsOf(pictures);
  if (schema !== undefined) return JSON.stringify(fillSchema(schema, facts));
  if (!/\bjson\b/i.test(prompt)) return facts.description;
  const { description: summary, count: images } = facts;
  return JSON.stringify(fillExample(exampleIn(prompt) ?? { summary, images }, prompt, facts));
}

function factsOf(pictures: Conversation['pictures']): Facts {
  const digest = createHash('sha256');
  for (const { bytes } of pictures) digest.update(bytes);
  const list = pictures.map(
    ({ format, width, height, bytes }) =>
      `${format.toUpperCase()} ${width} x ${height} of ${bytes.length} bytes`,
  );
  const noun = pictures.length === 1 ? 'picture' : 'pictures';
  return {
    description: `${pictures.length} ${noun}${list.length === 0 ? '' : `: ${list.join(', ')}`}.`,
    count: pictures.length,
    seed: digest.digest().readUInt32BE(0),
  };
}
