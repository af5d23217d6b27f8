// Keeps the open page as the daemon shows it, in place: what is selected, focused, unfolded or
// scrolled to stays so. Without this script the page is whole, and as old as it was loaded.
"use strict";

const PERIOD = 2000; // milliseconds between two looks
const PATIENCE = 10000; // milliseconds for an answer

const live = document.getElementById("live");
let title = document.title;
let answered = Date.now(); // when the daemon last answered
let failure = null; // why it does not
let timer = 0;
let asking = false;

function clock(milliseconds) {
  return new Date(milliseconds).toISOString().slice(11, 19) + " UTC";
}

function tell() {
  const stale = failure !== null;
  const text = stale ? `STALE since ${clock(answered)}: ${failure}. What is shown is as of then.` : `, looked at again every ${PERIOD / 1000} s`;
  if (live.textContent !== text) live.textContent = text;
  live.className = stale ? "stale" : "";
  const shown = stale ? `STALE — ${title}` : title;
  if (document.title !== shown) document.title = shown;
}

async function look() {
  if (asking || document.hidden) return;
  asking = true;
  clearTimeout(timer);
  const abort = new AbortController();
  const limit = setTimeout(() => abort.abort(), PATIENCE);
  try {
    const answer = await fetch("/", { cache: "no-store", credentials: "same-origin", signal: abort.signal });
    if (!answer.ok) throw new Error(`tradedog answers ${answer.status}`);
    take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    answered = Date.now();
    failure = null;
  } catch (error) {
    failure = error.message.startsWith("tradedog") ? error.message : "tradedog does not answer";
  } finally {
    clearTimeout(limit);
    asking = false;
    tell();
    if (!document.hidden) timer = setTimeout(look, PERIOD);
  }
}

function take(next) {
  const build = next.documentElement.dataset.build;
  if (!build) throw new Error("tradedog does not answer, somebody else does");
  if (build !== document.documentElement.dataset.build) return location.reload();
  title = next.title;
  adapt(document.body, next.body);
}

// A person has marked text in here: it is left alone until it is let go.
function marked(node) {
  const selection = document.getSelection();
  return selection && !selection.isCollapsed && selection.containsNode(node, true);
}

function key(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id || "" : "";
}

function alike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && key(one) === key(other);
}

// Makes `old` what `next` is, and keeps every node that can stay.
function adapt(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== next.data && !marked(old)) old.data = next.data;
    return;
  }
  if (old.dataset.script !== undefined) return;
  if (old.dataset.open !== next.dataset.open) old.open = next.open;
  for (const { name, value } of next.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !next.hasAttribute(name)) old.removeAttribute(name);
  }
  children(old, [...next.childNodes]);
}

function children(parent, wanted) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (key(child)) keyed.set(child.nodeName + key(child), child);
  let place = parent.firstChild;
  for (const next of wanted) {
    let old = place;
    if (key(next)) old = keyed.get(next.nodeName + key(next)) || null;
    else while (old && key(old)) old = old.nextSibling;
    if (old && !alike(old, next)) old = null;
    if (!old) {
      parent.insertBefore(document.importNode(next, true), place);
      continue;
    }
    if (old === place) place = place.nextSibling;
    else move(parent, old, place);
    adapt(old, next);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    if (!marked(gone)) gone.remove();
  }
}

// Keeps the focus, which a node that is moved would lose.
function move(parent, node, place) {
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  parent.insertBefore(node, place);
  if (focused) focused.focus({ preventScroll: true });
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) look();
});
tell();
timer = setTimeout(look, PERIOD);
