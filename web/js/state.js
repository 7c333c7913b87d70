/*
 * What the page knows, and the only code that changes it: people, captions, talk time, the
 * moderator, notices. No DOM, no network and no clock: times are arguments in epoch milliseconds,
 * so that one `render(state)` can draw it and a test can replay it. Text stays plain data here.
 */

import { NOTES } from "./streams.js";
import { agentState, asked, clip, degraded, formats, list, mine, nothingAsked, receivers } from "./attributes.js";
import { sourcesOf } from "./sources.js";

export const HUES = 8; // as base.css has them

/** Bounds, because what people and captions send is not ours to trust. */
export const LIMITS = Object.freeze({ transcript: 400, caption: 6000, live: 64, name: 120, note: 2500 });

export function initialState() {
  return {
    phase: "lobby", // lobby | joining | debate
    step: "", // what joining is doing, in words
    personas: [],
    problems: new Map(), // form field -> what to change
    connection: "idle", // idle | connected | reconnecting | lost
    microphone: "off", // off | asking | on | muted | denied | missing | busy | insecure
    soundBlocked: false,
    me: "",
    room: "",
    carrier: "", // host of the audio server, where it is not the page's own
    topic: "",
    moderator: absentModerator(),
    people: new Map(), // identity -> person; those who left stay, their words remain theirs
    live: new Map(), // "identity segment" -> caption that is still growing
    transcript: [], // finished captions, notes and typed messages, oldest first
    notices: new Map(), // key -> {kind, title, text, action}
    chosenPersona: "",
    invited: "", // said on the invite button for a moment
    switching: "", // persona asked for and not yet confirmed
    refusal: "", // why the last persona switch was refused
    formats: [], // {name, title} of those that the moderator knows
    acts: { busy: new Map(), refusals: new Map() }, // by group of controls: the act under way, and why the last was refused
    papers: { debate: "", token: "" }, // of the debate whose report may be asked for: its id, and what shows that we were there
    mine: { vote: null, ballot: null }, // {number, choice} and {decision, reasons, points} of this page's person
    now: 0,
  };
}

export function absentModerator() {
  return {
    identity: "",
    name: "Sage",
    state: "absent", // absent | arriving | listening | thinking | speaking
    persona: "",
    topic: "",
    format: "",
    segment: "",
    endsAt: 0,
    floor: "",
    queue: [],
    degraded: [],
    receivers: null, // {audio, text, voice, checks}: lists of names, in the order in which they are asked
    asked: nothingAsked(),
  };
}

/** Everything of one debate goes: the next room must not show the words of the last one. */
export function forgetDebate(state) {
  const fresh = initialState();
  const standing = ["me", "room", "carrier", "topic", "moderator", "people"];
  for (const part of [...standing, "live", "transcript", "switching", "refusal", "acts", "mine"]) state[part] = fresh[part];
}

// --- people -----------------------------------------------------------------------------------

/** Adds or refreshes somebody; `facts` may hold name, agent, muted, microphone, role. */
export function meet(state, identity, facts = {}) {
  let person = state.people.get(identity);
  if (!person) {
    person = {
      identity,
      name: identity,
      agent: false,
      role: "",
      present: true,
      muted: false,
      microphone: false,
      speaking: false,
      speakingSince: 0,
      talkMs: 0,
      level: 0,
      hue: freeHue(state, identity),
    };
    state.people.set(identity, person);
  }
  person.present = true;
  Object.assign(person, facts);
  person.name = clip(person.name || identity, LIMITS.name);
  return person;
}

/**
 * A colour by the identity, so that people who talk about "the blue one" see the same; the next one where it is
 * taken. Pages that meet people in the order of their joining agree.
 */
function freeHue(state, identity) {
  const taken = new Set([...state.people.values()].filter((one) => !one.agent).map((one) => one.hue));
  let hash = 0;
  for (const unit of identity) hash = (hash * 31 + unit.codePointAt(0)) >>> 0;
  for (let step = 0; step < HUES; step += 1) {
    const hue = (hash + step) % HUES;
    if (!taken.has(hue)) return hue;
  }
  return hash % HUES;
}

