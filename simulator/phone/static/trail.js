// What went over the wire, newest last, asked for each second while someone is looking.

const list = document.querySelector("[data-trail]");
const box = list.parentElement;
const none = document.querySelector("[data-trail-none]");
const SHOWN = 120;
const OURS = new Set(["notify", "out"]); // sent by the simulator; the rest came to it
let last = "";
let cleared = 0; // the clock of the newest line that was cleared away
let newest = 0;

const time = new Intl.DateTimeFormat("zh-CN", {
  timeZone: "Asia/Shanghai",
  hour12: false,
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

function line({ at, way, what, more, out_trade_no: order }) {
  const li = document.createElement("li");
  li.className = OURS.has(way) ? "out" : "rx";
  const number = order && !`${what} ${more}`.includes(order) ? order : "";
  const texts = { time: time.format(at * 1000), b: what, small: [more, number].filter(Boolean).join(" · ") };
  for (const [tag, text] of Object.entries(texts)) {
    const el = document.createElement(tag);
    el.textContent = text;
    if (text) li.append(el);
  }
  return li;
}

function draw(rows) {
  newest = rows.at(-1)?.at ?? 0;
  if (newest < cleared) cleared = 0; // the simulator was reset, its clock with it
  const wanted = rows.filter((row) => row.at > cleared).slice(-SHOWN);
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
  list.replaceChildren(...wanted.map(line));
  none.hidden = wanted.length > 0;
  if (atEnd) box.scrollTop = box.scrollHeight;
}

export function clear() {
  cleared = newest;
  list.replaceChildren();
  none.hidden = false;
}

export async function look() {
  const answer = await fetch("/sim/trail");
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const text = await answer.text();
  if (text === last) return;
  last = text;
  draw(JSON.parse(text));
}
