/** The one client of this page, and its key: from the link's fragment or typed in, kept in this tab only. */

import { Client } from "./client.js";
import { find } from "./elements.js";
import { recall, remember } from "./session.js";

export const client = new Client(new URL("api/v1/", document.baseURI), recall("key") ?? "");

/** Take the key out of a link such as /#key=…, and the link's fragment out of the address bar. */
export function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  setKey(given.trim());
}

/** Send a call; where the key is missing or refused, ask for another one and send the same again. */
export async function send(call, options) {
  for (;;) {
    if (!client.key && !await askKey("")) throw new DOMException("No key was given.", "AbortError");
    try {
      return await client.send(call, options);
    } catch (failure) {
      if (failure.status !== 401 || !await askKey(WRONG)) throw failure;
    }
  }
}

export const WRONG = "The server does not accept this key. It may be mistyped or revoked.";

/** Whether a key was typed in. Nothing else on the page changes meanwhile. */
export function askKey(reason) {
  const [dialog, field] = [find("#key-dialog"), find("#key")];
  find("#key-reason").textContent = reason;
  find("#key-error").textContent = "";
  field.value = "";
  if (!dialog.open) dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "given");
  });
}

export function prepareKeyDialog() {
  const [dialog, field] = [find("#key-dialog"), find("#key")];
  find("#key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const key = field.value.trim();
    find("#key-error").textContent = key ? "" : "Enter the key.";
    field.setAttribute("aria-invalid", String(!key));
    if (!key) return;
    setKey(key);
    dialog.close("given");
  });
  find("#key-cancel").addEventListener("click", () => dialog.close(""));
  dialog.addEventListener("cancel", () => { dialog.returnValue = ""; });
  find("#change-key").addEventListener("click", () => askKey(""));
  nameKeyButton();
}

function setKey(key) {
  client.key = key;
  remember("key", key);
  nameKeyButton();
}

function nameKeyButton() {
  find("#change-key").textContent = client.key ? "Change key" : "Enter key";
}
