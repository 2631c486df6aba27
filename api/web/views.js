/** Which of the page's parts is shown. The address' fragment names the tab; the interview has three stages. */

import { find } from "./elements.js";

const TABS = ["interview", "coaching", "practice"];
const SECTIONS = ["setup", "live", "result", "coaching", "practice"];
let stage = "setup";

/** Show another stage of the interview, if its tab is open. */
export function setStage(name) {
  stage = name;
  showTab({ focus: false });
}

/** Show the tab that the address names. */
export function showTab({ focus }) {
  const named = location.hash.slice(1);
  const tab = TABS.includes(named) ? named : "interview";
  const section = tab === "interview" ? stage : tab;
  for (const name of SECTIONS) find(`#${name}`).hidden = name !== section;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${tab}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = find(`#${section} h1`);
  document.title = title?.textContent ? `${title.textContent} · Interviewer` : "Interviewer";
  if (focus) {
    title?.focus();
    scrollTo(0, 0);
  }
}
