/** The result of an interview: the scores, what they rest on, and what to do next. */

import { openCoaching } from "./coaching.js";
import { find, list, make, unseen } from "./elements.js";
import { group, mark } from "./marks.js";
import { bars, columns, dial } from "./plots.js";
import { download, nameFile, writeMarkdown } from "./report.js";
import { nameTurns, scoreCompetencies } from "./scores.js";
import { setStage } from "./views.js";

/** Show a completed interview; `late` is an answer that came after its end. */
export function showResult(interview, { restart, late = null }) {
  const { config, summary } = interview;
  const turns = nameTurns(interview.turns);
  const place = find("#result");
  place.replaceChildren(
    make("div", { class: "result-head" },
      make("div", {},
        make("h1", { id: "result-title", tabindex: "-1" }, `Result: ${config.job_role}`),
        make("p", { class: "meta" }, describe(interview))),
      make("div", { class: "actions" },
        button("Print", () => print()),
        button("Download Markdown", () => download(nameFile(interview, "md"), "text/markdown", writeMarkdown(interview))),
        button("Download JSON", () => download(
          nameFile(interview, "json"), "application/json", JSON.stringify(interview, null, 2))),
        button("New interview", restart))),
    ...warnings(summary, late),
    make("div", { class: turns.length ? "overview" : "" },
      make("section", { class: "card overall", "aria-labelledby": "overall-title" },
        make("h2", { id: "overall-title" }, "Overall score"), dial(summary.overall_score)),
      turns.length ? [
        columns("Score per question", turns.map(plotted)),
        bars("Score per competency", scoreCompetencies(turns)),
      ] : null),
    make("section", { class: "card advice", "aria-labelledby": "advice-title" },
      make("h2", { id: "advice-title" }, "Recommendations"),
      make("p", {}, summary.recommendations)),
    make("div", { class: "halves" },
      findings("strengths", "Strengths", summary.strengths, "No strength stood out this time."),
      findings("gaps", "Gaps", summary.areas_for_improvement, "Nothing important was left out.")),
    make("section", { "aria-labelledby": "answers-title" },
      make("h2", { id: "answers-title" }, "Answers, with their evidence marked"),
      ...turns.map(showTurn)),
  );
  setStage("result");
  find("#result-title").focus();
  scrollTo(0, 0);
}

/** The grade of an answer as a badge. */
export function badge(score) {
  return make("span", { class: "badge" }, make("b", {}, String(score)), " of 10");
}

function describe({ config, created_at: created, summary }) {
  const day = new Date(created).toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" });
  const count = `${summary.answered} ${summary.answered === 1 ? "answer" : "answers"}`;
  return [day, config.experience_level, config.skills.join(", "), `${config.duration} minutes`, count]
    .filter(Boolean).join(" · ");
}

function warnings(summary, late) {
  const notes = [];
  if (summary.ungraded.length) {
    notes.push(`Answered but not graded, and so not part of the score: ${summary.ungraded.join(", ")}.`);
  }
  if (late !== null) notes.push(`The interview was over before this answer came, so it does not count: “${late}”`);
  return notes.map((note) => make("p", { class: "notice" }, note));
}

function findings(id, title, texts, none) {
  return make("section", { class: `card ${id}`, "aria-labelledby": `${id}-title` },
    make("h2", { id: `${id}-title` }, title),
    texts.length ? list(texts) : make("p", { class: "hint" }, none));
}

function plotted({ label, name, question, answer, evaluation }) {
  return {
    label, name, score: evaluation?.score ?? null, minor: question.kind === "follow_up",
    note: answer === null ? "not answered" : "not graded",
  };
}

function showTurn({ label, name, question, answer, evaluation }) {
  const id = `turn-${label}`;
  const quotes = group(evaluation?.evidence ?? []);
  return make("article", { class: "card turn", "aria-labelledby": id },
    make("div", { class: "turn-head" },
      make("h3", { id }, make("span", { class: "eyebrow" }, `${name} · ${question.competency}`),
        make("span", { class: "question" }, question.text)),
      evaluation ? badge(evaluation.score) : null),
    answer === null ? make("p", { class: "hint" }, "Not answered.") : make("div", { class: "judged" },
      make("div", {},
        make("h4", {}, "Answer"),
        make("p", { class: "said" }, ...mark(answer, quotes.map((quote, number) => ({
          ...quote, tag: String(number + 1), name: `Evidence ${number + 1}`, look: "quote",
        }))))),
      evaluation ? make("div", {}, ...showGrounds(evaluation, quotes)) : null),
    answer !== null && make("div", { class: "actions" },
      make("button", { type: "button", click: () => openCoaching(question.text, answer) },
        "Coach this answer", unseen(` to ${name.toLowerCase()}`))),
  );
}

/** What a grade rests on. */
function showGrounds({ feedback, missing, levels }, quotes) {
  return [
    make("h4", {}, "Feedback"), make("p", {}, feedback),
    quotes.length ? [
      make("h4", {}, "What the evidence shows"),
      make("ol", {}, ...quotes.map(({ shows }) => make("li", {}, ...shows.map((one) => make("p", {}, one))))),
    ] : [],
    missing.length ? [make("h4", {}, "Left out"), list(missing)] : [],
    levels.length ? make("ul", { class: "levels" }, ...levels.map(showLevel)) : [],
  ].flat();
}

function showLevel({ criterion, level }) {
  const steps = [1, 2, 3, 4].map((step) => make("i", { class: step <= level ? "on" : "" }));
  return make("li", {}, make("span", {}, criterion.replaceAll("_", " ")),
    make("span", { class: "steps", "aria-hidden": "true" }, ...steps), unseen(`: ${level} of 4`));
}

function button(text, click) {
  return make("button", { type: "button", click }, text);
}
