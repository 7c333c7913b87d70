/*
 * Connects the parts: one state, one render, the room, and what people do. Joining, joining again
 * and the order of messages are decided here; nothing is drawn here.
 */

import { isBrowserSupported } from "/vendor/livekit-client.esm.mjs";

import { createActing } from "./acting.js";
import * as api from "./api.js";
import { MESSAGES, microphoneTrouble } from "./messages.js";
import { createRender } from "./render.js";
import { personaLabel } from "./render-lobby.js";
import { connectTrouble, DebateRoom } from "./room.js";
import { suggestRoom } from "./room-names.js";
import { absentModerator, carrierOf, depart, dismiss, forgetDebate, initialState, notice, seed } from "./state.js";
import * as tab from "./tab.js";

const RETRY_SECONDS = [1, 2, 4, 8, 10];
const MODERATOR_PATIENCE_MS = 6_000;
const SUMMONS = 4;

const state = initialState();
const debate = new DebateRoom({
  change,
  sounds: document.getElementById("sounds"),
  report: { lost, regained, ended, moderator: moderatorCameOrWent, ready: moderatorReady },
});
const actions = {
  join: (form) => join(form),
  leave,
  toggleMicrophone,
  microphone: () => useMicrophone(true),
  sound: () => debate.startSound()?.catch(() => {}),
  summon,
  rejoin,
  send,
  ...createActing({ change, command: (name, args) => debate.command(name, args) }),
  invite,
  dismiss: (key) => change((draft) => dismiss(draft, key)),
};
const view = createRender(actions);

let seat = null; // what this tab joined with: {room, name, topic, persona, rejoin}
let speakOnReturn = true; // whether the microphone was on when the connection went
let scheduled = false;
let retry = { timer: 0, tries: 0 };
let waiting = { timer: 0, summons: 0 };

function change(alter) {
  alter(state);
  if (scheduled) return;
  scheduled = true;
  // Not requestAnimationFrame: it stands still in a hidden tab, and captions would pile up there.
  setTimeout(() => {
    scheduled = false;
    state.now = Date.now();
    drawStanding();
    view.render(state);
  }, 16);
}

/** Notices that follow from the state itself rather than from an event. */
function drawStanding() {
  if (state.soundBlocked && state.phase === "debate") notice(state, "sound", MESSAGES["sound-blocked"]);
  else dismiss(state, "sound");
}

function show(key, code, extra = {}) {
  const content = { ...MESSAGES[code], ...extra };
  change((draft) => notice(draft, key, content));
  if (content.seconds) setTimeout(() => change((draft) => dismiss(draft, key)), content.seconds * 1000);
}

// --- joining --------------------------------------------------------------------------------------

async function join(form) {
  if (state.phase === "joining") return;
  const problems = new Map();
  if (!form.name) problems.set("name", "Enter the name that the others shall see.");
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(form.room)) {
    problems.set("room", "Use 1 to 64 letters without accents, digits, - and _.");
  }
  if (!isBrowserSupported()) return show("join", "unsupported");
  change((draft) => {
    draft.problems = problems;
    dismiss(draft, ...draft.notices.keys());
    if (problems.size === 0) Object.assign(draft, { phase: "joining", step: "Opening the debate…" });
  });
  if (problems.size > 0) return;
  try {
    await enter({ ...form, rejoin: proofFor(form) });
    tab.lastName(form.name);
    history.replaceState(null, "", `?room=${encodeURIComponent(seat.room)}`);
    await useMicrophone(true);
  } catch (error) {
    change((draft) => void (draft.phase = "lobby"));
    joinTrouble(error);
  }
}

/** One whole attempt to get in; throws ApiError or the room's error and leaves nothing half done. */
async function enter({ name, room, topic, persona, role, rejoin: proof }) {
  const opened = await api.openDebate({ room, name, topic, persona });
  change((draft) => void (draft.step = "Entering the room…"));
  const given = await api.participantToken({ room, name, topic, role, rejoin: proof });
  seat = { room: given.room_name, name, topic: opened.topic, persona: opened.persona, role, rejoin: given.token };
  change((draft) => {
    if (draft.room !== seat.room) forgetDebate(draft);
    Object.assign(draft, { room: seat.room, topic: seat.topic, carrier: carrierOf(given.livekit_url, location.hostname) });
    draft.papers = { debate: "", token: given.token };
  });
  await debate.connect(given.livekit_url, given.token);
  tab.remember(seat);
  change((draft) => {
    draft.phase = "debate";
    dismiss(draft, "connection");
  });
  retry.tries = 0;
  waitForModerator();
}

/** The earlier token of this tab, also of a debate that was left, shows that the name is its own: one stays one person. */
function proofFor({ name, room }) {
  const known = tab.recall() ?? seat;
  return known && known.room === room && known.name === name ? known.rejoin : "";
}

const FIELD_OF = { room_name: "room", participant_name: "name", topic: "topic", role: "role", persona: "persona" };

function joinTrouble(error) {
  if (!(error instanceof api.ApiError)) return show("join", connectTrouble(error));
  if (error.code === "offline") return show("join", "offline");
  const problems = new Map();
  for (const [field, words] of error.fields) problems.set(FIELD_OF[field] ?? "room", words);
  if (error.code === "name-taken") problems.set("name", error.detail);
  if (problems.size > 0) return change((draft) => void (draft.problems = problems));
  const refused = error.status === 401 || error.status === 403;
  show("join", refused ? "token-refused" : "offline", {
    ...(refused ? {} : { title: "The debate could not be joined" }),
    text: error.detail,
  });
}

async function leave() {
  clearTimeout(retry.timer);
  clearTimeout(waiting.timer);
  tab.forget();
  await debate.leave();
  toLobby();
}

