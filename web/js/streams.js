/*
 * Text streams of the room as events of the page: captions on lk.transcription, typed messages on
 * lk.chat, and the moderator's sage.* remarks, which count only when an agent sent them. Streams
 * that break off or carry nonsense end here; nothing is drawn here.
 */

export const NOTES = Object.freeze({
  "sage.nudge": "For you",
  "sage.refusal": "Not possible",
  "sage.factcheck": "Fact check",
  "sage.recall": "Said before",
  "sage.before": "Last time here",
  "sage.summary": "So far",
  "sage.stage": "Next",
});

const MAX_JSON = 20_000;

/**
 * Listens to `room`. `isAgent(identity)` says whom to believe; `on.caption`, `on.chat` and `on.note`
 * get plain objects.
 */
export function listen(room, { isAgent, on }) {
  let order = 0;

  room.registerTextStreamHandler("lk.transcription", async (reader, { identity }) => {
    order += 1;
    const arrival = order;
    const segment = reader.info.attributes?.["lk.segment_id"] || reader.info.id;
    const say = (text, final) => on.caption({ identity, segment, text, final, order: arrival });
    let text = "";
    try {
      for await (const chunk of reader) {
        text += chunk;
        // The moderator's stream grows word by word. A debater's is a whole text that replaces the
        // one before: drawn in one go, or a long caption would flicker while it arrives.
        if (isAgent(identity)) say(text, false);
      }
    } catch {
      // Broken off (its sender has gone): what was spoken so far stands.
      if (text) say(text, true);
      return;
    }
    // The moderator's "final" comes with the end of the stream, hence read after the text. When it
    // never says so, the end itself is what ends its words.
    const final = reader.info.attributes?.["lk.transcription_final"] === "true" || isAgent(identity);
    say(text, final);
  });

  room.registerTextStreamHandler("lk.chat", async (reader, { identity }) => {
    const text = await reader.readAll().catch(() => "");
    if (text.trim()) on.chat({ identity, text, id: reader.info.id });
  });

  for (const [topic, title] of Object.entries(NOTES)) {
    room.registerTextStreamHandler(topic, async (reader, { identity }) => {
      const json = await reader.readAll().catch(() => "");
      if (!isAgent(identity) || json.length > MAX_JSON) return;
      const remark = objectOf(json);
      const text = remark && [remark.text, remark.message, remark.detail].find((value) => typeof value === "string");
      if (text) on.note({ topic, title, text, id: String(remark.id ?? reader.info.id), data: remark });
    });
  }
}

function objectOf(json) {
  try {
    const value = JSON.parse(json);
    return value && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
