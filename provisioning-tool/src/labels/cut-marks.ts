import type { LabelFormat, Place } from './label-format.ts';

export interface Mark {
  from: Place;
  to: Place;
}

/** Length of a mark that has all the room it wants, and of one on the label itself, in millimetres. */
const longest = 3;
const onLabel = 0.8;
/** Kept free between a mark and the edge of its label. */
const distance = 0.4;

/**
 * Marks at the four corners of a label, along its edges: outside of it where there is a gap or a margin, else a short tick
 * on the corner itself, where neither code nor text is.
 */
export function cutMarksOf({ x, y }: Place, format: LabelFormat): Mark[] {
  const { label, sheet, gap } = format;
  const right = x + label.width;
  const bottom = y + label.height;
  const room = {
    left: Math.min(x, gap.x > 0 ? gap.x / 2 : x),
    right: Math.min(sheet.width - right, gap.x > 0 ? gap.x / 2 : sheet.width - right),
    top: Math.min(y, gap.y > 0 ? gap.y / 2 : y),
    bottom: Math.min(sheet.height - bottom, gap.y > 0 ? gap.y / 2 : sheet.height - bottom),
  };
  return [y, bottom]
    .flatMap((edge) => [
      {
        from: { x: stretch(x, -1, room.left, 0), y: edge },
        to: { x: stretch(x, -1, room.left, 1), y: edge },
      },
      {
        from: { x: stretch(right, 1, room.right, 0), y: edge },
        to: { x: stretch(right, 1, room.right, 1), y: edge },
      },
    ])
    .concat(
      [x, right].flatMap((edge) => [
        {
          from: { x: edge, y: stretch(y, -1, room.top, 0) },
          to: { x: edge, y: stretch(y, -1, room.top, 1) },
        },
        {
          from: { x: edge, y: stretch(bottom, 1, room.bottom, 0) },
          to: { x: edge, y: stretch(bottom, 1, room.bottom, 1) },
        },
      ]),
    );
}

/** Begin (0) or end (1) of a mark that leads away from the label (`direction`) or, without room, a little way onto it. */
function stretch(edge: number, direction: 1 | -1, room: number, end: 0 | 1): number {
  if (room < 2 * distance) return end === 0 ? edge : edge - direction * onLabel;
  return edge + direction * (end === 0 ? distance : Math.min(longest, room));
}
