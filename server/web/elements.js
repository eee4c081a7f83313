// Small pieces of the page, made of text, never of markup.

export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export const signed = (number) => (number < 0 ? "−" : "+") + Math.abs(number).toFixed(2);

export function chips(scores, groupOf, count = 4) {
  const list = Object.entries(scores).slice(0, count).map(([label, score]) =>
    element("span", { class: `chip ${groupOf(label)}` }, `${label} ${score.toFixed(2)}`));
  return element("span", { class: "chips" }, ...list);
}

/** Bars of the strongest scores, as a list that a screen reader reads as text. */
export function bars(scores, count, groupOf) {
  const strongest = Object.entries(scores).sort((a, b) => b[1] - a[1]).slice(0, count);
  const rows = strongest.map(([label, score]) => {
    const fill = element("span");
    fill.style.width = `${Math.round(100 * score)}%`;
    return element("li", { class: groupOf(label) },
      element("span", {}, label),
      element("span", { class: "bar", "aria-hidden": "true" }, fill),
      element("span", { class: "number" }, score.toFixed(2)));
  });
  return element("ul", { class: "scores" }, ...rows);
}
