"use strict";
// Draws one run. `run` is page_data of chaos/report/html.py: seconds, and sites as indices.
const run = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const seconds = (t) => (t >= 60 ? `${Math.floor(t / 60)}m${(t % 60).toFixed(1)}s` : `${t.toFixed(2)}s`);

// Text: title, checks, replay.
function text(tag, content, className) {
  const node = document.createElement(tag);
  node.textContent = content;
  if (className) node.className = className;
  return node;
}
const summary = run.summary;
$("title").append(text("b", summary.verdict, summary.verdict), `${summary.scenario}, seed ${summary.seed}`);
$("facts").textContent = `${summary.sites} sites, ${summary.members} members, ${summary.ops} operations, ${summary.requests} requests, ${seconds(run.end)} of ${summary.world} time`;
for (const check of summary.checks) {
  const box = text("div", "", `check ${check.verdict}`);
  box.append(text("strong", check.verdict), ` ${check.check} ${check.resource} (saw ${check.saw})`);
  if (check.reasons.length) {
    const list = document.createElement("ul");
    for (const reason of check.reasons) list.append(text("li", reason));
    box.append(list);
  }
  for (const id of new Set(check.guilty)) {
    const link = text("a", `show ${id}`);
    link.onclick = () => show(id);
    box.append(link, " ");
  }
  $("verdicts").append(box);
}
$("replay").textContent = summary.replay;
$("timeline").textContent = run.timeline;

// Colours: one for each owner and for each version of the content.
// No reds: red is for what is cut or failed.
const HUES = [212, 142, 276, 42, 186, 312, 88, 240];
const hue = (n) => `hsl(${HUES[n % HUES.length]} ${62 - (Math.floor(n / HUES.length) % 3) * 18}% 52%)`;
const versions = new Map();
const versionOf = (labels) => {
  if (labels === null) return "absent";
  const key = JSON.stringify(labels);
  if (!versions.has(key)) versions.set(key, versions.size);
  return key;
};
const resource = run.held.length ? run.held.find((h) => h[3] !== null)?.[2] ?? run.held[0][2] : "";
const heldBy = run.sites.map(() => []);
for (const [t, site, name, labels] of run.held) if (name === resource) heldBy[site].push([t, versionOf(labels), labels]);
const ownedBy = run.sites.map(() => []);
for (const [t, site, name, owner, acting] of run.owned) if (name === resource) ownedBy[site].push([t, owner, acting]);

// The view: from..to in seconds.
const LEFT = 96, TOP = 26;
const crowded = run.sites.length > 40;
const lane = crowded ? Math.max(3, Math.floor(620 / run.sites.length)) : Math.max(18, Math.min(64, Math.floor(460 / run.sites.length)));
const whole = { from: -run.end * 0.01, to: run.end * 1.01 };
let view = { ...whole }, marked = null, things = [];
const diagram = $("diagram"), curve = $("curve");
const y = (site) => TOP + site * lane + lane / 2;
const x = (t) => LEFT + ((t - view.from) / (view.to - view.from)) * (width() - LEFT - 14);
const time = (px) => view.from + ((px - LEFT) / (width() - LEFT - 14)) * (view.to - view.from);
const width = () => diagram.clientWidth;

function prepared(canvas, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = canvas.clientWidth * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, canvas.clientWidth, height);
  pen.font = "12px system-ui, sans-serif";
  return pen;
}

function steps() {
  const span = view.to - view.from;
  const step = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600].find((s) => span / s <= 14) ?? 1800;
  const found = [];
  for (let t = Math.ceil(Math.max(view.from, 0) / step) * step; t <= Math.min(view.to, run.end); t += step) found.push(t);
  return found;
}

function drawGrid(pen, height) {
  pen.strokeStyle = css("--line");
  pen.fillStyle = css("--faint");
  pen.textAlign = "center";
  for (const t of steps()) {
    pen.beginPath();
    pen.moveTo(x(t), TOP - 4);
    pen.lineTo(x(t), height);
    pen.stroke();
    pen.fillText(seconds(t), x(t), 15);
  }
}

