import { type SceneLabel, sceneLabels } from '@aovis/contracts/http/video';
import { z } from 'zod';

const answerSchema = z.object({ labels: z.array(z.string()), summary: z.string() });

const mostLabels = 8;
const longestSummary = 600;

export interface Scene {
  labels: SceneLabel[];
  summary: string;
}

/**
 * What a model wrote, made safe to show: labels that we know, a text of limited length without markup, control
 * characters or addresses (a sign held into the camera could ask for one). Undefined when it is not what was asked for.
 */
export function readScene(text: string): Scene | undefined {
  const { success, data } = answerSchema.safeParse(jsonIn(text));
  if (!success) return undefined;
  const summary = plainText(data.summary);
  if (summary === '') return undefined;
  const known = sceneLabels.filter((label) => data.labels.includes(label));
  return { labels: known.slice(0, mostLabels), summary };
}

/** Models like to wrap JSON into a fence, or to say a word before it. */
function jsonIn(text: string): unknown {
  const json = text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1);
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function plainText(text: string): string {
  const plain = text
    .toWellFormed()
    .replace(/<[^>]*>/g, ' ')
    .replace(/\b(?:[a-z][a-z0-9+.-]*:\/\/|www\.)\S+/gi, ' ')
    // Cc: control, Cf: invisible signs such as those that turn the direction of writing.
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}*_`#<>]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  if (plain.length <= longestSummary) return plain;
  const cut = plain.slice(0, longestSummary - 1);
  return `${cut
    .slice(0, Math.max(cut.lastIndexOf(' '), longestSummary / 2))
    .toWellFormed()
    .trimEnd()}…`;
}
