"use strict";

const DAY_MS = 86_400_000;
/** All events but those of a stream about its own files. */
const SHOWN = "not mcp.compliance.operation : segment-*";
const REFRESH_MS = 10_000;
const RETRY_MS = 5_000;
const ROWS = 50;
const GOOD = new Set(["idle", "delivering", "running", "success", "intact", "intact-unwitnessed", "pruned-by-policy"]);
const WARN = new Set(["starting", "unavailable", "unknown", "unsigned-tail", "stale", "low", "medium"]);

/** The token and what ends with it; null without one. It is kept nowhere else. */
let session = null;

const $ = (id) => document.getElementById(id);

/** An element; texts of the record are only ever set as text. */
function element(name, text, kind) {
  const made = document.createElement(name);
  if (text instanceof Node) made.append(text);
  else made.textContent = text ?? "";
  if (kind) made.className = kind;
  return made;
}

function mark(word) {
  return element("span", word, `mark ${GOOD.has(word) ? "good" : WARN.has(word) ? "warn" : "bad"}`);
}

const count = (value) => (value == null ? "–" : value.toLocaleString("en"));
const time = (text) => (text ? `${text.slice(0, 10)} ${text.slice(11, 19)}` : "");
const joined = (object) =>
  Object.entries(object ?? {}).map(([name, value]) => `${name}: ${value}`).join(", ");
const first = (value) => (Array.isArray(value) ? value.join(", ") : value);

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  for (; value >= 1024 && at < units.length - 1; at += 1) value /= 1024;
  return `${at ? value.toFixed(1) : value} ${units[at]}`;
}

/** Fill a section with a table; columns are [title, cell of a row, class]. */
function table(id, columns, rows, none) {
  const head = element("tr");
  for (const [title, , kind] of columns) head.append(element("th", title, kind));
  const body = element("tbody");
  for (const row of rows) body.append(line(columns, row));
  const made = element("table");
  made.append(element("thead", head), body);
  $(id).querySelector(".table").replaceChildren(rows.length ? made : element("p", none, "none"));
  $(id).hidden = false;
}

function line(columns, row) {
  const made = element("tr");
  for (const [, cell, kind] of columns) made.append(element("td", cell(row), kind));
  return made;
}

function facts(id, rows) {
  const list = $(id).querySelector("dl");
  list.replaceChildren();
  for (const [name, value] of rows) list.append(element("dt", name), element("dd", value));
  $(id).hidden = false;
}

