/*
 * Draws the way in: the form, its problems, the personas to choose from. It reads the state and the
 * form's own fields; joining itself is an action.
 */

import { attribute, icon, keyed, make, shape, text } from "./dom.js";

const FIELDS = ["name", "room", "topic", "role", "persona"];

export function createLobby(actions) {
  const form = document.getElementById("join");
  const choice = document.getElementById("persona-choice");
  const summary = document.getElementById("persona-summary");
  const enter = document.getElementById("enter");
  const field = (name) => form.elements[name];
  let shownProblems = null;

  drawChamber(document.getElementById("chamber"));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    actions.join({
      name: field("name").value.trim(),
      room: field("room").value.trim(),
      topic: field("topic").value.trim(),
      role: field("role").value,
      persona: new FormData(form).get("persona") ?? "",
    });
  });
  // A room name has no spaces: people type them all the same.
  field("room").addEventListener("input", ({ target }) => {
    const fitting = target.value.replace(/\s+/g, "-");
    if (fitting !== target.value) target.value = fitting;
  });
  choice.addEventListener("change", () => describe());

  function describe() {
    const chosen = choice.querySelector("input:checked");
    text(summary, chosen?.dataset.summary ?? "Left open, the house chooses. Anyone can change it during the debate.");
  }

  function drawPersonas(state) {
    keyed(
      choice,
      state.personas,
      (persona) => persona.name,
      (persona) => {
        const radio = make("input");
        Object.assign(radio, { type: "radio", name: "persona", value: persona.name });
        radio.dataset.summary = persona.summary;
        radio.checked = persona.name === state.chosenPersona;
        const face = make("span", "", [icon(persona.name, "persona-icon"), make("b", "", persona.label)]);
        return make("label", "persona", [radio, face]);
      },
      () => {},
    );
    describe();
  }

  function drawProblems(problems) {
    if (problems === shownProblems) return;
    shownProblems = problems;
    for (const name of FIELDS) {
      text(document.getElementById(`${name}-problem`), problems.get(name) ?? "");
      if (name !== "persona") attribute(field(name), "aria-invalid", problems.has(name) ? "true" : null);
    }
    const first = FIELDS.find((name) => problems.has(name));
    if (first && first !== "persona") field(first).focus();
  }

  return {
    fill(values) {
      for (const name of ["name", "room", "topic", "role"]) if (values[name]) field(name).value = values[name];
    },
    render(state) {
      if (choice.children.length !== state.personas.length) drawPersonas(state);
      drawProblems(state.problems);
      const joining = state.phase === "joining";
      enter.disabled = joining;
      text(document.getElementById("enter-label"), joining ? state.step : "Join with microphone");
    },
  };
}

/** A chamber of three rows of seats around a chair; some are taken, one of them is talking. */
function drawChamber(place) {
  const taken = new Map([["0 2", 1], ["0 6", 4], ["1 4", 3], ["1 9", 0], ["2 3", 2], ["2 11", 6]]);
  const seats = [];
  for (let row = 0; row < 3; row += 1) {
    const count = 9 + row * 3;
    for (let seat = 0; seat < count; seat += 1) {
      const angle = Math.PI * (seat / (count - 1));
      const radius = 52 + row * 27;
      const hue = taken.get(`${row} ${seat}`);
      const classes = ["seat", hue === undefined ? "" : `taken hue-${hue}`, hue === 3 ? "talking" : ""];
      seats.push(
        shape("circle", {
          cx: (120 - Math.cos(angle) * radius).toFixed(1),
          cy: (118 - Math.sin(angle) * radius).toFixed(1),
          r: 7.5,
          class: classes.join(" ").trim(),
        }),
      );
    }
  }
  const ripples = [22, 31].map((r) => shape("circle", { cx: 120, cy: 112, r, class: "ripple" }));
  const chair = shape("circle", { cx: 120, cy: 112, r: 13, class: "chair" });
  place.replaceChildren(shape("svg", { viewBox: "0 0 240 130" }, [...seats, ...ripples, chair]));
}

/** What the persona is called on a button: its title without the article. */
export function personaLabel(title, name) {
  const words = String(title || name).replace(/^the\s+/i, "").replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