/** Somebody left: their clock stops, and a caption cut off in mid-sentence is kept as it stands. */
export function depart(state, identity, at) {
  const person = state.people.get(identity);
  if (!person) return;
  setSpeaking(state, identity, false, at);
  person.present = false;
  person.level = 0;
  for (const caption of [...state.live.values()]) {
    // With the moderator goes the only one who would have finished anybody's caption.
    if (person.agent || caption.identity === identity) finish(state, caption, caption.text, at);
  }
}

export function setSpeaking(state, identity, speaking, at) {
  const person = state.people.get(identity);
  if (!person || person.speaking === speaking) return;
  person.speaking = speaking;
  if (speaking) {
    person.speakingSince = at;
  } else {
    person.talkMs += Math.max(0, at - person.speakingSince);
    person.level = 0;
  }
}

/** Talk time so far in milliseconds, a running turn included. */
export function talkMs(person, at) {
  return person.talkMs + (person.speaking ? Math.max(0, at - person.speakingSince) : 0);
}

/** Below it the clock still shows 0:00: a cough alone is not the whole of the talking. */
const LEAST_TALK_MS = 1000;

/** The part of everybody who has talked, largest first: [{person, ms, share}], shares add up to 1. */
export function shares(state, at) {
  const parts = [...state.people.values()]
    .map((person) => ({ person, ms: talkMs(person, at) }))
    .filter((part) => part.ms >= LEAST_TALK_MS);
  const total = parts.reduce((sum, part) => sum + part.ms, 0);
  return parts.map((part) => ({ ...part, share: part.ms / total })).sort((a, b) => b.ms - a.ms);
}

// --- captions ---------------------------------------------------------------------------------

/**
 * One state of a caption. `order` numbers the streams as they arrived: interim texts are whole
 * texts that replace each other, and one that was overtaken must not come back.
 */
export function caption(state, { identity, segment, text, final, order, at }) {
  const key = `${identity} ${segment}`;
  let growing = state.live.get(key);
  if (!growing) {
    if (state.transcript.some((entry) => entry.key === key)) return; // a late interim of a finished one
    if (state.live.size >= LIMITS.live) state.live.delete(state.live.keys().next().value);
    growing = { key, identity, text: "", order, startedAt: at };
    state.live.set(key, growing);
  }
  if (order < growing.order) return;
  growing.order = order;
  growing.text = clip(text, LIMITS.caption);
  if (final) finish(state, growing, text, at);
}

function finish(state, growing, text, at) {
  state.live.delete(growing.key);
  if (!String(text).trim()) return; // recognised as nothing after all
  const person = familiar(state, growing.identity);
  record(state, {
    key: growing.key,
    kind: "speech",
    identity: growing.identity,
    name: person.name,
    text: clip(text, LIMITS.caption),
    at: growing.startedAt || at,
  });
}

/** The person, also one that has left: unlike meet, hearing of them does not bring them back. */
function familiar(state, identity) {
  return state.people.get(identity) ?? meet(state, identity);
}

export function message(state, { identity, text, at, id }) {
  const person = familiar(state, identity);
  record(state, { key: `chat ${id}`, kind: "chat", identity, name: person.name, text: clip(text, LIMITS.caption), at });
}

/** A remark of the moderator's services: refusal, fact check, nudge, change of segment. */
export function note(state, content) {
  record(state, noteOf(content));
}

function noteOf({ id, title, text, at, data }) {
  const entry = { key: `note ${id}`, kind: "note", identity: "", name: title, text: clip(text, LIMITS.note), at };
  return { ...entry, sources: sourcesOf(data) };
}

function record(state, entry) {
  if (state.transcript.some((known) => known.key === entry.key)) return;
  state.transcript.push(entry);
  if (state.transcript.length > LIMITS.transcript) state.transcript.shift();
}

/** The words to show under a name now: what is being said, else the last that was said. */
export function wordsOf(state, identity) {
  let growing = null;
  for (const candidate of state.live.values()) {
    if (candidate.identity === identity && candidate.text) growing = candidate;
  }
  if (growing) return { text: growing.text, live: true };
  for (let index = state.transcript.length - 1; index >= 0; index -= 1) {
    const entry = state.transcript[index];
    if (entry.identity === identity) return { text: entry.text, live: false, typed: entry.kind === "chat" };
  }
  return { text: "", live: false };
}

// --- the moderator ------------------------------------------------------------------------------

