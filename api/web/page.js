/** The page: the set-up form, and what is done first. */

import { prepareKeyDialog, takeKey } from "./access.js";
import { createInterview, readInterview } from "./client.js";
import { prepareCoaching, preparePractice } from "./coaching.js";
import { find } from "./elements.js";
import { LONGEST_NAME, checkText, chosen, prepareForm, problemsOf } from "./forms.js";
import { enter, prepareLive, unfinished } from "./live.js";
import { setStage, showTab } from "./views.js";
import { showFailure, showWait } from "./waiting.js";

const MOST_SKILLS = 20;
const LONGEST_MINUTES = 240;

function prepareSetup() {
  const form = find("#setup-form");
  const { job_role: role, skills, duration } = form.elements;
  const hint = () => { find("#duration-hint").textContent = estimate(Number(duration.value)); };
  duration.addEventListener("input", hint);
  hint();
  prepareForm(form, {
    read: () => ({
      job_role: role.value.trim(),
      experience_level: chosen(form, "experience_level"),
      skills: skills.value.split(",").map((skill) => skill.trim()).filter(Boolean),
      interview_type: chosen(form, "interview_type"),
      duration: Number(duration.value),
    }),
    check: (values) => problemsOf({
      job_role: checkText(values.job_role, LONGEST_NAME, "the job role, such as Nurse or Backend Engineer"),
      skills: checkSkills(values.skills),
      duration: isDuration(values.duration) ? "" : `Enter whole minutes from 1 to ${LONGEST_MINUTES}.`,
    }),
    call: createInterview,
    done: ({ interview_id: id }) => enter(id, fail),
  });
}

function prepareOpening() {
  const form = find("#open-form");
  prepareForm(form, {
    read: () => form.elements.interview_id.value.trim(),
    check: (id) => problemsOf({ interview_id: checkText(id, LONGEST_NAME, "the id of an interview") }),
    call: readInterview,
    done: ({ interview_id: id }) => enter(id, fail),
  });
}

function fail(reason) {
  setStage("setup");
  showFailure(find("#setup-notice"), reason);
}

function checkSkills(skills) {
  if (skills.length > MOST_SKILLS) return `These are ${skills.length} skills; ${MOST_SKILLS} fit.`;
  return skills.map((skill) => checkText(skill, LONGEST_NAME, "a skill")).find(Boolean) ?? "";
}

function isDuration(minutes) {
  return Number.isInteger(minutes) && minutes >= 1 && minutes <= LONGEST_MINUTES;
}

function estimate(minutes) {
  if (!isDuration(minutes)) return "";
  const questions = Math.min(Math.max(Math.round(minutes / 5), 2), 48);
  return `About ${questions} questions, and follow-ups where something is missing.`;
}

takeKey();
prepareKeyDialog();
prepareSetup();
prepareOpening();
prepareLive();
prepareCoaching();
preparePractice();
showTab({ focus: false });
find(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address' fragment is for the tabs
  find("#main").focus();
});
addEventListener("hashchange", () => {
  takeKey();
  showWait(find("#setup-notice"), null);
  showTab({ focus: true });
});
const id = unfinished();
if (id) enter(id, fail);
