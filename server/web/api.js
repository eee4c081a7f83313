// The server's API, as the page needs it.

export class ApiError extends Error {}

let key = "";

export function useKey(value) {
  key = value;
}

async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new ApiError("The server cannot be reached. Is it still running?");
  }
  if (response.status === 204) return null;
  const content = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(content.detail ?? `The server answered ${response.status}.`);
  return content;
}

export const models = async () => (await ask("GET", "/v1/models")).models;

export const labels = () => ask("GET", "/v1/labels");

export const addTurn = (conversation, turn) =>
  ask("POST", `/v1/conversations/${conversation}/messages`, turn);

export const forget = (conversation) => ask("DELETE", `/v1/conversations/${conversation}`);

/** Emotions of one text, with the turns before it and without. */
export async function compare(text, context, options) {
  const inputs = [{ text, context }, { text }];
  return (await ask("POST", "/v1/emotions", { inputs, ...options })).results;
}

/** An id that nobody guesses; crypto.randomUUID would need HTTPS. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
