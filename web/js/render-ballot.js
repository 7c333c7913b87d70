/*
 * Draws a judge's ballot: the side that has won, points for each speaker, and the reasons. It reads the
 * form's own fields; handing in is an action, and a refusal is shown in the form.
 */

import { keyed, make, text } from "./dom.js";
import { capital, judged } from "./procedure.js";

const byId = (id) => document.getElementById(id);

export function createBallot(actions) {
  const dialog = byId("ballot-dialog");
  const form = byId("ballot");
  let filledIn = false;
  byId("close-ballot").addEventListener("click", () => dialog.close());
  // From the first change on the fields are the judge's, also where the earlier ballot arrives later.
  form.addEventListener("input", () => void (filledIn = true));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await actions.handIn(read(form))) dialog.close();
  });

  function render(state) {
    if (!dialog.open) return;
    const offered = state.phase === "debate" && state.moderator.asked.ballots !== null;
    if (!offered) return dialog.close();
    keyed(byId("ballot-sides"), [...state.moderator.asked.sides.keys()], (side) => side, createSide, () => {});
    keyed(byId("ballot-points"), judged(state), (one) => one.identity, createPoints, (element, one) => {
      text(element.querySelector("span"), `${one.name}, ${one.side}`);
    });
    text(byId("ballot-problem"), state.acts.refusals.get("ballot") ?? "");
    byId("hand-in").setAttribute("aria-busy", String(state.acts.busy.has("ballot")));
    if (filledIn || !state.mine.ballot) return;
    filledIn = true;
    fill(form, state.mine.ballot);
  }

  function open() {
    filledIn = false;
    actions.forgetRefusal("ballot");
    dialog.showModal();
  }

  return { open, render };
}

function createSide(side) {
  const radio = make("input");
  Object.assign(radio, { type: "radio", name: "decision", value: side, required: true });
  return make("label", "choice", [radio, make("span", "", capital(side))]);
}

function createPoints({ identity }) {
  const field = make("input");
  Object.assign(field, { type: "number", min: 0, max: 100, step: "any", inputMode: "decimal" });
  field.dataset.identity = identity;
  return make("label", "points", [make("span"), field]);
}

function fill(form, { decision, reasons, points }) {
  for (const radio of form.querySelectorAll("input[name=decision]")) radio.checked = radio.value === decision;
  for (const field of form.querySelectorAll("input[type=number]")) field.value = points.get(field.dataset.identity) ?? "";
  form.elements.reasons.value = reasons;
}

function read(form) {
  const fields = [...form.querySelectorAll("input[type=number]")].filter((field) => field.value !== "");
  return {
    decision: form.querySelector("input[name=decision]:checked")?.value ?? "",
    reasons: form.elements.reasons.value.trim(),
    points: new Map(fields.map((field) => [field.dataset.identity, Number(field.value)])),
  };
}