function drawLanes(pen) {
  pen.textAlign = "right";
  run.sites.forEach((site, at) => {
    pen.fillStyle = css("--lane");
    pen.fillRect(LEFT, y(at) - lane * 0.36, width() - LEFT - 14, lane * 0.72);
    if (!crowded || at % Math.ceil(14 / lane) === 0) {
      pen.fillStyle = run.members.includes(at) ? css("--ink") : css("--faint");
      pen.fillText(site, LEFT - 8, y(at) + 4);
    }
  });
}

function spans(changes) {
  return changes.map(([t, ...state], at) => [t, at + 1 < changes.length ? changes[at + 1][0] : run.end, ...state]);
}

function drawContent(pen) {
  heldBy.forEach((changes, site) => {
    for (const [from, to, key, labels] of spans(changes)) {
      if (labels === null) continue;
      pen.fillStyle = hue(versions.get(key));
      pen.globalAlpha = 0.55;
      pen.fillRect(x(from), y(site) - lane * 0.18, Math.max(x(to) - x(from), 1), lane * 0.36);
      pen.globalAlpha = 1;
      things.push({ box: [x(from), y(site) - lane * 0.3, x(to), y(site) + lane * 0.3], low: 1,
        tip: `${run.sites[site]} from ${seconds(from)}\n${Object.entries(labels).map(([k, v]) => `${k} = ${v}`).join("\n") || "no labels"}` });
    }
  });
  ownedBy.forEach((changes, site) => {
    for (const [from, to, owner, acting] of spans(changes)) {
      if (owner < 0) continue;
      pen.strokeStyle = hue(owner + 40);
      pen.lineWidth = acting ? 4 : 1.5;
      pen.beginPath();
      pen.moveTo(x(from), y(site) - lane * 0.3);
      pen.lineTo(x(to), y(site) - lane * 0.3);
      pen.stroke();
      pen.lineWidth = 1;
      things.push({ box: [x(from), y(site) - lane * 0.4, x(to), y(site) - lane * 0.2], low: 2,
        tip: `${run.sites[site]} from ${seconds(from)}\n${acting ? "acts as owner" : `takes ${run.sites[owner]} for the owner`}` });
    }
  });
}

// Cuts of one instant are one partition; the sites with the most cut links are the ones that were cut off.
const partitions = (() => {
  const groups = new Map();
  for (const cut of run.cuts) {
    const key = `${cut.t} ${cut.until} ${cut.mode}`;
    if (!groups.has(key)) groups.set(key, { t: cut.t, until: cut.until, mode: cut.mode, links: [], degree: new Map() });
    const group = groups.get(key);
    group.links.push(cut);
    for (const site of [cut.from, cut.to]) group.degree.set(site, (group.degree.get(site) ?? 0) + 1);
  }
  for (const group of groups.values()) {
    const most = Math.max(...group.degree.values());
    group.off = [...group.degree].filter(([, count]) => count === most).map(([site]) => site);
  }
  return [...groups.values()];
})();

function drawCuts(pen) {
  for (const { t, until, mode, links, off } of partitions) {
    const [left, span] = [x(t), Math.max(x(until) - x(t), 1)];
    for (const site of off) {
      pen.fillStyle = css("--cut");
      pen.fillRect(left, y(site) - lane / 2, span, lane);
      pen.strokeStyle = css("--bad");
      pen.setLineDash([4, 3]);
      if (!crowded || off.length < 8) pen.strokeRect(left, y(site) - lane / 2, span, lane);
      pen.setLineDash([]);
      const from = links.filter((cut) => cut.from === site || cut.to === site);
      const others = new Set(from.map((cut) => (cut.from === site ? cut.to : cut.from)));
      const named = others.size <= 6 ? [...others].map((other) => run.sites[other]).join(", ") : `${others.size} sites`;
      things.push({ box: [left, y(site) - lane / 2, left + span, y(site) + lane / 2], low: 0,
        tip: `${run.sites[site]} cut off from ${named} (${mode})\n${seconds(t)} to ${seconds(until)}` });
    }
  }
}

