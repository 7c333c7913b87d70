/*
 * Draws the debate: the moderator's stage, a card for each speaker, the balance of talk time and
 * the dock. It reads the state and changes nothing but elements.
 */

import { attribute, icon, iconRef, keyed, make, text } from "./dom.js";
import { capital, clock, sideOf } from "./procedure.js";
import { createFormatView } from "./render-format.js";
import { drawReceivers } from "./render-receivers.js";
import { createTranscript } from "./render-transcript.js";
import { shares, talkMs, wordsOf } from "./state.js";

const byId = (id) => document.getElementById(id);

const STATES = {
  absent: "Not here",
  arriving: "Arriving",
  listening: "Listening",
  thinking: "Thinking",
  speaking: "Speaking",
};
const CONNECTIONS = { idle: "", connected: "Connected", reconnecting: "Reconnecting", lost: "Connection lost" };
const MICROPHONES = {
  on: ["mic", "Mute", "on"],
  muted: ["mic-off", "Unmute", "off"],
  asking: ["mic", "Starting…", ""],
};

export function createDebateView(actions) {
  byId("mute").addEventListener("click", actions.toggleMicrophone);
  byId("leave").addEventListener("click", actions.leave);
  byId("invite").addEventListener("click", actions.invite);
  byId("compose").addEventListener("submit", (event) => {
    event.preventDefault();
    const input = byId("message");
    if (input.value.trim()) actions.send(input.value.trim()).then((sent) => sent && (input.value = ""));
    input.focus();
  });
  const dialog = createPersonaDialog(actions);
  const transcript = createTranscript(actions);
  const format = createFormatView(actions);

  return function renderDebate(state) {
    drawTop(state);
    drawModerator(state);
    drawReceivers(state);
    drawCards(state);
    drawBalance(state);
    format(state);
    transcript(state);
    drawDock(state);
    dialog(state);
  };
}

function drawTop(state) {
  const topic = state.moderator.topic || state.topic || "General Discussion";
  text(byId("debate-topic"), topic);
  const connection = byId("connection");
  attribute(connection, "class", `pill status ${state.connection}`);
  text(connection, CONNECTIONS[state.connection]);
  text(byId("invite-label"), state.invited ? "Link copied" : state.room);
  attribute(byId("invite"), "aria-label", `Copy a link to room ${state.room}`);
  const { segment, endsAt, asked } = state.moderator;
  const stopped = asked.status === "paused";
  byId("segment").hidden = !segment;
  text(byId("segment"), segment);
  const left = stopped ? asked.left : Math.max(0, Math.ceil((endsAt - state.now) / 1000));
  byId("clock").hidden = !endsAt && !stopped;
  byId("clock").classList.toggle("short", left <= 15);
  byId("clock").classList.toggle("stopped", stopped);
  text(byId("clock-time"), clock(left));
}

function drawModerator(state) {
  const moderator = state.moderator;
  const person = state.people.get(moderator.identity);
  const shown = moderator.state !== "absent" && person?.speaking ? "speaking" : moderator.state;
  attribute(byId("moderator"), "class", `moderator ${shown}`);
  text(byId("moderator-state"), STATES[shown]);
  text(byId("moderator-name"), moderator.name);
  const persona = state.personas.find((one) => one.name === moderator.persona);
  text(byId("moderator-title"), persona ? persona.label : moderator.persona);
  attribute(byId("moderator-icon"), "href", iconRef(moderator.persona));
  byId("moderator").querySelector(".orb").style.setProperty("--glow", person?.level ?? 0);

  const words = moderator.identity ? wordsOf(state, moderator.identity) : { text: "", live: false };
  const element = byId("moderator-words");
  element.classList.toggle("past", !words.live);
  setWords(element, words.text || silence(shown));
  const degraded = byId("degraded");
  degraded.hidden = moderator.degraded.length === 0;
  text(degraded, `Working with less than usual: ${moderator.degraded.join(", ")}`);
  byId("open-personas").disabled = !moderator.identity || state.connection !== "connected";
}

function silence(shown) {
  if (shown === "absent") return "The moderator is not in the room. It has been called.";
  if (shown === "arriving") return "The moderator is coming in.";
  return "Say “Moderator” or “Sage” and ask; otherwise it stays silent.";
}

/** Words stand at the end of their box, so that the newest stay in sight; the record has them all. */
function setWords(element, words) {
  if (!element.firstElementChild) element.append(make("span"));
  text(element.firstElementChild, words);
}

