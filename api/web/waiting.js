/** Tells a person why nothing happens for a moment, and counts the seconds down. */

import { make, unseen } from "./elements.js";

/**
 * Show a pause, as `{ until, failure }`, in a place; `null` clears it. Read out once, not every second.
 * With `hurry` there is a button to try at once, except where the server said when.
 */
export function showWait(place, wait, hurry = null) {
  clearInterval(Number(place.dataset.timer));
  if (wait === null) {
    place.replaceChildren();
    return;
  }
  const seconds = () => Math.max(Math.ceil((wait.until - Date.now()) / 1000), 0);
  const left = make("span", { class: "countdown", "aria-hidden": "true" });
  const tick = () => { left.textContent = seconds() > 0 ? `in ${seconds()} s` : "now"; };
  tick();
  place.dataset.timer = setInterval(tick, 250);
  const limited = wait.failure.code === "rate_limited";
  place.replaceChildren(make("div", { class: "wait", role: "status" },
    make("p", {}, `${explain(wait.failure)} `, left, unseen(`in ${seconds()} seconds`)),
    hurry && !limited ? make("button", { type: "button", click: hurry }, "Try now") : null));
}

/** Show what went wrong for good. */
export function showFailure(place, text) {
  showWait(place, null);
  place.replaceChildren(make("p", { class: "failure", role: "alert" }, text));
}

function explain(failure) {
  if (failure.code === "rate_limited") {
    return "Too many requests with this key for the moment. Your text is kept, and it is sent by itself";
  }
  if (failure.code === "unreachable") {
    return `${failure.message} Nothing is lost. Trying again`;
  }
  return `${failure.message} Your text is kept. Trying again`;
}