function drawMessages(pen) {
  if (!$("arrows").checked) return;
  const latency = Math.max((view.to - view.from) / 90, 0.02);
  pen.strokeStyle = css("--ink");
  pen.fillStyle = css("--ink");
  const shown = run.messages.filter(([t]) => t >= view.from && t <= view.to);
  pen.globalAlpha = shown.length > 1500 ? 0.06 : shown.length > 300 ? 0.18 : 0.45;
  for (const [t, from, to, size] of shown) {
    const [x0, y0, x1, y1] = [x(t - latency), y(from), x(t), y(to)];
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    pen.stroke();
    pen.beginPath();
    pen.arc(x1, y1, 1.6, 0, 7);
    pen.fill();
    if (shown.length < 1500) things.push({ line: [x0, y0, x1, y1], low: 3, tip: `${run.sites[from]} to ${run.sites[to]}, ${size} bytes\narrived at ${seconds(t)}` });
  }
  pen.globalAlpha = 1;
}

const OUTCOME = { ok: "--good", fail: "--bad", info: "--open" };
function drawOperations(pen) {
  for (const op of run.operations) {
    const [px, py] = [x(op.t), y(op.site)];
    const size = Math.max(5, Math.min(9, lane * 0.3));
    pen.fillStyle = css(OUTCOME[op.type]);
    pen.strokeStyle = css("--ground");
    pen.beginPath();
    pen.moveTo(px, py - size); pen.lineTo(px + size, py); pen.lineTo(px, py + size); pen.lineTo(px - size, py);
    pen.closePath();
    pen.fill();
    pen.stroke();
    if (op.guilty || op.id === marked) {
      pen.strokeStyle = css("--bad");
      pen.lineWidth = op.id === marked ? 4 : 2.5;
      pen.beginPath();
      pen.arc(px, py, size + 5, 0, 7);
      pen.stroke();
      pen.lineWidth = 1;
    }
    const took = op.end === null ? "never answered" : `${op.type} after ${seconds(op.end - op.t)}`;
    things.push({ box: [px - size, py - size, px + size, py + size], low: 4,
      tip: `${op.id}: ${op.what} at ${run.sites[op.site]}, ${seconds(op.t)}\n${op.value}\n${took}${op.guilty ? "\nnamed by a failed check" : ""}` });
  }
}

// How many versions of the content the members held, over time.
function drawCurve() {
  const height = 92, pen = prepared(curve, height);
  const changes = heldBy.flatMap((list, site) => list.map(([t, key]) => [t, site, key])).sort((a, b) => a[0] - b[0]);
  const now = new Map(), points = [];
  for (const [t, site, key] of changes) {
    if (run.members.includes(site)) now.set(site, key);
    const count = new Set([...now.values()].filter((k) => k !== "absent")).size;
    if (points.length && points[points.length - 1][0] === t) points[points.length - 1][1] = count;
    else points.push([t, count]);
  }
  points.push([run.end, points.length ? points[points.length - 1][1] : 0]);
  const most = Math.max(2, ...points.map(([, count]) => count));
  const level = (count) => height - 16 - (count / most) * (height - 34);
  pen.fillStyle = css("--faint");
  pen.textAlign = "right";
  for (const count of most <= 4 ? [...Array(most + 1).keys()] : [0, 1, most]) pen.fillText(String(count), LEFT - 8, level(count) + 4);
  pen.textAlign = "left";
  pen.fillText("versions of the content among the members (1 = converged)", LEFT + 4, 12);
  pen.strokeStyle = css("--good");
  pen.setLineDash([3, 3]);
  pen.beginPath();
  pen.moveTo(LEFT, level(1));
  pen.lineTo(width() - 14, level(1));
  pen.stroke();
  pen.setLineDash([]);
  pen.strokeStyle = css("--ink");
  pen.lineWidth = 2;
  pen.beginPath();
  points.forEach(([t, count], at) => {
    if (at === 0) pen.moveTo(x(t), level(count));
    else { pen.lineTo(x(t), level(points[at - 1][1])); pen.lineTo(x(t), level(count)); }
  });
  pen.stroke();
  pen.lineWidth = 1;
}

