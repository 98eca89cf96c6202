// The phone page: picks a code, a wallet and a person, and keeps looking at the simulator.

import { Device } from "./device.js";
import * as faults from "./faults.js";
import * as trail from "./trail.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const product = document.body.dataset.product;
const home = new URL(product).origin;
const settings = Object.fromEntries(
  [...document.querySelectorAll("[data-setting]")].map((el) => [el.dataset.setting, el]),
);
const device = new Device({
  product: home,
  closesAfterPaying: () => settings.close.checked,
  isBroke: () => settings.broke.checked,
});
let codes = [];
const narrow = matchMedia("(max-width:1100px)");

// ---- what is chosen, kept in the address's hash

function remember() {
  const kept = new URLSearchParams({ code: device.link, wallet: device.wallet });
  if (!device.link) kept.delete("code");
  history.replaceState(history.state, "", `${location.pathname}#${kept}`);
}

function chosen() {
  const query = new URLSearchParams(location.search);
  return query.has("code") || query.has("wallet") ? query : new URLSearchParams(location.hash.slice(1));
}

function hold(wallet) {
  device.hold(wallet);
  for (const b of document.querySelectorAll("[data-w]")) b.setAttribute("aria-pressed", b.dataset.w === wallet);
}

function scan(link) {
  device.scan(link);
  for (const radio of document.querySelectorAll("[name=code]")) radio.checked = radio.value === link;
  remember();
  if (narrow.matches) device.body.scrollIntoView({ block: "start" });
}

// ---- links by hand: whole, only a path, or only a code's letters; other hosts are never called

function addressOf(text) {
  const known = codes.find((c) => c.code === text);
  if (known) return { link: known.url };
  if (/^https:\/\/(qr|mobilecodec)\.alipay\.com\//.test(text)) return { alipay: text };
  if (/^(weixin|alipays?|wxp):/i.test(text)) return { problem: "这是钱包自己的链接，不是网页。请用收款码的网页链接。" };
  const whole = text.startsWith("/") ? home + text : /^https?:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.parse ? URL.parse(whole) : new URL(whole);
  if (!url || (url.pathname === "/" && !text.includes("/"))) {
    return { problem: "没有这个码。请贴整条链接，或从上面选一个。" };
  }
  if (url.origin === home || url.origin === location.origin) return { link: url.href };
  return {
    link: home + url.pathname + url.search + url.hash,
    note: `${url.host} 没有连接，已改在 ${new URL(home).host} 打开。`,
  };
}

function scanText(text) {
  let found;
  try {
    found = addressOf(text);
  } catch {
    found = { problem: "这不是一条链接。" };
  }
  const say = find("link-say");
  say.textContent = found.problem || found.note || "";
  say.className = found.problem ? "msg" : "help";
  find("link").setAttribute("aria-invalid", Boolean(found.problem));
  if (found.problem) find("link").focus();
  else if (found.alipay) {
    hold("alipay");
    device.scanAlipay(found.alipay);
  } else scan(found.link);
}

// ---- the product's codes

function option({ name, url, code }) {
  const label = document.createElement("label");
  const radio = document.createElement("input");
  Object.assign(radio, { type: "radio", name: "code", value: url, checked: url === device.link });
  radio.dataset.code = code;
  const small = document.createElement("small");
  small.className = "mono";
  small.textContent = code;
  const span = document.createElement("span");
  span.append(name, small);
  label.append(radio, span);
  return label;
}

async function loadCodes() {
  find("codes-wait").hidden = false;
  find("codes-down").hidden = true;
  try {
    const answer = await fetch(`${product}/sim-codes.json`, { signal: AbortSignal.timeout(6000) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const said = await answer.json();
    codes = said.codes;
    find("codes").replaceChildren(...codes.map(option));
    find("codes-none").hidden = codes.length > 0;
    find("merchant").hidden = !said.merchant_url;
    find("merchant").dataset.merchant = said.merchant_url || "";
  } catch (error) {
    find("codes-why").textContent = error.message.startsWith("HTTP") ? error.message : "没有回答";
    find("codes-down").hidden = false;
  } finally {
    find("codes-wait").hidden = true;
  }
}

// ---- looking at the simulator

const clock = new Intl.DateTimeFormat("zh-CN", { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", hour12: false });

async function look() {
  const asked = faults.now();
  const answer = await fetch("/sim/phone/state");
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const { now, faults: armed } = await answer.json();
  faults.show(armed, asked);
  find("time").textContent = clock.format(now * 1000);
  const ahead = Math.round((now - Date.now() / 1000) / 60);
  find("ahead").textContent = ahead ? `比现在${ahead > 0 ? "快" : "慢"} ${Math.abs(ahead)} 分钟` : "与现在一致";
}

async function keepLooking() {
  if (document.visibilityState === "visible") {
    const [state, lines] = await Promise.allSettled([look(), trail.look()]);
    find("sim-down").hidden = state.status === "fulfilled" && lines.status === "fulfilled";
  }
  setTimeout(keepLooking, 1000);
}

const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// ---- hands

function start() {
  find("codes").addEventListener("change", (e) => scan(e.target.value));
  find("codes-retry").addEventListener("click", loadCodes);
  find("merchant").addEventListener("click", (e) => scan(e.currentTarget.dataset.merchant));
  find("link-form").addEventListener("submit", (e) => {
    e.preventDefault();
    scanText(find("link").value.trim());
  });
  for (const button of document.querySelectorAll("[data-w]")) {
    button.addEventListener("click", () => {
      hold(button.dataset.w);
      if (device.link) scan(device.link);
      remember();
    });
  }
  find("person").addEventListener("change", async (e) => {
    await post("/sim/phone/person", { person: e.target.value });
    if (device.link) scan(device.link);
  });
  addEventListener("sim-open", (e) => scanText(e.detail));
  find("pick").addEventListener("click", () => document.getElementById("l1").focus());
  find("back").addEventListener("click", () => device.back());
  for (const button of document.querySelectorAll("[data-reload],[data-again]")) {
    button.addEventListener("click", () => device.reload());
  }
  find("clock").addEventListener("click", () => post("/sim/clock", { advance_s: 600 }).then(look));
  find("trail-clear").addEventListener("click", trail.clear);
  settings.close.checked = localStorage.getItem("sim.close") === "1";
  settings.close.addEventListener("change", (e) => localStorage.setItem("sim.close", e.target.checked ? "1" : "0"));
  faults.start();

  const first = chosen();
  hold(["wechat", "alipay", "browser"].includes(first.get("wallet")) ? first.get("wallet") : "wechat");
  if (first.get("code")) scanText(first.get("code"));
  loadCodes();
  keepLooking();
}

start();
