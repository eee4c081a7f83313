// The page: a chat whose messages show the emotions of their writers.

import * as api from "./api.js";
import { draw } from "./chart.js";
import { bars, chips, element, signed } from "./elements.js";

const $ = (id) => document.getElementById(id);
const CONTEXT_TURNS = 20;
const SHOWN = 5;

let conversation = api.newId();
let turns = [];
let chosen = null;
let groups = {};

const groupOf = (label) => groups[label] ?? "custom";

function options() {
  const labels = [...new Set($("labels").value.split(",").map((l) => l.trim()).filter(Boolean))];
  return labels.length ? { labels, multi_label: !$("single").checked } : {};
}

function report(error) {
  $("error").textContent = error ? error.message : "";
  $("error").hidden = !error;
}

/** Runs an action of the user; what fails is told, whatever it is. */
async function act(action) {
  report(null);
  try {
    return await action();
  } catch (error) {
    report(error);
    return null;
  }
}

async function introduce() {
  const [model] = await api.models();
  const { labels } = await api.labels();
  groups = Object.fromEntries(labels.map((label) => [label.name, label.group]));
  $("model").textContent = `${model.name} ${model.version}, ${model.labels} emotions`;
}

function turnElement(turn, index) {
  const { result } = turn;
  const found = Object.keys(result.labels).length ? result.labels : { [result.label]: result.score };
  const button = element("button", { type: "button", "aria-pressed": "false" },
    element("span", { class: "who" }, turn.role === "user" ? "User" : "Bot"), "\n",
    turn.text, chips(found, groupOf));
  if (result.rank) button.append(chips(result.rank.labels, () => "custom"));
  button.addEventListener("click", () => act(() => choose(index)));
  return element("li", { class: `turn ${turn.role}` }, button);
}

function show(turn) {
  if (turns.length === 1) $("turns").replaceChildren();
  $("turns").append(turnElement(turn, turns.length - 1));
  $("turns").scrollTop = $("turns").scrollHeight;
  draw($("chart"), turns.map(({ role, result }) => ({ role, ...result })));
}

function showState(state, memory) {
  const trend = state.valence_trend;
  const facts = {
    "User's valence": state.valence_mean === null ? "–" : `${signed(state.valence_mean)} on average`,
    Trend: trend === null ? "–" : `${signed(trend)} a turn`,
    "Last strong emotion": state.last_strong
      ? `${state.last_strong.label}, in turn ${state.last_strong.number}` : "none yet",
    "In a row": state.same_group ? `${state.same_group.turns} × ${state.same_group.group}` : "–",
  };
  if (!memory) facts.Memory = "cannot be reached: turns are read alone";
  $("state").replaceChildren(...Object.entries(facts).flatMap(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, value)]));
}

async function send(role, text) {
  const body = { role, text, message_id: api.newId(), ...options() };
  const answer = await api.addTurn(conversation, body);
  turns.push({ role, text, result: answer.result });
  show(turns.at(-1));
  showState(answer.state, answer.memory);
  await choose(turns.length - 1);
}

function reading(title, result) {
  const parts = [
    element("h3", {}, title),
    bars(result.scores, SHOWN, groupOf),
    element("p", { class: "axes" },
      `valence ${signed(result.valence)}, arousal ${signed(result.arousal)}`),
  ];
  if (result.rank) parts.push(element("h3", {}, "Your labels"),
    bars(result.rank.scores, Infinity, () => "custom"));
  return element("div", {}, ...parts);
}

async function choose(index) {
  chosen = index;
  document.querySelectorAll(".turn button").forEach((button, i) =>
    button.setAttribute("aria-pressed", String(i === index)));
  const { text } = turns[index];
  const context = turns.slice(Math.max(0, index - CONTEXT_TURNS), index)
    .map((turn) => ({ role: turn.role, text: turn.text }));
  const [withContext, alone] = await api.compare(text, context, options());
  $("compare-text").textContent = `“${text}”`;
  $("compare").replaceChildren(
    reading("With the turns before", withContext), reading("Alone", alone));
}

async function restart() {
  const old = conversation;
  conversation = api.newId();
  turns = [];
  chosen = null;
  $("turns").replaceChildren(element("li", { class: "hint" }, "A new conversation."));
  $("compare").replaceChildren();
  $("compare-text").textContent = "Send a message, or choose one of the conversation.";
  $("state").replaceChildren();
  draw($("chart"), []);
  $("text").focus();
  await api.forget(old);
}

$("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("text").value;
  if (!text.trim()) return;
  const button = event.target.querySelector("button");
  button.disabled = true;
  const role = new FormData(event.target).get("role");
  const before = turns.length;
  await act(() => send(role, text));
  if (turns.length > before) $("text").value = "";
  button.disabled = false;
  $("text").focus();
});

$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});

$("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  api.useKey($("key").value);
  act(async () => {
    await introduce();
    if (chosen !== null) await choose(chosen);
  });
});

$("restart").addEventListener("click", () => act(restart));

draw($("chart"), []);
act(introduce);
