/** An interview held live: what is shown of it, and what this tab remembers so that a reload loses nothing. */

import { WRONG, askKey, client, send } from "./access.js";
import { CallFailed, Conversation, endInterview, readInterview } from "./client.js";
import { announce, find, make } from "./elements.js";
import { LONGEST_ANSWER, checkText, problemsOf, showLength, showProblems } from "./forms.js";
import { badge, showResult } from "./result.js";
import { nameFollowUp } from "./scores.js";
import { recall, remember } from "./session.js";
import { setStage } from "./views.js";
import { showFailure, showWait } from "./waiting.js";

const TYPING_SECONDS = 2;
const REMINDERS = [[300, "Five minutes left."], [60, "One minute left."],
  [0, "The time is up. This question can still be answered; no further one is asked."]];

/**
 * What is known of the interview. `question` is open under the name `name`; `pending` is the answer to it that
 * waits for its grade, and `next` the question that has come meanwhile; `draft` is what is being typed.
 */
let state = null;
let conversation = null;
let clock = null;
let typing = null;
let connected = false;
let showCount = () => {};

export function prepareLive() {
  const [form, answer] = [find("#answer-form"), find("#answer")];
  showCount = showLength(answer, find("#answer-count"), LONGEST_ANSWER);
  answer.addEventListener("input", () => {
    change({ draft: answer.value });
    sayTyping();
  });
  answer.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submitAnswer(form, answer.value);
  });
  find("#end").addEventListener("click", askToEnd);
  find("#end-dialog").addEventListener("close", ({ target }) => {
    if (target.returnValue === "end") end();
  });
  addEventListener("online", () => conversation?.hurry());
}

/** The interview that this tab was at, if any. */
export const unfinished = () => recall("interview")?.id ?? null;

/** Hold an interview from where it stands, or show its result. Calls `fail` with what makes that impossible. */
export async function enter(id, fail) {
  leave();
  const known = recall("interview");
  state = known?.id === id ? known : { id, turns: [], draft: "", question: null, pending: null, next: null };
  showKnown();
  setStage("live");
  try {
    const interview = await send(readInterview(id), { onWait: (wait) => showWait(find("#connection"), wait) });
    if (state?.id === id) await continueFrom(interview);
  } catch (failure) {
    const reason = failure instanceof CallFailed ? failure.message : "A key is needed to open the interview.";
    leave();
    if (failure.status === 404 || failure.status === 403) remember("interview", null);
    fail(reason);
  }
}

async function continueFrom(interview) {
  if (interview.status === "completed") {
    finish(interview);
    return;
  }
  const { progress, current_question: question } = interview;
  change({
    config: interview.config,
    planned: progress.questions_planned,
    asked: progress.questions_asked,
    counted: question?.id, // the count includes this one
    endsAt: progress.ends_at && Date.parse(progress.ends_at),
    next: null,
  });
  if (question) ask(question);
  showKnown();
  startClock();
  conversation = new Conversation(client, state.id, hear, state.pending);
  conversation.open();
}

/** What the conversation tells. */
function hear(event) {
  switch (event.type) {
    case "connection": return showConnection(event);
    case "question": return ask(event.question);
    case "thinking": return think(event.isThinking ? "The interviewer is thinking." : "");
    case "writing": return write(event);
    case "feedback": return takeFeedback(event);
    case "rejected": return takeBack(event);
    default: return see();
  }
}

/** A question is open. While an answer waits for its grade, the next question waits with it. */
function ask(question) {
  if (state.pending && state.pending.questionId !== question.id) {
    change({ next: question });
    return;
  }
  if (state.question?.id === question.id) return;
  const main = question.kind === "main";
  const asked = state.asked + (main && question.id !== state.counted ? 1 : 0);
  const before = state.turns.filter((turn) => turn.question.parent_id === question.parent_id);
  const name = main ? `Question ${asked}` : nameFollowUp(asked, before.length + 1);
  change({ question, asked, name, next: null });
  think("");
  showQuestion();
  find("#question").focus();
}

function submitAnswer(form, text) {
  if (state.pending || !state.question) return;
  if (showProblems(form, problemsOf({ answer: checkText(text, LONGEST_ANSWER, "an answer") }))) return;
  clearTimeout(typing);
  typing = null;
  change({ pending: { questionId: state.question.id, text } });
  showQuestion();
  if (connected) think("The interviewer is reading your answer.");
  conversation?.answer(state.question.id, text);
}

function takeFeedback({ questionId, evaluation }) {
  const { pending, question, name, next, turns } = state;
  const mine = pending?.questionId === questionId;
  if (!mine && question?.id !== questionId) return; // of an answer that is shown already
  const answer = mine ? pending.text : null;
  const turn = { question, name, answer, evaluation };
  change({
    turns: [...turns, turn], pending: null, question: null, next: null, draft: mine ? "" : state.draft,
  });
  find("#turns").append(showTurn(turn));
  showQuestion();
  think("The next question is being prepared.");
  if (next) ask(next);
  announce(`${name}: ${evaluation.score} of 10. ${evaluation.feedback}`);
}

/** A grade that is being written, as far as it has come. */
function write({ questionId, text }) {
  if (state.pending?.questionId !== questionId) return;
  const place = find("#thinking-text");
  place.textContent = place.dataset.writing === questionId ? place.textContent + text : text;
  place.dataset.writing = questionId;
  find("#thinking").hidden = false;
}

/** The server does not take the answer, so the text goes back to where it can be mended. */
function takeBack({ failure, answer }) {
  const { next } = state;
  change({ pending: null, next: null, draft: answer?.text ?? state.draft });
  think("");
  showQuestion();
  if (next) ask(next);
  showProblems(find("#answer-form"), { answer: failure.message });
}

