/*
 * Draws the record: what was said, typed and remarked, and the way to have a claim checked. The record only grows at
 * its end and drops from its start, so that what is new is drawn, not all anew.
 */

import { attribute, keyed, make, text } from "./dom.js";
import { mayCheck } from "./procedure.js";

const byId = (id) => document.getElementById(id);
const GROUP = "check";
const LEAST_WORDS = 3; // fewer claim nothing

export function createTranscript(actions) {
  const box = byId("transcript");
  let drawn = "";
  box.addEventListener("click", ({ target }) => {
    const button = target.closest("button.check");
    if (button) ask(button, actions);
  });
  return (state) => {
    text(byId("check-refusal"), state.acts.refusals.get(GROUP) ?? "");
    const newest = `${state.transcript.length} ${state.transcript.at(-1)?.key} ${mayCheck(state)}`;
    if (newest === drawn) return; // levels are drawn eight times a second, words come rarely
    drawn = newest;
    attribute(box, "class", mayCheck(state) ? "transcript checks" : "transcript");
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
    const before = box.childElementCount;
    keyed(box, state.transcript, (entry) => entry.key, (entry) => createEntry(state, entry), () => {});
    if (atEnd && box.childElementCount !== before) box.scrollTop = box.scrollHeight;
  };
}

/** Once a claim: the answer comes as a remark. A refusal lets it be asked again. */
async function ask(button, actions) {
  button.disabled = true;
  text(button, "Asked");
  const claim = button.closest(".entry").querySelector(".said").textContent;
  if (await actions.act(GROUP, "factcheck", { claim })) return;
  button.disabled = false;
  text(button, "Check");
}

function createEntry(state, entry) {
  const person = state.people.get(entry.identity);
  const hue = person?.agent ? "hue-moderator" : person ? `hue-${person.hue}` : "";
  const time = make("time", "", new Date(entry.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  const who = [make("span", "", entry.name), ...(entry.kind === "chat" ? [make("span", "", "typed")] : []), time];
  const claims = person && !person.agent && entry.identity !== state.me && entry.text.split(/\s+/).length >= LEAST_WORDS;
  if (claims) who.push(createCheck(entry));
  const parts = [make("p", "who", who), make("p", "said", entry.text)];
  if (entry.sources?.length) parts.push(make("ol", "sources", entry.sources.map(createSource)));
  return make("div", `entry ${entry.kind} ${hue}`.trim(), parts);
}

function createCheck({ name }) {
  const button = make("button", "quiet check", "Check");
  button.type = "button";
  attribute(button, "aria-label", `Check what ${name} said here`);
  return button;
}

/** The host stands beside the title: a title may say anything. */
function createSource({ title, url, host }) {
  const link = make("a", "", title);
  attribute(link, "href", url);
  attribute(link, "target", "_blank");
  attribute(link, "rel", "noopener noreferrer");
  return make("li", "", title === host ? [link] : [link, make("span", "", ` ${host}`)]);
}