/** Takes over the moderator's attributes; malformed ones leave the field empty, never throw. */
export function moderatorAttributes(state, identity, name, attributes) {
  const moderator = state.moderator;
  const before = momentOf(moderator);
  moderator.identity = identity;
  moderator.name = clip(name || "Sage", LIMITS.name);
  moderator.state = agentState(attributes["lk.agent.state"]);
  moderator.persona = attributes["sage.persona"] ?? "";
  moderator.topic = clip(attributes["sage.topic"] ?? "", 500);
  moderator.format = attributes["sage.format"] ?? "";
  moderator.segment = clip(attributes["sage.segment"] ?? "", 80);
  moderator.endsAt = Number(attributes["sage.ends_at"]) || 0;
  moderator.floor = attributes["sage.floor"] ?? "";
  moderator.queue = list(attributes["sage.queue"]);
  moderator.degraded = degraded(attributes["sage.services"]);
  moderator.receivers = receivers(attributes["sage.receivers"]);
  moderator.asked = asked(attributes);
  const debate = attributes["sage.debate_id"] ?? "";
  if (/^[0-9a-f-]{36}$/.test(debate)) state.papers.debate = debate;
  // What was refused a moment ago may be right now; and what is under way has been done, or is no longer asked:
  // the answer to it may come later than its effect, and the same button means another thing by then.
  if (momentOf(moderator) !== before) {
    state.acts.refusals.clear();
    state.acts.busy.clear();
  }
  if (state.switching && state.switching === moderator.persona) state.switching = "";
}

function momentOf({ segment, asked: { status, point, prep } }) {
  return [segment, status, point.window, point.by, prep?.open].join("|");
}

/** The host of an address where the sound leaves the page's own server for it, "" otherwise. */
export function carrierOf(url, ownHost) {
  try {
    const host = new URL(url.replace(/^ws/, "http")).hostname;
    return host === ownHost || host === "localhost" || host === "127.0.0.1" || host === "[::1]" ? "" : clip(host, 80);
  } catch {
    return "";
  }
}

/** Takes over what the moderator knows so far (`sage.state`): talk time, recent words, one's own vote and ballot. */
export function seed(state, view, at) {
  const people = Array.isArray(view?.people) ? view.people : [];
  for (const { identity, name, talk_seconds: seconds } of people) {
    if (typeof identity !== "string" || !identity) continue;
    const known = state.people.get(identity);
    if (!known && !(seconds > 0)) continue;
    const person = known ?? Object.assign(meet(state, identity, { name: String(name ?? identity) }), { present: false });
    if (Number.isFinite(seconds)) {
      person.talkMs = Math.max(person.talkMs, seconds * 1000);
      if (person.speaking) person.speakingSince = at;
    }
  }
  state.formats = formats(view?.formats);
  state.mine = mine(view?.mine);
  const entries = [...remarks(view), ...(state.transcript.length > 0 ? [] : lastWords(view, at))];
  for (const entry of entries.sort((one, other) => one.at - other.at)) record(state, entry);
}

/** What was said before this page came; one that was there has heard it itself. */
function lastWords(view, at) {
  const recent = Array.isArray(view?.recent) ? view.recent : [];
  const elapsed = Number(view?.elapsed) || 0;
  return recent
    .filter(({ text }) => typeof text === "string" && text.trim())
    .map(({ identity, name, text, start }, index) => ({
      key: `earlier ${index}`,
      kind: "speech",
      identity: String(identity ?? ""),
      name: clip(name ?? identity, LIMITS.name),
      text: clip(text, LIMITS.caption),
      at: at - Math.max(0, elapsed - (Number(start) || 0)) * 1000,
    }));
}

/** Fact checks, finds and what was said here before: a page that has them already keeps them as they are. */
function remarks(view) {
  const told = Array.isArray(view?.remarks) ? view.remarks : [];
  return told
    .filter((one) => NOTES[one?.topic] && typeof one.text === "string" && one.text && Number.isFinite(one.at))
    .map((one) => noteOf({ id: String(one.id ?? ""), title: NOTES[one.topic], text: one.text, at: one.at, data: one }));
}

// --- notices ------------------------------------------------------------------------------------

/** Shows a message until it is taken back; the same key replaces what it said before. */
export function notice(state, key, content) {
  state.notices.set(key, { key, kind: "info", action: "", ...content });
}

export function dismiss(state, ...keys) {
  for (const key of keys) state.notices.delete(key);
}
