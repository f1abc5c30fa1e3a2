
// What ties it together: the time that is shown, and the parts that do not change with it.

let now = 0;
let playing = null;

function showHeader() {
  document.title = `simnet: ${picture.scenario}, seed ${picture.seed}`;
  byId("title").textContent = picture.scenario;
  const { failed } = run;
  byId("verdict").className = failed ? "bad" : "good";
  byId("verdict").textContent = failed ? `✗ ${few(failed, "check", "checks")} failed` : "✓ nothing failed";
  const facts = [
    ["Seed", String(picture.seed)],
    ["Engine", picture.engine],
    ["Simulated time", clock(run.end)],
    ["Digest", run.digest],
    ["Replay", picture.replay && element("code", {}, picture.replay)],
  ];
  byId("run").append(...facts.filter(([, fact]) => fact).flatMap(([name, fact]) => [element("dt", {}, name), element("dd", {}, fact)]));
  const left = run.left_out;
  byId("left-out").textContent = left.length ? `To stay small, this page leaves out ${left.join("; ")}.` : "";
}

function showFailures() {
  if (!run.failures.length) return;
  byId("failures").hidden = false;
  byId("failures").querySelector("ol").append(...run.failures.map(({ ns, check, text, before }) => {
    const go = element("button", { type: "button" }, `Show ${clock(ns / 1e6)}`);
    go.addEventListener("click", () => show(ns / 1e6));
    const lines = before.length
      ? element("details", {}, element("summary", {}, `The last ${few(before.length, "event", "events")} before it`),
        element("pre", { tabIndex: 0 }, before.join("\n")))
      : null;
    return element("li", {}, element("p", {}, element("b", { className: "bad" }, check), `: ${text}`), go, lines);
  }));
}

function fillJump() {
  const places = [
    ["Start", [["the start", 0]]],
    ["Failures", run.failures.map(({ check, ns }) => [check, ns / 1e6])],
    ["Phases", run.phases.map(([phase, from]) => [phase, from])],
    ["Faults", run.faults.map(fault => [faultText(fault), fault.from])],
  ];
  for (const [name, entries] of places.filter(([, entries]) => entries.length)) {
    const group = element("optgroup", { label: name });
    group.append(...entries.slice(0, 200).map(([text, at]) => element("option", { value: String(at) }, `${clock(at)} ${text}`)));
    byId("jump").append(group);
  }
  byId("jump").addEventListener("change", event => show(Number(event.target.value)));
}

/** Shows the run at a time. */
function show(at) {
  now = Math.max(0, Math.min(END, at));
  byId("time").value = String(now);
  byId("time").setAttribute("aria-valuetext", clock(now));
  byId("clock").textContent = clock(now);
  byId("cursor").style.transform = `translateX(${scaleX(now)}px)`;
  const { linked, faults, piece } = drawNetwork(now);
  const states = proxies.map(proxy => stateOf(proxy, now));
  const ofState = state => states.filter(one => one === state).length;
  const others = ["asleep", "without power", "down"].map(state => [state, ofState(state)]).filter(([, many]) => many);
  const facts = [
    ["Proxies", [`${ofState("up")} of ${count} up`, ...others.map(([state, many]) => `${many} ${state}`)].join(", ")],
    ["Linked pairs of proxies", String(linked)],
    [`Messages in these ${span(run.bin)}`, `${sum(piece.sent.values())} sent, ${sum(piece.heard.values())} heard`],
    ["Phase", phaseAt(now) ?? "–"],
    ["Faults", faults.length ? element("ul", {}, ...faults.slice(0, 8).map(fault => element("li", {}, faultText(fault))),
      faults.length > 8 ? element("li", {}, `and ${faults.length - 8} more`) : null) : "none"],
  ];
  byId("now").replaceChildren(element("dl", {}, ...facts.flatMap(([name, fact]) => [element("dt", {}, name), element("dd", {}, fact)])));
  byId("network").setAttribute("aria-label", `The network at ${clock(now)}`);
  if (byId("proxies").open) showTable(piece);
}

function showTable(piece) {
  const body = proxies.map(proxy => {
    const to = linksOf(proxy.number, now).map(({ remote, channel }) => `${proxies[remote]?.name ?? "a stranger"} (${run.channels[channel]})`);
    const named = to.slice(0, 6).join(", ") + (to.length > 6 ? ` and ${to.length - 6} more` : "");
    return row([proxy.name, hostName(proxy.host), stateOf(proxy, now), String(to.length), String(piece.sent.get(proxy.number) ?? 0), String(piece.heard.get(proxy.number) ?? 0), named]);
  });
  byId("proxies").querySelector("table").replaceChildren(
    element("thead", {}, row(["proxy", "host", "state", "links", "sent", "heard", "linked to"], "th")),
    element("tbody", {}, ...body));
}

function stop() {
  if (playing !== null) cancelAnimationFrame(playing);
  playing = null;
  byId("play").textContent = "Play";
}

function play() {
  if (now >= END) now = 0;
  byId("play").textContent = "Pause";
  let before = performance.now();
  const frame = time => {
    show(now + (time - before) / 1000 / Number(byId("pace").value) * END);
    before = time;
    if (now >= END) stop();
    else playing = requestAnimationFrame(frame);
  };
  playing = requestAnimationFrame(frame);
}

function drawAll() {
  drawLanes();
  show(now);
}

byId("play").addEventListener("click", () => (playing === null ? play() : stop()));
byId("time").max = String(END);
byId("time").step = String(Math.max(1, Math.round(END / 1000)));
byId("time").addEventListener("input", event => show(Number(event.target.value)));
byId("proxies").addEventListener("toggle", () => show(now));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
let resized = null;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(drawAll, 100);
});

showHeader();
showFailures();
fillJump();
drawLanes();
show(run.failures.length ? run.failures[0].ns / 1e6 : END);
