import { z } from 'zod';
import { validation } from './errors.ts';
import { type Picture, readPicture } from './picture.ts';

/** Limits of pictures in a request (Amazon Bedrock User Guide, "Using the Converse API"). */
const maxPictures = 20;
const maxPictureBytes = 3.75 * 1024 * 1024;
const maxPictureSide = 8000;

const base64 = z
  .string()
  .regex(/^[A-Za-z0-9+/]*={0,2}$/, 'is not base64')
  .transform((text) => Buffer.from(text, 'base64'));
const imageSchema = z.object({
  format: z.enum(['jpeg', 'png', 'gif', 'webp']),
  source: z.object({ bytes: base64 }),
});
const blockSchema = z
  .object({ text: z.string().optional(), image: imageSchema.optional() })
  .refine(({ text, image }) => (text === undefined) !== (image === undefined), 'must be text or image');
const inputSchema = z.object({
  messages: z.array(z.object({ role: z.enum(['user', 'assistant']), content: z.array(blockSchema).min(1) })),
  system: z.array(z.object({ text: z.string().min(1) })).default([]),
  inferenceConfig: z
    .object({
      maxTokens: z.int().min(1).optional(),
      temperature: z.number().min(0).max(1).optional(),
      topP: z.number().min(0).max(1).optional(),
      stopSequences: z.array(z.string().min(1)).max(2500).optional(),
    })
    .default({}),
  outputConfig: z
    .object({
      textFormat: z
        .object({
          type: z.literal('json_schema'),
          structure: z.object({ jsonSchema: z.object({ schema: z.string() }) }),
        })
        .optional(),
    })
    .optional(),
});

export interface SentPicture extends Picture {
  bytes: Buffer;
}

/** What a Converse request says, as far as an answer depends on it. */
export interface Conversation {
  /** All that was written, in order: the system's part first. */
  prompt: string;
  pictures: SentPicture[];
  maxTokens: number;
  stopSequences: readonly string[];
  /** The JSON schema that the answer must fit. */
  schema: unknown;
}

/** Reads a request; throws ValidationException in the service's words where it is known how they go. */
export function readConversation(input: unknown): Conversation {
  const parsed = inputSchema.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw validation(
      `The format of the value at ${issue?.path.join('.') || 'the request'} is invalid: ${issue?.message}. Provide a value in a valid format, and try your request again.`,
    );
  }
  const { messages, system, inferenceConfig, outputConfig } = parsed.data;
  checkTurns(messages.map(({ role }) => role));
  const blocks = messages.flatMap(({ content }) => content);
  const images = blocks.flatMap(({ image }) => image ?? []);
  if (images.length > maxPictures) throw validation(`too many images: ${images.length} > ${maxPictures}`);
  const texts = [...system, ...blocks].flatMap(({ text }) => text ?? []);
  return {
    prompt: texts.join('\n'),
    pictures: images.map(({ format, source: { bytes } }, i) => checkPicture(bytes, format, i)),
    maxTokens: inferenceConfig.maxTokens ?? Number.POSITIVE_INFINITY,
    stopSequences: inferenceConfig.stopSequences ?? [],
    schema: readSchema(outputConfig?.textFormat?.structure.jsonSchema.schema),
  };
}

function checkTurns(roles: readonly string[]): void {
  if (roles.length === 0) throw validation('The messages field is required. Add messages and try again.');
  if (roles[0] !== 'user')
    throw validation(
      'A conversation must start with a user message. Try again with a conversation that starts with a user message.',
    );
  if (roles.some((role, i) => role === roles[i - 1]))
    throw validation(
      'A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.',
    );
}

function checkPicture(bytes: Buffer, format: Picture['format'], index: number): SentPicture {
  if (bytes.length > maxPictureBytes)
    throw validation(`Image ${index} has ${bytes.length} bytes; the limit is ${maxPictureBytes}.`);
  const picture = readPicture(bytes);
  if (picture === undefined) throw validation(`Could not process image ${index}.`);
  if (picture.format !== format)
    throw validation(
      `The provided image ${index} does not match the specified image format: it is ${picture.format}, not ${format}.`,
    );
  const { width, height } = picture;
  if (width < 1 || height < 1 || width > maxPictureSide || height > maxPictureSide)
    throw validation(`Image ${index} is ${width} × ${height}; a side has 1 to ${maxPictureSide} pixels.`);
  return { ...picture, bytes };
}

function readSchema(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw validation('outputConfig.textFormat.structure.jsonSchema.schema is not JSON.');
  }
}