function draw() {
  const height = TOP + run.sites.length * lane + 10;
  const pen = prepared(diagram, height);
  things = [];
  drawGrid(pen, height);
  pen.save();
  drawLanes(pen);
  pen.beginPath();
  pen.rect(LEFT, 0, width() - LEFT, height);
  pen.clip();
  drawCuts(pen);
  drawContent(pen);
  drawMessages(pen);
  drawOperations(pen);
  pen.restore();
  drawCurve();
}

// Pointing, moving, zooming.
function near(thing, px, py) {
  if (thing.box) {
    const [left, top, right, bottom] = thing.box;
    return px >= left - 2 && px <= right + 2 && py >= top - 2 && py <= bottom + 2;
  }
  const [x0, y0, x1, y1] = thing.line;
  const along = Math.max(0, Math.min(1, ((px - x0) * (x1 - x0) + (py - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2 || 1)));
  return Math.hypot(px - (x0 + along * (x1 - x0)), py - (y0 + along * (y1 - y0))) < 4;
}
function tipAt(event) {
  const found = things.filter((thing) => near(thing, event.offsetX, event.offsetY)).sort((a, b) => b.low - a.low)[0];
  $("tip").hidden = !found;
  if (!found) return;
  $("tip").textContent = found.tip;
  $("tip").style.left = `${Math.min(event.clientX + 14, window.innerWidth - 470)}px`;
  $("tip").style.top = `${event.clientY + 14}px`;
}
let drag = null;
for (const canvas of [diagram, curve]) {
  canvas.addEventListener("mousedown", (event) => { drag = { px: event.offsetX, from: view.from, to: view.to }; });
  canvas.addEventListener("mousemove", (event) => {
    if (drag && event.buttons === 1) {
      const shift = ((event.offsetX - drag.px) / (width() - LEFT - 14)) * (drag.to - drag.from);
      view = { from: drag.from - shift, to: drag.to - shift };
      draw();
    } else if (canvas === diagram) tipAt(event);
  });
  canvas.addEventListener("mouseleave", () => { $("tip").hidden = true; });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const at = time(event.offsetX), factor = event.deltaY < 0 ? 0.8 : 1.25;
    const span = Math.min(whole.to - whole.from, Math.max(0.05, (view.to - view.from) * factor));
    const share = (at - view.from) / (view.to - view.from);
    view = { from: at - span * share, to: at + span * (1 - share) };
    draw();
  }, { passive: false });
}
window.addEventListener("mouseup", () => { drag = null; });
window.addEventListener("resize", draw);
$("arrows").onchange = draw;
$("whole").onclick = () => { view = { ...whole }; marked = null; draw(); };
function show(id) {
  const op = run.operations.find((each) => each.id === id);
  if (!op) return;
  marked = id;
  const span = Math.min(whole.to - whole.from, Math.max(8, run.end / 8));
  view = { from: op.t - span / 2, to: op.t + span / 2 };
  draw();
  diagram.scrollIntoView({ behavior: "smooth", block: "center" });
}

for (const [colour, label] of [["--good", "ok"], ["--open", "no answer"], ["--bad", "refused"]]) {
  const item = text("span", label);
  const swatch = document.createElement("i");
  swatch.style.background = css(colour);
  item.prepend(swatch);
  $("legend").append(item);
}
$("legend").append(text("span", "bar: content, same colour = same content"), text("span", "thick line above: acts as owner"), text("span", "red field: cut off"));
if (!run.all) $("legend").append(text("span", "not all messages are drawn"));
draw();
