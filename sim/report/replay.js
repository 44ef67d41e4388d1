"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const by = (id) => document.getElementById(id);
  const number = (value) => Math.round(value).toLocaleString("en-US");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const SVG = "http://www.w3.org/2000/svg";
  

  function element(parent, tag, className = "", text = "") {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    parent.append(made);
    return made;
  }

  // Series: frame and value in turn. The last value at or before a frame; undefined before the first.
  function pairAt(points, frame) {
    let low = 0, high = points.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[2 * middle] <= frame) low = middle + 1; else high = middle;
    }
    return low - 1;
  }
  function valueAt(key, frame) {
    const points = data.series[key], found = points ? pairAt(points, frame) : -1;
    return found < 0 ? undefined : points[2 * found + 1];
  }
  function frameAt(time) {
    let frame = -1;
    for (let low = 0, high = data.times.length; low < high;) {
      const middle = (low + high) >> 1;
      if (data.times[middle] <= time + 1e-6) { frame = middle; low = middle + 1; } else high = middle;
    }
    return frame;
  }

  // The cluster at a time: everything that has changed up to then.
  function stateAt(time) {
    const state = { leader: {}, isr: {}, up: {}, fenced: {}, app: {}, owns: {} };
    for (const [at, kind, subject, value] of data.changes) {
      if (at > time + 1e-6) break;
      state[kind][subject] = value;
    }
    return state;
  }
  const moments = [...new Set([
    0, ...data.changes.filter((change) => change[4]).map((change) => change[0]),
    ...data.faults.flatMap((fault) => [fault.from, fault.to]), data.end,
  ])].sort((one, other) => one - other);

  const assigning = new Set(data.changes.flatMap((change) => change[1] === "owns" ? change[3].map(([group]) => group) : []));

  const boxes = {};
  function build() {
    const receives = new Set([...data.flows.map((flow) => flow[1]), ...data.changes.filter((change) => change[1] === "owns").map((change) => change[2])]);
    for (const broker of data.brokers) {
      const box = element(by("brokers"), "div", "box");
      element(box, "b", "", `broker ${broker.id}`);
      element(box, "small", "", ` ${broker.rack} `);
      boxes[broker.id] = { box, word: element(box, "span", "word"), replicas: [] };
      const grid = element(box, "div", "replicas");
      for (const name of data.partitions) {
        const key = `end/${name}/${broker.id}`;
        if (data.series[key]) boxes[broker.id].replicas.push(replica(grid, name, key));
      }
    }
    by("brokers").classList.toggle("stack", data.brokers.length <= 5);
    for (const { name, apps } of data.boxes) {
      const reads = receives.has(name) || apps.some((app) => receives.has(app));
      const box = element(by(reads ? "readers" : "sources"), "div", "box");
      element(box, "b", "", name);
      boxes[name] = { box, apps, word: element(box, "span", "word"), owned: element(box, "div") };
    }
    for (const fault of data.faults) {
      const mark = element(by("marks"), "i");
      mark.style.left = `${100 * fault.from / data.end}%`;
      mark.style.width = `${100 * (fault.to - fault.from) / data.end}%`;
      element(by("faults"), "a", "", `${fault.label}, ${fault.from.toFixed(1)} s to ${fault.to.toFixed(1)} s`).href = `#t=${fault.from}s`;
    }
    by("scrubber").max = data.end;
    const limits = data.hidden ? [`${number(data.hidden)} more partitions are not shown.`] : [];
    if (data.cut !== null) limits.push(`Too much changed to replay all of it: after ${data.cut} s only logs and lag go on.`);
    by("hidden").textContent = limits.join(" ");
  }
  function replica(box, name, key) {
    const row = element(box, "div", "replica"), role = element(row, "span"), title = element(row, "span", "title", name);
    const bar = element(row, "span", "bar"), end = element(bar, "i"), committed = element(bar, "i", "committed");
    const points = data.series[key];
    title.title = name;
    return { name, key, row, role, end, committed, offset: element(row, "span"), first: points[0] };
  }
  const most = {};
  for (const [key, points] of Object.entries(data.series)) {
    if (!key.startsWith("end/")) continue;
    const name = key.split("/")[1];
    for (let index = 1; index < points.length; index += 2) most[name] = Math.max(most[name] || 1, points[index]);
  }

  function endOf(name, leader, frame) {
    const ends = data.brokers.map((broker) => valueAt(`end/${name}/${broker.id}`, frame) ?? 0);
    return valueAt(`end/${name}/${leader}`, frame) ?? Math.max(0, ...ends);
  }
  function lag(group, name, state, frame) {
    return Math.max(0, endOf(name, state.leader[name], frame) - (valueAt(`committed/${group}/${name}`, frame) ?? 0));
  }

  function showBroker(id, state, frame) {
    const { box, word, replicas } = boxes[id], up = state.up[id] !== false;
    box.classList.toggle("down", !up || state.fenced[id] === true);
    word.textContent = up ? (state.fenced[id] ? "fenced" : "") : (state.fenced[id] ? "down, fenced" : "down");
    for (const each of replicas) {
      const end = valueAt(each.key, frame) ?? (each.first ? -1 : 0), leads = state.leader[each.name] === id;
      const inSync = (state.isr[each.name] || []).includes(id), leader = state.leader[each.name];
      const watermark = Math.min(end, valueAt(`watermark/${each.name}`, frame) ?? 0), behind = endOf(each.name, leader, frame) - end;
      each.row.hidden = end < 0;
      each.row.className = `replica${leads ? " leads" : ""}${inSync ? "" : " out"}`;
      each.role.textContent = leads ? "★" : inSync ? "●" : "○";
      each.role.title = leads ? "leader" : inSync ? "in sync" : "not in sync";
      each.end.style.width = `${100 * Math.max(0, end) / most[each.name]}%`;
      each.committed.style.width = `${100 * Math.max(0, watermark) / most[each.name]}%`;
      const uncommitted = watermark < end ? ` HW ${number(watermark)}` : "";
      each.offset.textContent = (!leads && behind > 0 ? `−${number(behind)}` : number(Math.max(0, end))) + uncommitted;
      each.row.title = `${each.name}: log end offset ${number(end)}, high watermark ${number(watermark)}`;
    }
  }
  function showApp(name, state, frame) {
    const { box, apps, word, owned } = boxes[name];
    const stopped = apps.filter((app) => state.app[app] === "stopped").length, ended = apps.filter((app) => state.app[app] === "ended").length;
    box.classList.toggle("down", stopped > 0);
    box.classList.toggle("ended", ended === apps.length);
    word.textContent = stopped ? (apps.length > 1 ? ` ${stopped} stopped` : " stopped") : ended === apps.length ? " has ended" : "";
    const pairs = apps.flatMap((app) => state.owns[app] || []);
    owned.replaceChildren();
    for (const [group, partition] of pairs.slice(0, 12)) {
      const known = data.partitions.includes(partition);
      element(owned, "div", "", known ? `${partition}, lag ${number(lag(group, partition, state, frame))}` : partition);
    }
    if (pairs.length > 12) element(owned, "div", "", `and ${number(pairs.length - 12)} more`);
  }

  let time = 0, playing = false, last = 0, phase = 0, shown = "";
  function describe(state, frame) {
    const leaderless = data.partitions.filter((name) => state.leader[name] === -1).length;
    const short = data.partitions.filter((name) => state.leader[name] >= 0 && data.brokers.some(({ id }) => {
      const end = valueAt(`end/${name}/${id}`, frame);
      return end >= 0 && !(state.isr[name] || []).includes(id);
    })).length;
    const active = data.faults.filter((fault) => fault.from <= time + 1e-6 && time < fault.to).map((fault) => fault.label);
    const told = [active.length ? `Fault: ${active.join(", ")}.` : "No fault."];
    if (leaderless) told.push(`${leaderless} of ${data.partitions.length} partitions without a leader.`);
    told.push(short ? `${short} of ${data.partitions.length} partitions have a replica out of sync.` : "All replicas in sync.");
    return `${time.toFixed(1)} s of ${data.end.toFixed(1)} s. ${told.join(" ")}`;
  }
  function show() {
    const frame = frameAt(time), state = stateAt(time);
    for (const broker of data.brokers) showBroker(broker.id, state, frame);
    for (const { name } of data.boxes) showApp(name, state, frame);
    by("state").setAttribute("aria-live", playing ? "off" : "polite");
    const text = describe(state, frame);
    if (text !== shown) by("state").textContent = shown = text;
    by("scrubber").value = time;
    by("scrubber").setAttribute("aria-valuetext", `${time.toFixed(1)} seconds`);
    by("here").href = `#t=${+time.toFixed(3)}s`;
    by("groups").replaceChildren();
    for (const { id, topics } of data.groups) {
      const names = data.partitions.filter((name) => topics.includes(name.slice(0, name.lastIndexOf("-"))));
      const behind = names.reduce((sum, name) => sum + lag(id, name, state, frame), 0);
      const read = new Set(Object.values(state.owns).flat().filter(([group]) => group === id).map(([, partition]) => partition));
      const unread = assigning.has(id) ? names.filter((name) => !read.has(name)) : [];
      const orphans = unread.length ? `; nobody reads ${unread.join(", ")}` : "";
      if (names.length) element(by("groups"), "li", "", `group ${id} is ${number(behind)} ${behind === 1 ? "record" : "records"} behind${orphans}`);
    }
    by("recent").replaceChildren();
    const past = data.changes.filter((change) => change[4] && change[0] <= time + 1e-6).slice(-40).map((change) => `${change[0].toFixed(3)} s: ${change[4]}`);
    for (const line of [...new Set(past)].slice(-5).reverse()) element(by("recent"), "li", "", line);
    drawLinks(frame);
  }

  let lines = [];
  function drawLinks(frame) {
    const svg = by("links"), origin = svg.getBoundingClientRect();
    const middle = (name) => {
      const found = boxes[name].box.getBoundingClientRect();
      return [found.left + found.width / 2 - origin.left, found.top + found.height / 2 - origin.top];
    };
    svg.replaceChildren();
    lines = [];
    for (const [sender, receiver, points] of data.flows) {
      const found = pairAt(points, frame);
      if (found < 0 || points[2 * found] !== frame) continue;
      const [x1, y1] = middle(sender), [x2, y2] = middle(receiver), size = 1 + Math.floor(Math.log10(points[2 * found + 1]));
      const line = svg.appendChild(document.createElementNS(SVG, "line"));
      for (const [name, value] of Object.entries({ x1, y1, x2, y2, "stroke-width": size })) line.setAttribute(name, value);
      const dots = Array.from({ length: size }, () => svg.appendChild(document.createElementNS(SVG, "circle")));
      dots.forEach((dot) => dot.setAttribute("r", 4));
      lines.push({ x1, y1, x2, y2, dots });
    }
    moveDots();
  }
  function moveDots() {
    for (const { x1, y1, x2, y2, dots } of lines) {
      dots.forEach((dot, index) => {
        const share = (phase + (index + 0.5) / dots.length) % 1;
        dot.setAttribute("cx", x1 + share * (x2 - x1));
        dot.setAttribute("cy", y1 + share * (y2 - y1));
      });
    }
  }

  function seek(to) {
    time = Math.min(data.end, Math.max(0, to));
    show();
  }
  function remember() {
    try { history.replaceState(null, "", by("here").href); } catch { /* a page may be shown where it has no history */ }
  }
  function setPlaying(on) {
    playing = on;
    by("play").textContent = on ? "Pause" : "Play";
    by("play").setAttribute("aria-pressed", String(on));
    show();
    if (!on) return remember();
    if (time >= data.end) seek(0);
    last = performance.now();
    requestAnimationFrame(tick);
  }
  let drawn = 0;
  function tick(now) {
    if (!playing) return;
    const passed = Math.min(0.25, (now - last) / 1000);
    last = now;
    time = Math.min(data.end, time + passed * Number(by("speed").value));
    if (!still.matches) phase = (phase + passed * 0.7) % 1;
    if (now - drawn > 80) { drawn = now; show(); } else moveDots();
    if (time >= data.end) setPlaying(false); else requestAnimationFrame(tick);
  }
  function step(to) {
    if (to !== undefined) { playing && setPlaying(false); seek(to); remember(); }
  }
  function fromHash() {
    const found = /^#t=([0-9]+(?:\.[0-9]+)?)s?$/.exec(location.hash);
    if (!found) return false;
    if (playing) setPlaying(false);
    seek(Number(found[1]));
    by("replay").scrollIntoView();
    return true;
  }

  function filter() {
    const text = by("fact-text").value.toLowerCase(), kind = by("fact-kind").value;
    let count = 0;
    for (const row of by("facts").rows) {
      row.hidden = (kind && row.cells[1].textContent !== kind) || !row.textContent.toLowerCase().includes(text);
      count += !row.hidden;
    }
    by("fact-count").textContent = `${number(count)} facts`;
  }

  build();
  by("play").addEventListener("click", () => setPlaying(!playing));
  by("back").addEventListener("click", () => step(moments.filter((moment) => moment < time - 1e-6).pop()));
  by("forth").addEventListener("click", () => step(moments.find((moment) => moment > time + 1e-6)));
  by("scrubber").addEventListener("input", () => step(Number(by("scrubber").value)));
  by("fact-text").addEventListener("input", filter);
  by("fact-kind").addEventListener("change", filter);
  addEventListener("hashchange", fromHash);
  addEventListener("resize", () => drawLinks(frameAt(time)));
  addEventListener("beforeprint", () => drawLinks(frameAt(time)));
  if (!fromHash()) seek(data.faults.length ? data.faults[0].from : 0);
})();
