// Official accounts on the phone: follow, scan, press, read, and the administrator's decisions.

const find = (name) => document.querySelector(`[data-oa-${name}]`);
const account = find("account");
const person = document.querySelector("[data-person]");
let shown = "";

async function call(act, body = {}) {
  const answer = await fetch(`/sim/oa/${account.value}/${act}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.message);
  return said;
}

function say(text, isBad = false) {
  find("note").textContent = text;
  find("note").className = isBad ? "msg" : "help";
}

function hand(act, body, done) {
  return async () => {
    try {
      const said = await call(act, body());
      if (said.open) dispatchEvent(new CustomEvent("sim-open", { detail: said.open }));
      say(done + (said.told === false ? "（没有服务器在听，没有推送）" : ""));
    } catch (error) {
      say(error.message, true);
    }
    await look();
  };
}

const who = () => ({ person: person.value });

function item(text, path) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "btn btn-s", textContent: text });
  button.addEventListener("click", hand("press", () => ({ ...who(), path }), `点了「${text}」`));
  return button;
}

function drawMenu(buttons) {
  const made = (buttons || []).flatMap((top, i) =>
    top.sub_button?.length ? top.sub_button.map((sub, j) => item(sub.name, [i, j])) : [item(top.name, [i])],
  );
  find("menu").replaceChildren(...(made.length ? made : ["还没有菜单"]));
}

function drawNotices(rows) {
  const lines = rows.slice(-20).reverse().map((row) => {
    const li = document.createElement("li");
    const title = document.createElement("b");
    title.textContent = row.title || (row.kind === "reply" ? "回复" : "提示");
    const text = document.createElement("small");
    text.textContent = (row.lines || [row.text]).join("\n");
    li.append(title, text);
    if (row.url) {
      const link = document.createElement("button");
      Object.assign(link, { type: "button", className: "btn btn-s", textContent: "查看详情" });
      link.addEventListener("click", () => dispatchEvent(new CustomEvent("sim-open", { detail: row.url })));
      li.append(link);
    }
    return li;
  });
  if (!lines.length) {
    lines.push(document.createElement("li"));
    lines[0].textContent = "还没有通知";
  }
  find("got").replaceChildren(...lines);
}

async function look() {
  const query = new URLSearchParams({ appid: account.value, person: person.value });
  const [rows, got, menu] = await Promise.all([
    fetch("/sim/oa").then((r) => r.json()),
    fetch(`/sim/messages?${query}`).then((r) => r.json()),
    call("menu", who()),
  ]);
  const now = JSON.stringify([rows, got, menu, account.value, person.value]);
  if (now === shown) return; // what has the focus stays where it is
  shown = now;
  const mine = rows.find((row) => row.appid === account.value);
  const follows = mine.followers.includes(person.value);
  find("state").textContent = [
    follows ? "已关注" : "没有关注",
    mine.is_verified ? "已认证" : "未认证",
    mine.granted ? `已授权第三方平台（权限集 ${mine.granted.join("、")}）` : "没有授权第三方平台",
    mine.server ? `服务器 ${mine.server.mode === "safe" ? "安全模式" : "明文模式"}` : "没有配置服务器",
  ].join(" · ");
  find("follow").disabled = follows;
  find("unfollow").disabled = !follows;
  find("leave").disabled = !mine.granted;
  drawMenu(menu.button);
  drawNotices(got);
}

async function keepLooking() {
  if (document.visibilityState === "visible") await look().catch(() => {});
  setTimeout(keepLooking, 2000);
}

function field(form, input, act, name, done) {
  find(form).addEventListener("submit", async (e) => {
    e.preventDefault();
    const box = document.getElementById(input);
    await hand(act, () => ({ ...who(), [name]: box.value.trim() }), done)();
  });
}

find("follow").addEventListener("click", hand("follow", who, "已关注"));
find("unfollow").addEventListener("click", hand("unfollow", who, "已取消关注"));
find("leave").addEventListener("click", hand("unauthorise", () => ({}), "已取消授权"));
find("lapse").addEventListener("click", hand("verification", () => ({ as: "verify_expired" }), "认证已过期"));
find("renew").addEventListener("click", hand("verification", () => ({ as: "naming_verify_success" }), "认证已恢复"));
field("scan", "oa-code", "scan", "code", "已扫码");
field("say", "oa-text", "say", "text", "已发送");
for (const chosen of [account, person]) chosen.addEventListener("change", () => look().catch(() => {}));
keepLooking();
