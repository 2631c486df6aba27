/** Forms: what is wrong stands beside its field, what is going on beside the button. */

import { send } from "./access.js";
import { CallFailed } from "./client.js";
import { announce, find } from "./elements.js";
import { showFailure, showWait } from "./waiting.js";

export const LONGEST_NAME = 200;
export const LONGEST_QUESTION = 2_000;
export const LONGEST_ANSWER = 20_000;

/**
 * Send a form's call when it is submitted.
 *
 * `read()` gives its values, `check(values)` the problems by field name, `call(values)` the call, and
 * `done(data, values)` deals with the result.
 */
export function prepareForm(form, { read, check, call, done }) {
  const [button, cancel, outcome] = [".primary, [type=submit]", ".cancel", ".outcome"].map((one) => find(one, form));
  let running = null;
  cancel.addEventListener("click", () => running?.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    showWait(outcome, null);
    const values = read();
    if (showProblems(form, check(values))) return;
    running = new AbortController();
    button.setAttribute("aria-disabled", "true");
    const late = setTimeout(() => { cancel.hidden = false; }, 1000);
    try {
      const onWait = (wait) => showWait(outcome, wait);
      const data = await send(call(values), { signal: running.signal, onWait });
      done(data, values);
    } catch (failure) {
      if (failure instanceof CallFailed) showRefusal(form, outcome, failure);
      else if (failure.name === "AbortError") showWait(outcome, null);
      else throw failure;
    } finally {
      clearTimeout(late);
      running = null;
      cancel.hidden = true;
      button.removeAttribute("aria-disabled");
    }
  });
}

/** Show the problems beside their fields and go to the first; whether there are any. */
export function showProblems(form, problems) {
  for (const place of form.querySelectorAll("[data-for]")) {
    const text = problems[place.dataset.for] ?? "";
    place.textContent = text;
    fieldOf(form, place.dataset.for)?.setAttribute("aria-invalid", String(text !== ""));
  }
  const first = Object.keys(problems)[0];
  if (first) fieldOf(form, first)?.focus();
  return first !== undefined;
}

/** Say how long a text is, and when it becomes too long. */
export function showLength(field, place, most) {
  let over = false;
  const show = () => {
    const length = countCharacters(field.value);
    place.textContent = `${length.toLocaleString("en")} of ${most.toLocaleString("en")} characters`;
    place.classList.toggle("over", length > most);
    if (length > most && !over) announce(`Too long: more than ${most} characters.`);
    over = length > most;
  };
  field.addEventListener("input", show);
  show();
  return show;
}

/** What is wrong with a text, if anything; `what` names it. */
export function checkText(text, most, what) {
  const over = countCharacters(text) - most;
  if (!text.trim()) return `Enter ${what}.`;
  if (over > 0) return `This is ${over.toLocaleString("en")} characters too long; ${most.toLocaleString("en")} fit.`;
  return "";
}

/** The problems that there are. */
export const problemsOf = (checked) => Object.fromEntries(Object.entries(checked).filter(([, text]) => text));

/** The value of a group of choices. */
export const chosen = (form, name) => form.elements[name].value;

/** As the server counts: code points, so that an emoji is one. */
function countCharacters(text) {
  return Array.from(text).length;
}

function fieldOf(form, name) {
  return find(`input:not([type=radio])[name="${name}"], textarea[name="${name}"], input[name="${name}"]:checked`, form);
}

function showRefusal(form, outcome, failure) {
  const problems = {};
  for (const { field, reason } of failure.details.fields ?? []) {
    const name = field.split(".")[0];
    if (find(`[data-for="${name}"]`, form)) problems[name] = `Not accepted: ${reason}.`;
  }
  if (!showProblems(form, problems)) showFailure(outcome, failure.message);
}
