/** Drawings of scores. Each comes with a table of the same numbers for those who cannot see it. */

import { draw, make } from "./elements.js";

const CHARACTER = 7.2; // pixels that a character of a label takes, about

/** An overall score, 0 to 100, as a dial. */
export function dial(score) {
  const [radius, width] = [70, 12];
  const length = Math.PI * 1.5 * radius; // three quarters of the circle
  const arc = (look, part) => draw("circle", {
    class: look, r: radius, cx: 85, cy: 85, fill: "none", "stroke-width": width, "stroke-linecap": "round",
    "stroke-dasharray": `${Math.max(part, 0.001) * length} ${2 * Math.PI * radius}`,
    transform: "rotate(135 85 85)",
  });
  return draw("svg", { class: "dial", viewBox: "0 0 170 160", role: "img", "aria-label": `${score} of 100` },
    arc("track", 1),
    score > 0 ? arc("value", score / 100) : null,
    draw("text", { class: "big", x: 85, y: 98, "text-anchor": "middle" }, String(score)),
    draw("text", { class: "small", x: 85, y: 121, "text-anchor": "middle" }, "of 100"),
  );
}

/** Scores of questions, 0 to 10, as columns: `{ label, name, score, minor, note }`. */
export function columns(title, rows) {
  const [height, top, left, bottom] = [230, 22, 26, 26];
  const legend = rows.some(({ minor }) => minor) ? "Follow-ups are lighter." : "";
  return plot(title, legend, rows, (given) => {
    const step = Math.max(Math.min((given - left) / rows.length, 96), 24);
    const width = Math.max(left + step * rows.length, given);
    const y = (score) => top + (height - top - bottom) * (1 - score / 10);
    const lines = [0, 5, 10].map((score) => [
      draw("line", { class: "grid", x1: left, x2: width, y1: y(score), y2: y(score) }),
      draw("text", { class: "axis", x: left - 8, y: y(score) + 4, "text-anchor": "end" }, String(score)),
    ]);
    const bars = rows.map(({ label, score, minor }, number) => {
      const middle = left + step * (number + 0.5);
      const thick = Math.min(step * (minor ? 0.4 : 0.6), 34);
      return [
        draw("rect", {
          class: minor ? "bar minor" : "bar", x: middle - thick / 2, width: thick, rx: 3,
          y: y(score ?? 0), height: Math.max(y(0) - y(score ?? 0), 0),
        }),
        draw("text", { class: "value", x: middle, y: y(score ?? 0) - 6, "text-anchor": "middle" },
          score === null ? "–" : String(score)),
        draw("text", { class: "axis", x: middle, y: height - 7, "text-anchor": "middle" }, label),
      ];
    });
    return { width, height, parts: [...lines.flat(), ...bars.flat()] };
  });
}

/** Scores of competencies, 0 to 10, as bars with their names above: `{ name, score }`. */
export function bars(title, rows) {
  const [row, right] = [44, 44];
  return plot(title, "", rows, (width) => {
    const length = width - right;
    const edge = width - 4; // wide glyphs reach beyond their box
    const parts = rows.map(({ name, score }, number) => {
      const y = number * row;
      const most = Math.floor(length / CHARACTER);
      return [
        draw("text", { class: "name", x: 0, y: y + 15 },
          name.length > most ? `${name.slice(0, most - 1).trimEnd()}…` : name),
        draw("rect", { class: "track", x: 0, y: y + 23, width: length, height: 10, rx: 5 }),
        score > 0 && draw("rect", { class: "bar", x: 0, y: y + 23, width: length * score / 10, height: 10, rx: 5 }),
        draw("text", { class: "value", x: edge, y: y + 32, "text-anchor": "end" },
          score === null ? "–" : score.toFixed(1)),
      ];
    });
    return { width, height: rows.length * row, parts: parts.flat() };
  });
}

/** A figure that is drawn again whenever its width changes. */
function plot(title, legend, rows, drawing) {
  const place = make("div", { class: "canvas", role: "group", "aria-label": `${title}, drawn` });
  const show = () => {
    const given = place.clientWidth;
    if (!given) return;
    const { width, height, parts } = drawing(given);
    const size = { viewBox: `0 0 ${width} ${height}`, width, height };
    place.replaceChildren(draw("svg", { ...size, "aria-hidden": "true" }, ...parts));
    if (width > given) place.setAttribute("tabindex", "0"); // scrolled by keyboard, too
    else place.removeAttribute("tabindex");
  };
  new ResizeObserver(show).observe(place);
  return make("figure", { class: "card plot" }, make("figcaption", {}, make("h2", {}, title), legend && make("p", { class: "hint" }, legend)), place, table(title, rows));
}

function table(title, rows) {
  const lines = rows.map(({ name, score, note }) => make("tr", {},
    make("th", { scope: "row" }, name), make("td", {}, score === null ? note ?? "not graded" : `${Number(score.toFixed(1))} of 10`)));
  const whole = make("table", {}, make("caption", {}, title), make("tbody", {}, ...lines));
  return make("div", { class: "unseen" }, whole); // by itself a table is never narrower than its words
}
