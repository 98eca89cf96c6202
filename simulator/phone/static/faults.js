// Ticks that arm faults. The simulator's own list is the truth: a fault used up unticks itself.

const ticks = [...document.querySelectorAll("[data-fault]")];
const others = document.querySelector("[data-faults-others]");
const problem = document.querySelector("[data-faults-problem]");
let turn = 0;
let queue = Promise.resolve();

async function send(path, method, body) {
  const answer = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.message || `${path} HTTP ${answer.status}`);
  }
}

async function arm(tick) {
  const { faults, switches } = JSON.parse(tick.dataset.fault);
  for (const fault of faults) await send("/sim/faults", "POST", fault);
  if (Object.keys(switches).length) await send("/sim/switches", "POST", switches);
}

async function disarm(tick) {
  const { faults, switches } = JSON.parse(tick.dataset.fault);
  const off = Object.fromEntries(Object.keys(switches).map((name) => [name, ""]));
  if (Object.keys(off).length) await send("/sim/switches", "POST", off);
  if (faults.length) await send(`/sim/phone/faults/${tick.value}`, "DELETE");
}

// One change at a time; what was asked of the simulator before or during a change is not shown.
function attempt(work) {
  turn += 1;
  queue = queue.then(async () => {
    problem.hidden = true;
    try {
      await work();
    } catch (error) {
      problem.hidden = false;
      problem.querySelector("span").textContent = `模拟器没有接受：${error.message}`;
    }
    turn += 1;
  });
}

export const now = () => turn;

export function show({ items, others: count }, asked) {
  if (asked !== turn) return;
  for (const tick of ticks) {
    const left = items[tick.value];
    tick.checked = left !== undefined;
    tick.closest("label").querySelector("[data-left]").textContent = left || "";
  }
  others.hidden = !count;
  others.textContent = `另有 ${count} 个由程序设置的故障`;
}

export function start() {
  for (const tick of ticks) {
    tick.addEventListener("change", () => attempt(() => (tick.checked ? arm(tick) : disarm(tick))));
  }
  document.querySelector("[data-faults-clear]").addEventListener("click", () =>
    attempt(async () => {
      await send("/sim/faults", "DELETE");
      for (const tick of ticks) {
        tick.checked = false;
        if (!JSON.parse(tick.dataset.fault).faults.length) await disarm(tick);
      }
      document.querySelector("[data-setting=broke]").checked = false;
    }),
  );
}
