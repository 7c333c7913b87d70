/*
 * What people do by command: each goes to the moderator, and what it refuses is kept where the person
 * acted, so that the page can say it there. It draws nothing and asks no rules: the moderator decides.
 */

/** `change(fn)` alters the state and draws it; `command(name, args)` throws an Error with words to show. */
export function createActing({ change, command }) {
  /** One command from a group of controls; true when the moderator did as told. A double click counts once. */
  async function act(group, name, args = {}) {
    const one = JSON.stringify([name, args]);
    const underWay = { one };
    let twice = false;
    let number = 0;
    change(({ acts, moderator }) => {
      twice = acts.busy.get(group)?.one === one;
      if (twice) return;
      acts.busy.set(group, underWay);
      acts.refusals.delete(group);
      number = moderator.asked.vote?.votes.at(-1)?.number ?? 0; // of the vote that was on the page then
    });
    if (twice) return false;
    try {
      await command(name, args);
      change((draft) => {
        if (name === "vote") draft.mine.vote = { number, choice: args.choice };
      });
      return true;
    } catch (error) {
      change(({ acts }) => void acts.refusals.set(group, error.message));
      return false;
    } finally {
      change(({ acts }) => {
        if (acts.busy.get(group) === underWay) acts.busy.delete(group); // another may have been asked meanwhile
      });
    }
  }

  /** Hands in `{decision, reasons, points}`; points is a Map of identity -> number, for whom they were given. */
  async function handIn({ decision, reasons, points }) {
    const given = Object.fromEntries([...points].map(([identity, value]) => [`points.${identity}`, String(value)]));
    const taken = await act("ballot", "ballot", { decision, reasons, ...given });
    if (taken) change((draft) => void (draft.mine.ballot = { decision, reasons, points }));
    return taken;
  }

  async function switchPersona(persona) {
    change((draft) => Object.assign(draft, { switching: persona, refusal: "" }));
    try {
      await command("persona", { persona });
      return true;
    } catch (error) {
      change((draft) => void (draft.refusal = error.message));
      return false;
    } finally {
      change((draft) => void (draft.switching = ""));
    }
  }

  return {
    act,
    handIn,
    switchPersona,
    forgetRefusal: (group) =>
      change((draft) => {
        draft.refusal = "";
        draft.acts.refusals.delete(group);
      }),
  };
}
