/*
 * Draws what the format asks of this person: groups of controls, each with the moderator's last refusal,
 * and the facts beside them. What is offered is decided in procedure.js; nothing else is drawn here.
 */

import { attribute, keyed, make, text } from "./dom.js";
import { factsOf, groupsOf, newsOf } from "./procedure.js";
import { createBallot } from "./render-ballot.js";
import { drawResult } from "./render-votes.js";

export function createFormatView(actions) {
  const section = document.getElementById("procedure");
  const box = document.getElementById("acts");
  const ballot = createBallot(actions);

  function createButton(group) {
    const button = make("button", "", [make("span"), make("small")]);
    button.type = "button";
    button.addEventListener("click", () => {
      const { act, args, open, takes, sure } = button.does;
      if (open === "ballot") return ballot.open();
      if (sure && !window.confirm(sure)) return undefined;
      // The field beside it says what is chosen.
      const chosen = takes ? { [takes]: box.querySelector(`[data-key="${group}"] select`).value } : {};
      return actions.act(group, act, { ...args, ...chosen });
    });
    return button;
  }

  function drawButton(button, { label, note, pressed, strong, ...does }) {
    button.does = does;
    attribute(button, "class", strong ? "strong" : null);
    attribute(button, "aria-pressed", pressed === undefined ? null : String(pressed));
    text(button.firstElementChild, label);
    text(button.lastElementChild, note ?? "");
  }

  function drawGroup(element, group, acts) {
    const [legend, words, controls, refusal] = element.children;
    attribute(element, "aria-busy", acts.busy.has(group.key) ? "true" : null);
    text(legend, group.legend);
    text(words, group.words);
    drawOptions(controls, group.options);
    keyed(controls.lastElementChild, group.buttons, (one) => one.key, () => createButton(group.key), (button, one) =>
      drawButton(button, { ...one, takes: group.options?.name }),
    );
    text(refusal, acts.refusals.get(group.key) ?? "");
  }

  return function renderFormat(state) {
    const focused = box.contains(document.activeElement) ? document.activeElement : null;
    const group = focused?.closest("fieldset").dataset.key;
    const groups = groupsOf(state);
    const facts = factsOf(state);
    keyed(box, groups, (one) => one.key, createGroup, (element, one) => drawGroup(element, one, state.acts));
    keyed(document.getElementById("facts"), facts, (fact) => fact, (fact) => make("li", "", fact), () => {});
    const result = drawResult(state);
    section.hidden = groups.length === 0 && facts.length === 0 && !result;
    text(document.getElementById("procedure-news"), newsOf(state));
    if (focused && !focused.isConnected) goOn(group);
    ballot.render(state);
  };

  /** Whoever came by keyboard goes on from where the control was. */
  function goOn(group) {
    const next = box.querySelector(`[data-key="${group}"] button`) ?? section;
    next.focus();
  }
}

function createGroup() {
  const refusal = make("p", "problem");
  refusal.setAttribute("role", "alert");
  return make("fieldset", "group", [make("legend"), make("p", "hint"), make("div", "controls", [make("div", "buttons")]), refusal]);
}

/** A field to choose from, beside the buttons. It follows the debate, and else is left to whoever chooses in it. */
function drawOptions(controls, options) {
  if (!options) return;
  if (!controls.querySelector("select")) {
    const field = make("select", "", options.of.map(({ name, title }) => new Option(title, name)));
    controls.prepend(make("label", "", [make("span", "visually-hidden", options.label), field]));
  }
  const select = controls.querySelector("select");
  if (select.dataset.chosen === options.chosen) return;
  select.dataset.chosen = select.value = options.chosen;
}
