/** What outlives a reload, and nothing else: it is this tab's, and gone when the tab is closed. */

const kept = new Map();

export function recall(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch { // storage is switched off: then it lasts until the reload
    return kept.get(name) ?? null;
  }
}

export function remember(name, value) {
  kept.set(name, value);
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, JSON.stringify(value));
  } catch { /* kept above */ }
}