async function request(path, body) {
  const answer = await fetch(path, {
    method: body ? "POST" : "GET",
    headers: { Authorization: `Bearer ${session.token}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
    signal: session.ends.signal,
    cache: "no-store",
  });
  if (answer.ok) return answer;
  const reason = await answer.json().catch(() => ({ error: answer.statusText }));
  throw Object.assign(new Error(reason.error), { status: answer.status });
}

const ask = async (operation, members = {}) =>
  (await request(`v1/${operation}`, members)).json();

const OUTPUTS = [
  ["output", (one) => one.output],
  ["state", (one) => mark(one.state)],
  ["behind", (one) => bytes(one.behind_bytes), "number"],
  ["oldest", (one) => (one.oldest_unacknowledged_s == null ? "–" : `${one.oldest_unacknowledged_s.toFixed(0)} s`), "number"],
  ["delivered", (one) => count(one.account.delivered), "number"],
  ["dead letters", (one) => count(one.account.dead_letters), "number"],
  ["success", (one) => (one.delivery_success_rate == null ? "–" : `${(100 * one.delivery_success_rate).toFixed(2)} %`), "number"],
  ["trouble", (one) => one.error],
];

const STREAMS = [
  ["audit stream", (one) => one.stream],
  ["result", (one) => mark(one.word)],
  ["events", (one) => count(one.events), "number"],
  ["signed", (one) => count(one.signed), "number"],
  ["why", (one) => one.why],
];

const ALERTS = [
  ["time (UTC)", (one) => time(one.time), "time"],
  ["severity", (one) => mark(one.severity)],
  ["alert", (one) => described(one.title || one.rule, one.explanation)],
  ["group", (one) => joined(one.group)],
  ["seen", (one) => described(one.seen, one.usual && `usual: ${one.usual}`)],
];

const EVENTS = [
  ["time (UTC)", (one) => time(one["@timestamp"]), "time"],
  ["outcome", (one) => mark(one.event?.outcome ?? "unknown")],
  ["action", (one) => one.event?.action, "word"],
  ["user", (one) => first(one.user?.id)],
  ["client", (one) => first(one.mcp?.client?.id)],
  ["message", (one) => one.message],
];

function described(text, more) {
  const cell = document.createDocumentFragment();
  cell.append(text ?? "", element("small", more));
  return cell;
}

async function showStatus() {
  const found = await ask("get_status");
  facts("status", [
    ["Audit level", found.audit_level],
    ["Frameworks", found.compliance_frameworks.join(", ") || "none"],
    ["Event types", found.active_events.join(", ")],
    ["Elasticsearch and Logstash", found.elk_integration ? "answer" : "not configured, or one does not answer"],
  ]);
}

async function showMetrics() {
  const { outputs, record } = await ask("get_metrics");
  table("outputs", OUTPUTS, outputs, "No output is configured.");
  const classes = new Map();
  for (const one of record.storage) {
    classes.set(one.retention_days, (classes.get(one.retention_days) ?? 0) + one.bytes);
  }
  const kept = [...classes].sort(([a], [b]) => a - b);
  facts("record", [
    ["Events", `${count(record.event_rate)} a second within the last minute`],
    ["Alerts within the last day", joined(record.alert_frequency) || "none"],
    ["Audit streams", count(new Set(record.storage.map((one) => one.stream)).size)],
    ["Storage", kept.map(([days, size]) => `${bytes(size)} ${days ? `for ${days} days` : "not read yet"}`).join(", ") || "none"],
  ]);
}

async function showVerification() {
  const members = { query: "mcp.compliance.operation : verify", newest: true, limit: 1 };
  const [last] = (await ask("search_audit_events", members)).events;
  const state = $("verification").querySelector(".state");
  if (last) {
    const isWell = last.event.outcome === "success";
    state.replaceChildren(
      element("span", isWell ? "not damaged" : "damaged", `mark ${isWell ? "good" : "bad"}`),
      ` at the last verification, ${time(last["@timestamp"])} UTC`,
    );
  } else {
    state.textContent = "This record was not verified yet, or the event about it was deleted here.";
  }
  $("verification").hidden = false;
}

async function verifyNow() {
  const button = $("verification").querySelector("button");
  button.disabled = true;
  try {
    const found = await ask("get_verification");
    table("verification", STREAMS, found.streams, "There is no audit stream.");
    await showVerification();
  } finally {
    button.disabled = false;
  }
}

async function showAlerts() {
  const found = await ask("get_alerts", { newest: true, limit: 20 });
  table("alerts", ALERTS, found.alerts, "No alert is in the record on this host.");
}

async function showEvents() {
  const since = new Date(Date.now() - DAY_MS).toISOString();
  const found = await ask("search_audit_events", { query: SHOWN, newest: true, limit: ROWS, since });
  table("events", EVENTS, found.events, "There are no events of the last day.");
}

/** Put an event on top, once: a stream that is resumed may repeat some. */
function add(event) {
  if (session.shown.has(event.event.id)) return;
  session.shown.add(event.event.id);
  if (!$("events").querySelector("tbody")) table("events", EVENTS, [event], "");
  else $("events").querySelector("tbody").prepend(line(EVENTS, event));
  const rows = $("events").querySelectorAll("tbody tr");
  if (rows.length > ROWS) rows[rows.length - 1].remove();
  if (event.event.kind === "alert" && session.may.has("get_alerts")) guarded(showAlerts);
}

/** Read server-sent events; EventSource cannot send the token. */
async function follow(from) {
  const asked = new URLSearchParams({ query: SHOWN, ...(from.after && { after: from.after }) });
  const reader = (await request(`v1/events?${asked}`)).body.pipeThrough(new TextDecoderStream()).getReader();
  $("live").textContent = "– new ones appear here";
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split(/\r?\n\r?\n/);
    rest = parts.pop();
    for (const part of parts) take(part, from);
  }
}

function take(part, from) {
  const fields = {};
  for (const one of part.split(/\r?\n/)) {
    const at = one.indexOf(": ");
    if (at > 0) fields[one.slice(0, at)] = one.slice(at + 2);
  }
  if (fields.event === "event") add(JSON.parse(fields.data));
  if (fields.id) from.after = fields.id;
}

async function followAlways(mine) {
  const from = { after: null };
  while (session === mine) {
    await follow(from).catch(report);
    if (session !== mine) return;
    $("live").textContent = "– connection lost, trying again";
    await new Promise((done) => setTimeout(done, RETRY_MS));
  }
}

function report(error) {
  if (error.name === "AbortError") return;
  if (error.status === 401) leave();
  $("problem").textContent = error.status ? error.message : "The interface does not answer.";
  $("problem").hidden = false;
}

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    report(error);
  }
}

async function enter(token) {
  session = { token, ends: new AbortController(), shown: new Set(), may: new Set() };
  const mine = session;
  const found = await (await request("v1/client")).json();
  if (session !== mine) return;
  $("problem").hidden = true;
  $("enter").hidden = true;
  $("main").hidden = $("leave").hidden = false;
  $("who").textContent = `${found.name}, ${found.role}`;
  mine.may = new Set(found.operations);
  const parts = [];
  const when = (operation, ...works) => mine.may.has(operation) && parts.push(...works);
  when("get_status", showStatus);
  when("get_metrics", showMetrics);
  when("get_verification", showVerification);
  when("get_alerts", showAlerts);
  when("search_audit_events", showEvents);
  await Promise.all(parts.map(guarded));
  if (session !== mine) return;
  if (mine.may.has("stream_events")) followAlways(mine);
  if (mine.may.has("get_metrics")) {
    mine.timer = setInterval(() => document.hidden || guarded(showMetrics), REFRESH_MS);
  }
}

function leave() {
  clearInterval(session?.timer);
  session?.ends.abort();
  session = null;
  $("main").hidden = $("leave").hidden = true;
  for (const section of document.querySelectorAll("main section")) {
    section.hidden = true;
    for (const part of section.querySelectorAll(".table, dl, .state")) part.replaceChildren();
  }
  $("who").textContent = $("live").textContent = "";
  $("enter").hidden = false;
  $("token").focus();
}

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = $("token").value.trim();
  $("token").value = "";
  guarded(() => enter(token));
});
$("leave").addEventListener("click", () => {
  $("problem").hidden = true;
  leave();
});
$("verification").querySelector("button").addEventListener("click", () => guarded(verifyNow));
