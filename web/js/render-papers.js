/*
 * Draws the way to the report and the transcript of a debate that is over, or that was left. The token that shows
 * that this person was there goes in a form's body: in an address, histories and logs would keep it.
 */

import { text } from "./dom.js";

export function drawPapers(state) {
  const form = document.getElementById("papers");
  const { debate, token } = state.papers;
  const inside = state.phase === "debate";
  const absent = form.hidden;
  form.hidden = !debate || (inside && state.moderator.asked.status !== "over");
  if (form.hidden) return;
  // it comes in above what is being read or written, where nobody would look for it
  if (absent) requestAnimationFrame(() => form.scrollIntoView({ block: "nearest" }));
  text(document.getElementById("papers-title"), inside ? "The debate is over." : "The debate that you left:");
  form.elements.token.value = token;
  for (const button of form.querySelectorAll("button")) {
    button.formAction = `/debates/${debate}/${button.value}`;
  }
}