function drawCards(state) {
  const debaters = [...state.people.values()].filter((person) => !person.agent && shown(state, person));
  const parts = new Map(shares(state, state.now).map((part) => [part.person.identity, part.share]));
  keyed(byId("cards"), debaters, (person) => person.identity, createCard, (card, person) => {
    const words = wordsOf(state, person.identity);
    const hue = `hue-${person.hue}`;
    attribute(card, "class", ["card", hue, person.speaking && "speaking", !person.present && "gone"].filter(Boolean).join(" "));
    card.style.setProperty("--level", person.level.toFixed(2));
    text(card.querySelector(".face"), initials(person.name));
    text(card.querySelector(".name"), person.name);
    drawTags(card.querySelector(".tags"), tagsOf(state, person));
    const caption = card.querySelector(".caption");
    caption.classList.toggle("live", words.live);
    setWords(caption, words.text);
    const share = parts.get(person.identity) ?? 0;
    text(card.querySelector(".talk-time"), clock(Math.floor(talkMs(person, state.now) / 1000)));
    card.querySelector(".talk-bar span").style.width = `${(share * 100).toFixed(1)}%`;
  });
}

/** People who left stay in sight only while they have talk time or words of their own to show. */
function shown(state, person) {
  return person.present || person.talkMs > 0 || wordsOf(state, person.identity).text !== "";
}

function createCard() {
  const talk = make("p", "talk", [
    make("span", "visually-hidden", "Talk time "),
    make("span", "talk-bar", [make("span")]),
    make("span", "talk-time"),
  ]);
  const face = make("span", "face");
  face.setAttribute("aria-hidden", "true");
  const head = make("div", "head", [make("h3", "name"), make("p", "tags")]);
  return make("li", "card", [face, head, make("p", "caption"), talk]);
}

function tagsOf(state, person) {
  const { floor, queue, asked } = state.moderator;
  const place = queue.indexOf(person.identity);
  const side = sideOf(state, person.identity);
  return [
    side && { words: capital(side) },
    asked.point.by === person.identity && { words: asked.point.taken ? "Makes a point" : "Offers a point", strong: true },
    person.role === "judge" && { words: "Judge" },
    person.speaking && { words: "Speaking", strong: true },
    floor === person.identity && { words: "Has the floor", strong: true },
    place >= 0 && { words: place === 0 ? "Next" : `${place + 1}. in the queue` },
    person.identity === state.me && { words: "You" },
    !person.present && { words: "Left" },
    person.present && person.muted && { words: "Muted" },
    person.present && !person.microphone && { words: "Listens and types" },
  ].filter(Boolean);
}

function drawTags(element, tags) {
  keyed(element, tags, (tag) => tag.words, (tag) => make("span", tag.strong ? "tag strong" : "tag", tag.words), () => {});
}

function drawBalance(state) {
  const parts = shares(state, state.now);
  byId("balance").hidden = parts.every(({ person }) => person.agent); // a balance is that of the debaters
  const bar = byId("balance-bar");
  keyed(bar, parts, (part) => part.person.identity, () => make("span"), (element, { person, share }) => {
    attribute(element, "class", person.agent ? "hue-moderator" : `hue-${person.hue}`);
    element.style.setProperty("--share", share.toFixed(4));
    attribute(element, "title", `${person.name} ${Math.round(share * 100)} %`);
  });
  const words = parts.map(({ person, share }) => `${person.name} ${Math.round(share * 100)} percent`).join(", ");
  attribute(bar, "aria-label", `Talk time so far: ${words}`);
}

function drawDock(state) {
  const [picture, label, tone] = MICROPHONES[state.microphone] ?? ["mic-off", "Use microphone", "off"];
  attribute(byId("mute-icon"), "href", `#i-${picture}`);
  text(byId("mute-label"), label);
  attribute(byId("mute"), "class", `round ${tone}`);
  byId("mute").disabled = state.microphone === "asking" || state.connection !== "connected";
}

function createPersonaDialog(actions) {
  const dialog = byId("persona-dialog");
  const buttons = byId("persona-buttons");
  byId("open-personas").addEventListener("click", () => {
    actions.forgetRefusal();
    dialog.showModal();
  });
  byId("close-personas").addEventListener("click", () => dialog.close());
  buttons.addEventListener("click", async ({ target }) => {
    const name = target.closest("button")?.dataset.key;
    if (name && (await actions.switchPersona(name))) dialog.close();
  });
  return (state) => {
    text(byId("refusal"), state.refusal);
    keyed(buttons, state.personas, (persona) => persona.name, createPersonaButton, (button, persona) => {
      attribute(button, "aria-pressed", String(persona.name === state.moderator.persona));
      button.disabled = state.switching !== "";
    });
    if (state.phase !== "debate" && dialog.open) dialog.close();
  };
}

function createPersonaButton(persona) {
  const words = make("span", "", [make("span", "", persona.label), make("small", "", persona.summary)]);
  const button = make("button", "", [icon(persona.name, "persona-icon"), words]);
  button.type = "button";
  return button;
}

function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = (words.length > 1 ? [words[0], words.at(-1)] : [words[0]]).map((word) => [...word][0] ?? "");
  return letters.join("").toLocaleUpperCase();
}
