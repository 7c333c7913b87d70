/*
 * Names proposed for a new room: easy to say to somebody, hard to hit by chance.
 */

const WORDS = ["amber", "birch", "cedar", "dawn", "ember", "fern", "grove", "harbor", "iris", "juniper", "lark", "maple"];

/** Two different words and a number, such as "fern-harbor-417". */
export function suggestRoom() {
  const [first, second, number] = crypto.getRandomValues(new Uint32Array(3));
  const one = WORDS[first % WORDS.length];
  const others = WORDS.filter((word) => word !== one);
  return `${one}-${others[second % others.length]}-${100 + (number % 900)}`;
}
