// Daily takings to point at, from the numbers beside the server's own drawing, which stays without script.
const place = document.querySelector("[data-chart]");
const island = place && place.querySelector('script[type="application/json"]');
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const yuan = (fen) =>
  (fen < 0 ? "−¥" : "¥") +
  (Math.abs(fen) / 100).toLocaleString("zh-CN", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const short = (fen) => (fen >= 1e6 ? fen / 1e6 + "万" : String(fen / 100));

function draw() {
  const { days, lines } = JSON.parse(island.textContent);
  const box = document.createElement("div");
  box.className = "plot";
  const drawing = place.querySelector("svg");
  const height = 250;
  const chart = new window.uPlot(
    {
      width: place.clientWidth - 40,
      height,
      tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { y: { range: (_, __, max) => [0, Math.max(max, 100)] } },
      axes: [
        {
          values: (_, ticks) => ticks.map((at) => new Date(at * 1000).toISOString().slice(5, 10)),
          incrs: [1, 2, 3, 5, 7, 14, 30].map((days) => days * 86400),
          grid: { show: false },
        },
        { values: (_, ticks) => ticks.map(short), size: 60, grid: { stroke: token("--ink-1"), width: 1 } },
      ],
      series: [
        { label: "日期", value: (_, at) => (at == null ? "—" : new Date(at * 1000).toISOString().slice(0, 10)) },
        ...lines.map((line) => ({
          label: line.name,
          stroke: token(line.kind === "wx" ? "--wx-hue" : "--ali-hue"),
          width: 2,
          value: (_, fen) => (fen == null ? "—" : yuan(fen)),
        })),
      ],
    },
    [days.map((day) => Date.parse(day + "T00:00:00Z") / 1000), ...lines.map((line) => line.fen)],
    box,
  );
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", drawing.getAttribute("aria-label"));
  drawing.replaceWith(box);
  new ResizeObserver(() => chart.setSize({ width: place.clientWidth - 40, height })).observe(place);
}

if (island && window.uPlot) draw();