function showConnection({ state: standing, until, failure }) {
  const place = find("#connection");
  connected = standing === "open";
  if (standing === "waiting") {
    place.dataset.broken = "true";
    think("");
    showWait(place, { until, failure }, () => conversation.hurry());
  } else if (standing === "open") {
    showWait(place, null);
    if (place.dataset.broken) announce("Connected again. Nothing was lost.");
    delete place.dataset.broken;
    if (state.pending) think("The interviewer is reading your answer.");
  } else if (standing === "refused") {
    mend(place, failure);
  }
}

async function mend(place, failure) {
  if (failure.status === 401 && await askKey(WRONG)) conversation?.open();
  else showFailure(place, failure.message);
}

async function askToEnd() {
  const unsent = state.draft.trim() && !state.pending;
  find("#end-text").textContent = unsent
    ? "What you have answered so far is summed up. The answer that you have begun is not sent."
    : "What you have answered so far is summed up.";
  find("#end-dialog").returnValue = "";
  find("#end-dialog").showModal();
}

async function end() {
  const { id } = state;
  think("The result is being prepared.");
  try {
    await send(endInterview(id), { onWait: (wait) => showWait(find("#connection"), wait) });
    if (state?.id === id) await see();
  } catch (failure) {
    think("");
    if (failure instanceof CallFailed) showFailure(find("#connection"), failure.message);
  }
}

/** The interview is over: see how it went. */
async function see() {
  const { id } = state;
  conversation?.close();
  think("The result is being prepared.");
  try {
    const interview = await send(readInterview(id), { onWait: (wait) => showWait(find("#connection"), wait) });
    if (state?.id === id) finish(interview);
  } catch (failure) {
    think("");
    if (failure instanceof CallFailed) showFailure(find("#connection"), failure.message);
  }
}

function finish(interview) {
  const { pending } = state;
  const kept = interview.turns.find(({ question }) => question.id === pending?.questionId)?.answer;
  const late = pending && kept !== pending.text ? pending.text : null;
  leave();
  remember("interview", { id: interview.interview_id, turns: [], draft: "", pending: null });
  const restart = () => {
    remember("interview", null);
    setStage("setup");
    find("#setup-title").focus();
  };
  showResult(interview, { restart, late });
}

function leave() {
  conversation?.close();
  conversation = null;
  clearInterval(clock);
  clearTimeout(typing);
  typing = null;
  connected = false;
  state = null;
  showWait(find("#connection"), null);
}

function change(changes) {
  Object.assign(state, changes);
  remember("interview", state);
}

function showKnown() {
  const { config, turns } = state;
  find("#live-title").textContent = config ? `Interview: ${config.job_role}` : "Interview";
  find("#live-about").textContent = config
    ? [config.experience_level, config.skills.join(", "), `${config.duration} minutes`].filter(Boolean).join(" · ") : "";
  find("#turns").replaceChildren(...turns.map(showTurn));
  think(state.pending ? "The interviewer is reading your answer."
    : state.question ? "" : "The first question is being prepared.");
  showQuestion();
}

function showQuestion() {
  const { question, name, asked, planned, pending, draft } = state;
  const [answer, form] = [find("#answer"), find("#answer-form")];
  find("#current").hidden = !question;
  find("#progress").textContent = asked ? `${asked} of ${Math.max(planned, asked)}` : "–";
  if (!question) return;
  find("#question-name").textContent = `${name} · ${question.competency}`;
  find("#question-text").textContent = question.text;
  find("#current").classList.toggle("follow-up", question.kind === "follow_up");
  answer.value = pending ? pending.text : draft;
  answer.readOnly = Boolean(pending);
  find("[type=submit]", form).setAttribute("aria-disabled", String(Boolean(pending)));
  showProblems(form, {});
  showCount();
}

function showTurn({ question, name, answer, evaluation }) {
  return make("li", { class: question.kind === "follow_up" ? "card turn follow-up" : "card turn" },
    make("h2", {}, make("span", { class: "eyebrow" }, `${name} · ${question.competency}`),
      make("span", { class: "question" }, question.text)),
    make("details", {}, make("summary", {}, "Your answer"),
      make("p", { class: "said" }, answer ?? "(given in another window)")),
    make("div", { class: "feedback" }, badge(evaluation.score), make("p", {}, evaluation.feedback)));
}

function think(text) {
  const place = find("#thinking-text");
  delete place.dataset.writing;
  find("#thinking").hidden = !text;
  if (text && place.textContent !== text) announce(text);
  place.textContent = text;
}

function sayTyping() {
  if (typing === null) conversation?.typing(true);
  clearTimeout(typing);
  typing = setTimeout(() => {
    typing = null;
    conversation?.typing(false);
  }, TYPING_SECONDS * 1000);
}

function startClock() {
  clearInterval(clock);
  const whole = state.config.duration * 60;
  const left = () => Math.min(Math.ceil((state.endsAt - Date.now() - client.clockAhead) / 1000), whole);
  let before = left();
  const tick = () => {
    const now = left();
    const [minutes, seconds] = [Math.floor(now / 60), String(now % 60).padStart(2, "0")];
    find("#time-left").textContent = now > 0 ? `${minutes}:${seconds}` : "Time is up";
    for (const [at, text] of REMINDERS) if (before > at && now <= at) announce(text);
    before = now;
  };
  if (!state.endsAt) return;
  tick();
  clock = setInterval(tick, 1000);
}
