// Valence and arousal over the conversation, as SVG.

const NAMESPACE = "http://www.w3.org/2000/svg";
const WIDTH = 480, HEIGHT = 190, LEFT = 58, RIGHT = 12, TOP = 24, BOTTOM = 24;
const MIDDLE = (TOP + HEIGHT - BOTTOM) / 2;

function shape(name, attributes, ...children) {
  const node = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const y = (value) => MIDDLE - (value * (HEIGHT - TOP - BOTTOM)) / 2;

function curve(kind, turns, x) {
  const points = turns.map((turn, i) => `${x(i)},${y(turn[kind])}`).join(" ");
  const dots = turns.map((turn, i) =>
    shape("circle", { cx: x(i), cy: y(turn[kind]), r: 4, class: turn.role }));
  return shape("g", { class: kind }, shape("polyline", { points }), ...dots);
}

function legend() {
  return shape("g", {},
    shape("g", { class: "valence" }, shape("polyline", { points: `${LEFT},10 ${LEFT + 24},10` })),
    shape("text", { x: LEFT + 30, y: 14 }, "valence"),
    shape("g", { class: "arousal" }, shape("polyline", { points: `${LEFT + 95},10 ${LEFT + 119},10` })),
    shape("text", { x: LEFT + 125, y: 14 }, "arousal"),
    shape("text", { x: LEFT + 190, y: 14 }, "● user  ○ bot"));
}

/** Draws turns, each {role, valence, arousal, label}, into `target`. */
export function draw(target, turns) {
  const step = (WIDTH - LEFT - RIGHT - 16) / Math.max(1, turns.length - 1);
  const x = (i) => LEFT + 8 + i * step;
  const grid = [[1, "high"], [0, "0"], [-1, "low"]].flatMap(([value, name]) => [
    shape("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
    shape("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, name),
  ]);
  const every = Math.ceil(turns.length / 12);
  const ticks = turns.flatMap((_, i) => i % every ? [] :
    [shape("text", { x: x(i), y: HEIGHT - 6, "text-anchor": "middle" }, String(i + 1))]);
  const told = turns.map((turn, i) =>
    `turn ${i + 1}, ${turn.role}: valence ${turn.valence.toFixed(2)}, arousal ${turn.arousal.toFixed(2)}`);
  const description = turns.length ? told.join("; ") : "No turns yet.";
  target.replaceChildren(shape("svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
      "aria-label": `Valence and arousal of each turn. ${description}` },
    ...grid, ...ticks, legend(), curve("arousal", turns, x), curve("valence", turns, x)));
}