function toLobby() {
  clearTimeout(waiting.timer);
  change((draft) => {
    draft.phase = "lobby";
    draft.connection = "idle";
    draft.microphone = "off";
    draft.problems = new Map();
    dismiss(draft, ...draft.notices.keys());
    forgetDebate(draft);
  });
  if (seat) view.fill(seat);
}

// --- the connection ---------------------------------------------------------------------------------

function lost() {
  if (state.connection === "reconnecting") return;
  change((draft) => void (draft.connection = "reconnecting"));
  show("connection", "reconnecting");
}

function regained() {
  change((draft) => void (draft.connection = "connected"));
  show("connection", "reconnected");
}

function ended(why) {
  if (state.phase !== "debate") return;
  speakOnReturn = state.microphone === "on";
  clearTimeout(waiting.timer);
  change((draft) => {
    draft.connection = "lost";
    for (const person of draft.people.values()) depart(draft, person.identity, Date.now());
    draft.moderator = { ...absentModerator(), topic: draft.moderator.topic, persona: draft.moderator.persona };
    dismiss(draft, "moderator", "microphone");
  });
  if (why !== "lost") {
    tab.forget();
    toLobby();
    return show("join", why);
  }
  show("connection", "lost");
  tryLater();
}

function tryLater() {
  const seconds = RETRY_SECONDS[Math.min(retry.tries, RETRY_SECONDS.length - 1)];
  retry.tries += 1;
  clearTimeout(retry.timer);
  retry.timer = setTimeout(rejoin, seconds * 1000);
}

async function rejoin() {
  clearTimeout(retry.timer);
  if (!seat || state.connection === "connected" || retry.busy) return;
  retry.busy = true;
  try {
    await enter(seat);
    show("connection", "reconnected");
    await useMicrophone(speakOnReturn);
  } catch (error) {
    if (error instanceof api.ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
      toLobby(); // asking again would be answered the same
      joinTrouble(error);
    } else {
      tryLater();
    }
  } finally {
    retry.busy = false;
  }
}

// --- what people do -----------------------------------------------------------------------------------

async function useMicrophone(on) {
  if (!navigator.mediaDevices?.getUserMedia) {
    change((draft) => void (draft.microphone = "insecure"));
    return show("microphone", "mic-insecure");
  }
  change((draft) => {
    draft.microphone = "asking";
    dismiss(draft, "microphone");
  });
  try {
    await debate.microphone(on);
    change((draft) => void (draft.microphone = on ? "on" : "muted"));
  } catch (error) {
    const trouble = microphoneTrouble(error);
    change((draft) => void (draft.microphone = trouble.replace("mic-", "")));
    show("microphone", trouble);
  }
}

function toggleMicrophone() {
  return useMicrophone(state.microphone !== "on");
}

async function send(text) {
  try {
    await debate.send(text);
    return true;
  } catch {
    show("send", "not-sent");
    return false;
  }
}

async function invite() {
  const link = `${location.origin}/?room=${encodeURIComponent(state.room)}`;
  try {
    await navigator.clipboard.writeText(link);
    change((draft) => void (draft.invited = "Link copied"));
  } catch {
    window.prompt("Copy this link for the others:", link);
  }
  setTimeout(() => change((draft) => void (draft.invited = "")), 2500);
}

// --- the moderator ------------------------------------------------------------------------------------

function moderatorCameOrWent(present, before) {
  clearTimeout(waiting.timer);
  if (present) {
    waiting.summons = 0;
    change((draft) => dismiss(draft, "moderator"));
  } else if (before) {
    show("moderator", "moderator-left");
    waitForModerator();
  }
}

/** Late comers and reloaded pages learn what was said and who has talked how long. */
function moderatorReady() {
  const known = (answer) => change((draft) => seed(draft, answer, Date.now()));
  debate.command("state").then(known, (error) => console.debug("no earlier words:", error.message));
}

function waitForModerator() {
  clearTimeout(waiting.timer);
  if (state.moderator.identity || waiting.summons >= SUMMONS) return;
  waiting.timer = setTimeout(() => {
    if (state.phase !== "debate" || state.moderator.identity) return;
    if (!state.notices.has("moderator")) show("moderator", "moderator-absent");
    summon();
  }, MODERATOR_PATIENCE_MS);
}

/** Calling is harmless where a moderator is on its way: the service makes one, however often asked. */
async function summon() {
  if (!seat) return;
  waiting.summons += 1;
  try {
    await api.summonModerator({ room: seat.room, topic: seat.topic, persona: state.moderator.persona || seat.persona });
  } catch (error) {
    if (!state.moderator.identity) show("moderator", "summon-failed", { text: error.detail });
  }
  waitForModerator();
}

// --- the start ----------------------------------------------------------------------------------------

async function loadPersonas() {
  try {
    const personas = await api.personas();
    const labelled = personas.map((one) => ({ ...one, label: personaLabel(one.title, one.name) }));
    change((draft) => void (draft.personas = labelled));
  } catch (error) {
    show("join", "offline", error.code === "offline" ? {} : { text: error.detail });
  }
}

function start() {
  const asked = new URLSearchParams(location.search);
  const known = tab.recall();
  view.fill({
    name: known?.name ?? tab.lastName(),
    room: asked.get("room") || known?.room || suggestRoom(),
    topic: asked.get("topic") ?? "",
  });
  loadPersonas();
  change(() => {});
  setInterval(() => state.phase === "debate" && change(() => {}), 1000);
  window.addEventListener("online", rejoin);
  // A duplicated tab inherits sessionStorage: coming back by itself would throw the first tab out.
  const reloaded = performance.getEntriesByType("navigation")[0]?.type === "reload";
  if (known && reloaded && known.room === (asked.get("room") ?? known.room)) join(known);
}

start();
