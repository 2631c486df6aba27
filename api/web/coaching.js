/** Coaching on one answer, and questions to practise on. */

import { requestFeedback, requestPractice } from "./client.js";
import { find, list, make } from "./elements.js";
import {
  LONGEST_ANSWER, LONGEST_NAME, LONGEST_QUESTION, checkText, chosen, prepareForm, problemsOf, showLength, showProblems,
} from "./forms.js";
import { mark } from "./marks.js";

const PARTS = {
  STAR: ["situation", "task", "action", "result"],
  CAR: ["challenge", "action", "result"],
  PAR: ["problem", "action", "result"],
  SOAR: ["situation", "obstacle", "action", "result"],
};
const LEVELS = { Well: "well", Partially: "partly", Not: "not" };

export function prepareCoaching() {
  const form = find("#coaching-form");
  const hint = () => { find("#framework-hint").textContent = PARTS[chosen(form, "framework")].map(capital).join(" · "); };
  form.addEventListener("change", hint);
  hint();
  showLength(find("#coaching_answer"), find("#coaching_answer-count"), LONGEST_ANSWER);
  prepareForm(form, {
    read: () => ({
      question: form.elements.question.value, answer: form.elements.answer.value, framework: chosen(form, "framework"),
    }),
    check: ({ question, answer }) => problemsOf({
      question: checkText(question, LONGEST_QUESTION, "the question that you answered"),
      answer: checkText(answer, LONGEST_ANSWER, "your answer"),
    }),
    call: requestFeedback,
    done: ({ feedback }, { answer }) => showCoaching(feedback, answer),
  });
}

export function preparePractice() {
  const form = find("#practice-form");
  prepareForm(form, {
    read: () => ({
      job_role: form.elements.job_role.value, skill: form.elements.skill.value, difficulty: chosen(form, "difficulty"),
    }),
    check: ({ job_role: role, skill }) => problemsOf({
      job_role: checkText(role, LONGEST_NAME, "a job role"),
      skill: checkText(skill, LONGEST_NAME, "a skill to practise"),
    }),
    call: requestPractice,
    done: showPractice,
  });
}

/** Go to the coaching tab with this question and answer. */
export function openCoaching(question, answer) {
  const form = find("#coaching-form");
  form.elements.question.value = question;
  form.elements.answer.value = answer;
  form.elements.answer.dispatchEvent(new Event("input"));
  showProblems(form, {});
  find("#coached").replaceChildren();
  location.hash = "coaching";
}

function showCoaching(feedback, answer) {
  const parts = Object.entries(feedback.framework_analysis).map(([name, comment], number) => ({
    name: capital(name), comment, look: `part-${number + 1}`, evidence: feedback.evidence[name] ?? [],
  }));
  const spans = parts.flatMap(({ name, look, evidence }) => evidence.map(({ start, end }) => ({ start, end, name, tag: name, look })));
  const title = make("h2", { tabindex: "-1" }, "Coaching");
  find("#coached").replaceChildren(
    title,
    make("p", { class: "lead" }, feedback.overall),
    make("section", { class: "card", "aria-labelledby": "coached-answer" },
      make("h3", { id: "coached-answer" }, "Your answer, part by part"),
      make("p", { class: "said" }, ...mark(answer, spans))),
    make("div", { class: "parts" }, ...parts.map(showPart)),
    feedback.improvements.length ? make("section", { class: "card", "aria-labelledby": "improvements" },
      make("h3", { id: "improvements" }, "What to improve"), list(feedback.improvements)) : "",
  );
  title.focus();
}

/** A part's comment begins with its level, which is shown as a label. */
function showPart({ name, comment, look }) {
  const [, level, text] = /^(\w+ addressed)\.?\s*(.*)$/s.exec(comment) ?? [null, "", comment];
  return make("section", { class: `card part ${look}`, "aria-label": name },
    make("div", { class: "part-head" }, make("h3", {}, name),
      level && make("span", { class: `level ${LEVELS[level.split(" ")[0]] ?? ""}` }, level)),
    make("p", {}, text));
}

function showPractice({ question, guidance }) {
  const title = make("h2", { tabindex: "-1" },
    make("span", { class: "eyebrow" }, "Your question"), make("span", { class: "question" }, question.text));
  find("#practised").replaceChildren(make("article", { class: "card practised" },
    title,
    make("p", { class: "hint" }, "Answer it aloud or on paper first, then compare."),
    make("details", { class: "guidance" },
      make("summary", {}, "What a good answer holds"),
      make("h3", {}, "Key points"), list(guidance.key_points),
      make("h3", {}, "Structure"), make("p", {}, guidance.structure)),
    make("div", { class: "actions" },
      make("button", { type: "button", click: () => openCoaching(question.text, "") }, "Write an answer and get coaching"))));
  title.focus();
}

function capital(word) {
  return word[0].toUpperCase() + word.slice(1);
}
