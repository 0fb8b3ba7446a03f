// What a reload must not lose: the conversation of this tab. It ends with the tab, so a shared computer keeps nothing.

const NAME = "askmesh.conversation";
const MOST_TURNS = 40;

export function load() {
  try {
    const { id = "", turns = [] } = JSON.parse(sessionStorage.getItem(NAME)) ?? {};
    return { id, turns };
  } catch {
    return { id: "", turns: [] };
  }
}

export function save(id, turns) {
  // Storage is small: when it is full the oldest turns go first.
  for (let kept = turns.slice(-MOST_TURNS); ; kept = kept.slice(1)) {
    try {
      sessionStorage.setItem(NAME, JSON.stringify({ id, turns: kept }));
      return;
    } catch {
      if (kept.length === 0) return;
    }
  }
}

export const forget = () => sessionStorage.removeItem(NAME);
