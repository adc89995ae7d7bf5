"use strict";
const $ = (id) => document.getElementById(id);
const own = { "X-Dpdeblur": "1" };
let files = [];       // what was dropped
let photograph = null; // the state of what is shown
let points = [];      // to restore at the depth of, in pixels of the photograph
let masks = 0;        // that have been sent
let mask = null;      // the number of the one in use
let centre = null;    // around which the part at full size is shown
let picking = null;   // what a click on the picture is for: "point" or "zoom"
let reach = 20;       // the end of the slider "keep", which means everywhere

function trouble(sentence) {
  $("trouble").textContent = sentence || "";
  $("trouble").hidden = !sentence;
}

function choose(list) {
  files = [...list];
  $("names").textContent = files.map((file) => file.name).join(" and ");
  $("chosen").hidden = !files.length;
  trouble(files.length > 2 ? "Give two views or one raw file." : "");
  $("start").disabled = files.length > 2;
}

async function send(where, form) {
  trouble("");
  try {
    const answer = await fetch(where, { method: "POST", body: form, headers: own });
    if (!answer.ok) trouble((await answer.json()).error);
    return answer.ok;
  } catch { trouble("dpdeblur does not answer; is it still running?"); }
  return false;
}

async function start() {
  const form = new FormData();
  for (const file of files) form.append("files", file, file.name);
  form.append("swap", $("swap").checked);
  $("start").disabled = true;
  await send("/photograph", form);
  $("start").disabled = false;
  follow();
}

async function takeMask() {
  const [file] = $("mask").files;
  if (!file) return;
  const form = new FormData();
  form.append("files", file, file.name);
  if (await send("/mask", form)) mask = ++masks; else leaveMask();
  show();
}

function leaveMask() {
  mask = null;
  $("mask").value = "";
}

let following = false;
async function follow() {
  if (following) return;
  following = true;
  try {
    for (;;) {
      const state = await (await fetch("/state")).json();
      $("working").hidden = state.stage !== "working";
      $("doing").textContent = state.sentence;
      if (state.share) $("share").value = state.share; else $("share").removeAttribute("value");
      if (state.stage !== "working") { arrive(state); break; }
      $("result").hidden = true;
      await new Promise((wake) => setTimeout(wake, 250));
    }
  } catch { trouble("dpdeblur does not answer; is it still running?"); }
  following = false;
}

function arrive(state) {
  if (state.stage === "failed") trouble(state.sentence);
  $("result").hidden = state.stage !== "done";
  if (state.stage !== "done") return;
  photograph = state;
  points = []; centre = null; leaveMask();
  $("strength").value = 1; $("only").value = "";
  for (const each of document.querySelectorAll(".depth")) each.hidden = !state.radii;
  if (state.radii) {
    reach = Math.max(1, Math.ceil(Math.max(...state.radii.map(Math.abs))));
    $("keep").max = reach; $("keep").value = reach;
    const signed = (radius) => (radius < 0 ? "" : "+") + radius.toFixed(1);
    $("low").textContent = signed(state.radii[0]);
    $("high").textContent = signed(state.radii[1]);
    $("colours").src = "/legend.webp?number=" + state.number;
  }
  $("title").textContent = `${state.name}, ${state.width}x${state.height}`;
  $("notes").replaceChildren(...state.notes.map((note) => {
    const item = document.createElement("li");
    item.textContent = note;
    return item;
  }));
  pick(null);
  show();
}

function wishes() {
  const query = new URLSearchParams({ number: photograph.number, strength: $("strength").value });
  if (mask) {
    query.set("mask", mask);
    query.set("feather", $("feather").value);
  }
  if (!photograph.radii) return query;
  // Points say which depths to restore, so the others have no say.
  if (points.length) for (const point of points) query.append("focus_at", point.join(","));
  else {
    if ($("only").value) query.set("only", $("only").value);
    if (Number($("keep").value) < reach) query.set("keep_beyond", $("keep").value);
  }
  return query;
}

async function load(image, url) {
  image.dataset.wanted = url;
  if (image.dataset.busy) return;  // what is wanted by then is loaded next
  image.dataset.busy = "yes";
  while (image.dataset.wanted !== image.dataset.shown) {
    const next = image.dataset.wanted;
    image.src = next;
    try { await image.decode(); } catch { trouble("The picture could not be shown."); }
    image.dataset.shown = next;
  }
  delete image.dataset.busy;
}

function show() {
  const query = wishes();
  const keep = Number($("keep").value);
  document.querySelector("output[for=strength]").value = Math.round($("strength").value * 100) + " %";
  document.querySelector("output[for=feather]").value = $("feather").value + " pixels";
  document.querySelector("output[for=keep]").value = keep < reach ? keep + " pixels" : "nowhere";
  for (const id of ["only", "keep"]) $(id).disabled = points.length > 0;
  $("points").value = points.map((point) => point.join(",")).join("  ");
  $("clear").hidden = !points.length;
  $("unmask").hidden = $("soft").hidden = !mask;
  $("legend").hidden = !$("map").checked || !photograph.radii;
  $("overlay").classList.toggle("on", $("map").checked && Boolean(photograph.radii));
  $("download").href = "/download?" + query + "&format=" + $("format").value;
  const part = centre ? "&at=" + centre.join(",") : "";
  load($("before"), "/untouched.webp?number=" + photograph.number + part);
  load($("after"), "/restored.webp?" + query + part);
  if ($("map").checked && photograph.radii) load($("overlay"), "/map.webp?number=" + photograph.number + part);
}

function pick(purpose) {
  picking = purpose;
  $("compare").classList.toggle("picking", Boolean(purpose));
  $("pick").setAttribute("aria-pressed", purpose === "point");
  $("zoom").setAttribute("aria-pressed", purpose === "zoom" || Boolean(centre));
  $("hint").textContent = purpose ? "Click on the picture." : "";
}

function clicked(event) {
  if (!picking || !photograph) return;
  const box = $("compare").getBoundingClientRect();
  const x = Math.floor((event.clientX - box.left) / box.width * photograph.width);
  const y = Math.floor((event.clientY - box.top) / box.height * photograph.height);
  const point = [Math.min(Math.max(x, 0), photograph.width - 1), Math.min(Math.max(y, 0), photograph.height - 1)];
  if (picking === "point") points.push(point); else centre = point;
  pick(null);
  show();
}

$("files").addEventListener("change", () => choose($("files").files));
$("start").addEventListener("click", start);
$("stop").addEventListener("click", () => fetch("/cancel", { method: "POST", headers: own }));
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  // Anywhere on the page: a file that misses the box shall not replace the page.
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragenter" || name === "dragover");
    if (name === "drop") choose(event.dataTransfer.files);
  });
}
for (const id of ["strength", "only", "keep", "feather", "map", "format"]) $(id).addEventListener("input", () => photograph && show());
$("compare").addEventListener("click", clicked);
$("pick").addEventListener("click", () => { centre = null; pick(picking === "point" ? null : "point"); show(); });
$("clear").addEventListener("click", () => { points = []; show(); });
$("mask").addEventListener("change", takeMask);
$("unmask").addEventListener("click", () => { leaveMask(); show(); });
$("zoom").addEventListener("click", () => {
  const was = centre || picking === "zoom";
  centre = null;
  pick(was ? null : "zoom");
  show();
});
follow();
