/*
 * What one tab remembers over a reload: the debate it is in and the proof that its name is its own.
 * It lives in sessionStorage, so that another tab or a later visit starts fresh; a browser that
 * refuses storage only loses the comfort.
 */

const KEY = "sage.debate";

export function remember(debate) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(debate));
  } catch {
    /* private modes may refuse: joining works all the same */
  }
}

export function recall() {
  try {
    const debate = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return debate && typeof debate.room === "string" && typeof debate.name === "string" ? debate : null;
  } catch {
    return null;
  }
}

export function forget() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    /* see remember */
  }
}

/** The name people use, for the next time; kept apart because it outlives the tab. */
export function lastName(name) {
  try {
    if (name !== undefined) localStorage.setItem("sage.name", name);
    return localStorage.getItem("sage.name") ?? "";
  } catch {
    return "";
  }
}
