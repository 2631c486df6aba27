/** Texts with quotes marked in them. The API's offsets count code points, JavaScript's count UTF-16 units. */

import { make, unseen } from "./elements.js";

/**
 * The text as elements, with each of the `spans` marked: `{ start, end, tag, name, look }`, where `tag` is
 * shown in front of the quote, `name` is read out instead, and `look` is a class.
 */
export function mark(text, spans) {
  const points = Array.from(text);
  const inside = spans.filter(({ start, end }) => start >= 0 && start < end && end <= points.length);
  const cuts = new Set([0, points.length, ...inside.flatMap(({ start, end }) => [start, end])]);
  const places = [...cuts].sort((one, other) => one - other);
  return places.slice(0, -1).map((start, number) => {
    const piece = points.slice(start, places[number + 1]).join("");
    const over = inside.filter((span) => span.start <= start && start < span.end);
    if (!over.length) return piece;
    const begun = over.filter((span) => span.start === start);
    const look = `${over[0].look}${over.length > 1 ? " shared" : ""}`;
    const tags = begun.map(({ tag, name, look: own }) => [
      make("span", { class: `tag ${own}`, "aria-hidden": "true" }, tag), unseen(`${name}: `),
    ]);
    return make("mark", { class: look }, ...tags.flat(), piece);
  });
}

/** Quotes at the same place as one, in the text's order, each with all that it shows. */
export function group(evidence) {
  const groups = new Map();
  for (const { start, end, quote, shows } of evidence) {
    const place = `${start}-${end}`;
    if (!groups.has(place)) groups.set(place, { start, end, quote, shows: [] });
    groups.get(place).shows.push(shows);
  }
  return [...groups.values()].sort((one, other) => one.start - other.start || one.end - other.end);
}
